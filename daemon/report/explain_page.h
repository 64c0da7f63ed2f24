/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EXPLAIN_PAGE_H
#define HOPGUARD_REPORT_EXPLAIN_PAGE_H

/*
 * What the guard would require of a destination, and why: what each source says; each host with its addresses and its promise; and
 * what would be done there without STARTTLS, with TLS by another key, and with TLS 1.3; what its key must be, and which it was last seen
 * with. One JSON line from the daemon, text for people.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verdict/decide.h"
#include "verdict/evidence.h"
#include "verdict/promise.h"

/* 32 hosts with details of 255 octets each, every octet escaped, their rules, keys and probes, 128 addresses, and the evidence. */
enum { EXPLAIN_JSON_MAX = 352 * 1024 };

struct explanation {
	const struct destination *destination; /* sound (verdict/sound.h) */
	const struct evidence *evidence;       /* sound, too */
	size_t evidence_count;
	const struct last_key
		*last_keys; /* of the hosts, in their order, sound; NULL: nothing is known */
	const struct stance *stance;
	bool is_hidden_probed;   /* tls13 = probe */
	bool is_hidden_accepted; /* tls13 = pass */
	uint32_t age_s;
	bool is_cached;
};

/* Length without newline; 0: out of memory. */
size_t explain_json_print(char text[EXPLAIN_JSON_MAX], const struct explanation *explanation);
/* Something could not be looked up, is bogus, failed or expired: an exit status of 1. */
bool explain_is_finding(const struct explanation *explanation);

#endif

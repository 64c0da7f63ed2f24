/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_VISIT_H
#define HOPGUARD_CLI_CHECK_VISIT_H

/*
 * A visit to one address of an MX host: one connection after the other, as few as tell something. First with the host's name; then, where
 * that came to its end, without one, for a key of another kind or, behind those, none at all, and with old versions of TLS only; where
 * nothing was in common, with ciphers that authenticate nobody.
 */

#include "active/starttls_client.h"
#include "cli/check_facts.h"

struct event_base;

struct check_visit_options {
	struct endpoint server;
	const char *server_name; /* for SNI */
	const char *ehlo_name;
	uint32_t step_ms;
	uint64_t deadline_ms; /* no connection is begun after it */
	uint64_t (*now_ms)(void);
};

/* Called once, never from within check_visit_start. */
typedef void (*check_visit_fn)(void *owner);

/* The place must live until then. False: out of memory, and nobody is called. */
bool check_visit_start(struct event_base *base, struct check_place *place,
                       const struct check_visit_options *options, check_visit_fn fn, void *owner);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PROBES_H
#define HOPGUARD_PROBES_H

/*
 * Which probes are made, and when: one for each destination (address, port, name, shape of the ClientHello), whoever and however many
 * ask, within bounds; what one saw is believed for a while, and looked at anew before that ends as long as somebody asks. How one is
 * made is the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "config.h"
#include "messages.h"

enum {
	PROBES_KNOWN_MAX = 1024, /* destinations of which something is known */
	PROBES_OCTETS_MAX =
		16 * 1024 * 1024,   /* of their certificates: four times what those have */
	PROBES_WAITING_MAX = 256,   /* beyond, a question is answered at once: could not tell */
	PROBES_PER_SERVER_MAX = 2,  /* at a time: many servers count connections of one client */
	PROBES_PER_NETWORK_MAX = 8, /* of a /24 or /64 */
	PROBES_OTHERS_PART =
		4, /* a quarter of the places, under way or to wait, is for other clients than any one */
	PROBES_WAIT_MS = 10000,   /* whose turn does not come by then could not tell */
	PROBES_APART_MS = 1000,   /* from the end of one to the next of the same */
	PROBES_FAILED_MS = 10000, /* who could not tell is not visited again at once */
	PROBES_IN_USE_LIVES = 2,  /* after the last question it is looked at anew for so long */
	/* The next look is at an unpredictable moment between these parts of its life. */
	PROBES_REFRESH_FROM_PERCENT = 40,
	PROBES_REFRESH_TO_PERCENT = 85,
};

struct probes_options {
	size_t at_a_time; /* probes under way in all */
	uint32_t life_ms; /* how long what one saw is believed */
};

/* What came of one; the answer's key and age_ms are filled in here. Sent as long as the chain is. */
struct probes_hooks {
	/* Begin it; probes_end with this number comes later, not from within. False: it cannot be begun. */
	bool (*begin)(void *owner, uint64_t number, const struct message_probe *probe);
	/* `answer` is valid during the call, and may be written to. */
	void (*answer)(void *owner, unsigned guard, struct message_probed *answer, size_t len);
	uint32_t (*random)(void *owner);
};

struct probes_counts {
	uint64_t made;   /* begun */
	uint64_t failed; /* could not tell */
	uint64_t cached; /* questions that what was known already answered */
	uint64_t ahead;  /* of those made, the ones that nobody waited for */
	uint64_t under_way;
	uint64_t known;
};

struct probes;

/* NULL: out of memory. */
struct probes *probes_new(const struct probes_options *options, const struct probes_hooks *hooks,
                          void *owner, const uint8_t secret[TABLE_SECRET_LEN]);
/* What is under way ends without an answer. */
void probes_free(struct probes *probes);
void probes_configure(struct probes *probes, const struct probes_options *options);

/* A guard's question, found sound. */
void probes_ask(struct probes *probes, unsigned guard, const struct message_probe *probe,
                uint64_t now_ms);
void probes_end(struct probes *probes, uint64_t number, const struct message_probed *seen,
                uint64_t now_ms);
/* Once a second. */
void probes_tick(struct probes *probes, uint64_t now_ms);
struct probes_counts probes_counts(const struct probes *probes);

#endif

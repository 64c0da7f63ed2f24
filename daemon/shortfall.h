/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SHORTFALL_H
#define HOPGUARD_SHORTFALL_H

/*
 * What a bound left out, of DNS answers, connections or look-ups: whoever floods may want to hide something, or to be in the way. Told as
 * `degraded` once, with the client and what to do, and as `recovered` after a while without any.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "verdict/event.h"

struct process;

enum { SHORTFALL_OVER_MS = 60 * 1000 };

enum shortfall_cause {
	SHORTFALL_RATE,       /* more answers a second than are read */
	SHORTFALL_ANSWERS,    /* one question had too many different answers */
	SHORTFALL_QUESTIONS,  /* too many open questions */
	SHORTFALL_COPIES,     /* the kernel had no room for copies */
	SHORTFALL_SCOUT,      /* the scout did not read as fast as it was told */
	SHORTFALL_CANDIDATES, /* more candidates than guards are told */
	SHORTFALL_FLOWS,      /* more connections than there is room for */
	SHORTFALL_LOOKUPS,    /* more destinations of one client than are looked up at a time */
	SHORTFALL_CAUSES,
};

/* Zeroed: nothing was left out. One is of causes of one subject: answers, connections or look-ups. */
struct shortfall {
	bool is_on;
	bool must_tell;
	enum shortfall_cause cause; /* the latest, as the client */
	struct address client;      /* family 0: not known */
	uint64_t count;             /* since it is on */
	uint64_t last_ms;
};

/* client may be NULL. */
void shortfall_note(struct shortfall *shortfall, enum shortfall_cause cause,
                    const struct address *client, uint64_t now_ms);
/* The same, so many times. */
void shortfall_note_many(struct shortfall *shortfall, enum shortfall_cause cause,
                         const struct address *client, uint64_t count, uint64_t now_ms);
/* Now and then: false when there is nothing to tell, else *event is filled but for its time and process. */
bool shortfall_tell(struct event *event, struct shortfall *shortfall, uint64_t now_ms);
/* It was told. */
void shortfall_told(struct shortfall *shortfall);
/* A ledger that starts anew knows nothing of it. */
void shortfall_repeat(struct shortfall *shortfall);
/* What there is to tell goes to the ledger. */
void shortfall_send(struct shortfall *shortfall, struct process *process);

#endif

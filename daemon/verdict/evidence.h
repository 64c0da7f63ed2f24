/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_EVIDENCE_H
#define HOPGUARD_VERDICT_EVIDENCE_H

/* What each source said of a destination, for `hopguard explain`: the promise is made of these. */

#include <stdint.h>

#include "verdict/facts.h"
#include "verdict/key_finding.h"
#include "verdict/promise.h"

enum {
	EVIDENCE_MAX = 12, /* of one destination; DANE's stand with its hosts */
	EVIDENCE_DETAIL_MAX = 512,
	PROBE_WHY_MAX = 160,
};

enum evidence_state {
	EVIDENCE_NONE,   /* asked: it says nothing */
	EVIDENCE_BINDS,  /* part of the promise */
	EVIDENCE_ALERTS, /* a policy in testing, an expired list, memory: told, never enforced */
	EVIDENCE_OVERRIDDEN, /* a stronger source took its place */
	EVIDENCE_EXPIRED,
	EVIDENCE_FAILED, /* could not be asked */
	EVIDENCE_PENDING,
};

struct evidence {
	enum promise_source source;
	enum evidence_state state;
	uint32_t age_s;  /* since it was fetched, read or seen; 0: now, or not known */
	uint32_t left_s; /* how long it still holds; 0: has no end */
	char detail[EVIDENCE_DETAIL_MAX];
};

/* The key that a host was last seen with, and what became of looking for it. */
struct last_key {
	enum key_sight sight;  /* SIGHT_WIRE, SIGHT_PROBE; SIGHT_NONE: none was seen lately */
	struct address server; /* where */
	uint32_t age_s;
	struct key_finding finding;
	char probe
		[PROBE_WHY_MAX]; /* what kept the last probe from seeing one; empty: it saw one, or there was none */
	uint32_t probe_age_s;
};

const char *evidence_state_name(enum evidence_state state); /* "binds", "overridden" */

#endif

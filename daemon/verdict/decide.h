/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_DECIDE_H
#define HOPGUARD_VERDICT_DECIDE_H

/* Facts in, verdict out: a pure function, a ladder of rules, tested by table. */

#include "verdict/facts.h"
#include "verdict/reason.h"

enum action {
	ACTION_PASS,
	ACTION_ALERT,
	ACTION_BLOCK, /* the promise is known, and broken */
	ACTION_DEFER, /* the promise is not known: mail waits */
	ACTION_WAIT,  /* an answer is still missing */
};

enum guard_mode { MODE_MONITOR, MODE_ENFORCE };
enum default_level { LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_VERIFY };

/* The operator's choices. */
struct stance {
	enum guard_mode mode;
	enum default_level default_level;
	bool blocks_inability;
	bool blocks_undecided;
	bool blocks_unknown_hop;
};

struct verdict {
	enum action action; /* what is done: in monitor never BLOCK or DEFER */
	enum action would;  /* what enforce would have done; equals action in enforce */
	enum reason reason;
	const char *rule; /* the rung of the ladder that decided, for events; static */
};

/* Whether TLS to a place of that promise is to be with a key that is the right one. */
bool asks_for_key(const struct promise *promise, const struct stance *stance);

struct verdict decide(const struct facts *facts, const struct stance *stance);

const char *action_name(enum action action);

#endif

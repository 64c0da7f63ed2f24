/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_SILENT_OWNER_H
#define HOPGUARD_TESTS_SUPPORT_SILENT_OWNER_H

/* An owner of a gate who does nothing of what it asks for. What a test listens to, it puts in the place of these. */

#include "gate.h"

static inline void silent_verdict(void *owner, const struct gate_verdict *verdict)
{
	(void)owner;
	(void)verdict;
}

static inline void silent_ask(void *owner, enum question_kind kind, const char *name,
                              bool is_refresh)
{
	(void)owner;
	(void)kind;
	(void)name;
	(void)is_refresh;
}

static inline void silent_tell(void *owner, const struct event *event)
{
	(void)owner;
	(void)event;
}

static inline void silent_broken(void *owner, const struct message_broken *broken)
{
	(void)owner;
	(void)broken;
}

static inline void silent_sighting(void *owner, const struct message_sighting *sighting)
{
	(void)owner;
	(void)sighting;
}

static inline void silent_send(void *owner, bool to_client, const struct craft *craft,
                               const struct flow *flow)
{
	(void)owner;
	(void)to_client;
	(void)craft;
	(void)flow;
}

/* There is no scout to echo, nobody checks and nobody probes. */
static inline struct gate_actions silent_owner(void)
{
	return (struct gate_actions){
		.verdict = silent_verdict,
		.ask = silent_ask,
		.tell = silent_tell,
		.broken = silent_broken,
		.sighting = silent_sighting,
		.send = silent_send,
	};
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/gate_owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/silent_owner.h"

static void on_verdict(void *context, const struct gate_verdict *verdict)
{
	struct gate_owner *owner = context;
	const struct marks *marks = &owner->config.rules.marks;
	const struct nfqueue_verdict out = {
		.id = verdict->packet_id,
		.is_accepted = verdict->is_accepted,
		.repeats = verdict->is_accepted,
		.has_mark = verdict->is_accepted,
		.mark = (verdict->mark & ~marks->mask) | marks->to_server |
		        (verdict->is_offloaded ? marks->offload : 0),
		.packet = verdict->packet,
	};

	owner->accepted += verdict->is_accepted;
	owner->offloaded += verdict->is_offloaded;
	if (owner->queue)
		(void)nfqueue_verdict(owner->queue, &out);
}

static void on_ask(void *context, enum question_kind kind, const char *name, bool is_refresh)
{
	struct gate_owner *owner = context;

	(void)is_refresh;
	text_copy(owner->asked, sizeof(owner->asked), name);
	owner->asked_kind = kind;
	owner->is_asked = true;
	owner->questions++;
}

void gate_owner_init(struct gate_owner *owner)
{
	static const char *const set[] = { "mode=enforce" };
	char error[CONFIG_ERROR_MAX];

	log_open("bench", LOG_LEVEL_ERROR);
	memset(owner, 0, sizeof(*owner));
	if (config_parse(&owner->config, "bench", "", set, 1, error) != 0) {
		fprintf(stderr, "%s\n", error);
		exit(2);
	}
	gate_owner_renew(owner);
}

void gate_owner_free(struct gate_owner *owner)
{
	gate_free(owner->gate);
}

void gate_owner_renew(struct gate_owner *owner)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "benchmark secret";
	struct gate_actions actions = silent_owner();

	actions.verdict = on_verdict;
	actions.ask = on_ask;
	gate_free(owner->gate);
	owner->gate = gate_new(&owner->config, secret, &actions, owner);
	owner->is_asked = false;
	owner->accepted = owner->offloaded = owner->questions = 0;
	if (!owner->gate) {
		fprintf(stderr, "out of memory\n");
		exit(4);
	}
}

void gate_owner_answer(struct gate_owner *owner, enum question_kind kind, const char *name,
                       uint64_t now_ms)
{
	/* Not made anew each time: it is large, and the scout's work. */
	struct destination *nothing = &owner->nothing;

	nothing->mx_state = kind == QUESTION_DOMAIN ? MX_NXDOMAIN : MX_HOST;
	nothing->mx_security = DNS_SECURE;
	nothing->ttl_s = 3600;
	text_copy(nothing->name, sizeof(nothing->name), name);
	gate_answer(owner->gate, nothing, now_ms, now_ms);
}

void gate_owner_packet(struct gate_owner *owner, const struct nfqueue_packet *packet,
                       uint64_t now_ms)
{
	gate_packet(owner->gate, packet, now_ms, now_ms);
	if (owner->is_asked) {
		owner->is_asked = false;
		gate_owner_answer(owner, owner->asked_kind, owner->asked, now_ms);
	}
}

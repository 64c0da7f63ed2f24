/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdlib.h>

#include "enforce/reject.h"

enum {
	/* By time alone, without an answer: what is asked again, or grows old. The longer a flow waits, the more rarely. */
	LOOK_AGAIN_MAX_MS = 200,
	/* Of a tombstone that has nothing to send; how long it stays need not be known any better. */
	REFUSED_LOOK_AGAIN_MS = 10 * 1000,
};

static bool has_wait(const struct flow *flow)
{
	return flow->wait->flow != NULL;
}

static void schedule(struct gate *gate, struct flow_wait *wait, uint64_t due_ms)
{
	/* Not before its time. */
	wheel_set(&gate->wheel, &wait->timer, gate->now_ms / GATE_TICK_MS,
	          due_ms / GATE_TICK_MS + (due_ms % GATE_TICK_MS != 0));
}

bool gate_begin_wait(struct gate *gate, struct flow *flow)
{
	struct flow_wait *wait;

	if (has_wait(flow))
		return true;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return false;
	wait->flow = flow;
	flow->wait = wait;
	schedule(gate, wait, gate->now_ms);
	return true;
}

static void enlist(struct gate *gate, struct flow_wait *wait)
{
	if (wait->is_listed)
		return;
	wait->is_listed = true;
	wait->previous = NULL;
	wait->next = gate->waiting;
	if (gate->waiting)
		gate->waiting->previous = wait;
	gate->waiting = wait;
}

static void leave_list(struct gate *gate, struct flow_wait *wait)
{
	if (!wait->is_listed)
		return;
	if (wait->previous)
		wait->previous->next = wait->next;
	else
		gate->waiting = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	wait->is_listed = false;
}

void gate_end_wait(struct gate *gate, struct flow *flow)
{
	struct flow_wait *wait = flow->wait;

	if (!has_wait(flow))
		return;
	leave_list(gate, wait);
	wheel_cancel(&gate->wheel, &wait->timer);
	refusal_free(wait->refusal);
	budget_refund(&gate->budget, wait->refusal_charged);
	free(wait);
	flow->wait = (struct flow_wait *)(uintptr_t)&flow_waits_for_nothing;
}

static uint64_t earlier(uint64_t due_ms, uint64_t since_ms, uint64_t patience_ms)
{
	return since_ms != 0 && since_ms + patience_ms < due_ms ? since_ms + patience_ms : due_ms;
}

uint64_t gate_starttls_since_ms(const struct flow *flow)
{
	return flow->starttls_since ? flow->started_ms + flow->starttls_since - 1 : 0;
}

static uint64_t due_ms_of(const struct gate *gate, const struct flow *flow)
{
	const struct flow_wait *wait = flow->wait;
	uint64_t held_for_ms = hold_age_ms(&wait->hold, gate->now_ms);
	uint64_t age_ms = wait->waiting_since_ms ? gate->now_ms - wait->waiting_since_ms : 0;
	uint64_t due_ms;

	if (age_ms < held_for_ms)
		age_ms = held_for_ms;
	due_ms = gate->now_ms + (age_ms < LOOK_AGAIN_MAX_MS ? age_ms : LOOK_AGAIN_MAX_MS);
	due_ms = earlier(due_ms, wait->settles_at_ms, 0);
	due_ms = earlier(due_ms, wait->line_since_ms, GATE_LINE_PATIENCE_MS);
	due_ms = earlier(due_ms, wait->waiting_since_ms, gate->config->hold_ms);
	due_ms = earlier(due_ms, gate_starttls_since_ms(flow), GATE_REPLY_PATIENCE_MS);
	if (wait->hold.count > 0)
		due_ms = earlier(due_ms, gate->now_ms - held_for_ms + 1, gate->config->hold_ms);
	return due_ms;
}

void gate_settle_wait(struct gate *gate, struct flow *flow)
{
	struct flow_wait *wait = flow->wait;

	if (!has_wait(flow))
		return;
	if (flow->phase == FLOW_REFUSED) {
		leave_list(gate, wait);
		schedule(gate, wait, gate->now_ms);
		return;
	}
	wait->names |= gate->names_asked;
	if (wait->waiting_since_ms)
		enlist(gate, wait);
	else
		leave_list(gate, wait);
	if (wait->hold.count == 0 && !wait->waiting_since_ms && !wait->line_since_ms &&
	    !wait->settles_at_ms)
		gate_end_wait(gate, flow);
	else
		schedule(gate, wait, due_ms_of(gate, flow));
}

/* FNV-1a, folded: nothing hangs on it but which flows are looked at once more than needed. */
static uint64_t bit_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return (uint64_t)1 << ((hash ^ hash >> 16) & 63);
}

void gate_note_question(struct gate *gate, const char *name)
{
	gate->names_asked |= bit_of(name);
}

void gate_go_on(struct gate *gate, const char *name, uint64_t now_ms, uint64_t time_ms)
{
	uint64_t bits = name ? bit_of(name) : UINT64_MAX;
	struct flow_wait *wait, *next;

	gate->now_ms = now_ms;
	gate->time_ms = time_ms;
	for (wait = gate->waiting; wait; wait = next) {
		struct flow *flow = wait->flow;

		next = wait->next;
		if (wait->names != 0 && (wait->names & bits) == 0)
			continue;
		if (gate_begin_share(gate, flow))
			gate_resume(gate, flow);
		gate_end_share(gate, flow);
	}
	gate_judge_afterthoughts(gate);
}

static void look_at_refused(struct gate *gate, struct flow *flow)
{
	struct refusal *refusal = flow->wait->refusal;
	uint64_t due_ms = gate->now_ms + REFUSED_LOOK_AGAIN_MS;
	uint64_t resend_ms;

	gate->refusing = flow;
	resend_ms = refusal ? refusal_tick(refusal, gate->now_ms) : 0;
	if (!refusal || refusal_is_over(refusal, gate->now_ms)) {
		flow_table_remove(gate->flows, flow);
		return;
	}
	schedule(gate, flow->wait, resend_ms < due_ms ? resend_ms : due_ms);
}

static void look_at(struct gate *gate, struct flow *flow)
{
	if (flow->phase == FLOW_REFUSED) {
		look_at_refused(gate, flow);
		return;
	}
	if (gate_begin_share(gate, flow)) {
		gate_settle_midstream(gate, flow);
		gate_resume(gate, flow);
	}
	if (flow->phase != FLOW_REFUSED &&
	    hold_age_ms(&flow->wait->hold, gate->now_ms) > gate->config->hold_ms)
		gate_drop_held(gate, flow);
	gate_end_share(gate, flow);
}

void gate_look_at_waits(struct gate *gate)
{
	uint64_t now = gate->now_ms / GATE_TICK_MS;
	struct wheel_timer *timer;

	while ((timer = wheel_take_due(&gate->wheel, now)) != NULL)
		look_at(gate, ((struct flow_wait *)timer)->flow);
}

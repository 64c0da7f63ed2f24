/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

enum {
	/* A half-open connection, and one of which only the far end speaks: what matters of it comes again. */
	OPENING_LIFE_MS = 60 * 1000,
	/* RFC 5321 section 4.5.3.2: no timeout of a dialogue is longer than 10 minutes. */
	IDLE_LIFE_MS = 15 * 60 * 1000,
	OVER_LIFE_MS = 60 * 1000,
	/* Of each rank in one tick, 50 ms: a full table of them is gone after four seconds. */
	EXPIRE_PER_TICK = 1024,
	/* What one packet adds is far less than as many flows have. */
	GIVEN_UP_PER_PACKET = 16,
};

static uint64_t life_ms(enum flow_rank rank)
{
	switch (rank) {
	case FLOW_RANK_GUEST:
	case FLOW_RANK_UNASKED:
		return OPENING_LIFE_MS;
	case FLOW_RANK_OVER:
		return OVER_LIFE_MS;
	case FLOW_RANK_REFUSED: /* it has a clock of its own */
	case FLOW_RANKS:
		return UINT64_MAX;
	case FLOW_RANK_STANDING:
		return IDLE_LIFE_MS;
	}
	return IDLE_LIFE_MS;
}

/* A rank is in order of last use, and its flows live equally long: the first that is young enough ends the walk. */
static void expire_rank(struct gate *gate, enum flow_rank rank)
{
	struct flow *flow = flow_table_oldest(gate->flows, rank), *next;

	for (size_t i = 0; flow && i < EXPIRE_PER_TICK; i++, flow = next) {
		if (flow_idle_ms(flow, gate->now_ms) < life_ms(rank))
			return;
		next = flow_table_younger(flow);
		if (gate_is_passing(gate, flow))
			continue;
		if (flow->session)
			gate_judge_end(gate, flow, "silence");
		flow_table_remove(gate->flows, flow);
	}
}

void gate_expire(struct gate *gate)
{
	for (enum flow_rank rank = FLOW_RANK_GUEST; rank < FLOW_RANKS; rank++)
		expire_rank(gate, rank);
}

static bool wake(struct gate *gate, struct flow_side *side)
{
	if (!side->is_resting)
		return true;
	side->stream = stream_resume(&side->rest, &gate->budget);
	side->is_resting = side->stream == NULL;
	return !side->is_resting;
}

static void rest_side(struct flow_side *side)
{
	if (!side->stream || !stream_rest(&side->rest, side->stream))
		return;
	side->stream = NULL;
	side->is_resting = true;
}

static void rest(struct gate *gate, struct flow *flow)
{
	size_t used_before = gate->budget.used;

	rest_side(&flow->from_client);
	rest_side(&flow->from_server);
	flow_table_charge(flow, used_before, gate->budget.used);
}

static struct flow **awake_place(struct gate *gate, const struct flow *flow)
{
	return &gate->awake[flow->link.hash % GATE_AWAKE_MAX];
}

/* Who spoke is likely to speak next: to rest between two segments of a dialogue costs more than it spares. */
static void stay_awake(struct gate *gate, struct flow *flow)
{
	struct flow **place = awake_place(gate, flow);

	if (*place == flow)
		return;
	if (*place)
		rest(gate, *place);
	*place = flow;
}

void gate_forget_awake(struct gate *gate, const struct flow *flow)
{
	struct flow **place = awake_place(gate, flow);

	if (*place == flow)
		*place = NULL;
}

bool gate_begin_share(struct gate *gate, struct flow *flow)
{
	size_t left = GATE_MEMORY_MAX - gate->budget.used;
	size_t has = flow_table_octets(flow);

	gate->used_before = gate->budget.used;
	gate->budget.limit = gate->budget.used + (has < left ? (left - has) / 2 : 0);
	gate->names_asked = 0;
	return wake(gate, &flow->from_client) && wake(gate, &flow->from_server);
}

void gate_end_share(struct gate *gate, struct flow *flow)
{
	gate_settle_wait(gate, flow);
	gate->budget.limit = GATE_MEMORY_MAX;
	flow_table_charge(flow, gate->used_before, gate->budget.used);
	stay_awake(gate, flow);
}

/* Tombstones and half-open ones have next to none, and what stands keeps its share. NULL: nobody else is there. */
static struct flow *choose_for_memory(const struct gate *gate)
{
	struct flow *oldest = flow_table_oldest(gate->flows, FLOW_RANK_UNASKED);

	return oldest ? oldest : flow_table_oldest(gate->flows, FLOW_RANK_OVER);
}

void gate_make_room(struct gate *gate)
{
	for (int i = 0; i < GIVEN_UP_PER_PACKET; i++) {
		struct flow *flow;

		if (gate->budget.used <= GATE_MEMORY_MAX / 4 * 3)
			return;
		flow = choose_for_memory(gate);
		if (!flow)
			return;
		gate->given_up++;
		gate->given_up_last = flow->client.address;
		flow_table_remove(gate->flows, flow);
	}
}

uint64_t gate_driven_out(const struct gate *gate, struct address *last)
{
	uint64_t count = flow_table_driven_out(gate->flows, last);

	if (gate->given_up > 0 && count == 0)
		*last = gate->given_up_last;
	return count + gate->given_up;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passage_world.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* What the eBPF program makes of a server's acknowledgements while a body is armed. */

enum { SERVER_SEQ = 90000, BY = 9, ACK = 0x10, WINDOW = 700, MIB = 1 << 20 };

static const uint8_t timestamps[] = { 1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 5 };

static void arm_with_answers(const struct passage_flow *flow)
{
	const struct passage_place place = {
		.next_seq = SEQ,
		.tail = { '\r', '\n' },
		.answers = { .may_pass = true,
		             .window = WINDOW,
		             .seq = SERVER_SEQ,
		             .ingress = BY,
		             .acked = SEQ - 100,
		             .timestamp = 200 },
	};

	assert_int_equal(body_passage_arm(world.passage, flow, &place), 0);
}

static struct body_segment answer_of(const struct passage_flow *flow, uint32_t acked)
{
	return (struct body_segment){
		.flow = *flow,
		.seq = SERVER_SEQ,
		.acked = acked,
		.window = WINDOW + 1,
		.flags = ACK,
		.is_answer = true,
		.tcp_options = timestamps,
		.tcp_options_len = sizeof(timestamps),
	};
}

static bool comes_by(const struct body_segment *segment, uint32_t ingress)
{
	uint8_t frame[BODY_SEGMENT_MAX + 200];
	size_t len = body_segment_write(frame, segment);
	int result = body_program_run(world.program, frame, len, ingress);

	assert_in_range(result, 0, 1);
	return result == 1;
}

static bool acks(const struct passage_flow *flow, uint32_t acked)
{
	const struct body_segment answer = answer_of(flow, acked);

	return comes_by(&answer, BY);
}

static void assert_answers(const struct passage_flow *flow, uint32_t acked, uint16_t window,
                           uint32_t timestamp)
{
	struct passage_place reached;
	struct passage_look seen;

	assert_int_equal(body_passage_look(world.passage, &seen, flow), 0);
	assert_int_equal(body_passage_take_back(world.passage, &reached, flow), 0);
	assert_memory_equal(&seen.place.answers, &reached.answers, sizeof(reached.answers));
	assert_true(reached.answers.may_pass);
	assert_int_equal(reached.answers.acked, acked);
	assert_int_equal(reached.answers.window, window);
	assert_int_equal(reached.answers.timestamp, timestamp);
	assert_false(acks(flow, acked));
}

static void acknowledgements_of_what_has_passed_pass_and_are_known(void **state)
{
	static const uint8_t families[] = { 4, 6 };

	skip_without_program(state);
	for (size_t i = 0; i < 2; i++) {
		struct passage_flow flow = flow_of(families[i]);

		assert_false(acks(&flow, SEQ));
		arm_with_answers(&flow);
		assert_true(acks(&flow, SEQ - 50));
		assert_true(acks(&flow, SEQ));
		assert_false(acks(&flow, SEQ + 1));
		assert_false(acks(&flow, SEQ - 50));
		assert_true(passes(&flow, SEQ, "text"));
		assert_true(acks(&flow, SEQ + 2));
		assert_true(acks(&flow, SEQ + 2));
		assert_true(is_armed(&flow));
		assert_answers(&flow, SEQ + 2, WINDOW + 1, 256);
	}
}

static void what_did_not_pass_is_not_known(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	arm_with_answers(&flow);
	assert_false(acks(&flow, SEQ + 1));
	assert_false(acks(&flow, SEQ - 101));
	assert_answers(&flow, SEQ - 100, WINDOW, 200);
}

static void behind_what_froze_all_come_to_the_queue(void **state)
{
	struct passage_flow flow = flow_of(4);

	skip_without_program(state);
	arm_with_answers(&flow);
	assert_false(passes(&flow, SEQ, ".\r\n"));
	assert_false(acks(&flow, SEQ));
	assert_answers(&flow, SEQ - 100, WINDOW, 200);
}

static void more_than_an_acknowledgement_comes_to_the_queue_and_freezes_nothing(void **state)
{
	static const uint8_t flags[] = { 0x11, 0x12, 0x14, 0x18, 0x30, 0x00, 0x04 };
	struct passage_flow flow = flow_of(6);
	struct body_segment answer = answer_of(&flow, SEQ);

	skip_without_program(state);
	arm_with_answers(&flow);
	for (size_t i = 0; i < sizeof(flags); i++) {
		answer.flags = flags[i];
		assert_false(comes_by(&answer, BY));
	}
	answer.flags = ACK;
	answer.payload = (const uint8_t *)"2";
	answer.payload_len = 1;
	assert_false(comes_by(&answer, BY));
	answer.payload_len = 0;
	answer.seq++;
	assert_false(comes_by(&answer, BY));
	answer.seq -= 2;
	assert_false(comes_by(&answer, BY));
	answer.seq = SERVER_SEQ;
	answer.tcp_options = NULL;
	assert_false(comes_by(&answer, BY));
	assert_true(is_armed(&flow));
	assert_true(acks(&flow, SEQ));
	assert_true(passes(&flow, SEQ, "text"));
	body_passage_forget(world.passage, &flow);
}

static void congestion_and_any_usual_options_are_no_obstacle(void **state)
{
	static const uint8_t both[] = { 1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 5,
		                        1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct passage_flow flow = flow_of(4);
	struct body_segment answer = answer_of(&flow, SEQ);

	skip_without_program(state);
	arm_with_answers(&flow);
	answer.flags = ACK | 0x40;
	assert_true(comes_by(&answer, BY));
	answer.flags = ACK | 0x80;
	answer.tcp_options = both;
	answer.tcp_options_len = sizeof(both);
	assert_true(comes_by(&answer, BY));
	answer.tcp_options = both + 12;
	answer.tcp_options_len = 12;
	assert_true(comes_by(&answer, BY));
	answer.tcp_options_len = 0;
	assert_true(comes_by(&answer, BY));
	answer.tcp_options_len = 8;
	assert_false(comes_by(&answer, BY));
	body_passage_forget(world.passage, &flow);
}

static void headers_that_are_odd_do_not_pass(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		uint8_t family;
	} changes[] = {
		{ 14, 0x55, 4 },      { 14 + 3, 0x20, 4 },       { 14 + 6, 0x60, 4 },
		{ 14 + 7, 1, 4 },     { 14 + 32, 0x40, 4 },      { 14 + 32, 0xf0, 4 },
		{ 14 + 32, 0x81, 4 }, { 14 + 5, 0x30, 6 },       { 14 + 6, 0, 6 },
		{ 14 + 6, 44, 6 },    { 14 + 40 + 12, 0x88, 6 },
	};

	skip_without_program(state);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct passage_flow flow = flow_of(changes[i].family);
		const struct body_segment answer = answer_of(&flow, SEQ);
		uint8_t frame[BODY_SEGMENT_MAX + 200];
		size_t len = body_segment_write(frame, &answer);

		arm_with_answers(&flow);
		frame[changes[i].at] = changes[i].value;
		assert_int_equal(body_program_run(world.program, frame, len, BY), 0);
		assert_answers(&flow, SEQ - 100, WINDOW, 200);
	}
}

static void from_elsewhere_nobody_acknowledges_in_the_servers_name(void **state)
{
	struct passage_flow flow = flow_of(4), other = flow;
	const struct body_segment answer = answer_of(&flow, SEQ);
	struct body_segment client = answer;

	skip_without_program(state);
	arm_with_answers(&flow);
	assert_false(comes_by(&answer, flow.ingress));
	assert_false(comes_by(&answer, 0));
	other.server.port = 26;
	assert_false(acks(&other, SEQ));
	other = flow;
	other.client.address.octets[3]++;
	assert_false(acks(&other, SEQ));
	/* Nor the client in its own. */
	client.is_answer = false;
	assert_false(comes_by(&client, BY));
	assert_false(comes_by(&client, flow.ingress));
	assert_true(acks(&flow, SEQ));
	body_passage_forget(world.passage, &flow);
}

static void who_armed_without_them_has_all_of_them_queued(void **state)
{
	struct passage_flow flow = flow_of(4);
	struct passage_place reached;

	skip_without_program(state);
	arm_with_answers(&flow);
	arm(&flow, SEQ);
	assert_false(acks(&flow, SEQ));
	assert_int_equal(body_passage_take_back(world.passage, &reached, &flow), 0);
	assert_false(reached.answers.may_pass);
}

static void one_of_each_mib_is_queued_and_the_next_passes(void **state)
{
	struct passage_flow flow = flow_of(4);
	const struct passage_place place = {
		.next_seq = MIB + 50,
		.tail = { '\r', '\n' },
		.answers = { .may_pass = true,
		             .seq = SERVER_SEQ,
		             .ingress = BY,
		             .acked = MIB - 50 },
	};

	skip_without_program(state);
	assert_int_equal(body_passage_arm(world.passage, &flow, &place), 0);
	assert_true(acks(&flow, MIB - 1));
	assert_false(acks(&flow, MIB));
	assert_true(acks(&flow, MIB));
	assert_answers(&flow, MIB, WINDOW + 1, 256);
}

/* A server that acknowledges while its guard arms and takes back, each time elsewhere. */
enum { ROUNDS = 1000, STRIDE = 1 << 12 };

struct race {
	struct passage_flow flow;
	_Atomic uint32_t round; /* ROUNDS: over */
	_Atomic uint32_t said;
	uint32_t passed[ROUNDS]; /* the last acknowledgement of each that passed; 0: none */
};

static uint32_t place_in(uint32_t round)
{
	return SEQ + round * STRIDE;
}

static void *acknowledge(void *arg)
{
	struct race *race = arg;
	uint32_t round, step = 0;

	while ((round = atomic_load(&race->round)) < ROUNDS) {
		uint32_t acked = place_in(round) - 200 + step++ % 200;

		if (acks(&race->flow, acked))
			race->passed[round] = acked;
		atomic_fetch_add(&race->said, 1);
	}
	return NULL;
}

static void who_takes_back_misses_no_acknowledgement(void **state)
{
	static struct race race;
	uint32_t known[ROUNDS], passes_in_all = 0, said;
	pthread_t server;

	skip_without_program(state);
	race.flow = flow_of(4);
	assert_int_equal(pthread_create(&server, NULL, acknowledge, &race), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct passage_place place = { .next_seq = place_in(round),
			                       .answers = { .may_pass = true,
			                                    .seq = SERVER_SEQ,
			                                    .ingress = BY,
			                                    .acked = place_in(round) - 200 } };

		said = atomic_load(&race.said);
		atomic_store(&race.round, round);
		assert_int_equal(body_passage_arm(world.passage, &race.flow, &place), 0);
		while (atomic_load(&race.said) - said < round % 4)
			(void)sched_yield();
		assert_int_equal(body_passage_take_back(world.passage, &place, &race.flow), 0);
		known[round] = place.answers.acked;
	}
	atomic_store(&race.round, ROUNDS);
	assert_int_equal(pthread_join(server, NULL), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t passed = race.passed[round];

		passes_in_all += passed != 0;
		assert_int_equal(known[round], passed ? passed : place_in(round) - 200);
	}
	assert_true(passes_in_all > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledgements_of_what_has_passed_pass_and_are_known),
		cmocka_unit_test(what_did_not_pass_is_not_known),
		cmocka_unit_test(behind_what_froze_all_come_to_the_queue),
		cmocka_unit_test(
			more_than_an_acknowledgement_comes_to_the_queue_and_freezes_nothing),
		cmocka_unit_test(congestion_and_any_usual_options_are_no_obstacle),
		cmocka_unit_test(headers_that_are_odd_do_not_pass),
		cmocka_unit_test(from_elsewhere_nobody_acknowledges_in_the_servers_name),
		cmocka_unit_test(who_armed_without_them_has_all_of_them_queued),
		cmocka_unit_test(who_takes_back_misses_no_acknowledgement),
		cmocka_unit_test(one_of_each_mib_is_queued_and_the_next_passes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

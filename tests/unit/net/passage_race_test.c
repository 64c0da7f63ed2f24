/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "passage_world.h"

/*
 * A client that sends, its server that acknowledges, and the guard that arms and takes back, each a process of its own, as they are on
 * as many processors. In turn with their connection the guard arms another one, in the very same entry of the table, of which nothing passes.
 */

enum { ROUNDS = 200000, SERVER_SEQ = 90000, BY = 9, OTHER = 100, TEXT_LEN = 100 };

static struct shared {
	atomic_uint round; /* odd: it stands, and is of the other connection where bit 1 is set */
	atomic_uint sent;  /* up to here it passed, and TEXT_LEN more perhaps */
	atomic_uint acked; /* the server's last acknowledgement that passed, or earlier */
	atomic_uint timestamp; /* likewise */
	atomic_uint passed_acks;
	atomic_uint wrong;
	atomic_bool is_over;
} * shared;

/* A window by which it is known of which acknowledgement it is. */
static uint16_t window_of(uint32_t acked)
{
	return (uint16_t)(acked * 40503U >> 7);
}

static bool is_others_round(unsigned round)
{
	return (round & 3) == 3;
}

static int run_by(const struct body_segment *segment, uint32_t ingress)
{
	uint8_t frame[BODY_SEGMENT_MAX + 200];
	size_t len = body_segment_write(frame, segment);

	return body_program_run(world.program, frame, len, ingress);
}

static void send_bodies(void)
{
	struct passage_flow flow = flow_of(4);
	char text[TEXT_LEN + 1];
	struct body_segment segment;

	memset(text, 'x', TEXT_LEN);
	text[TEXT_LEN] = '\0';
	segment = segment_of(&flow, SEQ, text);
	while (!shared->is_over) {
		unsigned round = shared->round;

		if (run_by(&segment, flow.ingress) != 1)
			continue;
		segment.seq += TEXT_LEN;
		shared->sent = segment.seq;
		shared->wrong += is_others_round(round) && round == shared->round;
	}
}

static void acknowledge(void)
{
	uint8_t options[] = { 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 5 };
	struct passage_flow flow = flow_of(4);
	struct body_segment answer = { .flow = flow,
		                       .seq = SERVER_SEQ,
		                       .flags = 0x10,
		                       .is_answer = true,
		                       .tcp_options = options,
		                       .tcp_options_len = sizeof(options) };
	uint32_t now = 0, random = 1;

	while (!shared->is_over) {
		unsigned round = shared->round;

		random = random * 1664525U + 1013904223U;
		answer.acked = shared->sent + TEXT_LEN - (random >> 24) % (3 * TEXT_LEN);
		answer.window = window_of(answer.acked);
		now++;
		for (int i = 0; i < 4; i++)
			options[4 + i] = (uint8_t)(now >> (24 - 8 * i));
		if (run_by(&answer, BY) != 1)
			continue;
		shared->wrong += (int32_t)(answer.acked - shared->sent - TEXT_LEN) > 0;
		shared->wrong += is_others_round(round) && round == shared->round;
		shared->timestamp = now;
		shared->acked = answer.acked;
		shared->passed_acks++;
	}
}

static pid_t start(void (*work)(void))
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		work();
		_exit(0);
	}
	return child;
}

static void assert_ended(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void look(const struct passage_flow *flow, struct passage_look *seen)
{
	const struct passage_place *place = &seen->place;

	assert_int_equal(body_passage_look(world.passage, seen, flow), 0);
	assert_true((int32_t)(place->next_seq - place->answers.acked) >= 0);
	assert_int_equal(place->answers.window, window_of(place->answers.acked));
}

/* For some looks, or until a segment from before froze it. */
static void let_them(const struct passage_flow *flow, unsigned round)
{
	struct passage_look seen = { .is_armed = true };

	for (unsigned i = round * 2654435761U >> 25; i > 0 && seen.is_armed; i--)
		look(flow, &seen);
}

static struct passage_place play_round(const struct passage_flow *flow, struct passage_place from,
                                       unsigned round)
{
	struct passage_place reached;
	uint32_t acked, timestamp;

	assert_int_equal(body_passage_arm(world.passage, flow, &from), 0);
	shared->round = round;
	let_them(flow, round);
	shared->round = round + 1;
	timestamp = shared->timestamp;
	acked = shared->acked;
	assert_int_equal(body_passage_take_back(world.passage, &reached, flow), 0);
	assert_true((int32_t)(reached.next_seq - reached.answers.acked) >= 0);
	assert_int_equal(reached.answers.window, window_of(reached.answers.acked));
	if (is_others_round(round)) {
		assert_int_equal(reached.next_seq, from.next_seq);
		assert_int_equal(reached.answers.acked, from.answers.acked);
		return reached;
	}
	assert_true((int32_t)(reached.answers.acked - acked) >= 0);
	assert_true((int32_t)(reached.answers.timestamp - timestamp) >= 0);
	return reached;
}

static void whoever_takes_back_has_all_that_passed(void **state)
{
	struct passage_flow flow = flow_of(4), other = flow_of(4);
	struct passage_place place = { .next_seq = SEQ, .tail = { '\r', '\n' } };
	pid_t client, server;

	skip_without_program(state);
	other.ingress = OTHER;
	place.answers = (struct passage_answers){
		.may_pass = true, .window = window_of(SEQ), .seq = SERVER_SEQ, .acked = SEQ
	};
	shared->sent = shared->acked = SEQ;
	client = start(send_bodies);
	server = start(acknowledge);
	for (unsigned i = 0; i < ROUNDS || shared->sent == SEQ || !shared->passed_acks; i++) {
		struct passage_place its = place;

		its.answers.ingress = OTHER + 1;
		(void)play_round(&other, its, 4 * i + 3);
		place.answers.ingress = BY;
		place = play_round(&flow, place, 4 * i + 5);
		place.answers.seq = SERVER_SEQ;
	}
	shared->is_over = true;
	assert_ended(client);
	assert_ended(server);
	assert_int_equal(shared->wrong, 0);
	assert_int_equal(shared->sent, place.next_seq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_takes_back_has_all_that_passed),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	              0);
	return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, set_up, tear_down);
}

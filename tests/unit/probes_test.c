/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probes.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/probe_scene.h"

enum { LIFE_MS = 300000, AT_A_TIME = 4, BEGUN_MAX = 512, ANSWERS_MAX = 512, CHAIN_LEN = 700 };

static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";

struct told {
	unsigned guard;
	uint64_t key;
	uint32_t outcome;
	uint32_t age_ms;
	uint32_t chain_len;
	char why[PROBE_WHY_MAX];
};

struct fixture {
	struct probes *probes;
	uint64_t now_ms;
	unsigned client_count;
	uint64_t begun[BEGUN_MAX];
	size_t begun_count;
	struct told answers[ANSWERS_MAX];
	size_t answer_count;
	uint32_t random;
	bool is_broken;
	struct message_probed seen;
};

static bool on_begin(void *owner, uint64_t number, const struct message_probe *probe)
{
	struct fixture *fixture = owner;

	(void)probe;
	if (fixture->is_broken)
		return false;
	assert_true(fixture->begun_count < BEGUN_MAX);
	fixture->begun[fixture->begun_count++] = number;
	return true;
}

static void on_answer(void *owner, unsigned guard, struct message_probed *answer, size_t len)
{
	struct fixture *fixture = owner;
	struct told *told = &fixture->answers[fixture->answer_count++];

	assert_true(fixture->answer_count <= ANSWERS_MAX);
	assert_int_equal(answer->type, MESSAGE_PROBED);
	assert_int_equal(len, PROBED_HEAD_LEN + answer->chain_len);
	*told = (struct told){ .guard = guard,
		               .key = answer->key,
		               .outcome = answer->outcome,
		               .age_ms = answer->age_ms,
		               .chain_len = answer->chain_len };
	memcpy(told->why, answer->why, sizeof(told->why));
}

static uint32_t on_random(void *owner)
{
	return ((struct fixture *)owner)->random;
}

static int set_up(void **state)
{
	static const struct probes_hooks hooks = { on_begin, on_answer, on_random };
	const struct probes_options options = { .at_a_time = AT_A_TIME, .life_ms = LIFE_MS };
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->now_ms = 1000000;
	fixture->probes = probes_new(&options, &hooks, fixture, secret);
	assert_non_null(fixture->probes);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	probes_free(fixture->probes);
	free(fixture);
	return 0;
}

static void ask_with(struct fixture *fixture, unsigned guard, uint64_t key, const char *server,
                     bool is_again)
{
	struct message_probe probe =
		sound_probe(strchr(server, ':') ? "2001:db8::2" : "192.0.2.2", server);

	/* Of a client of its own each time: one alone has no more than its share. */
	put_u16(probe.client.octets + 14 - (probe.client.family == 4 ? 12 : 0),
	        (uint16_t)++fixture->client_count);
	probe.key = key;
	probe.is_again = is_again;
	probes_ask(fixture->probes, guard, &probe, fixture->now_ms);
}

static void ask(struct fixture *fixture, const char *server)
{
	ask_with(fixture, 0, 1, server, false);
}

static void end(struct fixture *fixture, size_t which, enum probe_outcome outcome)
{
	memset(&fixture->seen, 0, PROBED_HEAD_LEN);
	fixture->seen.outcome = outcome;
	if (outcome == PROBE_SHOWN) {
		fixture->seen.chain_len = CHAIN_LEN;
		memset(fixture->seen.chain, 7, CHAIN_LEN);
	}
	assert_true(which < fixture->begun_count);
	probes_end(fixture->probes, fixture->begun[which], &fixture->seen, fixture->now_ms);
}

static void pass(struct fixture *fixture, uint64_t wait_ms)
{
	fixture->now_ms += wait_ms;
	probes_tick(fixture->probes, fixture->now_ms);
}

static void one_probe_answers_all_who_wait(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned guard = 0; guard < 20; guard++)
		ask_with(fixture, guard, 100 + guard, "198.51.100.25", false);
	assert_int_equal(fixture->begun_count, 1);
	assert_int_equal(fixture->answer_count, 0);
	end(fixture, 0, PROBE_SHOWN);
	assert_int_equal(fixture->answer_count, 20);
	for (unsigned guard = 0; guard < 20; guard++) {
		assert_int_equal(fixture->answers[guard].guard, guard);
		assert_int_equal(fixture->answers[guard].key, 100 + guard);
		assert_int_equal(fixture->answers[guard].outcome, PROBE_SHOWN);
		assert_int_equal(fixture->answers[guard].chain_len, CHAIN_LEN);
		assert_int_equal(fixture->answers[guard].age_ms, 0);
	}
}

static void what_was_seen_answers_until_its_life_ends(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_SHOWN);
	fixture->now_ms += LIFE_MS - 1;
	ask_with(fixture, 3, 9, "198.51.100.25", false);
	assert_int_equal(fixture->begun_count, 1);
	assert_int_equal(fixture->answer_count, 2);
	assert_int_equal(fixture->answers[1].guard, 3);
	assert_int_equal(fixture->answers[1].key, 9);
	assert_int_equal(fixture->answers[1].age_ms, LIFE_MS - 1);
	assert_int_equal(fixture->answers[1].chain_len, CHAIN_LEN);
	fixture->now_ms += 1;
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 2);
	assert_int_equal(fixture->answer_count, 2);
	assert_int_equal(probes_counts(fixture->probes).cached, 1);
}

static void to_look_again_is_a_probe_of_its_own_and_not_at_once(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_SHOWN);
	ask_with(fixture, 0, 1, "198.51.100.25", true);
	ask_with(fixture, 0, 1, "198.51.100.25", true);
	assert_int_equal(fixture->begun_count, 1);
	pass(fixture, PROBES_APART_MS - 1);
	assert_int_equal(fixture->begun_count, 1);
	pass(fixture, 1);
	assert_int_equal(fixture->begun_count, 2);
	/* While it is under way, whoever asks again means this one. */
	ask_with(fixture, 1, 5, "198.51.100.25", true);
	assert_int_equal(fixture->begun_count, 2);
	end(fixture, 1, PROBE_SHOWN);
	assert_int_equal(fixture->answer_count, 3);
}

static void a_server_is_visited_by_few_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");

	for (uint16_t suite = 0; suite < 4; suite++) {
		put_u16(probe.shape, (uint16_t)(0xc000 + suite));
		probes_ask(fixture->probes, 0, &probe, fixture->now_ms);
	}
	assert_int_equal(fixture->begun_count, PROBES_PER_SERVER_MAX);
	/* Others need not wait for it. */
	ask(fixture, "203.0.113.1");
	assert_int_equal(fixture->begun_count, PROBES_PER_SERVER_MAX + 1);
	end(fixture, 0, PROBE_FAILED);
	assert_int_equal(fixture->begun_count, PROBES_PER_SERVER_MAX + 2);
}

static void a_network_is_visited_by_few_at_a_time(void **state)
{
	static const char *const inside[] = { "198.51.100.%u", "2001:db8:7:8::%x" };
	static const char *const outside[] = { "198.51.101.1", "2001:db8:7:9::1" };
	const struct probes_options options = { .at_a_time = 64, .life_ms = LIFE_MS };
	struct fixture *fixture = *state;

	probes_configure(fixture->probes, &options);
	for (size_t family = 0; family < 2; family++) {
		char server[ADDRESS_TEXT_MAX];

		fixture->begun_count = 0;
		for (unsigned i = 1; i <= 20; i++) {
			snprintf(server, sizeof(server), family == 0 ? inside[0] : inside[1], i);
			ask(fixture, server);
		}
		assert_int_equal(fixture->begun_count, PROBES_PER_NETWORK_MAX);
		ask(fixture, outside[family]);
		assert_int_equal(fixture->begun_count, PROBES_PER_NETWORK_MAX + 1);
	}
}

static void there_is_a_bound_of_all_under_way(void **state)
{
	struct fixture *fixture = *state;
	char server[ADDRESS_TEXT_MAX];

	for (unsigned i = 1; i <= AT_A_TIME + 3; i++) {
		snprintf(server, sizeof(server), "198.51.%u.25", i);
		ask(fixture, server);
	}
	assert_int_equal(fixture->begun_count, AT_A_TIME);
	assert_int_equal(probes_counts(fixture->probes).under_way, AT_A_TIME);
	end(fixture, 0, PROBE_SHOWN);
	end(fixture, 1, PROBE_SHOWN);
	assert_int_equal(fixture->begun_count, AT_A_TIME + 2);
}

static void a_client_leaves_a_quarter_of_the_places_to_others(void **state)
{
	struct fixture *fixture = *state;
	char server[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < AT_A_TIME + PROBES_WAITING_MAX; i++) {
		struct message_probe probe;

		snprintf(server, sizeof(server), "10.%u.%u.25", i / 250, i % 250);
		probe = sound_probe("192.0.2.2", server);
		probes_ask(fixture->probes, 0, &probe, fixture->now_ms);
	}
	assert_int_equal(fixture->begun_count, AT_A_TIME - AT_A_TIME / 4);
	/* Of those that wait as well. */
	assert_int_equal(fixture->answer_count, PROBES_WAITING_MAX / 4 + AT_A_TIME / 4);
	ask(fixture, "203.0.113.1");
	assert_int_equal(fixture->begun_count, AT_A_TIME - AT_A_TIME / 4 + 1);
}

static void whose_turn_does_not_come_is_told_so(void **state)
{
	struct fixture *fixture = *state;
	char server[ADDRESS_TEXT_MAX];

	for (unsigned i = 1; i <= AT_A_TIME + 1; i++) {
		snprintf(server, sizeof(server), "198.51.%u.25", i);
		ask_with(fixture, 0, i, server, false);
	}
	pass(fixture, PROBES_WAIT_MS - 1);
	assert_int_equal(fixture->answer_count, 0);
	pass(fixture, 1);
	assert_int_equal(fixture->answer_count, 1);
	assert_int_equal(fixture->answers[0].key, AT_A_TIME + 1);
	assert_int_equal(fixture->answers[0].outcome, PROBE_FAILED);
	assert_non_null(strstr(fixture->answers[0].why, "too many are under way"));
}

static void beyond_the_queues_bound_the_answer_comes_at_once(void **state)
{
	struct fixture *fixture = *state;
	char server[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < AT_A_TIME + PROBES_WAITING_MAX; i++) {
		snprintf(server, sizeof(server), "10.%u.%u.25", i / 250, i % 250);
		ask(fixture, server);
	}
	assert_int_equal(fixture->answer_count, 0);
	ask_with(fixture, 2, 77, "192.0.2.200", false);
	assert_int_equal(fixture->answer_count, 1);
	assert_int_equal(fixture->answers[0].guard, 2);
	assert_int_equal(fixture->answers[0].key, 77);
	assert_int_equal(fixture->answers[0].outcome, PROBE_FAILED);
	assert_non_null(strstr(fixture->answers[0].why, "too many wait"));
	/* One more of those that wait anyhow needs no room. */
	ask_with(fixture, 3, 78, "10.1.5.25", false);
	assert_int_equal(fixture->answer_count, 1);
}

static void what_cannot_be_begun_could_not_tell(void **state)
{
	struct fixture *fixture = *state;

	fixture->is_broken = true;
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->answer_count, 1);
	assert_int_equal(fixture->answers[0].outcome, PROBE_FAILED);
	assert_int_equal(probes_counts(fixture->probes).under_way, 0);
	fixture->is_broken = false;
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 1);
}

static void who_could_not_tell_is_left_alone_for_a_while(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_FAILED);
	fixture->now_ms += PROBES_FAILED_MS - 1;
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 1);
	assert_int_equal(fixture->answer_count, 2);
	assert_int_equal(fixture->answers[1].outcome, PROBE_FAILED);
	fixture->now_ms += 1;
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 2);
	assert_int_equal(probes_counts(fixture->probes).failed, 1);
}

static void what_is_in_use_is_looked_at_anew_before_its_life_ends(void **state)
{
	struct fixture *fixture = *state;

	ask_with(fixture, 5, 50, "198.51.100.25", false);
	end(fixture, 0, PROBE_SHOWN);
	pass(fixture, LIFE_MS * PROBES_REFRESH_FROM_PERCENT / 100 - 1);
	assert_int_equal(fixture->begun_count, 1);
	pass(fixture, 1);
	assert_int_equal(fixture->begun_count, 2);
	end(fixture, 1, PROBE_SHOWN);
	/* Whoever asked before hears of it unasked. */
	assert_int_equal(fixture->answer_count, 2);
	assert_int_equal(fixture->answers[1].guard, 5);
	assert_int_equal(fixture->answers[1].key, 50);
	assert_int_equal(probes_counts(fixture->probes).ahead, 1);
	pass(fixture, LIFE_MS * 3 / 10);
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 2);
}

/* Its mail passes by what it was told before. */
static void a_guard_that_did_not_ask_this_time_hears_of_it_too(void **state)
{
	struct fixture *fixture = *state;

	ask_with(fixture, 1, 10, "198.51.100.25", false);
	end(fixture, 0, PROBE_SHOWN);
	pass(fixture, PROBES_APART_MS);
	ask_with(fixture, 2, 20, "198.51.100.25", true);
	end(fixture, 1, PROBE_WITHOUT_TLS);
	assert_int_equal(fixture->answer_count, 3);
	assert_int_equal(fixture->answers[1].guard, 1);
	assert_int_equal(fixture->answers[1].key, 10);
	assert_int_equal(fixture->answers[1].outcome, PROBE_WITHOUT_TLS);
	assert_int_equal(fixture->answers[2].guard, 2);
	/* But not that nobody could tell. */
	pass(fixture, PROBES_APART_MS);
	ask_with(fixture, 2, 20, "198.51.100.25", true);
	end(fixture, 2, PROBE_FAILED);
	assert_int_equal(fixture->answer_count, 4);
	assert_int_equal(fixture->answers[3].guard, 2);
}

static void the_moment_of_the_next_look_is_not_to_be_foreseen(void **state)
{
	struct fixture *fixture = *state;
	uint64_t earliest_ms = UINT64_MAX, latest_ms = 0;

	for (unsigned i = 0; i < 50; i++) {
		uint64_t begun_ms;

		fixture->random = (uint32_t)i * 2654435761U;
		ask_with(fixture, 0, 1, "198.51.100.25", true);
		pass(fixture, PROBES_APART_MS);
		end(fixture, fixture->begun_count - 1, PROBE_SHOWN);
		begun_ms = fixture->now_ms;
		for (size_t before = fixture->begun_count; fixture->begun_count == before;)
			pass(fixture, 1000);
		if (fixture->now_ms - begun_ms < earliest_ms)
			earliest_ms = fixture->now_ms - begun_ms;
		if (fixture->now_ms - begun_ms > latest_ms)
			latest_ms = fixture->now_ms - begun_ms;
		end(fixture, fixture->begun_count - 1, PROBE_SHOWN);
		fixture->answer_count = 0;
	}
	assert_in_range(earliest_ms, LIFE_MS * 40 / 100, LIFE_MS * 50 / 100);
	assert_in_range(latest_ms, LIFE_MS * 75 / 100, LIFE_MS * 86 / 100);
}

static void what_nobody_uses_any_more_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_SHOWN);
	for (int i = 0; i < 100; i++) {
		size_t before = fixture->begun_count;

		pass(fixture, LIFE_MS / 10);
		if (fixture->begun_count > before)
			end(fixture, before, PROBE_SHOWN);
	}
	/* As long as it might be in use, and not once more. */
	assert_in_range(fixture->begun_count, 2, 1 + PROBES_IN_USE_LIVES * 100 / 40);
}

static void a_look_ahead_that_could_not_tell_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_SHOWN);
	pass(fixture, LIFE_MS * PROBES_REFRESH_FROM_PERCENT / 100);
	end(fixture, 1, PROBE_FAILED);
	assert_int_equal(fixture->answer_count, 1);
	ask(fixture, "198.51.100.25");
	assert_int_equal(fixture->begun_count, 2);
	assert_int_equal(fixture->answers[1].outcome, PROBE_SHOWN);
}

static void looks_ahead_leave_room_for_those_who_wait(void **state)
{
	struct fixture *fixture = *state;
	char server[ADDRESS_TEXT_MAX];

	for (unsigned i = 1; i <= AT_A_TIME; i++) {
		snprintf(server, sizeof(server), "198.51.%u.25", i);
		ask(fixture, server);
	}
	for (unsigned i = 0; i < AT_A_TIME; i++)
		end(fixture, i, PROBE_SHOWN);
	pass(fixture, LIFE_MS * PROBES_REFRESH_FROM_PERCENT / 100);
	assert_true(probes_counts(fixture->probes).under_way < AT_A_TIME);
	fixture->begun_count = 0;
	ask(fixture, "203.0.113.1");
	assert_int_equal(fixture->begun_count, 1);
}

static void an_end_that_nobody_knows_of_is_none(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, "198.51.100.25");
	end(fixture, 0, PROBE_SHOWN);
	end(fixture, 0, PROBE_SHOWN);
	assert_int_equal(fixture->answer_count, 1);
	assert_int_equal(probes_counts(fixture->probes).under_way, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_probe_answers_all_who_wait),
		TEST(what_was_seen_answers_until_its_life_ends),
		TEST(to_look_again_is_a_probe_of_its_own_and_not_at_once),
		TEST(a_server_is_visited_by_few_at_a_time),
		TEST(a_network_is_visited_by_few_at_a_time),
		TEST(there_is_a_bound_of_all_under_way),
		TEST(a_client_leaves_a_quarter_of_the_places_to_others),
		TEST(whose_turn_does_not_come_is_told_so),
		TEST(beyond_the_queues_bound_the_answer_comes_at_once),
		TEST(what_cannot_be_begun_could_not_tell),
		TEST(who_could_not_tell_is_left_alone_for_a_while),
		TEST(what_is_in_use_is_looked_at_anew_before_its_life_ends),
		TEST(a_guard_that_did_not_ask_this_time_hears_of_it_too),
		TEST(the_moment_of_the_next_look_is_not_to_be_foreseen),
		TEST(what_nobody_uses_any_more_is_left_alone),
		TEST(a_look_ahead_that_could_not_tell_changes_nothing),
		TEST(looks_ahead_leave_room_for_those_who_wait),
		TEST(an_end_that_nobody_knows_of_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

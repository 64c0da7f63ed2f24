/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guards say of sessions' names, handed on by the scout's own code to guards that the test plays. */
#include "scout_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARDS = 3, HEARD_MAX = 8 };

/* The others do not exist. */
static struct {
	struct message_names heard[HEARD_MAX]; /* the last ones, a ring */
	size_t count;
	bool is_full;
	bool is_awaited;
} guards[GUARDS];

int process_send(struct process *process, enum role role, unsigned index, const void *message,
                 size_t len)
{
	const struct message_names *names = message;

	(void)process;
	assert_int_equal(role, ROLE_GUARD);
	assert_int_equal(len, sizeof(*names));
	if (index >= GUARDS)
		return -ENOTCONN;
	if (guards[index].is_full)
		return -EAGAIN;
	guards[index].heard[guards[index].count++ % HEARD_MAX] = *names;
	return 0;
}

int process_await_writable(struct process *process, enum role role, unsigned index)
{
	(void)process;
	assert_int_equal(role, ROLE_GUARD);
	assert_true(guards[index].is_full);
	guards[index].is_awaited = true;
	return 0;
}

static int set_up(void **state)
{
	memset(guards, 0, sizeof(guards));
	*state = calloc(1, sizeof(struct scout));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static bool say(struct scout *scout, unsigned guard, enum names_word word, uint32_t giver)
{
	const struct message_names names = {
		.type = MESSAGE_NAMES,
		.word = word,
		.giver = giver,
		.names = { word <= NAMES_DOUBTED, 0 },
		.beginning = 2,
		.opened_ms = 3,
	};

	return scout_take_names(scout, guard, &names);
}

static const struct message_names *last(unsigned guard)
{
	assert_true(guards[guard].count > 0);
	return &guards[guard].heard[(guards[guard].count - 1) % HEARD_MAX];
}

static void what_was_given_is_told_to_all_others_as_that_guards(void **state)
{
	assert_true(say(*state, 1, NAMES_GIVEN, 2));
	assert_int_equal(guards[1].count, 0);
	for (unsigned i = 0; i < GUARDS; i += 2) {
		assert_int_equal(guards[i].count, 1);
		assert_int_equal(last(i)->word, NAMES_GIVEN);
		assert_int_equal(last(i)->giver, 1);
		assert_int_equal(last(i)->names[0], 1);
		assert_int_equal(last(i)->beginning, 2);
		assert_int_equal(last(i)->opened_ms, 3);
	}
}

static void what_speaks_against_it_is_told_to_who_gave_it(void **state)
{
	for (enum names_word word = NAMES_DISPUTED; word <= NAMES_DOUBTED; word++) {
		assert_true(say(*state, 0, word, 1));
		assert_int_equal(last(1)->word, word);
		/* Of what is its own a guard needs no word. */
		assert_false(say(*state, 1, word, 1));
	}
	assert_int_equal(guards[0].count, 0);
	assert_int_equal(guards[1].count, 2);
	assert_int_equal(guards[2].count, 0);
}

static void a_question_goes_to_all_and_is_answered_for_those_that_are_not_there(void **state)
{
	assert_true(say(*state, 1, NAMES_ASKED, 0));
	for (unsigned i = 0; i < GUARDS; i += 2) {
		assert_int_equal(guards[i].count, 1);
		assert_int_equal(last(i)->word, NAMES_ASKED);
		assert_int_equal(last(i)->giver, 1);
		assert_int_equal(last(i)->beginning, 2);
	}
	assert_int_equal(guards[1].count, 1);
	assert_int_equal(last(1)->word, NAMES_COME);
	assert_true(last(1)->names[0] == ~UINT64_C(5));
	assert_int_equal(last(1)->beginning, 2);
}

static void who_answers_answers_for_itself(void **state)
{
	assert_true(say(*state, 2, NAMES_COME, 1));
	assert_int_equal(guards[1].count, 1);
	assert_int_equal(last(1)->word, NAMES_COME);
	assert_true(last(1)->names[0] == 4);
	assert_int_equal(guards[0].count, 0);
	assert_false(say(*state, 1, NAMES_COME, 1));
}

static void nothing_comes_before_the_word_that_something_is_missing(void **state)
{
	guards[1].is_full = true;
	assert_true(say(*state, 2, NAMES_GIVEN, 0));
	assert_true(say(*state, 2, NAMES_COME, 1));
	guards[1].is_full = false;
	assert_true(say(*state, 2, NAMES_COME, 1));
	assert_int_equal(guards[1].count, 2);
	assert_int_equal(guards[1].heard[0].word, NAMES_LOST);
	assert_int_equal(guards[1].heard[1].word, NAMES_COME);
}

static void that_one_lost_something_is_told_to_all_others(void **state)
{
	assert_true(say(*state, 1, NAMES_LOST, 0));
	assert_int_equal(last(0)->word, NAMES_LOST);
	assert_int_equal(guards[1].count, 0);
	assert_int_equal(last(2)->word, NAMES_LOST);
}

static void who_had_no_room_hears_that_he_missed_something(void **state)
{
	guards[2].is_full = true;
	assert_true(say(*state, 1, NAMES_GIVEN, 0));
	assert_true(guards[2].is_awaited);
	guards[2].is_full = false;
	scout_names_go_on(*state, 2);
	assert_int_equal(guards[2].count, 1);
	assert_int_equal(last(2)->word, NAMES_LOST);
	/* Once. */
	scout_names_go_on(*state, 2);
	scout_names_second(*state);
	assert_int_equal(guards[2].count, 1);
	assert_int_equal(guards[0].count, 1);
	assert_int_equal(last(0)->word, NAMES_GIVEN);
}

static void nor_does_he_miss_an_answer_unheard(void **state)
{
	guards[2].is_full = true;
	assert_true(say(*state, 1, NAMES_DISPUTED, 2));
	guards[2].is_full = false;
	/* Whoever could not be waited for is asked each second. */
	scout_names_second(*state);
	assert_int_equal(guards[2].count, 1);
	assert_int_equal(last(2)->word, NAMES_LOST);
}

static void who_says_too_much_is_heard_no_more_and_all_hear_of_it(void **state)
{
	for (unsigned i = 0; i < SCOUT_NAMES_PER_SECOND; i++)
		assert_true(say(*state, 1, NAMES_GIVEN, 0));
	assert_int_equal(guards[0].count, SCOUT_NAMES_PER_SECOND);
	assert_int_equal(guards[1].count, 0);
	for (unsigned i = 0; i < SCOUT_NAMES_PER_SECOND; i++)
		assert_true(say(*state, 1, NAMES_GIVEN, 0));
	assert_int_equal(guards[0].count, SCOUT_NAMES_PER_SECOND + 1);
	for (unsigned i = 0; i < GUARDS; i++)
		assert_int_equal(last(i)->word, NAMES_LOST);
	/* The others go on. */
	assert_true(say(*state, 2, NAMES_GIVEN, 0));
	assert_int_equal(last(0)->giver, 2);
	/* Of what it said behind that, too. */
	scout_names_second(*state);
	for (unsigned i = 0; i < GUARDS; i++)
		assert_int_equal(last(i)->word, NAMES_LOST);
	assert_int_equal(guards[0].count, SCOUT_NAMES_PER_SECOND + 3);
	assert_true(say(*state, 1, NAMES_GIVEN, 0));
	assert_int_equal(last(0)->word, NAMES_GIVEN);
	scout_names_second(*state);
	assert_int_equal(last(0)->word, NAMES_GIVEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_given_is_told_to_all_others_as_that_guards),
		TEST(what_speaks_against_it_is_told_to_who_gave_it),
		TEST(a_question_goes_to_all_and_is_answered_for_those_that_are_not_there),
		TEST(who_answers_answers_for_itself),
		TEST(nothing_comes_before_the_word_that_something_is_missing),
		TEST(that_one_lost_something_is_told_to_all_others),
		TEST(who_had_no_room_hears_that_he_missed_something),
		TEST(nor_does_he_miss_an_answer_unheard),
		TEST(who_says_too_much_is_heard_no_more_and_all_hear_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

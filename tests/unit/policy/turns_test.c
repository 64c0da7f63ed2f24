/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { IN_FLIGHT = 256, WAITING = 8192 };

/* So many questions of one party. How many have a place where they wait. */
static size_t wait_many(struct turns *turns, struct turn *waiting, size_t count, uint64_t client,
                        uint64_t destination)
{
	size_t placed = 0;

	for (size_t i = 0; i < count; i++) {
		waiting[i].party = (struct party){ .client = client, .destination = destination };
		if (turns_wait(turns, &waiting[i]))
			placed++;
		else
			turns_leave(turns, &waiting[i]);
	}
	return placed;
}

/* All that may go now; none of them is ever answered. How many. */
static size_t fly(struct turns *turns)
{
	struct turn *turn;
	size_t count = 0;

	while ((turn = turns_next(turns)) != NULL) {
		turns_leave(turns, turn);
		turns_begin(turns, turn);
		count++;
	}
	return count;
}

static struct turn *new_waiting(size_t count)
{
	struct turn *waiting = calloc(count, sizeof(*waiting));

	assert_non_null(waiting);
	return waiting;
}

static void a_destination_that_never_answers_takes_a_fifth_of_the_places(void **state)
{
	struct turns *turns = turns_new(IN_FLIGHT, WAITING);
	struct turn *silent = new_waiting(1000), *honest = new_waiting(20);

	(void)state;
	assert_int_equal(wait_many(turns, silent, 1000, 7, 1), 1000);
	assert_in_range(fly(turns), IN_FLIGHT / 6, IN_FLIGHT / 5 + 1);
	assert_int_equal(wait_many(turns, honest, 20, 7, 2), 20);
	assert_int_equal(fly(turns), 20);
	turns_free(turns);
	free(silent);
	free(honest);
}

static void a_client_with_many_that_never_answer_takes_half(void **state)
{
	struct turns *turns = turns_new(IN_FLIGHT, WAITING);
	struct turn *silent = new_waiting(1000), *honest = new_waiting(20);

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(wait_many(turns, silent + i * 10, 10, 7, i), 10);
	assert_int_equal(fly(turns), IN_FLIGHT / 2);
	/* Nor do those that are nobody's mail take any of it. */
	assert_int_equal(wait_many(turns, honest, 20, 8, 2), 20);
	assert_int_equal(fly(turns), 20);
	turns_free(turns);
	free(silent);
	free(honest);
}

/* An honest one behind a hundred others of the same client waits for a turn of each, not for all their questions. */
static void destinations_of_a_client_take_turns(void **state)
{
	struct turns *turns = turns_new(IN_FLIGHT, WAITING);
	struct turn *silent = new_waiting(3000), *honest = new_waiting(1);
	size_t ended = 0;
	bool has_begun = false;

	(void)state;
	for (size_t i = 0; i < 30; i++)
		(void)wait_many(turns, silent + i * 100, 100, 7, i);
	assert_int_equal(fly(turns), IN_FLIGHT / 2);
	assert_int_equal(wait_many(turns, honest, 1, 7, 40), 1);
	for (; !has_begun && ended < 100; ended++) {
		struct turn *turn;

		/* One of those that fly gives up. */
		turns_end(turns, &silent[(ended % 30) * 100]);
		turn = turns_next(turns);
		assert_non_null(turn);
		has_begun = turn == honest;
		turns_leave(turns, turn);
		turns_begin(turns, turn);
	}
	assert_true(has_begun);
	assert_in_range(ended, 1, 31);
	turns_free(turns);
	free(silent);
	free(honest);
}

static void a_client_takes_half_of_the_places_to_wait(void **state)
{
	struct turns *turns = turns_new(IN_FLIGHT, WAITING);
	struct turn *many = new_waiting(2 * WAITING), *few = new_waiting(10);

	(void)state;
	assert_in_range(wait_many(turns, many, 2 * WAITING, 7, 1), WAITING / 2 - 1,
	                WAITING / 2 + 1);
	assert_int_equal(wait_many(turns, few, 10, 8, 1), 10);
	turns_free(turns);
	free(many);
	free(few);
}

static void whoever_waits_is_found(void **state)
{
	struct turns *turns = turns_new(IN_FLIGHT, WAITING);
	struct turn turn = { .party = { 9, 70 } };

	(void)state;
	assert_null(turns_any(turns));
	assert_null(turns_next(turns));
	assert_true(turns_wait(turns, &turn));
	assert_ptr_equal(turns_any(turns), &turn);
	assert_ptr_equal(turns_next(turns), &turn);
	turns_leave(turns, &turn);
	assert_null(turns_any(turns));
	turns_free(turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_destination_that_never_answers_takes_a_fifth_of_the_places),
		cmocka_unit_test(a_client_with_many_that_never_answer_takes_half),
		cmocka_unit_test(destinations_of_a_client_take_turns),
		cmocka_unit_test(a_client_takes_half_of_the_places_to_wait),
		cmocka_unit_test(whoever_waits_is_found),
	};

	return cmocka_run_group_tests_name("policy/turns", tests, NULL, NULL);
}

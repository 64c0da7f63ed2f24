/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/return_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loopback.h"

enum { MARK = 0x0a000000, OTHER_MARK = 0xa0, OUTPUT_MAX = 8192 };

/* What ip(8) says. */
static const char *said(const char *command)
{
	static char text[OUTPUT_MAX];
	FILE *pipe = popen(command, "r");
	size_t len = fread(text, 1, sizeof(text) - 1, pipe);

	text[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return text;
}

static const char *routing(void)
{
	return said("ip rule; ip -6 rule; ip route show table all; ip -6 route show table all");
}

static int set_up(void **state)
{
	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		exit(EXIT_SUCCESS);
	return 0;
}

static void it_is_open_in_both_families_until_it_is_closed(void **state)
{
	char *before = strdup(routing());

	(void)state;
	assert_false(return_way_is_open(MARK));
	assert_int_equal(return_way_open(MARK), 0);
	assert_true(return_way_is_open(MARK));
	assert_false(return_way_is_open(OTHER_MARK));
	assert_non_null(
		strstr(said("ip rule"), "26:\tfrom all fwmark 0xa000000/0xa000000 lookup 2525"));
	assert_non_null(strstr(said("ip -6 rule"), "fwmark 0xa000000/0xa000000 lookup 2525"));
	assert_non_null(strstr(said("ip route show table 2525"), "local default dev lo"));
	assert_non_null(strstr(said("ip -6 route show table 2525"), "local default dev lo"));
	assert_int_equal(return_way_close(), 0);
	assert_string_equal(routing(), before);
	free(before);
}

static void to_open_it_twice_is_the_same_as_once(void **state)
{
	char *once;

	(void)state;
	assert_int_equal(return_way_open(MARK), 0);
	once = strdup(routing());
	assert_int_equal(return_way_open(MARK), 0);
	assert_string_equal(routing(), once);
	free(once);
	assert_int_equal(return_way_close(), 0);
}

static void another_mark_takes_the_place_of_the_first(void **state)
{
	(void)state;
	assert_int_equal(return_way_open(MARK), 0);
	assert_int_equal(return_way_open(OTHER_MARK), 0);
	assert_false(return_way_is_open(MARK));
	assert_true(return_way_is_open(OTHER_MARK));
	assert_int_equal(return_way_close(), 0);
}

static void to_close_what_is_not_open_is_no_error(void **state)
{
	(void)state;
	assert_int_equal(return_way_close(), 0);
	assert_int_equal(return_way_close(), 0);
}

static void half_of_it_is_not_open(void **state)
{
	(void)state;
	assert_int_equal(return_way_open(MARK), 0);
	(void)said("ip -6 rule del priority 26");
	assert_false(return_way_is_open(MARK));
	assert_int_equal(return_way_open(MARK), 0);
	assert_true(return_way_is_open(MARK));
	assert_int_equal(return_way_close(), 0);
}

static void without_its_route_it_is_not_open(void **state)
{
	static const char *const losses[] = {
		"ip route flush table 2525",
		"ip -6 route flush table 2525",
		"ip link set lo down; ip link set lo up",
	};

	(void)state;
	assert_int_equal(return_way_open(MARK), 0);
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		(void)said(losses[i]);
		assert_false(return_way_is_open(MARK));
		assert_int_equal(return_way_open(MARK), 0);
		assert_true(return_way_is_open(MARK));
	}
	assert_int_equal(return_way_close(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_open_in_both_families_until_it_is_closed),
		cmocka_unit_test(to_open_it_twice_is_the_same_as_once),
		cmocka_unit_test(another_mark_takes_the_place_of_the_first),
		cmocka_unit_test(to_close_what_is_not_open_is_no_error),
		cmocka_unit_test(half_of_it_is_not_open),
		cmocka_unit_test(without_its_route_it_is_not_open),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "heard_world.h"

static struct message alias_of(const char *name, unsigned type, const char *canonical)
{
	struct message message;

	begin(&message, FOUND, name, type, 1, 0);
	add_alias(&message, name, canonical, 300);
	return message;
}

/* As a resolver gets it that asks each name server by itself. */
static void an_alias_whose_records_come_in_an_answer_of_their_own_is_followed(void **state)
{
	struct fixture *fixture = *state;
	struct message domain = alias_of("example.org", DNS_TYPE_MX, "alias.example.net");
	struct message mx = mx_of("alias.example.net", "mx.example.net");
	struct message host = alias_of("mx.example.net", DNS_TYPE_A, "host.example.net");
	struct message a = a_of("host.example.net", 1, 300);

	assert_true(hear(fixture, &domain, NOW_MS));
	assert_true(hear(fixture, &mx, NOW_MS));
	assert_true(hear(fixture, &host, NOW_MS));
	assert_int_equal(fixture->count, 0);
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, 2);
	assert_told(fixture, 0, "example.org", 1);
	assert_string_equal(fixture->told[0].host, "mx.example.net");
	assert_told(fixture, 1, "alias.example.net", 1);
	/* Names that stand for each other end. */
	domain = alias_of("a.example", DNS_TYPE_MX, "b.example");
	assert_true(hear(fixture, &domain, NOW_MS));
	domain = alias_of("b.example", DNS_TYPE_MX, "a.example");
	assert_true(hear(fixture, &domain, NOW_MS));
}

static void aliases_of_strangers_take_no_place_from_one_that_matters(void **state)
{
	struct fixture *fixture = *state;
	struct message domain = alias_of("bank.example", DNS_TYPE_MX, "alias.example.net");
	struct message mx = mx_of("alias.example.net", "mx.example.net");
	struct message a = a_of("mx.example.net", 1, 300);
	unsigned i;

	fixture->matters = true;
	assert_true(hear(fixture, &domain, NOW_MS));
	fixture->matters = false;
	for (i = 0; i < 2 * HEARD_ALIASES_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "d%u.example", i);
		domain = alias_of(name, DNS_TYPE_MX, "alias.example.net");
		assert_true(hear(fixture, &domain, NOW_MS + 1000));
	}
	assert_true(hear(fixture, &mx, NOW_MS + 1000));
	assert_true(hear(fixture, &a, NOW_MS + 1000));
	assert_told(fixture, 0, "bank.example", 1);
}

/* Five names of which each is another name of all others: what is heard of one is told of each once, not of each way to it. */
static void names_that_stand_for_each_other_are_told_once(void **state)
{
	enum { NAMES = 5 };
	static const char *const names[NAMES] = { "a.test", "b.test", "c.test", "d.test",
		                                  "e.test" };
	struct fixture *fixture = *state;
	struct message mx = mx_of("a.test", "mx.test"), a = a_of("mx.test", 1, 300);

	for (size_t i = 0; i < (size_t)NAMES * NAMES; i++) {
		struct message alias = alias_of(names[i / NAMES], DNS_TYPE_MX, names[i % NAMES]);

		if (i / NAMES != i % NAMES)
			assert_true(hear(fixture, &alias, NOW_MS));
	}
	assert_true(hear(fixture, &mx, NOW_MS));
	assert_true(hear(fixture, &a, NOW_MS));
	assert_int_equal(fixture->count, NAMES);
	fixture->count = 0;
	assert_true(hear(fixture, &mx, NOW_MS));
	assert_int_equal(fixture->count, NAMES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_alias_whose_records_come_in_an_answer_of_their_own_is_followed),
		TEST(aliases_of_strangers_take_no_place_from_one_that_matters),
		TEST(names_that_stand_for_each_other_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

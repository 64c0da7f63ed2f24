/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/last_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct last_keys *keys;

static int set_up(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = { 3 };

	(void)state;
	keys = last_keys_new(secret);
	assert_non_null(keys);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	last_keys_free(keys);
	return 0;
}

static void see(const char *host, const char *matched, uint64_t now_ms)
{
	struct last_key key = { .sight = SIGHT_WIRE };

	snprintf(key.finding.matched, sizeof(key.finding.matched), "%s", matched);
	last_keys_note(keys, host, &key, now_ms);
}

static void the_last_key_of_a_host_is_the_one_that_is_told(void **state)
{
	struct last_key key;

	(void)state;
	see("mx.example.org", "3 1 1 aa", 1000);
	see("mx.example.org", "3 1 1 bb", 2000);
	see("mx.example.com", "3 1 1 cc", 3000);
	last_keys_find(&key, keys, "mx.example.org", 9500);
	assert_int_equal(key.sight, SIGHT_WIRE);
	assert_string_equal(key.finding.matched, "3 1 1 bb");
	assert_int_equal(key.age_s, 7);
}

static void of_a_host_never_seen_or_forgotten_nothing_is_told(void **state)
{
	struct last_key key = { .sight = SIGHT_PROBE };

	(void)state;
	see("mx.example.org", "3 1 1 aa", 1000);
	last_keys_find(&key, keys, "example.org", 2000);
	assert_int_equal(key.sight, SIGHT_NONE);
	last_keys_forget(keys, "mx.example.org");
	last_keys_find(&key, keys, "mx.example.org", 2000);
	assert_int_equal(key.sight, SIGHT_NONE);
}

static void who_is_not_seen_for_longest_leaves_when_there_is_no_room(void **state)
{
	struct last_key key;
	char host[DOMAIN_NAME_MAX];

	(void)state;
	for (size_t i = 0; i <= LAST_KEYS_MAX; i++) {
		snprintf(host, sizeof(host), "mx%zu.example.org", i);
		see(host, "3 1 1 aa", 1000 + i);
	}
	last_keys_find(&key, keys, "mx0.example.org", 100000);
	assert_int_equal(key.sight, SIGHT_NONE);
	last_keys_find(&key, keys, "mx1.example.org", 100000);
	assert_int_equal(key.sight, SIGHT_WIRE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_last_key_of_a_host_is_the_one_that_is_told),
		TEST(of_a_host_never_seen_or_forgotten_nothing_is_told),
		TEST(who_is_not_seen_for_longest_leaves_when_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

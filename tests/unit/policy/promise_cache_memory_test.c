/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that ends anywhere while an answer is put: what was known stays, or the new one is; and it is found by its hosts. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ending_memory.h"
#include "unit/policy/promise_cache_fixture.h"

enum { ENOUGH = 1000 };

static void begin_two_hosts(struct fixture *fixture, const char *name, enum promise_state state)
{
	struct destination *destination = begin(fixture, name, 600);

	add_host(destination, "mx1.example.org", state, "192.0.2.1");
	add_host(destination, "mx2.example.org", state, "192.0.2.2");
}

/* With memory for as many allocations. */
static int put_with(struct fixture *fixture, size_t count)
{
	int err;

	memory_left = count;
	memory_has_ended = false;
	err = promise_cache_put(fixture->cache, &fixture->destination, NOW);
	memory_left = SIZE_MAX;
	assert_true(memory_has_ended ? err == -ENOMEM : err == 0);
	return err;
}

static void assert_state(struct fixture *fixture, const char *name, enum promise_state state)
{
	promise_cache_find(&fixture->hop, fixture->cache, name,
	                   &fixture->destination.places[0].address, NOW);
	assert_int_equal(fixture->hop.promise.state, state);
}

static void a_name_that_is_new(void **state)
{
	bool is_enough = false;

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (size_t count = 0; !is_enough; count++) {
		struct fixture *fixture = *state;

		assert_true(count < ENOUGH);
		begin_two_hosts(fixture, "example.org", PROMISE_TLS);
		is_enough = put_with(fixture, count) == 0;
		assert_int_equal(promise_cache_put(fixture->cache, &fixture->destination, NOW), 0);
		assert_state(fixture, "example.org", PROMISE_TLS);
		assert_int_equal(promise_cache_count(fixture->cache), 1);
		promise_cache_clear(fixture->cache);
	}
}

static void a_name_that_is_known(void **state)
{
	bool is_enough = false;

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (size_t count = 0; !is_enough; count++) {
		struct fixture *fixture = *state;

		assert_true(count < ENOUGH);
		begin_two_hosts(fixture, "other.example", PROMISE_TLS);
		put(fixture, NOW);
		put_simple(fixture, "example.org", "mx1.example.org", PROMISE_KEY, "192.0.2.1",
		           600);
		begin_two_hosts(fixture, "example.org", PROMISE_TLS);
		is_enough = put_with(fixture, count) == 0;
		assert_int_equal(promise_cache_count(fixture->cache), 2);
		promise_cache_find(&fixture->hop, fixture->cache, "example.org",
		                   &fixture->destination.places[0].address, NOW);
		assert_true(fixture->hop.promise.state == PROMISE_TLS ||
		            fixture->hop.promise.state == PROMISE_KEY);
		/* Of news of the host both are found. */
		begin_two_hosts(fixture, "third.example", PROMISE_NONE);
		assert_true(promise_cache_outdate(fixture->cache, &fixture->destination));
		assert_state(fixture, "example.org", PROMISE_UNKNOWN);
		assert_state(fixture, "other.example", PROMISE_UNKNOWN);
		promise_cache_clear(fixture->cache);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_that_is_new),
		TEST(a_name_that_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

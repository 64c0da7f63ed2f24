/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever names somebody makes for it, one kind behind another: what malloc gave to the cache stays within its bound. */

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/own_allocator.h"
#include "unit/policy/promise_cache_fixture.h"

enum {
	NAMES = 4096,
	BOUND = NAMES * PROMISE_CACHE_OCTETS_PER_NAME,
	/* What malloc keeps at hand counts as given; it gives 16 octets too many where they would be no piece by themselves, and whole pages. */
	MALLOCS = BOUND / 32,
};

struct kind {
	unsigned hosts;
	unsigned places;
	bool shares_hosts;
};

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void put_one(struct promise_cache *cache, const struct kind *kind, unsigned number)
{
	static struct fixture fixture;
	struct destination *destination;
	char name[DOMAIN_NAME_MAX];

	fixture.cache = cache;
	snprintf(name, sizeof(name), "%x.example", number);
	destination = begin(&fixture, name, 600);
	for (unsigned i = 0; i < kind->hosts; i++) {
		snprintf(name, sizeof(name), "%x",
		         kind->shares_hosts ? i : number * kind->hosts + i);
		add_host(destination, name, PROMISE_NONE, NULL);
	}
	for (unsigned i = 0; i < kind->places; i++) {
		unsigned place = number * kind->places + i;
		uint8_t octets[4] = { 10, (uint8_t)(place >> 16), (uint8_t)(place >> 8),
			              (uint8_t)place };

		destination->places[i].address = address_of(4, octets);
	}
	destination->place_count = (uint8_t)kind->places;
	put(&fixture, NOW);
}

static void all_that_malloc_gave_is_within_the_bound(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";
	static const struct kind kinds[] = {
		{ 32, 1, false }, { 20, 1, true }, { 1, 4, false }, { 1, 64, false },
		{ 9, 4, false },  { 18, 1, true }, { 2, 2, false },
	};
	struct promise_cache *cache;
	size_t before;
	unsigned number = 0;

	(void)state;
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	cache = promise_cache_new(NAMES, secret);
	assert_non_null(cache);
	before = in_use();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (unsigned end = number + 2 * NAMES; number < end; number++)
			put_one(cache, &kinds[i], number);
		/* Where memcheck has taken malloc's place its own sums stand still. */
		assert_true(in_use() - before <= BOUND + MALLOCS);
	}
	promise_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_malloc_gave_is_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

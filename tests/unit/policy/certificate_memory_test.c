/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that ends at each place where the verifier asks for some makes no wrong key the right one. */

#include <stdlib.h>

#include "unit/own_allocator.h"
#include "unit/policy/certificate_fixture.h"

static size_t left = SIZE_MAX; /* allocations until memory ends */

#ifndef HAS_OWN_ALLOCATOR
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

static bool is_at_end(void)
{
	if (left == SIZE_MAX)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

void *malloc(size_t len)
{
	return is_at_end() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	return is_at_end() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	return is_at_end() ? NULL : __libc_realloc(old, len);
}
#endif

enum { ENOUGH = 100000 };

static bool is_met_with(const struct certificate_query *query, size_t count, bool *is_enough)
{
	struct key_finding finding;

	left = count;
	certificate_check(&finding, query);
	*is_enough = left > 0;
	left = SIZE_MAX;
	return finding.outcome == KEY_MET;
}

static void never_met(struct world *world)
{
	struct certificate_query query = { .now_s = WORLD_NOW_S, .anchors = world->anchors };
	bool is_enough = false;

	send_chain(world, &world->leaf, &world->issuer);
	query.chain = world_sent(&world->sent);
	query.rules = world_rules(&world->rules);
	for (size_t count = 0; !is_enough; count++) {
		assert_true(count < ENOUGH);
		if (is_met_with(&query, count, &is_enough))
			fail_msg("met with memory for %zu", count);
	}
}

static void a_record_that_does_not_match(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct world *world = *state;
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .names = bytes_of_string("mx.example.org"),
		                 .record_count = 1 };

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (uint8_t usage = 2; usage <= 3; usage++) {
		rule.records[0] =
			(struct key_record){ usage, 1, 1, bytes_of(digest, sizeof(digest)) };
		world->rules.count = world->rules.len = 0;
		add_rule(world, &rule);
		never_met(world);
	}
}

static void a_name_that_is_anothers(void **state)
{
	struct world *world = *state;

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	ask_pkix(world, "mx.example.com");
	never_met(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_that_does_not_match, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_is_anothers, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probes_known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHAIN_LEN = 1000, SEEN_LEN = (int)PROBED_HEAD_LEN + CHAIN_LEN };

static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";

static struct message_probed *seen_with(uint32_t chain_len, uint8_t octet)
{
	static struct message_probed seen;

	memset(&seen, 0, sizeof(seen));
	seen.outcome = PROBE_SHOWN;
	seen.chain_len = chain_len;
	memset(seen.chain, octet, chain_len);
	return &seen;
}

static void what_was_put_is_found_and_is_a_copy(void **state)
{
	struct probes_known *known = probes_known_new(4, 4 * SEEN_LEN, secret);
	struct message_probed *seen = seen_with(CHAIN_LEN, 1);
	struct probe_known *entry;

	(void)state;
	assert_null(probes_known_find(known, 1));
	assert_non_null(probes_known_put(known, 1, seen));
	memset(seen, 0, sizeof(*seen));
	entry = probes_known_find(known, 1);
	assert_non_null(entry);
	assert_int_equal(entry->seen->chain_len, CHAIN_LEN);
	assert_int_equal(entry->seen->chain[CHAIN_LEN - 1], 1);
	probes_known_free(known);
}

static void a_newer_one_takes_the_place_and_keeps_the_rest(void **state)
{
	struct probes_known *known = probes_known_new(4, 4 * SEEN_LEN, secret);
	struct probe_known *entry;

	(void)state;
	entry = probes_known_put(known, 1, seen_with(CHAIN_LEN, 1));
	entry->used_ms = 77;
	for (int i = 0; i < 100; i++)
		assert_ptr_equal(probes_known_put(known, 1, seen_with(CHAIN_LEN, 2)), entry);
	assert_int_equal(entry->used_ms, 77);
	assert_int_equal(entry->seen->chain[0], 2);
	assert_int_equal(probes_known_count(known), 1);
	probes_known_free(known);
}

static void the_oldest_makes_room(void **state)
{
	struct probes_known *known = probes_known_new(100, 3 * SEEN_LEN, secret);

	(void)state;
	for (uint64_t hash = 1; hash <= 3; hash++)
		assert_non_null(probes_known_put(known, hash, seen_with(CHAIN_LEN, 1)));
	assert_non_null(probes_known_find(known, 1));
	assert_non_null(probes_known_put(known, 4, seen_with(CHAIN_LEN, 1)));
	assert_int_equal(probes_known_count(known), 3);
	assert_non_null(probes_known_find(known, 1));
	assert_null(probes_known_find(known, 2));
	probes_known_free(known);
}

/* Also where it is the one that is replaced that has to go. */
static void what_alone_would_be_too_much_is_not_kept(void **state)
{
	struct probes_known *known = probes_known_new(100, SEEN_LEN, secret);

	(void)state;
	assert_non_null(probes_known_put(known, 1, seen_with(CHAIN_LEN, 1)));
	assert_null(probes_known_put(known, 2, seen_with(CHAIN_LEN + 1, 1)));
	assert_non_null(probes_known_find(known, 1));
	assert_non_null(probes_known_put(known, 1, seen_with(CHAIN_LEN, 2)));
	assert_int_equal(probes_known_find(known, 1)->seen->chain[0], 2);
	probes_known_free(known);
}

static void each_is_met_once(void **state)
{
	struct probes_known *known = probes_known_new(100, 100 * SEEN_LEN, secret);
	struct probe_known *entry = NULL;
	uint64_t hash, sum = 0;
	unsigned count = 0;

	(void)state;
	assert_null(probes_known_next(known, &hash, NULL));
	for (hash = 1; hash <= 50; hash++)
		assert_non_null(probes_known_put(known, hash, seen_with(10, 1)));
	while ((entry = probes_known_next(known, &hash, entry)) != NULL) {
		sum += hash;
		count++;
	}
	assert_int_equal(count, 50);
	assert_int_equal(sum, 50 * 51 / 2);
	probes_known_free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_and_is_a_copy),
		cmocka_unit_test(a_newer_one_takes_the_place_and_keeps_the_rest),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(what_alone_would_be_too_much_is_not_kept),
		cmocka_unit_test(each_is_met_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

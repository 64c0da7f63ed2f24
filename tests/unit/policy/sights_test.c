/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/sights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t day_ms = 24 * 3600 * 1000ULL;
static const uint64_t march_ms = 1772323200000; /* 2026-03-01 */

static struct sight *see(struct sights *sights, uint8_t last, uint64_t first_ms, uint64_t last_ms)
{
	const uint8_t octets[4] = { 192, 0, 2, last };
	struct sight *place = sights_grow(sights);

	assert_non_null(place);
	place->address = address_of(4, octets);
	place->first_ms = first_ms;
	place->last_ms = last_ms;
	return place;
}

static void a_host_has_so_many_places_and_the_oldest_is_known(void **state)
{
	struct sights sights = { 0 };

	(void)state;
	for (unsigned i = 0; i < SIGHTS_MAX; i++)
		see(&sights, (uint8_t)i, march_ms, march_ms + (i == 7 ? 0 : i + 1) * day_ms);
	assert_null(sights_grow(&sights));
	assert_int_equal(sights_oldest(&sights)->address.octets[3], 7);
	free(sights.places);
}

static void a_place_that_is_removed_leaves_the_others(void **state)
{
	struct sights sights = { 0 };
	const uint8_t first[4] = { 192, 0, 2, 1 }, last[4] = { 192, 0, 2, 3 };
	struct address address = address_of(4, first);

	(void)state;
	for (uint8_t i = 1; i <= 3; i++)
		see(&sights, i, march_ms, march_ms + i);
	sights_remove(&sights, sights_at(&sights, &address));
	assert_null(sights_at(&sights, &address));
	address = address_of(4, last);
	assert_int_equal(sights_at(&sights, &address)->last_ms, march_ms + 3);
	assert_int_equal(sights.count, 2);
	free(sights.places);
}

static void the_span_is_over_all_places_that_were_seen_lately(void **state)
{
	struct sights sights = { 0 };
	char text[OFFERED_BEFORE_MAX] = "x";
	uint64_t now_ms = march_ms + (SIGHTS_DAYS + 1) * day_ms;

	(void)state;
	assert_false(sights_span(text, &sights, now_ms));
	assert_string_equal(text, "");
	see(&sights, 1, march_ms - 30 * day_ms, march_ms);
	assert_false(sights_span(text, &sights, now_ms));
	see(&sights, 2, march_ms + day_ms, march_ms + 2 * day_ms);
	see(&sights, 3, march_ms + 2 * day_ms, march_ms + 9 * day_ms);
	assert_true(sights_span(text, &sights, now_ms));
	assert_string_equal(text, "2026-03-02 to 2026-03-10");
	free(sights.places);
}

static void evidence_tells_the_highest_version_and_whether_a_key_is_known(void **state)
{
	struct sights sights = { 0 };
	struct evidence evidence;

	(void)state;
	see(&sights, 1, march_ms, march_ms + day_ms)->tls_version = 0x0304;
	see(&sights, 2, march_ms, march_ms + 2 * day_ms)->has_key = true;
	assert_true(sights_evidence(&evidence, &sights, march_ms + 3 * day_ms));
	assert_int_equal(evidence.source, SOURCE_SEEN);
	assert_int_equal(evidence.state, EVIDENCE_ALERTS);
	assert_int_equal(evidence.age_s, 24 * 3600);
	assert_string_equal(evidence.detail,
	                    "offered STARTTLS 2026-03-01 to 2026-03-03 at 2 addresses, up to TLS "
	                    "1.3, its key is known");
	free(sights.places);
}

static void a_clock_that_was_set_back_makes_nothing_old(void **state)
{
	(void)state;
	assert_true(sight_is_within(march_ms, march_ms - 400 * day_ms, SIGHTS_DAYS));
	assert_true(sight_is_within(march_ms, march_ms + SIGHTS_DAYS * day_ms, SIGHTS_DAYS));
	assert_false(sight_is_within(march_ms, march_ms + SIGHTS_DAYS * day_ms + 1, SIGHTS_DAYS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_has_so_many_places_and_the_oldest_is_known),
		cmocka_unit_test(a_place_that_is_removed_leaves_the_others),
		cmocka_unit_test(the_span_is_over_all_places_that_were_seen_lately),
		cmocka_unit_test(evidence_tells_the_highest_version_and_whether_a_key_is_known),
		cmocka_unit_test(a_clock_that_was_set_back_makes_nothing_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

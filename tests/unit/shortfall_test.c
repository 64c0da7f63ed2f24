/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shortfall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static void a_bound_is_told_once_with_the_client_and_told_when_it_is_over(void **state)
{
	struct shortfall shortfall = { 0 };
	struct address client;
	struct event event;

	(void)state;
	assert_true(address_parse(&client, "192.0.2.7"));
	assert_false(shortfall_tell(&event, &shortfall, NOW_MS));
	shortfall_note(&shortfall, SHORTFALL_RATE, &client, NOW_MS);
	shortfall_note(&shortfall, SHORTFALL_ANSWERS, &client, NOW_MS);
	/* Until it was told. */
	assert_true(shortfall_tell(&event, &shortfall, NOW_MS));
	assert_true(shortfall_tell(&event, &shortfall, NOW_MS));
	assert_int_equal(event.kind, EVENT_DEGRADED);
	assert_true(address_equal(&event.client.address, &client));
	assert_non_null(strstr(event.text, "to 192.0.2.7: one question"));
	assert_non_null(strstr(event.text, "somebody forges answers"));
	shortfall_told(&shortfall);
	shortfall_note(&shortfall, SHORTFALL_RATE, &client, NOW_MS + 1000);
	assert_false(shortfall_tell(&event, &shortfall, NOW_MS + SHORTFALL_OVER_MS));
	assert_true(shortfall_tell(&event, &shortfall, NOW_MS + 1000 + SHORTFALL_OVER_MS));
	assert_int_equal(event.kind, EVENT_RECOVERED);
	assert_non_null(strstr(event.text, "3 were not"));
	shortfall_told(&shortfall);
	assert_false(shortfall_tell(&event, &shortfall, NOW_MS + 2 * SHORTFALL_OVER_MS));
}

static void a_new_ledger_is_told_again_while_it_lasts(void **state)
{
	struct shortfall shortfall = { 0 };
	struct event event;

	(void)state;
	shortfall_repeat(&shortfall);
	assert_false(shortfall_tell(&event, &shortfall, NOW_MS));
	shortfall_note(&shortfall, SHORTFALL_COPIES, NULL, NOW_MS);
	assert_true(shortfall_tell(&event, &shortfall, NOW_MS));
	assert_non_null(strstr(event.text, "to somebody: copies"));
	shortfall_told(&shortfall);
	shortfall_repeat(&shortfall);
	assert_true(shortfall_tell(&event, &shortfall, NOW_MS));
}

static void every_cause_has_words_that_fit(void **state)
{
	struct event event;
	struct address client;

	(void)state;
	assert_true(address_parse(&client, "2001:db8:1111:2222:3333:4444:5555:6666"));
	for (unsigned cause = 0; cause < SHORTFALL_CAUSES; cause++) {
		struct shortfall shortfall = { 0 };

		shortfall_note(&shortfall, (enum shortfall_cause)cause, &client, NOW_MS);
		assert_true(shortfall_tell(&event, &shortfall, NOW_MS));
		assert_null(strstr(event.text, "(null)"));
		assert_true(strlen(event.text) < sizeof(event.text) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_is_told_once_with_the_client_and_told_when_it_is_over),
		cmocka_unit_test(a_new_ledger_is_told_again_while_it_lasts),
		cmocka_unit_test(every_cause_has_words_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/troubles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

enum { SCOUT = 2, VERIFIER = 4 };

static struct troubles troubles;

static int set_up(void **state)
{
	(void)state;
	memset(&troubles, 0, sizeof(troubles));
	return 0;
}

static void tell(unsigned teller, enum event_kind kind, const char *subject, const char *text)
{
	struct event event = { .kind = kind };

	text_copy(event.subject, sizeof(event.subject), subject);
	text_copy(event.text, sizeof(event.text), text);
	troubles_take(&troubles, teller, &event);
}

static void assert_troubles(size_t count, const char *first, const char *second)
{
	assert_int_equal(troubles.count, count);
	if (count > 0)
		assert_string_equal(troubles.list[0].text, first);
	if (count > 1)
		assert_string_equal(troubles.list[1].text, second);
}

static void one_trouble_hides_no_other_and_ends_none(void **state)
{
	(void)state;
	tell(SCOUT, EVENT_DEGRADED, "DNSSEC", "it does not validate");
	tell(SCOUT, EVENT_DEGRADED, "DNS answers", "too many");
	assert_troubles(2, "it does not validate", "too many");
	tell(SCOUT, EVENT_RECOVERED, "DNS answers", "heard again");
	assert_troubles(1, "it does not validate", NULL);
	tell(SCOUT, EVENT_RECOVERED, "DNSSEC", "it does");
	assert_troubles(0, NULL, NULL);
	tell(SCOUT, EVENT_RECOVERED, "DNSSEC", "still");
	assert_troubles(0, NULL, NULL);
}

static void the_last_word_on_a_subject_is_shown_in_its_place(void **state)
{
	(void)state;
	tell(SCOUT, EVENT_DEGRADED, "DNSSEC", "no answers");
	tell(VERIFIER, EVENT_DEGRADED, "CA file", "gone");
	tell(SCOUT, EVENT_DEGRADED, "DNSSEC", "it does not validate");
	assert_troubles(2, "it does not validate", "gone");
}

static void the_same_subject_of_two_processes_is_two_troubles(void **state)
{
	(void)state;
	tell(SCOUT, EVENT_DEGRADED, "policy list", "expired");
	tell(VERIFIER, EVENT_DEGRADED, "policy list", "gone");
	assert_troubles(2, "expired", "gone");
	tell(VERIFIER, EVENT_RECOVERED, "policy list", "good");
	assert_troubles(1, "expired", NULL);
}

static void a_process_that_starts_anew_has_no_troubles_yet(void **state)
{
	(void)state;
	tell(SCOUT, EVENT_DEGRADED, "DNSSEC", "it does not validate");
	tell(VERIFIER, EVENT_DEGRADED, "CA file", "gone");
	tell(SCOUT, EVENT_DEGRADED, "DNS answers", "too many");
	troubles_forget(&troubles, SCOUT);
	assert_troubles(1, "gone", NULL);
}

static void what_is_over_when_it_is_told_and_what_is_no_trouble_is_not_kept(void **state)
{
	(void)state;
	tell(SCOUT, EVENT_DEGRADED, "", "events were left out");
	tell(SCOUT, EVENT_CHILD_DIED, "guard[0]", "it died");
	assert_troubles(0, NULL, NULL);
}

static void beyond_the_bound_the_first_stay(void **state)
{
	char subject[16];

	(void)state;
	for (int i = 0; i <= TROUBLES_MAX; i++) {
		snprintf(subject, sizeof(subject), "%d", i);
		tell(SCOUT, EVENT_DEGRADED, subject, subject);
	}
	assert_troubles(TROUBLES_MAX, "0", "1");
	tell(SCOUT, EVENT_DEGRADED, "31", "another word");
	assert_string_equal(troubles.list[TROUBLES_MAX - 1].text, "another word");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_trouble_hides_no_other_and_ends_none),
		TEST(the_last_word_on_a_subject_is_shown_in_its_place),
		TEST(the_same_subject_of_two_processes_is_two_troubles),
		TEST(a_process_that_starts_anew_has_no_troubles_yet),
		TEST(what_is_over_when_it_is_told_and_what_is_no_trouble_is_not_kept),
		TEST(beyond_the_bound_the_first_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

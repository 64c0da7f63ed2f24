/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/repetition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "findings.h"

static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };

/* What was told. */
struct told {
	size_t count;
	uint32_t stands_for; /* sum of the counts */
	struct event last;
};

static void on_tell(void *owner, const struct event *event)
{
	struct told *told = owner;

	told->count++;
	told->stands_for += event->count;
	told->last = *event;
}

static void the_first_is_told_at_once_and_those_after_it_once_a_window(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		event.client.port = (uint16_t)(1024 + i);
		repetition_add(repetition, &event, 5000 + i);
	}
	assert_int_equal(told.count, 1);
	repetition_tick(repetition, 5000 + REPETITION_WINDOW_MS - 1);
	assert_int_equal(told.count, 1);
	repetition_tick(repetition, 5000 + REPETITION_WINDOW_MS);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.last.count, 999);
	assert_int_equal(told.last.client.port, 1024 + 999);
	repetition_free(repetition);
	assert_int_equal(told.count, 2);
}

static void a_finding_that_goes_on_is_told_once_a_window_and_a_rested_one_anew(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();
	uint64_t now_ms = 0;
	unsigned window;

	(void)state;
	for (window = 0; window < 3; window++) {
		repetition_add(repetition, &event, now_ms);
		repetition_add(repetition, &event, now_ms + 1);
		now_ms += REPETITION_WINDOW_MS;
		repetition_tick(repetition, now_ms);
	}
	assert_int_equal(told.count, 4);
	assert_int_equal(told.stands_for, 6);
	/* A window without any: the next is a first one again. */
	now_ms += REPETITION_WINDOW_MS;
	repetition_tick(repetition, now_ms);
	repetition_add(repetition, &event, now_ms + 1);
	assert_int_equal(told.count, 5);
	assert_int_equal(told.last.count, 1);
	repetition_free(repetition);
}

static void only_the_same_finding_is_a_repetition(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();

	(void)state;
	repetition_add(repetition, &event, 0);
	event.client.address.octets[3]++;
	repetition_add(repetition, &event, 0);
	event.server.address.octets[3]++;
	repetition_add(repetition, &event, 0);
	event.reason = REASON_STARTTLS_MASKED;
	repetition_add(repetition, &event, 0);
	strcpy(event.domain, "example.net");
	repetition_add(repetition, &event, 0);
	event.action = ACTION_ALERT;
	repetition_add(repetition, &event, 0);
	assert_int_equal(told.count, 6);
	/* Whatever stands behind the end of a string is not part of it. */
	event.domain[200] = 'x';
	repetition_add(repetition, &event, 0);
	assert_int_equal(told.count, 6);
	repetition_free(repetition);
}

static void two_things_that_are_told_of_one_domains_policy_are_no_repetition(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_policy_event();

	(void)state;
	strcpy(event.text, "the entry for example.org ends on 2026-12-31");
	repetition_add(repetition, &event, 5000);
	strcpy(event.text, "the entry for example.org ended on 2026-12-31");
	repetition_add(repetition, &event, 5001);
	assert_int_equal(told.count, 2);
	assert_string_equal(told.last.text, event.text);
	event.reason = REASON_DNS_BOGUS;
	repetition_add(repetition, &event, 5002);
	assert_int_equal(told.count, 3);
	/* The same again is one. */
	repetition_add(repetition, &event, 5003);
	assert_int_equal(told.count, 3);
	/* Of a connection no words are told but those of its reason. */
	event = a_finding();
	repetition_add(repetition, &event, 5004);
	strcpy(event.text, "other words");
	repetition_add(repetition, &event, 5005);
	assert_int_equal(told.count, 4);
	repetition_free(repetition);
}

static void what_is_left_is_summed_up_at_the_end(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		repetition_add(repetition, &event, 0);
	repetition_free(repetition);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.stands_for, 5);
}

static void events_beyond_the_bound_are_counted_and_said_in_the_next_second(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();
	unsigned i;

	(void)state;
	for (i = 0; i < REPETITION_PER_SECOND_MAX + 50; i++) {
		event.client.address.octets[2] = (uint8_t)(i >> 8);
		event.client.address.octets[3] = (uint8_t)i;
		repetition_add(repetition, &event, 10000);
	}
	assert_int_equal(told.count, REPETITION_PER_SECOND_MAX);
	assert_int_equal(repetition_left_out(repetition), 50);
	repetition_tick(repetition, 11000);
	assert_int_equal(told.count, REPETITION_PER_SECOND_MAX + 1);
	assert_int_equal(told.last.kind, EVENT_DEGRADED);
	assert_non_null(strstr(told.last.text, "50 events"));
	repetition_add(repetition, &(struct event){ .kind = EVENT_RECOVERED }, 11001);
	assert_int_equal(told.last.kind, EVENT_RECOVERED);
	repetition_free(repetition);
}

static void a_stranger_who_varies_his_findings_cannot_grow_the_memory_of_them(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();
	uint32_t sent = 0;
	unsigned i, round;

	(void)state;
	for (i = 0; i < REPETITION_KINDS_MAX * 3; i++) {
		memcpy(event.client.address.octets, &i, sizeof(i));
		for (round = 0; round < 2; round++, sent++)
			repetition_add(repetition, &event, i * 100ULL);
	}
	/* Evicted ones were summed up: none is lost. */
	repetition_free(repetition);
	assert_int_equal(told.stands_for, sent);
}

/* Each kind twice, so that the summary of whoever is driven out is told as well. */
static void a_storm_of_kinds_is_told_no_faster_than_the_bound(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding();

	(void)state;
	for (unsigned i = 0; i < REPETITION_KINDS_MAX * 20; i++) {
		memcpy(event.client.address.octets, &i, sizeof(i));
		repetition_add(repetition, &event, 1000 + i / 10);
		repetition_add(repetition, &event, 1000 + i / 10);
	}
	/* Three seconds, each with a word of what was left out. */
	assert_in_range(told.count, 2 * REPETITION_PER_SECOND_MAX,
	                3 * REPETITION_PER_SECOND_MAX + 3);
	repetition_free(repetition);
}

static void a_storm_about_one_client_hides_neither_anothers_nor_our_own(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = a_finding(), other = a_finding();

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(event.domain, sizeof(event.domain), "d%u.example", i);
		repetition_add(repetition, &event, 1000);
	}
	assert_int_equal(told.count, REPETITION_PER_SECOND_MAX / 2);
	assert_true(address_parse(&other.client.address, "192.0.2.99"));
	strcpy(other.domain, "bank.example");
	repetition_add(repetition, &other, 1000);
	assert_string_equal(told.last.domain, "bank.example");
	repetition_add(repetition, &(struct event){ .kind = EVENT_CHILD_DIED, .count = 1 }, 1000);
	assert_int_equal(told.last.kind, EVENT_CHILD_DIED);
	repetition_tick(repetition, 2000);
	assert_int_equal(told.last.kind, EVENT_DEGRADED);
	assert_non_null(strstr(told.last.text, "4900 events"));
	repetition_free(repetition);
}

static void a_death_is_told_each_time(void **state)
{
	struct told told = { 0 };
	struct repetition *repetition = repetition_new(secret, on_tell, &told);
	struct event event = { .kind = EVENT_CHILD_DIED, .count = 1 };

	(void)state;
	repetition_add(repetition, &event, 0);
	repetition_add(repetition, &event, 0);
	assert_int_equal(told.count, 2);
	repetition_free(repetition);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_told_at_once_and_those_after_it_once_a_window),
		cmocka_unit_test(
			a_finding_that_goes_on_is_told_once_a_window_and_a_rested_one_anew),
		cmocka_unit_test(only_the_same_finding_is_a_repetition),
		cmocka_unit_test(two_things_that_are_told_of_one_domains_policy_are_no_repetition),
		cmocka_unit_test(what_is_left_is_summed_up_at_the_end),
		cmocka_unit_test(events_beyond_the_bound_are_counted_and_said_in_the_next_second),
		cmocka_unit_test(a_stranger_who_varies_his_findings_cannot_grow_the_memory_of_them),
		cmocka_unit_test(a_storm_of_kinds_is_told_no_faster_than_the_bound),
		cmocka_unit_test(a_storm_about_one_client_hides_neither_anothers_nor_our_own),
		cmocka_unit_test(a_death_is_told_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

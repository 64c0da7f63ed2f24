/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

enum { FORGOTTEN_MS = 16 * 60 * 1000, PERIOD_MS = 10 * 60 * 1000 };

/* The last event of that kind about routes; NULL: none. */
static const struct event *told(const struct simulation *simulation, enum event_kind kind)
{
	const struct event *last = NULL;

	for (size_t i = 0; i < simulation->event_count; i++) {
		const struct event *event = &simulation->events[i];

		if (event->kind == kind && strcmp(event->subject, "routes") == 0)
			last = event;
	}
	return last;
}

static size_t count_told(const struct simulation *simulation)
{
	size_t count = 0;

	for (size_t i = 0; i < simulation->event_count; i++)
		count += strcmp(simulation->events[i].subject, "routes") == 0;
	return count;
}

/* What the server says is not seen. */
static struct simulation *without_answers(void)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	const struct simulation_forgery syn = {
		.is_client = true, .is_inside = true, .flags = TCP_SYN, .from = -1
	};

	(void)simulation_forge(simulation, &syn);
	(void)simulation_client(simulation, "EHLO client.example\r\n");
	return simulation;
}

static void answers_that_take_another_way_are_told(void **state)
{
	struct simulation *simulation = without_answers();
	const struct event *event;

	(void)state;
	simulation_pass_time(simulation, 1000);
	event = told(simulation, EVENT_DEGRADED);
	assert_non_null(event);
	assert_non_null(strstr(event->text, "the server's answers do not come by"));
	assert_non_null(strstr(event->text, "to 198.51.100.25"));
	simulation_free(simulation);
}

static void clients_that_take_another_way_are_told(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	const struct event *event;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		(void)simulation_forge(simulation,
		                       &(struct simulation_forgery){ .is_lost = true,
		                                                     .flags = TCP_ACK,
		                                                     .from = 8 * i,
		                                                     .ack = 6 * i,
		                                                     .text = "250 ok\r\n" });
	simulation_pass_time(simulation, 1000);
	event = told(simulation, EVENT_DEGRADED);
	assert_non_null(event);
	assert_non_null(strstr(event->text, "the client's words do not come by"));
	simulation_free(simulation);
}

static void it_is_told_once_in_a_while_and_when_it_is_over(void **state)
{
	struct simulation *simulation = without_answers();

	(void)state;
	(void)simulation_client(simulation, "NOOP\r\n");
	simulation_pass_time(simulation, PERIOD_MS / 2);
	assert_int_equal(count_told(simulation), 1);
	simulation_pass_time(simulation, 2 * PERIOD_MS);
	assert_int_equal(count_told(simulation), 2);
	assert_non_null(told(simulation, EVENT_RECOVERED));
	simulation_pass_time(simulation, 2 * PERIOD_MS);
	assert_int_equal(count_told(simulation), 2);
	simulation_free(simulation);
}

static void of_a_connection_that_comes_by_nothing_is_told(void **state)
{
	static const enum simulation_cut cuts[] = { CUT_NONE, CUT_EVERY_OCTET, CUT_HOSTILE };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct simulation *simulation = simulation_new(4, cuts[i], i + 1);

		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		/* It began before us, and its server speaks first. */
		simulation_pass_time(simulation, FORGOTTEN_MS);
		assert_true(simulation_server(simulation, "250-mx1.example.org\r\n250 HELP\r\n"));
		assert_true(simulation_client(simulation, "NOOP\r\n"));
		assert_true(simulation_server(simulation, "250 ok\r\n"));
		simulation_pass_time(simulation, PERIOD_MS);
		assert_int_equal(count_told(simulation), 0);
		simulation_free(simulation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_take_another_way_are_told),
		cmocka_unit_test(clients_that_take_another_way_are_told),
		cmocka_unit_test(it_is_told_once_in_a_while_and_when_it_is_over),
		cmocka_unit_test(of_a_connection_that_comes_by_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

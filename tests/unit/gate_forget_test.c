/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/simulation.h"

/* Whether mail to example.org in clear text passes. */
static bool mail(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 mx.example.net\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx.example.net\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	return simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n");
}

/* Whether it still does when the domain has promised TLS meanwhile. */
static bool passes_after(const char *forgotten)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);
	bool passes;

	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);
	assert_true(simulation_open(simulation));
	assert_true(mail(simulation));
	simulation->answer_count = 0;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	if (forgotten)
		gate_forget(simulation->gate, forgotten);
	assert_true(simulation_reopen(simulation));
	passes = mail(simulation);
	simulation_free(simulation);
	return passes;
}

static void a_name_that_is_forgotten_is_asked_for_again(void **state)
{
	(void)state;
	assert_true(passes_after(NULL));
	assert_true(passes_after("example.net"));
	assert_false(passes_after("example.org"));
}

static void without_a_name_all_are_forgotten(void **state)
{
	(void)state;
	assert_false(passes_after(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_is_forgotten_is_asked_for_again),
		cmocka_unit_test(without_a_name_all_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

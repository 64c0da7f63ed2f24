/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"

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

/* Files of the operator's change, mail is met on another day: that must not help who leads mail astray. */
static void what_was_heard_is_forgotten_by_the_operator_alone(void **state)
{
	for (int is_reloaded = 0; is_reloaded < 2; is_reloaded++) {
		struct simulation *simulation = start();

		(void)state;
		move_away(promise(simulation, "bank.example", "mx.bank.example", PROMISE_KEY));
		hear(simulation, "bank.example", "mx.evil.example", false);
		gate_forget(simulation->gate, "");
		if (is_reloaded)
			gate_configure(simulation->gate, &simulation->config);
		assert_int_equal(speak_tls(simulation), is_reloaded);
		simulation_free(simulation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_is_forgotten_is_asked_for_again),
		cmocka_unit_test(without_a_name_all_are_forgotten),
		cmocka_unit_test(what_was_heard_is_forgotten_by_the_operator_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

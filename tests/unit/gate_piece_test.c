/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"

/* A recipient's line that stays incomplete: nobody knows yet for whom it is. */

static void begin(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
}

/* A stranger's domain, by whose promise nothing may be said here in clear. */
static void bring_stranger_up(struct simulation *simulation)
{
	push(simulation,
	     promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY));
	hear(simulation, "stranger.example", "mx.stranger.example", false);
}

static void a_line_in_single_octets_is_decided_within_seconds(void **state)
{
	struct simulation *simulation = simulation_new(6, CUT_EVERY_OCTET, 1);

	(void)state;
	/* The host's own words lead nowhere: only the recipient's domain, which a client was led here for, names this address. */
	assert_true(simulation_open(simulation));
	push(simulation, promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	hear(simulation, "example.org", "mx1.example.org", false);
	begin(simulation);
	assert_false(simulation_client(simulation, "RCPT TO:<"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_true(simulation->client.got_fin);
	assert_false(simulation_got(&simulation->server, "RCPT TO:"));
	simulation_free(simulation);
}

static void a_strangers_domain_stops_no_piece_of_a_recipient_of_somebody_else(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	push(simulation, promise(simulation, "big.example", "mx.big.example", PROMISE_NONE));
	hear(simulation, "big.example", "mx.big.example", false);
	bring_stranger_up(simulation);
	begin(simulation);
	assert_true(simulation_client(simulation, "RCPT TO:<b"));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_string_equal(simulation_finding(simulation)->domain, "stranger.example");
	assert_true(simulation_client(simulation, "ob@big.example>\r\n"));
	simulation_free(simulation);
}

static void a_strangers_domain_that_nobody_was_led_here_for_stops_no_piece_either(void **state)
{
	struct simulation *simulation = start();
	struct destination *stranger =
		promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY);

	(void)state;
	/* Neither as domain, nor as host by a name that this server does not give itself. */
	push(simulation, stranger);
	push(simulation, stranger + 1);
	begin(simulation);
	assert_true(simulation_client(simulation, "RCPT TO:<b"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void a_piece_is_decided_by_the_strongest_promise_of_those_that_are_known(void **state)
{
	struct simulation *simulation = start();
	struct destination *known =
		promise(simulation, "known.example", "mx.known.example", PROMISE_KEY);

	(void)state;
	known->is_established = true;
	push(simulation, known);
	/* That another's mail may go there, too, takes nothing from it. */
	push(simulation, promise(simulation, "big.example", "mx.big.example", PROMISE_NONE));
	hear(simulation, "big.example", "mx.big.example", false);
	begin(simulation);
	assert_false(simulation_client(simulation, "RCPT TO:<b"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_string_equal(simulation_finding(simulation)->domain, "known.example");
	assert_false(simulation_got(&simulation->server, "RCPT TO:"));
	simulation_free(simulation);
}

/* Who moved to a large provider, and forgot to say so in his policy, stops nobody else's mail. */
static void a_known_domain_that_denies_the_host_stops_no_piece_of_somebody_elses(void **state)
{
	struct simulation *simulation = start();
	struct destination *moved =
		promise(simulation, "moved.example", "mx.big.example", PROMISE_KEY);

	(void)state;
	moved->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_LIST };
	moved->hosts[0].promise = moved->promise;
	moved->hosts[0].is_excluded = true;
	moved->is_established = true;
	push(simulation, moved);
	push(simulation, promise(simulation, "big.example", "mx.big.example", PROMISE_NONE));
	hear(simulation, "big.example", "mx.big.example", false);
	begin(simulation);
	assert_true(simulation_client(simulation, "RCPT TO:<b"));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_in_single_octets_is_decided_within_seconds),
		cmocka_unit_test(a_strangers_domain_stops_no_piece_of_a_recipient_of_somebody_else),
		cmocka_unit_test(
			a_strangers_domain_that_nobody_was_led_here_for_stops_no_piece_either),
		cmocka_unit_test(
			a_piece_is_decided_by_the_strongest_promise_of_those_that_are_known),
		cmocka_unit_test(
			a_known_domain_that_denies_the_host_stops_no_piece_of_somebody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

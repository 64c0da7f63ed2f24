/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hellos.h"
#include "support/simulation.h"

static const char offering[] = "250-mx1.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";
static const char stripped[] = "250-mx1.example.org\r\n250 SIZE 1000\r\n";
static const char client_hello[] = SMALL_CLIENT_HELLO;
static const char server_hello[] = SMALL_SERVER_HELLO;
static const char client_data[] = "\x17\x03\x03\x00\x18sealed-by-the-handshake.";

static struct simulation *start(enum promise_state state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	if (state != PROMISE_UNKNOWN)
		simulation_promise(simulation, "example.org", "mx1.example.org", state);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	return simulation;
}

static void assert_refused(struct simulation *simulation, enum reason reason)
{
	const struct event *finding = simulation_last_finding(simulation);

	assert_non_null(finding);
	assert_string_equal(reason_name(finding->reason), reason_name(reason));
	assert_int_equal(finding->action,
	                 reason == REASON_UNDECIDED || reason == REASON_POLICY_UNAVAILABLE
	                         ? ACTION_DEFER
	                         : ACTION_BLOCK);
	assert_true(simulation_got(&simulation->client, "421 4.7."));
	assert_true(simulation_got(&simulation->client, reason_name(reason)));
	assert_true(simulation->client.got_fin);
	assert_true(simulation->server.got_reset);
	assert_false(simulation_got(&simulation->server, "RCPT TO:"));
	assert_false(simulation_got(&simulation->server, "bob"));
}

static void a_stripped_offer_is_refused_before_the_recipient_leaves(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, stripped));
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_refused(simulation, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void mail_to_an_unpromised_domain_passes_untouched(void **state)
{
	struct simulation *simulation = start(PROMISE_NONE);

	(void)state;
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "DATA\r\n"));
	assert_true(simulation_server(simulation, "354 go\r\n"));
	assert_true(simulation_client(simulation, "Subject: x\r\n\r\nbody\r\n.\r\n"));
	assert_true(simulation_server(simulation, "250 queued\r\n"));
	assert_true(simulation_client(simulation, "QUIT\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void a_recipient_that_only_a_tolerant_server_reads_is_judged_by_its_likely_domain(
	void **state)
{
	static const char *const lines[] = {
		"RCPT TO:<bob smith@example.org>\r\n",
		"RCPT TO:<bob;x@example.org>\r\n",
		"RCPT TO:<bob,@example.org>\r\n",
		"RCPT TO:<\"bob@example.org>\r\n",
		"RCPT TO:<bob@example.org\r\n",
		"RCPT TO:<bob@example.org(home)>\r\n",
		"RCPT TO:<bob@example.org>NOTIFY=NEVER\r\n",
		"RCPT TO:<bob b@example.org> ORCPT=rfc822;bob@example.com\r\n",
		"RCPT TO:Bob <bob@example.org>\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, "250 nobody\r\n"));
		assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"));
		assert_true(simulation_server(simulation, "250 ok\r\n"));
		assert_false(simulation_client(simulation, lines[i]));
		assert_refused(simulation, REASON_STARTTLS_STRIPPED);
		assert_string_equal(simulation_finding(simulation)->domain, "example.org");
		simulation_free(simulation);
	}
}

static void a_second_recipient_at_a_promised_domain_is_refused(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	simulation_promise(simulation, "example.net", "mx1.example.net", PROMISE_NONE);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 host.invalid ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 host.invalid\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_string_equal(simulation_finding(simulation)->domain, "example.org");
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_held_recipient_passes_when_the_answer_comes(void **state)
{
	struct simulation *simulation = start(PROMISE_NONE);

	(void)state;
	simulation->is_answering = false;
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "RCPT TO:"));
	assert_int_equal(simulation->held_count, 1);
	simulation->is_answering = true;
	simulation_pass_time(simulation, GATE_TICK_MS);
	assert_true(simulation_got(&simulation->server, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation->held_count, 0);
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void a_recipient_without_answer_is_deferred_after_hold_seconds(void **state)
{
	struct simulation *simulation = start(PROMISE_UNKNOWN);

	(void)state;
	simulation->is_answering = false;
	assert_true(simulation_server(simulation, stripped));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_pass_time(simulation, simulation->config.hold_ms);
	assert_refused(simulation, REASON_UNDECIDED);
	simulation_free(simulation);
}

static void an_incomplete_recipient_is_decided_by_the_address(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, stripped));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\nRCPT TO:<bo"));
	assert_refused(simulation, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void the_rest_of_a_recipient_is_judged_by_its_domain_when_the_address_told_nothing(
	void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<b"));
	assert_false(simulation_client(simulation, "ob@example.org>\r\nDATA\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_false(simulation_got(&simulation->server, "ob@"));
	simulation_free(simulation);
}

static void a_failing_lookup_defers(void **state)
{
	struct simulation *simulation = start(PROMISE_UNAVAILABLE);

	(void)state;
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_refused(simulation, REASON_POLICY_UNAVAILABLE);
	simulation_free(simulation);
}

static void tls_to_a_promised_host_passes_and_leaves_to_the_kernel(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	assert_true(
		simulation_say(simulation, true, bytes_of(client_hello, sizeof(client_hello) - 1)));
	assert_true(simulation_say(simulation, false,
	                           bytes_of(server_hello, sizeof(server_hello) - 1)));
	assert_int_equal(simulation->offloaded_count, 0);
	assert_true(
		simulation_say(simulation, true, bytes_of(client_data, sizeof(client_data) - 1)));
	assert_true(simulation->offloaded_count > 0);
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void break_the_handshake(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	assert_true(
		simulation_say(simulation, true, bytes_of(client_hello, sizeof(client_hello) - 1)));
	assert_true(simulation_end(simulation, false, true));
	assert_int_equal(simulation->broken_count, 1);
}

static void clear_text_after_a_broken_handshake_is_sabotage(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	break_the_handshake(simulation);
	simulation_pass_time(simulation, 5000);
	assert_true(simulation_reopen(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, offering));
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_refused(simulation, REASON_TLS_SABOTAGED);
	assert_non_null(strstr(simulation_last_finding(simulation)->cause, "reset of the server"));
	/* The broken handshake itself was told, under the same id. */
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_string_equal(simulation_finding(simulation)->id,
	                    simulation_last_finding(simulation)->id);
	simulation_free(simulation);
}

static void clear_text_after_a_starttls_that_led_nowhere_is_sabotage(void **state)
{
	static const char *const replies[] = { "200 ok\r\n", "454 not now\r\n", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct simulation *simulation = start(PROMISE_KEY);

		assert_true(simulation_server(simulation, offering));
		assert_true(simulation_client(simulation, "STARTTLS\r\n"));
		if (replies[i][0])
			assert_true(simulation_server(simulation, replies[i]));
		assert_true(simulation_end(simulation, true, false));
		simulation_pass_time(simulation, 5000);
		assert_true(simulation_reopen(simulation));
		assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, offering));
		assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
		assert_refused(simulation, REASON_TLS_SABOTAGED);
		simulation_free(simulation);
	}
}

static void clear_text_after_an_injection_is_sabotage(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	(void)simulation_server(simulation, "220 go\r\n250 injected\r\n");
	simulation_pass_time(simulation, 5000);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_INJECTED);
	assert_true(simulation_reopen(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, offering));
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_TLS_SABOTAGED);
	assert_string_equal(simulation_finding(simulation)->id,
	                    simulation_last_finding(simulation)->id);
	simulation_free(simulation);
}

static void a_refused_client_that_sends_on_gets_silence_until_it_took_our_fin(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, stripped));
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation->client.got_fin);
	assert_false(simulation->client.got_reset);
	simulation_free(simulation);
}

static void replies_injected_behind_the_220_never_reach_the_client(void **state)
{
	struct simulation *simulation = start(PROMISE_KEY);

	(void)state;
	assert_true(simulation_server(simulation, offering));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_false(simulation_server(simulation, "220 go\r\n250 injected\r\n"));
	assert_false(simulation_got(&simulation->client, "injected\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_INJECTED);
	simulation_free(simulation);
}

static void monitor_lets_pass_and_tells(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_HOSTILE, 7);

	(void)state;
	simulation->config.stance.mode = MODE_MONITOR;
	simulation->config.stance.default_level = LEVEL_ENCRYPT;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, stripped));
	simulation->is_answering = false;
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_true(simulation_got(&simulation->server, "bob@example.org"));
	(void)simulation_end(simulation, true, false);
	(void)simulation_end(simulation, false, false);
	simulation->is_answering = true;
	simulation_pass_time(simulation, 100);
	/* Once, though the connection ended before the answer came. */
	assert_int_equal(simulation->event_count, 1);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_int_equal(simulation_finding(simulation)->would, ACTION_BLOCK);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

/* A body of that many octets in flight, none of it acknowledged before the last was sent; then the next transaction. */
static void say_large_letter(struct simulation *simulation, const char *line, size_t len)
{
	uint8_t *letter = malloc(len + 3);

	for (size_t i = 0; i < len; i++)
		letter[i] = (uint8_t)line[i % strlen(line)];
	memcpy(letter + len - 2, "\r\n.\r\n", 5);
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "DATA\r\n"));
	assert_true(simulation_server(simulation, "354 go\r\n"));
	assert_true(simulation_say(simulation, true, bytes_of(letter, len + 3)));
	assert_true(simulation_server(simulation, "250 queued\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	free(letter);
}

static void what_follows_a_large_letter_in_flight_is_judged(void **state)
{
	static const struct {
		enum guard_mode mode;
		const char *line;
		size_t len;
	} cases[] = {
		{ MODE_MONITOR, "a line of a letter\r\n", 240 * 1000 },
		{ MODE_ENFORCE, "a line of a letter\r\n", 240 * 1000 },
		/* More dots than are remembered: the last segments wait until the first are acknowledged. */
		{ MODE_MONITOR, "...............", 120 * 1000 },
		{ MODE_ENFORCE, "...............", 120 * 1000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

		simulation->config.stance.mode = cases[i].mode;
		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		simulation_promise(simulation, "example.net", "mx1.example.net", PROMISE_NONE);
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 host.invalid ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, "250 host.invalid\r\n"));
		say_large_letter(simulation, cases[i].line, cases[i].len);
		assert_null(simulation_finding(simulation));
		assert_int_equal(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"),
		                 cases[i].mode == MODE_MONITOR);
		assert_non_null(simulation_finding(simulation));
		assert_string_equal(simulation_finding(simulation)->domain, "example.org");
		simulation_free(simulation);
	}
}

static void cuts_and_disorder_change_no_verdict(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct simulation *simulation = simulation_new(seed % 2 ? 4 : 6, CUT_HOSTILE, seed);

		simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
		assert_true(simulation_open(simulation));
		assert_true(simulation_server(simulation, "220 host.invalid ESMTP\r\n"));
		assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
		assert_true(simulation_server(simulation, "250-host.invalid\r\n250 XXXXXXXA\r\n"));
		assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
		assert_true(simulation_server(simulation, "250 ok\r\n"));
		assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
		assert_refused(simulation, REASON_STARTTLS_MASKED);
		simulation_free(simulation);
	}
}

static void a_connection_that_began_before_us_is_judged(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 3);

	(void)state;
	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "bob"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_TLS_NOT_USED);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stripped_offer_is_refused_before_the_recipient_leaves),
		cmocka_unit_test(mail_to_an_unpromised_domain_passes_untouched),
		cmocka_unit_test(
			a_recipient_that_only_a_tolerant_server_reads_is_judged_by_its_likely_domain),
		cmocka_unit_test(a_second_recipient_at_a_promised_domain_is_refused),
		cmocka_unit_test(a_held_recipient_passes_when_the_answer_comes),
		cmocka_unit_test(a_recipient_without_answer_is_deferred_after_hold_seconds),
		cmocka_unit_test(an_incomplete_recipient_is_decided_by_the_address),
		cmocka_unit_test(
			the_rest_of_a_recipient_is_judged_by_its_domain_when_the_address_told_nothing),
		cmocka_unit_test(a_failing_lookup_defers),
		cmocka_unit_test(tls_to_a_promised_host_passes_and_leaves_to_the_kernel),
		cmocka_unit_test(clear_text_after_a_broken_handshake_is_sabotage),
		cmocka_unit_test(clear_text_after_a_starttls_that_led_nowhere_is_sabotage),
		cmocka_unit_test(clear_text_after_an_injection_is_sabotage),
		cmocka_unit_test(a_refused_client_that_sends_on_gets_silence_until_it_took_our_fin),
		cmocka_unit_test(replies_injected_behind_the_220_never_reach_the_client),
		cmocka_unit_test(monitor_lets_pass_and_tells),
		cmocka_unit_test(what_follows_a_large_letter_in_flight_is_judged),
		cmocka_unit_test(cuts_and_disorder_change_no_verdict),
		cmocka_unit_test(a_connection_that_began_before_us_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

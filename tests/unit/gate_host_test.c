/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"

/* Smart hosts, hosts known by their address, policies asked for afresh, and what memory is told. */

static void a_smart_host_is_the_hop_of_all_that_goes_there(void **state)
{
	struct simulation *simulation = start();
	struct destination relay =
		*promise(simulation, "relay.example", "relay.example", PROMISE_TLS);

	(void)state;
	relay.mx_state = MX_HOST;
	relay.is_next_hop = true;
	push(simulation, &relay);
	/* The recipient's own domain promises nothing, and has its servers elsewhere. */
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE));
	assert_true(simulation_server(simulation, "220 relay.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 relay.example\r\n"));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_string_equal(simulation_finding(simulation)->mx, "relay.example");
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

/* Right after a start: whoever stands at the address may be he. */
static void mail_waits_until_the_smart_hosts_are_known(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	struct destination relay, *domain;

	(void)state;
	relay = *promise(simulation, "relay.example", "relay.example", PROMISE_TLS);
	relay.mx_state = MX_HOST;
	relay.is_next_hop = true;
	domain = promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);
	move_away(domain);
	push(simulation, domain);
	simulation->config.next_hop_count = 1;
	strcpy(simulation->config.next_hops[0].name, "relay.example");
	simulation->is_answering = false;
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	assert_null(simulation_finding(simulation));
	/* The recipient's domain promised nothing; the smart host did. */
	push(simulation, &relay);
	simulation_pass_time(simulation, 1000);
	assert_false(simulation_got(&simulation->server, "bob@example.org"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void a_smart_host_is_no_wrong_place_for_a_signed_domain(void **state)
{
	struct simulation *simulation = start();
	struct destination relay =
		*promise(simulation, "relay.example", "relay.example", PROMISE_NONE);

	(void)state;
	relay.mx_state = MX_HOST;
	relay.is_next_hop = true;
	push(simulation, &relay);
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	assert_true(simulation_server(simulation, "220 relay.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 relay.example\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                          "RCPT TO:<bob@example.org>\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* The reverse zone of the server's address calls it that. */
static void name_host(struct simulation *simulation, const char *host)
{
	hear(simulation, "", host, false);
}

/* A password goes to whoever stands there, whatever he calls himself: what was looked up for the address before counts. */
static void a_password_waits_for_tls_where_the_host_of_the_address_promised_it(void **state)
{
	struct simulation *simulation = start();
	struct destination host =
		*promise(simulation, "submit.example", "submit.example", PROMISE_KEY);

	(void)state;
	host.mx_state = MX_HOST;
	push(simulation, &host);
	name_host(simulation, "submit.example");
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-nobody\r\n250 AUTH PLAIN\r\n"));
	assert_false(simulation_client(simulation, "AUTH PLAIN AGEAYg==\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_false(simulation_got(&simulation->server, "AGEAYg=="));
	simulation_free(simulation);
}

/* Any stranger may have his domain's mail server there: he does not stop what is said to the host. */
/* He signs an address record for somebody else's server, and has us look it up. */
static void a_strangers_host_does_not_stop_what_is_said_at_that_address(void **state)
{
	struct simulation *simulation = start();
	struct destination trap =
		*promise(simulation, "mx.trap.example", "mx.trap.example", PROMISE_KEY);

	(void)state;
	trap.mx_state = MX_HOST;
	push(simulation, &trap);
	promise(simulation, "plain.example", "mx.plain.example", PROMISE_NONE);
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-nobody\r\n250 AUTH PLAIN\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@plain.example>\r\n"));
	assert_true(simulation_client(simulation, "AUTH PLAIN AGEAYg==\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* Whoever forges the unsigned address of a smart host may name a recipient's own server with it. */
static void a_smart_host_at_a_recipients_own_place_takes_no_promise_away(void **state)
{
	struct simulation *simulation = start();
	struct destination relay =
		*promise(simulation, "relay.example", "relay.example", PROMISE_NONE);
	struct destination *bank =
		promise(simulation, "bank.example", "mx.bank.example", PROMISE_KEY);

	(void)state;
	relay.mx_state = MX_HOST;
	relay.is_next_hop = true;
	push(simulation, &relay);
	push(simulation, bank);
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@bank.example>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_string_equal(simulation_finding(simulation)->domain, "bank.example");
	simulation_free(simulation);
}

/* Our own look-ups of the domain are dropped, and the client is led to a host that its policy does not name. */
static void an_excluded_host_is_refused_though_nothing_can_be_looked_up(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "listed.example", "mx.listed.example", PROMISE_NONE);

	(void)state;
	answer->mx_state = MX_UNAVAILABLE;
	answer->mx_security = DNS_FAILED;
	answer->host_count = answer->place_count = 0;
	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_LIST };
	answer->is_established = true;
	hear(simulation, "listed.example", "mx.evil.example", true);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	simulation_free(simulation);
}

static void a_strangers_domain_does_not_stop_a_command_to_the_host(void **state)
{
	struct simulation *simulation = start();
	struct destination stranger =
		*promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY);

	(void)state;
	stranger.promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	push(simulation, &stranger);
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-nobody\r\n250 AUTH PLAIN\r\n"));
	assert_true(simulation_client(simulation, "AUTH PLAIN AGEAYg==\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* Where example.org's policy, known for a minute, promised a key, STARTTLS is not offered. Its answer comes back. */
static struct destination *strip_by_policy(struct simulation *simulation)
{
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	answer->hosts[0].promise = answer->promise;
	/* The host by itself promises nothing: it is asked by name, too. */
	answer[1].hosts[0].promise = (struct promise){ .state = PROMISE_NONE };
	push(simulation, answer);
	simulation_pass_time(simulation, 60 * 1000);
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
	return answer;
}

static void a_policy_is_asked_for_afresh_before_it_blocks(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer = strip_by_policy(simulation);

	(void)state;
	/* By now the domain has withdrawn its policy. */
	memset(&answer->promise, 0, sizeof(answer->promise));
	answer->hosts[0].promise = (struct promise){ .state = PROMISE_NONE };
	assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                          "RCPT TO:<bob@example.org>\r\n"));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* Past the cache means a policy fetched anew: that is for what would be blocked, not for each answer whose time is over. */
static void an_answer_that_has_run_out_is_asked_for_without_a_refresh(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	(void)state;
	push(simulation, answer);
	push(simulation, answer + 1);
	simulation_pass_time(simulation, 601 * 1000);
	hear(simulation, "example.org", "mx1.example.org", false);
	assert_true(simulation_reopen(simulation));
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->refresh_count, 0);
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* What the first look brought, a moment ago, may have come from a cache. */
static void a_policy_that_was_looked_up_just_now_is_asked_for_afresh_as_well(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	(void)state;
	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	answer->hosts[0].promise = answer->promise;
	answer[1].hosts[0].promise = (struct promise){ .state = PROMISE_NONE };
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
	simulation->refresh_count = 0;
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_int_equal(simulation->refresh_count, 1);
	simulation_free(simulation);
}

/* Neither at its MAIL nor at its end. */
static void an_exception_from_the_default_level_is_no_finding(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);

	(void)state;
	simulation->config.stance.default_level = LEVEL_ENCRYPT;
	answer->promise = (struct promise){ .state = PROMISE_NONE, .source = SOURCE_LOCAL };
	answer->hosts[0].promise = answer->promise;
	answer[1].hosts[0].promise = (struct promise){ .state = PROMISE_NONE };
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                          "RCPT TO:<bob@example.org>\r\n"));
	(void)simulation_end(simulation, true, false);
	(void)simulation_end(simulation, false, false);
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void a_policy_that_still_holds_blocks_after_the_second_look(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	(void)strip_by_policy(simulation);
	simulation->asked_count = 0;
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_int_equal(simulation_finding(simulation)->promise.source, SOURCE_MTA_STS);
	simulation_free(simulation);
}

static void what_a_host_showed_is_told_to_memory_once(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);
	hear(simulation, "big.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->sighting_count, 1);
	assert_string_equal(simulation->sighting.host, "mx.big.example");
	assert_string_equal(simulation->sighting.domain, "big.example");
	assert_int_equal(simulation->sighting.met, 1);
	assert_int_equal(simulation->sighting.offers_starttls, 1);
	assert_true(simulation_reopen(simulation));
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->sighting_count, 1);
	simulation_free(simulation);
}

static void that_a_promise_was_met_is_remembered_of_the_one_domain_that_it_can_be(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "plain.example", "mx.big.example", PROMISE_NONE);
	promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);
	hear(simulation, "plain.example", "mx.big.example", false);
	hear(simulation, "big.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->sighting.met, 1);
	assert_string_equal(simulation->sighting.domain, "big.example");
	simulation_free(simulation);
	simulation = start();
	promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);
	promise(simulation, "other.example", "mx.big.example", PROMISE_KEY);
	hear(simulation, "big.example", "mx.big.example", false);
	hear(simulation, "other.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(simulation->sighting.met, 0);
	simulation_free(simulation);
}

static void an_offer_that_memory_knows_and_that_is_gone_is_told(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);

	(void)state;
	text_copy(answer->hosts[0].offered_before, sizeof(answer->hosts[0].offered_before),
	          "2026-01-02 to 2026-11-20");
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 mx1.example.org\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                          "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_REGRESSED);
	assert_int_equal(simulation_finding(simulation)->promise.source, SOURCE_SEEN);
	assert_non_null(strstr(simulation_finding(simulation)->promise.detail, "2026-01-02"));
	simulation_free(simulation);
}

static void decisions_that_waited_are_counted_with_their_time(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	simulation->is_answering = false;
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 STARTTLS\r\n"));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	simulation->is_answering = true;
	simulation_pass_time(simulation, 1000);
	assert_int_equal(gate_counters(simulation->gate)->decisions, 1);
	assert_int_equal(gate_counters(simulation->gate)->decisions_waited, 1);
	assert_true(gate_counters(simulation->gate)->decisions_waited_ms >= 1000);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_smart_host_is_the_hop_of_all_that_goes_there),
		cmocka_unit_test(mail_waits_until_the_smart_hosts_are_known),
		cmocka_unit_test(a_smart_host_is_no_wrong_place_for_a_signed_domain),
		cmocka_unit_test(
			a_password_waits_for_tls_where_the_host_of_the_address_promised_it),
		cmocka_unit_test(a_strangers_host_does_not_stop_what_is_said_at_that_address),
		cmocka_unit_test(a_smart_host_at_a_recipients_own_place_takes_no_promise_away),
		cmocka_unit_test(an_excluded_host_is_refused_though_nothing_can_be_looked_up),
		cmocka_unit_test(a_strangers_domain_does_not_stop_a_command_to_the_host),
		cmocka_unit_test(a_policy_is_asked_for_afresh_before_it_blocks),
		cmocka_unit_test(an_answer_that_has_run_out_is_asked_for_without_a_refresh),
		cmocka_unit_test(an_exception_from_the_default_level_is_no_finding),
		cmocka_unit_test(a_policy_that_was_looked_up_just_now_is_asked_for_afresh_as_well),
		cmocka_unit_test(a_policy_that_still_holds_blocks_after_the_second_look),
		cmocka_unit_test(what_a_host_showed_is_told_to_memory_once),
		cmocka_unit_test(
			that_a_promise_was_met_is_remembered_of_the_one_domain_that_it_can_be),
		cmocka_unit_test(an_offer_that_memory_knows_and_that_is_gone_is_told),
		cmocka_unit_test(decisions_that_waited_are_counted_with_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

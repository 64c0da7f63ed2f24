/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"

/* What strangers' names may do to the knowledge of a guard, and when it asks once more. */

enum { STRANGERS = 40, STRANGE_ADDRESSES = 5000, MANY_DAYS = 40 };

/* True when the recipient passed. */
static bool speak_clear(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	return simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                     "RCPT TO:<bob@example.org>\r\n");
}

/* Led to the server by a forged answer, and known to the operator. */
static void lead_victim_astray(struct simulation *simulation)
{
	struct destination *victim =
		promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY);

	assert_true(address_parse(&victim->places[0].address, "198.51.100.99"));
	victim->is_established = true;
	push(simulation, victim);
	hear_of_standing(simulation, "victim.example", "mx.evil.example", MANY_DAYS);
}

/* Many names for the address at once, which nobody has looked up. */
static void hear_strangers(struct simulation *simulation, uint32_t standing)
{
	char name[DOMAIN_NAME_MAX];

	for (int i = 0; i < STRANGERS; i++) {
		snprintf(name, sizeof(name), "stranger%d.example", i);
		hear_of_standing(simulation, name, "mx.evil.example", standing);
	}
}

static void the_victim_is_still_known(struct simulation *simulation)
{
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	assert_string_equal(simulation_finding(simulation)->domain, "victim.example");
	simulation_free(simulation);
}

static void strangers_names_for_an_address_do_not_drive_out_a_known_domain(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	lead_victim_astray(simulation);
	hear_strangers(simulation, 0);
	the_victim_is_still_known(simulation);
}

/* Another guard asked for it, or nobody yet: what the scout says of it stands with the candidate. */
static void a_known_domain_keeps_its_place_before_this_guard_has_an_answer_for_it(void **state)
{
	struct simulation *simulation = start();
	struct destination *victim =
		promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY);

	(void)state;
	move_away(victim);
	victim->is_established = true;
	hear_of_standing(simulation, "victim.example", "mx.evil.example", MANY_DAYS);
	hear_strangers(simulation, 0);
	the_victim_is_still_known(simulation);
}

/* Who has his own domains settle here first gets as far as his days do. */
static void domains_that_are_known_for_less_drive_out_none_that_is_known_for_longer(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	lead_victim_astray(simulation);
	hear_strangers(simulation, 2);
	hear_strangers(simulation, 0);
	the_victim_is_still_known(simulation);
}

/* Known to have promised nothing: such ones go before one that nobody has looked up. */
static void what_is_not_looked_up_yet_outlives_strangers_that_are(void **state)
{
	struct simulation *simulation = start();
	char name[DOMAIN_NAME_MAX];
	struct destination *victim;

	(void)state;
	victim = promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY);
	move_away(victim);
	push(simulation, promise(simulation, "first.example", "mx.evil.example", PROMISE_NONE));
	hear(simulation, "first.example", "mx.evil.example", false);
	hear(simulation, "victim.example", "mx.evil.example", false);
	for (int i = 0; i < STRANGERS; i++) {
		struct destination stranger = { .mx_state = MX_NXDOMAIN,
			                        .ttl_s = 600,
			                        .mx_security = DNS_SECURE };

		snprintf(name, sizeof(name), "stranger%d.example", i);
		text_copy(stranger.name, sizeof(stranger.name), name);
		push(simulation, &stranger);
		hear(simulation, name, "mx.evil.example", false);
	}
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_string_equal(simulation_finding(simulation)->domain, "victim.example");
	simulation_free(simulation);
}

/* Else they alone decide, and none of them is content. */
static void strangers_that_deny_an_address_do_not_drive_out_the_last_that_does_not(void **state)
{
	struct simulation *simulation = start();
	struct destination stranger =
		*promise(simulation, "stranger.example", "mx.big.example", PROMISE_KEY);
	char name[DOMAIN_NAME_MAX];

	(void)state;
	stranger.promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_LIST };
	stranger.hosts[0].promise = stranger.promise;
	stranger.hosts[0].is_excluded = true;
	push(simulation, promise(simulation, "big.example", "mx.big.example", PROMISE_NONE));
	hear(simulation, "big.example", "mx.big.example", false);
	for (int i = 0; i < STRANGERS; i++) {
		snprintf(name, sizeof(name), "stranger%d.example", i);
		text_copy(stranger.name, sizeof(stranger.name), name);
		/* First heard of, then looked up. */
		hear(simulation, name, "mx.big.example", true);
		push(simulation, &stranger);
	}
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	simulation_free(simulation);
}

static void a_scout_without_its_memory_takes_no_standing_away(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	lead_victim_astray(simulation);
	hear(simulation, "victim.example", "mx.evil.example", false);
	hear_strangers(simulation, 2);
	the_victim_is_still_known(simulation);
}

static void strangers_addresses_do_not_drive_out_a_known_domain(void **state)
{
	struct simulation *simulation = start();
	struct address elsewhere;

	(void)state;
	lead_victim_astray(simulation);
	assert_true(address_parse(&elsewhere, "2001:db8::1"));
	for (int i = 0; i < STRANGE_ADDRESSES; i++) {
		elsewhere.octets[14] = (uint8_t)(i >> 8);
		elsewhere.octets[15] = (uint8_t)i;
		hear_at(simulation, &elsewhere, "stranger.example", "mx.evil.example", false);
	}
	the_victim_is_still_known(simulation);
}

static void a_note_that_is_over_goes_before_one_that_counts(void **state)
{
	struct simulation *simulation = start();
	struct message_candidate over = { .type = MESSAGE_CANDIDATE, .domain = "over.example" };

	(void)state;
	over.server = simulation->server_endpoint.address;
	lead_victim_astray(simulation);
	for (int i = 0; i < STRANGERS; i++) {
		over.host[0] = (char)('A' + i);
		gate_candidate(simulation->gate, &over, simulation->now_ms);
	}
	the_victim_is_still_known(simulation);
}

static void a_stranger_whose_look_up_has_no_end_stops_no_mail_in_tls(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	simulation->is_answering = false;
	hear(simulation, "stranger.example", "mx.big.example", false);
	assert_false(speak_tls(simulation));
	simulation_pass_time(simulation, 25 * 1000);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_UNDECIDED);
	assert_true(simulation_got(&simulation->server, "sealed-by-the-handshake."));
	simulation_free(simulation);
}

static void a_host_that_the_policy_excludes_may_share_the_address_of_one_that_it_names(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	(void)state;
	answer->mx_security = DNS_INSECURE;
	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	answer->hosts[0].promise = answer->promise;
	hear(simulation, "example.org", "old.example.org", true);
	assert_true(speak_tls(simulation));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* The scout may have answered at once, by what it knew for long. */
static void a_policy_that_was_first_heard_of_just_now_is_asked_for_afresh_too(void **state)
{
	struct simulation *simulation = start();
	struct destination answer =
		*promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);

	(void)state;
	simulation->is_answering = false;
	assert_false(speak_clear(simulation));
	simulation->asked_count = 0;
	answer.promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	answer.hosts[0].promise = answer.promise;
	push(simulation, &answer);
	assert_null(simulation_finding(simulation));
	assert_int_equal(simulation->asked_count, 1);
	assert_true(simulation->is_asked_afresh[0]);
	/* An answer to somebody else's question is none to this one. */
	push(simulation, &answer);
	assert_null(simulation_finding(simulation));
	answer.is_afresh = true;
	push(simulation, &answer);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void an_answer_that_is_over_is_asked_for_as_any_other(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	push(simulation, promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE));
	simulation_pass_time(simulation, 601 * 1000);
	assert_true(simulation_reopen(simulation));
	simulation->is_answering = false;
	simulation->asked_count = 0;
	assert_false(speak_clear(simulation));
	assert_true(simulation->asked_count > 0);
	for (size_t i = 0; i < simulation->asked_count; i++)
		assert_false(simulation->is_asked_afresh[i]);
	simulation_free(simulation);
}

static void a_promise_that_could_not_be_looked_up_was_not_met(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "big.example", "mx.big.example", PROMISE_UNAVAILABLE);
	hear(simulation, "big.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(simulation->sighting.met, 0);
	simulation_free(simulation);
}

static void a_domain_that_is_only_watched_is_not_held_up_by_a_failing_look_up(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_NONE);

	(void)state;
	answer->mx_state = MX_UNAVAILABLE;
	answer->host_count = answer->place_count = 0;
	answer->promise.only_alerts = true;
	assert_true(speak_clear(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_POLICY_UNAVAILABLE);
	simulation_free(simulation);
}

static void a_guard_cares_for_the_domains_that_bind_alone(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	assert_false(gate_cares_for(simulation->gate, "victim.example"));
	lead_victim_astray(simulation);
	push(simulation,
	     promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY));
	assert_true(gate_cares_for(simulation->gate, "victim.example"));
	assert_false(gate_cares_for(simulation->gate, "stranger.example"));
	assert_false(gate_cares_for(simulation->gate, "mx.victim.example"));
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_names_for_an_address_do_not_drive_out_a_known_domain),
		cmocka_unit_test(
			a_known_domain_keeps_its_place_before_this_guard_has_an_answer_for_it),
		cmocka_unit_test(
			domains_that_are_known_for_less_drive_out_none_that_is_known_for_longer),
		cmocka_unit_test(what_is_not_looked_up_yet_outlives_strangers_that_are),
		cmocka_unit_test(
			strangers_that_deny_an_address_do_not_drive_out_the_last_that_does_not),
		cmocka_unit_test(a_scout_without_its_memory_takes_no_standing_away),
		cmocka_unit_test(strangers_addresses_do_not_drive_out_a_known_domain),
		cmocka_unit_test(a_guard_cares_for_the_domains_that_bind_alone),
		cmocka_unit_test(a_note_that_is_over_goes_before_one_that_counts),
		cmocka_unit_test(a_stranger_whose_look_up_has_no_end_stops_no_mail_in_tls),
		cmocka_unit_test(
			a_host_that_the_policy_excludes_may_share_the_address_of_one_that_it_names),
		cmocka_unit_test(a_policy_that_was_first_heard_of_just_now_is_asked_for_afresh_too),
		cmocka_unit_test(an_answer_that_is_over_is_asked_for_as_any_other),
		cmocka_unit_test(a_promise_that_could_not_be_looked_up_was_not_met),
		cmocka_unit_test(a_domain_that_is_only_watched_is_not_held_up_by_a_failing_look_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

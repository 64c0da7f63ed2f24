/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"
#include "policy/merge.h"

/* Whose hop it is: what a guard makes of names that the DNS, the operator and the server brought up. */

static void tls_to_where_a_forged_answer_led_is_refused(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	hear(simulation, "example.org", "mx.evil.example", false);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	assert_int_equal(simulation_finding(simulation)->place, PLACE_UNRELATED);
	assert_string_equal(simulation_finding(simulation)->domain, "example.org");
	assert_true(simulation->client.got_reset);
	simulation_free(simulation);
}

static void another_address_of_the_right_host_is_no_forgery(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	hear(simulation, "example.org", "mx1.example.org", false);
	assert_true(speak_tls(simulation));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

/* It stands in the policy's place there; a name that a pattern of the policy allows is still none that the domain signed. */
static void a_policy_beside_dane_makes_no_other_host_of_a_signed_domain_good(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	(void)state;
	move_away(answer);
	answer->mx_security = DNS_SECURE;
	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	hear(simulation, "example.org", "mx9.example.org", false);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	assert_int_equal(simulation_finding(simulation)->promise.source, SOURCE_DANE);
	simulation_free(simulation);
}

/* The answers to us, too, may be the attacker's: then nothing validates. */
static void where_our_look_up_fails_only_a_named_domain_waits_in_tls(void **state)
{
	static const struct {
		uint32_t standing;
		enum action action;
	} cases[] = {
		{ 0, ACTION_ALERT },
		{ MERGE_STANDING_DAYS, ACTION_ALERT },
		{ MERGE_STANDING_NAMED, ACTION_DEFER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *simulation = start();

		promise(simulation, "example.org", "mx1.example.org", PROMISE_UNAVAILABLE)
			->mx_state = MX_UNAVAILABLE;
		hear_of_standing(simulation, "example.org", "mx.evil.example", cases[i].standing);
		assert_int_equal(speak_tls(simulation), cases[i].action == ACTION_ALERT);
		assert_int_equal(simulation_finding(simulation)->action, cases[i].action);
		assert_int_equal(simulation_finding(simulation)->reason, REASON_POLICY_UNAVAILABLE);
		assert_string_equal(simulation_finding(simulation)->domain, "example.org");
		simulation_free(simulation);
	}
}

static void another_host_of_an_unsigned_domain_is_told_not_refused(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	(void)state;
	move_away(answer);
	answer->mx_security = DNS_INSECURE;
	hear(simulation, "example.org", "mx9.example.org", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	simulation_free(simulation);
}

/* Of a signed domain; what is known of the host to which the client was led is another answer. */
static bool passes_to_other_host(const char *host, const char *place, enum promise_state state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	struct destination *other = promise(simulation, "unused.example", host, state);
	bool passes;

	move_away(answer);
	answer->mx_security = DNS_SECURE;
	answer->is_established = true;
	assert_true(address_parse(&simulation->server_endpoint.address, "198.51.100.25"));
	assert_true(address_parse(&other[1].places[0].address, place));
	hear(simulation, "example.org", host, false);
	passes = speak_tls(simulation);
	if (passes)
		assert_string_equal(simulation->events[simulation->event_count - 1].mx, host);
	else
		assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	simulation_free(simulation);
	return passes;
}

static void another_host_of_a_signed_domain_counts_where_its_zone_has_keys_for_it(void **state)
{
	(void)state;
	assert_true(passes_to_other_host("mx9.example.org", "198.51.100.25", PROMISE_KEY));
	assert_true(passes_to_other_host("example.org", "198.51.100.25", PROMISE_KEY));
	/* Not by a host without keys, at another place, or of another's. */
	assert_false(passes_to_other_host("mx9.example.org", "198.51.100.25", PROMISE_NONE));
	assert_false(passes_to_other_host("mx9.example.org", "198.51.100.25", PROMISE_TLS));
	assert_false(passes_to_other_host("mx9.example.org", "198.51.100.99", PROMISE_KEY));
	assert_false(passes_to_other_host("mx9.evil.example", "198.51.100.25", PROMISE_KEY));
	assert_false(passes_to_other_host("mx9.evilexample.org", "198.51.100.25", PROMISE_KEY));
}

static void a_host_that_the_policy_excludes_is_refused_though_its_own_key_is_promised(void **state)
{
	struct simulation *simulation = start();
	struct destination *answer =
		promise(simulation, "example.org", "mx.evil.example", PROMISE_KEY);

	(void)state;
	answer->mx_security = DNS_INSECURE;
	answer->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	answer->hosts[0].promise = answer->promise;
	answer->hosts[0].is_excluded = true;
	hear(simulation, "example.org", "mx.evil.example", true);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->promise.source, SOURCE_MTA_STS);
	assert_int_equal(simulation_finding(simulation)->place, PLACE_EXCLUDED);
	simulation_free(simulation);
}

/* S is a stranger's, who answers our clients otherwise than us. */
static void a_stranger_cannot_stop_mail_for_somebody_else(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);
	move_away(promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY));
	hear(simulation, "big.example", "mx.big.example", false);
	hear(simulation, "stranger.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_string_equal(simulation_finding(simulation)->domain, "stranger.example");
	simulation_free(simulation);
}

static void a_stranger_cannot_stop_mail_for_who_promised_nothing(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "plain.example", "mx.plain.example", PROMISE_NONE);
	move_away(promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY));
	hear(simulation, "stranger.example", "mx.plain.example", false);
	hear(simulation, "plain.example", "mx.plain.example", false);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	simulation_free(simulation);
}

/* The stranger's own domain has its server at this place, and its promise is met there. */
static void a_stranger_cannot_vouch_for_a_place_that_a_known_domain_denies(void **state)
{
	struct simulation *simulation = start();
	struct destination *victim =
		promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY);

	(void)state;
	move_away(victim);
	victim->is_established = true;
	promise(simulation, "stranger.example", "mx.big.example", PROMISE_KEY);
	hear(simulation, "stranger.example", "mx.big.example", false);
	hear(simulation, "victim.example", "mx.big.example", false);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	assert_string_equal(simulation_finding(simulation)->domain, "victim.example");
	simulation_free(simulation);
}

/* Looked up once for whatever reason, and nobody here was led there for it. */
static void a_strangers_domain_that_no_client_asked_for_is_no_candidate(void **state)
{
	struct simulation *simulation = start();
	struct destination *stranger =
		promise(simulation, "stranger.example", "mx.stranger.example", PROMISE_KEY);

	(void)state;
	stranger->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_MTA_STS };
	stranger->hosts[0].promise = stranger->promise;
	stranger->hosts[0].is_excluded = true;
	push(simulation, stranger);
	assert_true(speak_tls(simulation));
	assert_null(simulation_finding(simulation));
	/* The operator's own is one, always. */
	stranger->is_established = true;
	push(simulation, stranger);
	assert_true(simulation_reopen(simulation));
	simulation_pass_time(simulation, 60 * 1000);
	assert_false(speak_tls(simulation));
	simulation_free(simulation);
}

/* He signs an address record for somebody else's server: it is the host's name for nobody but him. */
static void a_strangers_host_vouches_for_no_place_that_does_not_call_itself_that(void **state)
{
	struct simulation *simulation = start();
	struct destination *host =
		promise(simulation, "mx.stranger.example", "mx.stranger.example", PROMISE_KEY);

	(void)state;
	push(simulation, host + 1);
	move_away(promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY));
	hear(simulation, "victim.example", "mx.evil.example", false);
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	simulation_free(simulation);
}

/* A domain of a list has moved to somebody whom it does not name, and no client asked for it. */
static void a_known_domain_in_the_wrong_cannot_stop_mail_for_another_that_is_known_there(
	void **state)
{
	struct simulation *simulation = start();
	struct destination *moved =
		promise(simulation, "moved.example", "mx.big.example", PROMISE_KEY);
	struct destination *big = promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);

	(void)state;
	moved->promise = (struct promise){ .state = PROMISE_KEY, .source = SOURCE_LIST };
	moved->hosts[0].promise = moved->promise;
	moved->hosts[0].is_excluded = true;
	moved->is_established = true;
	big->is_established = true;
	push(simulation, moved);
	push(simulation, big);
	assert_true(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->action, ACTION_ALERT);
	assert_string_equal(simulation_finding(simulation)->domain, "moved.example");
	/* Once a client is led there for it, it may well be its mail. */
	hear(simulation, "moved.example", "mx.big.example", true);
	assert_true(simulation_reopen(simulation));
	assert_false(speak_tls(simulation));
	simulation_free(simulation);
}

static void tls_waits_for_what_a_heard_domain_promised(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	hear(simulation, "example.org", "mx.evil.example", false);
	simulation->is_answering = false;
	assert_false(speak_tls(simulation));
	assert_null(simulation_finding(simulation));
	simulation->is_answering = true;
	simulation_pass_time(simulation, 3000);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	simulation_free(simulation);
}

/* Its Finished may come behind the client's first data (RFC 7918), and tells whether it has its key. */
static void what_the_server_sends_passes_while_the_clients_data_wait(void **state)
{
	static const char flight[] = "\x16\3\3\0\x0d\x0b\0\0\x09\0\0\6\0\0\3der"
				     "\x16\3\3\0\4\x0e\0\0\0"
				     "\x14\3\3\0\1\1\x16\3\3\0\4seal";
	struct simulation *simulation = start();

	(void)state;
	promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	hear(simulation, "example.org", "mx1.example.org", false);
	simulation->is_answering = false;
	assert_false(speak_tls(simulation));
	assert_true(simulation_say(simulation, false, bytes_of(flight, sizeof(flight) - 1)));
	assert_false(simulation_got(&simulation->server, "sealed-by"));
	simulation_free(simulation);
}

static void what_was_heard_long_ago_counts_no_more(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	move_away(promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY));
	hear(simulation, "example.org", "mx.evil.example", false);
	simulation_pass_time(simulation, 301 * 1000);
	assert_true(simulation_reopen(simulation));
	assert_true(speak_tls(simulation));
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void an_unknown_hop_is_refused_when_the_operator_wants_it(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation->config.stance.blocks_unknown_hop = true;
	assert_true(simulation_open(simulation));
	assert_false(speak_tls(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_UNKNOWN_HOP);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_DEFER);
	assert_true(simulation_reopen(simulation));
	promise(simulation, "big.example", "mx.big.example", PROMISE_NONE);
	hear(simulation, "big.example", "mx.big.example", false);
	assert_true(speak_tls(simulation));
	simulation_free(simulation);
}

/* The connection is as quick as the copy of the DNS answer that led to it. */
static void a_name_that_comes_behind_the_first_data_in_tls_counts(void **state)
{
	struct simulation *simulation = start();
	struct destination *victim =
		promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY);

	(void)state;
	move_away(victim);
	/* What strangers' names were brought up before makes no difference. */
	promise(simulation, "stranger.example", "mx.evil.example", PROMISE_KEY);
	hear(simulation, "stranger.example", "mx.evil.example", false);
	shake_hands(simulation);
	assert_false(simulation_send(simulation, true, sealed()));
	assert_null(simulation_finding(simulation));
	hear_of_standing(simulation, "victim.example", "mx.evil.example", 40);
	simulation_pass_time(simulation, 50);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	assert_false(simulation_got(&simulation->server, "sealed-by-the-handshake."));
	simulation_free(simulation);
}

static void tls_waits_for_names_no_longer_than_an_answer_takes(void **state)
{
	struct simulation *simulation = start();

	(void)state;
	shake_hands(simulation);
	assert_false(simulation_send(simulation, true, sealed()));
	simulation_pass_time(simulation, 50);
	assert_true(simulation_got(&simulation->server, "sealed-by-the-handshake."));
	assert_null(simulation_finding(simulation));
	/* Whoever is as far away as most servers are has waited on the way. */
	assert_true(simulation_reopen(simulation));
	simulation_pass_time(simulation, 50);
	shake_hands(simulation);
	assert_true(simulation_send(simulation, true, sealed()));
	simulation_free(simulation);
}

static void tls_to_a_place_where_a_known_domain_has_its_server_waits_for_no_names(void **state)
{
	struct simulation *simulation = start();
	struct destination *known =
		promise(simulation, "big.example", "mx.big.example", PROMISE_KEY);

	(void)state;
	known->is_established = true;
	push(simulation, known);
	shake_hands(simulation);
	assert_true(simulation_send(simulation, true, sealed()));
	simulation_free(simulation);
}

static void who_only_watches_lets_pass_and_tells_of_a_name_that_comes_behind(void **state)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	(void)state;
	simulation->config.stance.mode = MODE_MONITOR;
	assert_true(simulation_open(simulation));
	move_away(promise(simulation, "victim.example", "mx.victim.example", PROMISE_KEY));
	shake_hands(simulation);
	assert_true(simulation_send(simulation, true, sealed()));
	hear(simulation, "victim.example", "mx.evil.example", false);
	simulation_pass_time(simulation, 100);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->would, ACTION_BLOCK);
	assert_string_equal(simulation_finding(simulation)->domain, "victim.example");
	/* Where nothing came behind, nothing is told twice. */
	simulation_pass_time(simulation, 301 * 1000);
	simulation->event_count = 0;
	assert_true(simulation_reopen(simulation));
	push(simulation, promise(simulation, "big.example", "mx.big.example", PROMISE_KEY));
	hear(simulation, "big.example", "mx.big.example", false);
	shake_hands(simulation);
	assert_true(simulation_send(simulation, true, sealed()));
	simulation_pass_time(simulation, 1000);
	assert_int_equal(simulation->event_count, 1);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_to_where_a_forged_answer_led_is_refused),
		cmocka_unit_test(another_address_of_the_right_host_is_no_forgery),
		cmocka_unit_test(a_policy_beside_dane_makes_no_other_host_of_a_signed_domain_good),
		cmocka_unit_test(where_our_look_up_fails_only_a_named_domain_waits_in_tls),
		cmocka_unit_test(another_host_of_an_unsigned_domain_is_told_not_refused),
		cmocka_unit_test(
			another_host_of_a_signed_domain_counts_where_its_zone_has_keys_for_it),
		cmocka_unit_test(
			a_host_that_the_policy_excludes_is_refused_though_its_own_key_is_promised),
		cmocka_unit_test(a_stranger_cannot_stop_mail_for_somebody_else),
		cmocka_unit_test(a_stranger_cannot_stop_mail_for_who_promised_nothing),
		cmocka_unit_test(a_stranger_cannot_vouch_for_a_place_that_a_known_domain_denies),
		cmocka_unit_test(a_strangers_domain_that_no_client_asked_for_is_no_candidate),
		cmocka_unit_test(
			a_strangers_host_vouches_for_no_place_that_does_not_call_itself_that),
		cmocka_unit_test(
			a_known_domain_in_the_wrong_cannot_stop_mail_for_another_that_is_known_there),
		cmocka_unit_test(tls_waits_for_what_a_heard_domain_promised),
		cmocka_unit_test(what_the_server_sends_passes_while_the_clients_data_wait),
		cmocka_unit_test(what_was_heard_long_ago_counts_no_more),
		cmocka_unit_test(an_unknown_hop_is_refused_when_the_operator_wants_it),
		cmocka_unit_test(a_name_that_comes_behind_the_first_data_in_tls_counts),
		cmocka_unit_test(tls_waits_for_names_no_longer_than_an_answer_takes),
		cmocka_unit_test(
			tls_to_a_place_where_a_known_domain_has_its_server_waits_for_no_names),
		cmocka_unit_test(who_only_watches_lets_pass_and_tells_of_a_name_that_comes_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

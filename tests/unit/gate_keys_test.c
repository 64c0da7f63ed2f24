/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/key_scene.h"

/* The destination promised the key of `honest`. */

static void the_promised_key_passes_and_is_proven(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_null(simulation_finding(simulation));
	assert_int_equal(simulation->event_count, 1);
	assert_string_equal(event_assurance(&simulation->events[0]), "proven");
	assert_string_equal(simulation->events[0].key.seen.names, "mx.example.org");
	assert_true(strncmp(simulation->events[0].key.matched, "3 1 1 ", 6) == 0);
}

static void another_key_is_refused_before_anything_passes(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	const struct event *event;

	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	/* Looked up again before it was called wrong: the domain, and the host. */
	assert_int_equal(simulation->refresh_count, 2);
	/* The sender tries once more, and then comes back in clear: one story. */
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	assert_true(simulation_reopen(simulation));
	assert_true(simulation_server(simulation, "220 mx.big.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-mx.big.example\r\n250 STARTTLS\r\n"));
	assert_false(simulation_client(
		simulation, "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@" KEY_DOMAIN ">\r\n"));
	event = simulation_last_finding(simulation);
	assert_int_equal(event->action, ACTION_BLOCK);
	assert_string_equal(event->id, simulation->events[0].id);
	assert_non_null(strstr(event->cause, "key"));
}

static void a_replayed_certificate_does_not_pass(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256";
	struct recording *true_one = handshake_of(&scene->honest, TLS1_2_VERSION, ciphers);
	struct recording *other = handshake_of(&scene->honest, TLS1_2_VERSION, ciphers);

	/* The server's words of one handshake, the client's of another. */
	for (size_t i = 0; i < true_one->count; i++) {
		if (true_one->chunks[i].is_client)
			true_one->chunks[i].octets = other->chunks[i].octets;
	}
	greet(simulation);
	assert_false(replay(simulation, true_one));
	free(other);
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	assert_int_equal(simulation_finding(simulation)->key.outcome, KEY_UNPROVEN);
}

static void a_key_that_changed_with_its_record_stops_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->thief, TLS13_BLOCK);

	greet(simulation);
	/* Known with the old key by now; what is looked up again has the new one. */
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], &scene->honest);
	assert_true(replay(simulation, handshake_of(&scene->honest, TLS1_2_VERSION,
	                                            "ECDHE-ECDSA-AES128-GCM-SHA256")));
	assert_null(simulation_finding(simulation));
}

static void a_key_that_was_replaced_passes_for_no_other_name(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->thief, TLS13_BLOCK);

	assert_true(talk(simulation, &scene->thief, TLS1_2_VERSION));
	/* Only of the host it is found afresh that it has another key by now. */
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], &scene->honest);
	simulation->answers[1].is_afresh = true;
	push(simulation, &simulation->answers[1]);
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	assert_string_equal(simulation_finding(simulation)->domain, KEY_DOMAIN);
}

static void rsa_key_transport_waits_for_the_servers_finished(void **state)
{
	struct key_scene *scene = *state;
	struct live_identity rsa;
	struct simulation *simulation;
	struct recording *recording;
	size_t last;

	live_identity_init(&rsa, LIVE_RSA);
	simulation = open_to(scene, &rsa, TLS13_BLOCK);
	greet(simulation);
	recording = handshake_of(&rsa, TLS1_2_VERSION, "AES128-SHA");
	last = recording->count - 1;
	/* All but the server's last words. */
	for (size_t i = 0; i + 1 < last; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	simulation->config.hold_ms = 60000;
	assert_false(simulation_say(simulation, true, recording->chunks[last].octets));
	assert_false(simulation->client.got_reset);
	assert_true(simulation_say(simulation, false, recording->chunks[last - 1].octets));
	simulation_pass_time(simulation, 1000);
	assert_int_equal(simulation->server.got_len, simulation->client.sent_len);
	assert_null(simulation_finding(simulation));
	free(recording);
	live_identity_end(&rsa);
}

static void rsa_key_transport_passes_with_it(void **state)
{
	struct key_scene *scene = *state;
	struct live_identity rsa;
	struct simulation *simulation;

	live_identity_init(&rsa, LIVE_RSA);
	simulation = open_to(scene, &rsa, TLS13_BLOCK);
	greet(simulation);
	assert_true(replay(simulation, handshake_of(&rsa, TLS1_2_VERSION, "AES128-SHA")));
	assert_null(simulation_finding(simulation));
	live_identity_end(&rsa);
}

/* Two connections, the second of which goes on with the session of the first. */
static bool go_on(struct key_scene *scene, bool is_first_seen, const char *server, uint64_t options)
{
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct live_pair pair = live_pair_new(&scene->honest, TLS1_2_VERSION,
	                                      "ECDHE-ECDSA-AES128-GCM-SHA256", options);
	struct recording *first = live_talk(&pair, NULL), *second;
	SSL_SESSION *session = SSL_get1_session(pair.client);
	bool has_passed;

	greet(simulation);
	if (is_first_seen)
		assert_true(replay(simulation, first));
	else
		free(first);
	if (server) {
		assert_true(address_parse(&simulation->server_endpoint.address, server));
		for (size_t i = 0; i < simulation->answer_count; i++)
			simulation->answers[i].places[0].address =
				simulation->server_endpoint.address;
		gate_forget(simulation->gate, "");
		hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	}
	if (is_first_seen) {
		assert_true(simulation_reopen(simulation));
		greet(simulation);
	}
	second = live_talk(&pair, session);
	assert_true(SSL_session_reused(pair.client));
	has_passed = replay(simulation, second);
	SSL_SESSION_free(session);
	live_pair_free(&pair);
	return has_passed;
}

static void a_session_whose_beginning_was_seen_goes_on(void **state)
{
	assert_true(go_on(*state, true, NULL, SSL_OP_NO_TICKET));
}

static void so_does_one_with_a_ticket(void **state)
{
	assert_true(go_on(*state, true, NULL, 0));
}

static void one_that_began_elsewhere_is_hidden(void **state)
{
	struct key_scene *scene = *state;

	assert_false(go_on(scene, false, NULL, SSL_OP_NO_TICKET));
	refused(scene->simulation, REASON_KEY_HIDDEN, "");
}

static void one_of_another_address_is_hidden(void **state)
{
	struct key_scene *scene = *state;

	assert_false(go_on(scene, true, "198.51.100.26", 0));
	assert_string_equal(reason_name(simulation_last_finding(scene->simulation)->reason),
	                    "key-hidden");
}

static void a_hidden_key_waits_where_the_operator_wants_proof(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	refused(simulation, REASON_KEY_HIDDEN, "");
	assert_int_equal(simulation_finding(simulation)->action, ACTION_DEFER);
}

static void a_hidden_key_passes_where_he_assumes_it(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PASS);

	assert_true(talk(simulation, &scene->thief, TLS1_3_VERSION));
	assert_string_equal(event_assurance(&simulation->events[0]), "assumed");
}

static void a_probe_that_is_shown_the_promised_key_lets_pass(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_null(simulation_finding(simulation));
	assert_string_equal(event_assurance(&simulation->events[0]), "probed");
	assert_string_equal(scene->probe.server_name, "mx.example.org");
	assert_string_equal(scene->probe.ehlo_name, "client.example.net");
	assert_true(scene->probe.cipher_suites_len >= 2 && scene->probe.versions_len >= 2);
	/* The next connection asks nobody. */
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 1);
	simulation_pass_time(simulation, simulation->config.probe_life_ms);
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 2);
}

static void who_probes_hears_of_use_and_nobody_waits_for_that(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);
	uint64_t quarter_ms = simulation->config.probe_life_ms / 4;

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_true(talk_after(scene, quarter_ms / 2));
	assert_int_equal(simulation->probe_count, 1);
	scene->is_probe_away = true;
	assert_true(talk_after(scene, quarter_ms / 2));
	assert_int_equal(simulation->probe_count, 2);
	assert_int_equal(scene->probe.is_again, 0);
	/* Nor does it take anything away that it could not tell this time. */
	scene->is_probe_away = false;
	scene->probe_outcome = PROBE_FAILED;
	assert_true(talk_after(scene, quarter_ms));
	assert_true(talk_after(scene, 0));
	assert_int_equal(simulation->probe_count, 3);
}

static void a_probe_that_is_shown_another_key_is_made_twice_before_it_counts(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->thief;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 2);
	refused(simulation, REASON_KEY_MISMATCH, "probed");
}

static void a_wrong_key_is_looked_at_anew_for_the_next_mail(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->thief;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	/* Not for who comes back at once. */
	simulation_pass_time(simulation, GATE_PROBE_WRONG_MS / 2);
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 2);
	simulation_pass_time(simulation, GATE_PROBE_WRONG_MS / 2);
	scene->probed = &scene->honest;
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 3);
}

static void a_promise_that_is_only_told_waits_for_no_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	for (size_t i = 0; i < simulation->answer_count; i++)
		simulation->answers[i].hosts[0].promise.only_alerts = true;
	scene->is_probe_away = true;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_null(simulation_finding(simulation));
	assert_in_range(simulation->events[0].held_ms, 0, 50); /* for names on their way */
	/* What the probe was shown counts from then on. */
	scene->is_probe_away = false;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->thief;
	simulation_pass_time(simulation, 6000);
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation_last_finding(simulation)->action, ACTION_ALERT);
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_KEY_MISMATCH);
}

static void a_probe_that_could_not_tell_defers(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_FAILED;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	refused(simulation, REASON_KEY_HIDDEN, "");
	assert_string_equal(simulation_finding(simulation)->probe, PROBE_TROUBLE);
	/* And is not repeated for each try of the sender's. */
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 1);
}

static void a_prober_that_never_answers_defers_in_time(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->is_probe_away = true;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	simulation_pass_time(simulation, 30000);
	refused(simulation, REASON_KEY_HIDDEN, "");
	assert_true(simulation->probe_count > 1);
}

static void a_handshake_that_began_before_us_shows_no_key(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PASS);
	struct recording *recording =
		handshake_of(&scene->honest, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256");
	size_t last = recording->count - 1;

	simulation->is_bypassed = true;
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	for (size_t i = 0; i < last; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	simulation->is_bypassed = false;
	assert_false(simulation_say(simulation, true, recording->chunks[last].octets));
	refused(simulation, REASON_INSPECTION_LIMIT, "proven");
	free(recording);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_promised_key_passes_and_is_proven),
		TEST(another_key_is_refused_before_anything_passes),
		TEST(a_replayed_certificate_does_not_pass),
		TEST(a_key_that_changed_with_its_record_stops_nothing),
		TEST(a_key_that_was_replaced_passes_for_no_other_name),
		TEST(rsa_key_transport_waits_for_the_servers_finished),
		TEST(rsa_key_transport_passes_with_it),
		TEST(a_session_whose_beginning_was_seen_goes_on),
		TEST(so_does_one_with_a_ticket),
		TEST(one_that_began_elsewhere_is_hidden),
		TEST(one_of_another_address_is_hidden),
		TEST(a_hidden_key_waits_where_the_operator_wants_proof),
		TEST(a_hidden_key_passes_where_he_assumes_it),
		TEST(a_probe_that_is_shown_the_promised_key_lets_pass),
		TEST(who_probes_hears_of_use_and_nobody_waits_for_that),
		TEST(a_probe_that_is_shown_another_key_is_made_twice_before_it_counts),
		TEST(a_promise_that_is_only_told_waits_for_no_probe),
		TEST(a_wrong_key_is_looked_at_anew_for_the_next_mail),
		TEST(a_probe_that_could_not_tell_defers),
		TEST(a_prober_that_never_answers_defers_in_time),
		TEST(a_handshake_that_began_before_us_shows_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A man in the middle who has a key of his own, and what else he does so that it is not looked at. */
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

static const char suite[] = "ECDHE-ECDSA-AES128-GCM-SHA256";

/* He says nothing of whose place he takes. */
static void greet_nameless(struct simulation *simulation, const char *go)
{
	assert_true(simulation_server(simulation, "220 ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-me\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, go));
}

static bool talk_to_nameless(void **state, const char *go, bool is_honest)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	greet_nameless(simulation, go);
	return replay(simulation, handshake_of(is_honest ? &scene->honest : &scene->thief,
	                                       TLS1_2_VERSION, suite));
}

static void who_takes_another_yes_for_220_speaks_tls_all_the_same(void **state)
{
	struct key_scene *scene = *state;

	assert_false(talk_to_nameless(state, "250 go\r\n", false));
	refused(scene->simulation, REASON_KEY_MISMATCH, "proven");
}

static void who_reads_the_first_of_two_codes_does_so_too(void **state)
{
	struct key_scene *scene = *state;

	assert_false(talk_to_nameless(state, "220-go\r\n454 no\r\n", false));
	refused(scene->simulation, REASON_KEY_MISMATCH, "proven");
}

static void the_promised_key_passes_whatever_the_yes_was(void **state)
{
	struct key_scene *scene = *state;

	assert_true(talk_to_nameless(state, "250 go\r\n", true));
	assert_null(simulation_finding(scene->simulation));
}

/* OpenSSL before 1.1.0 answers a heartbeat in the handshake, in clear and unasked (RFC 6520 forbids it). */
static void an_answered_heartbeat_does_not_make_it_clear_text(void **state)
{
	static const uint8_t heartbeat[] = { 24, 3, 3, 0, 19, 1, 0, 0, 0, 0, 0, 0,
		                             0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0 };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct recording *recording = handshake_of(&scene->thief, TLS1_2_VERSION, suite);
	struct bytes record = bytes_of(heartbeat, sizeof(heartbeat));

	greet_nameless(simulation, "220 go\r\n");
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
	assert_true(simulation_say(simulation, false, record));
	assert_false(simulation_say(simulation, true, record));
	refused(simulation, REASON_PROTOCOL_VIOLATION, "proven");
	free(recording);
}

/* He lets probes meet the true server, which would have shown its key to the client, too. */
static void a_probe_of_a_lower_version_tells_nothing_of_a_hidden_key(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	scene->probed_version = TLS1_2_VERSION;
	assert_false(talk(simulation, &scene->thief, TLS1_3_VERSION));
	refused(simulation, REASON_KEY_HIDDEN, "");
	/* One of several machines: the next look may meet the other. */
	assert_int_equal(simulation->probe_count, 2);
	simulation_pass_time(simulation, GATE_PROBE_WRONG_MS);
	scene->probed_version = 0;
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
}

/* Whoever keeps the scout busy keeps it from saying whom the client was led here for. */
static void while_the_scout_is_behind_nobody_is_a_stranger(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_KEY);
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], &scene->honest);
	simulation->is_scout_busy = true;
	simulation->config.hold_ms = 60000;
	greet_nameless(simulation, "220 go\r\n");
	assert_false(replay(simulation, handshake_of(&scene->thief, TLS1_2_VERSION, suite)));
	assert_null(simulation_finding(simulation));
	/* It has the answer's copy by now, and then comes to our question. */
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	simulation->is_scout_busy = false;
	simulation_pass_time(simulation, 1500);
	refused(simulation, REASON_KEY_MISMATCH, "proven");
}

/* So that its word is there when it is needed, some round trips later. */
static void the_scout_is_asked_as_soon_as_the_client_asks_for_tls(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	assert_true(simulation_open(simulation));
	simulation->is_scout_busy = true;
	assert_true(simulation_server(simulation, "220 ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-me\r\n250 STARTTLS\r\n"));
	simulation_pass_time(simulation, 100);
	assert_false(simulation->has_echo);
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation->has_echo);
}

static void what_the_scout_said_before_a_connection_is_no_word_on_whom_it_is_for(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	greet_nameless(simulation, "220 go\r\n");
	assert_true(replay(simulation, handshake_of(&scene->honest, TLS1_2_VERSION, suite)));
	assert_true(simulation_reopen(simulation));
	simulation->is_scout_busy = true;
	greet_nameless(simulation, "220 go\r\n");
	assert_false(replay(simulation, handshake_of(&scene->thief, TLS1_2_VERSION, suite)));
}

/* By more than we wait before we ask again: each answer is one to a question before the last. */
static void a_scout_that_is_always_behind_is_understood(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	uint32_t first, later;

	scene->simulation = simulation;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_KEY);
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], &scene->honest);
	simulation->is_scout_busy = true;
	greet_nameless(simulation, "220 go\r\n");
	first = simulation->echo;
	simulation_pass_time(simulation, 100);
	/* What was asked before this connection says nothing of it. */
	assert_true(simulation_reopen(simulation));
	greet_nameless(simulation, "220 go\r\n");
	assert_false(replay(simulation, handshake_of(&scene->thief, TLS1_2_VERSION, suite)));
	simulation_pass_time(simulation, 1500);
	later = simulation->echo;
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	simulation_pass_time(simulation, 1500);
	assert_int_not_equal(simulation->echo, later);
	gate_echoed(simulation->gate, first, simulation->now_ms, simulation->now_ms);
	gate_echoed(simulation->gate, simulation->echo + 1, simulation->now_ms, simulation->now_ms);
	gate_echoed(simulation->gate, simulation->echo - 40, simulation->now_ms,
	            simulation->now_ms);
	assert_null(simulation_finding(simulation));
	gate_echoed(simulation->gate, later, simulation->now_ms, simulation->now_ms);
	refused(simulation, REASON_KEY_MISMATCH, "proven");
}

static void a_scout_that_never_comes_to_it_defers_in_time(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	simulation->is_scout_busy = true;
	greet_nameless(simulation, "220 go\r\n");
	assert_false(replay(simulation, handshake_of(&scene->thief, TLS1_2_VERSION, suite)));
	simulation_pass_time(simulation, simulation->config.hold_ms);
	assert_non_null(simulation_finding(simulation));
	assert_string_equal(reason_name(simulation_finding(simulation)->reason), "undecided");
	assert_int_equal(simulation_finding(simulation)->action, ACTION_DEFER);
}

static void patch(struct recording *recording, struct bytes from, struct bytes to)
{
	uint8_t *at;

	assert_int_equal(from.len, to.len);
	while ((at = memmem(recording->octets, recording->len, from.data, from.len)) != NULL)
		memcpy(at, to.data, to.len);
}

/* He gives the client a session of his own under the identifier of the true server's: the client keeps it, refused or not. */
static void borrowed(void **state, uint64_t options, bool is_unreadable)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct live_pair honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, options);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, options);
	struct recording *first = live_talk(&honest, NULL), *second, *third;
	SSL_SESSION *honest_session = SSL_get1_session(honest.client), *session;
	const uint8_t *id_honest, *id_thief;
	size_t len_honest = 0, len_thief = 0;
	unsigned n;

	greet(simulation);
	assert_true(replay(simulation, first));
	second = live_talk(&thief, NULL);
	session = SSL_get1_session(thief.client);
	if (options & SSL_OP_NO_TICKET) {
		id_honest = SSL_SESSION_get_id(honest_session, &n);
		len_honest = n;
		id_thief = SSL_SESSION_get_id(session, &n);
		len_thief = n;
	} else {
		SSL_SESSION_get0_ticket(honest_session, &id_honest, &len_honest);
		SSL_SESSION_get0_ticket(session, &id_thief, &len_thief);
	}
	third = live_talk(&thief, session);
	assert_true(SSL_session_reused(thief.client));
	patch(second, bytes_of(id_thief, len_thief), bytes_of(id_honest, len_honest));
	patch(third, bytes_of(id_thief, len_thief), bytes_of(id_honest, len_honest));
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	if (is_unreadable) {
		assert_true(simulation_say(simulation, true, second->chunks[0].octets));
		assert_true(simulation_say(simulation, false, second->chunks[1].octets));
		assert_true(simulation_server(simulation, "\x18"));
		simulation_end(simulation, false, true);
		free(second);
	} else {
		assert_false(replay(simulation, second));
	}
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_false(replay(simulation, third));
	SSL_SESSION_free(honest_session);
	SSL_SESSION_free(session);
	live_pair_free(&honest);
	live_pair_free(&thief);
}

static void a_session_under_anothers_identifier_does_not_go_on(void **state)
{
	borrowed(state, SSL_OP_NO_TICKET, false);
}

static void nor_does_one_under_anothers_ticket(void **state)
{
	borrowed(state, 0, false);
}

/* What the client was given behind a record of no TLS that it reads over, nobody knows. */
static void nor_does_any_when_a_handshake_could_not_be_read(void **state)
{
	borrowed(state, 0, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_takes_another_yes_for_220_speaks_tls_all_the_same),
		TEST(who_reads_the_first_of_two_codes_does_so_too),
		TEST(the_promised_key_passes_whatever_the_yes_was),
		TEST(an_answered_heartbeat_does_not_make_it_clear_text),
		TEST(a_probe_of_a_lower_version_tells_nothing_of_a_hidden_key),
		TEST(while_the_scout_is_behind_nobody_is_a_stranger),
		TEST(the_scout_is_asked_as_soon_as_the_client_asks_for_tls),
		TEST(what_the_scout_said_before_a_connection_is_no_word_on_whom_it_is_for),
		TEST(a_scout_that_is_always_behind_is_understood),
		TEST(a_scout_that_never_comes_to_it_defers_in_time),
		TEST(a_session_under_anothers_identifier_does_not_go_on),
		TEST(nor_does_one_under_anothers_ticket),
		TEST(nor_does_any_when_a_handshake_could_not_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

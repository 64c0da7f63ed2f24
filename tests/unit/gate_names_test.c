/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sessions are called stands in no signature: whose a name is, and for how long what is known of it counts. */
#include "gate.h"
#include "gate_keys_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/resumed_scene.h"

/* Of mail to the domain: it is no stranger. */
enum { MANY_DAYS = 30 };

/* "3 1 1" of each. */
static void promise_both(struct destination *destination, const struct key_scene *scene)
{
	EVP_PKEY *const owners[] = { scene->thief.key, scene->honest.key };
	uint8_t digests[2][SHA256_DIGEST_LENGTH];
	struct key_rule rule = { .kind = KEY_RULE_TLSA, .source = SOURCE_DANE, .record_count = 2 };
	static struct key_rules rules;

	for (size_t i = 0; i < 2; i++) {
		uint8_t *key = NULL;
		int len = i2d_PUBKEY(owners[i], &key);

		assert_true(len > 0);
		SHA256(key, (size_t)len, digests[i]);
		OPENSSL_free(key);
		rule.records[i] =
			(struct key_record){ 3, 1, 1, bytes_of(digests[i], sizeof(digests[i])) };
	}
	rule.names = bytes_of_string(KEY_HOST);
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	destination->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
}

static void a_thiefs_session_is_not_the_servers_whose_handshake_was_given_its_name(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	assert_false(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	relay_under(simulation, &ends, ends.thief_session);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	ends_free(&ends);
}

/* He gave it before anybody looked. */
static void nor_is_one_that_was_never_seen_to_begin(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	free(live_talk(&ends.thief, NULL));
	ends.thief_session = session_of(&ends.thief);
	relay_under(simulation, &ends, ends.thief_session);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* The true server's session goes on, and somebody has it called by the thief's name from there. */
static void nor_is_one_whose_name_the_servers_session_was_given_on_the_way(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	assert_false(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	break_off(simulation,
	          with_name_of(go_on(&ends.honest, ends.honest_session), ends.thief_session));
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	ends_free(&ends);
}

/* It is the thief's own domain, whose mail he has at the true server's address: for that one his key is right. */
static void nor_is_one_that_met_another_domains_promise(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);
	struct destination *his =
		promise(simulation, "thief.example", "mx.thief.example", PROMISE_KEY);

	promise_key(his, &scene->thief);
	hear(simulation, "thief.example", "mx.thief.example", false);
	hear_of_standing(simulation, KEY_DOMAIN, KEY_HOST, MANY_DAYS);
	assert_false(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	ends_free(&ends);
}

static void one_behind_which_its_client_spoke_is_whose_name_it_is(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	passed(simulation, "proven");
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	/* And is known from then on, whatever is kept. */
	drive_out_handshakes(simulation);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	ends_free(&ends);
}

/* Its client has said nothing: as good as one that nobody saw begin. */
static void one_that_the_true_server_broke_off_is_asked_of_a_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	break_off(simulation, live_talk(&ends.honest, NULL));
	ends.honest_session = session_of(&ends.honest);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	/* So it is when its handshake is no longer kept, by its certificate. */
	drive_out_handshakes(simulation);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	simulation->config.tls13 = TLS13_BLOCK;
	assert_false(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* While nothing was promised, the thief's key was none of our business; it is that which the client goes on with. */
static void one_that_began_before_the_promise_is_not_what_a_probe_is_shown(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_strangers(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	promise_now(scene, &scene->honest);
	drive_out_handshakes(simulation);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* The host has a new key, and its record with it: what met the old one is still the host's. */
static void one_that_met_what_was_promised_then_is_asked_of_a_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	scene->probed = &scene->thief;
	promise_now(scene, &scene->thief);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	ends_free(&ends);
}

/* Two keys now, in whichever order: the one that it showed is still among them. */
static void one_that_meets_what_is_promised_now_needs_no_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_both(&simulation->answers[i], scene);
	gate_forget(simulation->gate, "");
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	ends_free(&ends);
}

static void one_that_was_refused_is_not_forgotten_for_others(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_false(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	drive_out_sessions(simulation);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	ends_free(&ends);
}

/* Nor held against those that passed. */
static void one_that_passed_and_was_forgotten_is_asked_of_a_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	drive_out_sessions(simulation);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	ends_free(&ends);
}

/* Behind a session that goes on, and another handshake; the server says in clear that it has had enough, as qmail does. */
static void give_up(struct simulation *simulation, struct ends *ends, struct bytes alert)
{
	struct recording *given_up;

	assert_true(connect_and_say(simulation, live_talk(&ends->honest, NULL)));
	ends->honest_session = session_of(&ends->honest);
	given_up = live_talk(&ends->honest, NULL);
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_true(simulation_say(simulation, true, given_up->chunks[0].octets));
	assert_true(simulation_say(simulation, false, given_up->chunks[1].octets));
	if (alert.len > 0)
		assert_true(simulation_say(simulation, true, alert));
	else
		simulation_end(simulation, true, false);
	simulation->server.got_fin = false;
	assert_true(simulation_server(simulation, "454 TLS connection failed\r\n"));
	simulation_end(simulation, false, false);
	free(given_up);
}

static void a_handshake_that_the_client_refused_takes_nothing_from_others(void **state)
{
	static const uint8_t refusal[] = { 21, 3, 3, 0, 2, 2, 42 };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	give_up(simulation, &ends, bytes_of(refusal, sizeof(refusal)));
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	ends_free(&ends);
}

static void nor_does_one_in_which_the_client_ended(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	give_up(simulation, &ends, (struct bytes){ 0 });
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	ends_free(&ends);
}

/* Whose client may go on reading. */
static void but_one_in_which_the_client_only_warned_may(void **state)
{
	static const uint8_t warning[] = { 21, 3, 3, 0, 2, 1, 42 };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	give_up(simulation, &ends, bytes_of(warning, sizeof(warning)));
	assert_false(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	ends_free(&ends);
}

/* As many domains as are heard of at one address, each with a promise. */
static void one_that_met_the_promises_of_many_is_known_to_each(void **state)
{
	static const char *const domains[] = { "one.example", "two.example", "three.example",
		                               "four.example", "five.example" };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		struct destination *answer = &simulation->answers[simulation->answer_count++];

		*answer = simulation->answers[0];
		text_copy(answer->name, sizeof(answer->name), domains[i]);
		hear_of_standing(simulation, domains[i], KEY_HOST, MANY_DAYS);
	}
	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	passed(simulation, "proven");
	drive_out_handshakes(simulation);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "proven");
	ends_free(&ends);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_thiefs_session_is_not_the_servers_whose_handshake_was_given_its_name),
		TEST(nor_is_one_that_was_never_seen_to_begin),
		TEST(nor_is_one_whose_name_the_servers_session_was_given_on_the_way),
		TEST(nor_is_one_that_met_another_domains_promise),
		TEST(one_behind_which_its_client_spoke_is_whose_name_it_is),
		TEST(one_that_the_true_server_broke_off_is_asked_of_a_probe),
		TEST(one_that_began_before_the_promise_is_not_what_a_probe_is_shown),
		TEST(one_that_met_what_was_promised_then_is_asked_of_a_probe),
		TEST(one_that_meets_what_is_promised_now_needs_no_probe),
		TEST(one_that_was_refused_is_not_forgotten_for_others),
		TEST(one_that_passed_and_was_forgotten_is_asked_of_a_probe),
		TEST(a_handshake_that_the_client_refused_takes_nothing_from_others),
		TEST(nor_does_one_in_which_the_client_ended),
		TEST(but_one_in_which_the_client_only_warned_may),
		TEST(one_that_met_the_promises_of_many_is_known_to_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

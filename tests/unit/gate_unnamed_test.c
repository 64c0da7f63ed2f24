/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sender that names no host, and is shown another key than the one that the host promised. */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe_request.h"
#include "unit/key_scene.h"

/* The host has the key of `honest` for who names it. */
static struct simulation *open_tolerant(struct key_scene *scene)
{
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	simulation->config.stance.blocks_inability = false;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed_named = &scene->honest;
	return simulation;
}

static bool talk_nameless(struct simulation *simulation, const struct live_identity *identity,
                          int version, const char *ciphers)
{
	struct live_pair pair = live_pair_new(identity, version, ciphers, SSL_OP_NO_TICKET);
	struct recording *recording;

	pair.is_nameless = true;
	recording = live_talk(&pair, NULL);
	live_pair_free(&pair);
	greet(simulation);
	return replay(simulation, recording);
}

static bool talk_to(struct simulation *simulation, const struct live_identity *identity,
                    int version)
{
	return talk_nameless(simulation, identity, version, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

/* What differs from it is told behind it. */
static const struct event *last_verdict(const struct simulation *simulation)
{
	size_t i = simulation->event_count;

	while (i > 0 && simulation->events[i - 1].reason == REASON_PROBE_DIFFERS)
		i--;
	return i > 0 ? &simulation->events[i - 1] : NULL;
}

static void mismatched(const struct simulation *simulation)
{
	const struct event *event = last_verdict(simulation);

	assert_non_null(event);
	assert_string_equal(reason_name(event->reason), "key-mismatch");
	assert_int_equal(event->action, ACTION_BLOCK);
	assert_true(simulation->client.got_reset);
}

static void excused(const struct simulation *simulation)
{
	const struct event *event = simulation_last_finding(simulation);

	assert_non_null(event);
	assert_string_equal(reason_name(event->reason), "sni-missing");
	assert_int_equal(event->action, ACTION_ALERT);
}

static void a_host_of_many_names_is_what_the_sender_does_not_know_of(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct key_scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		struct simulation *simulation = open_tolerant(scene);

		scene->probed = &scene->thief;
		assert_true(talk_to(simulation, &scene->thief, versions[i]));
		excused(simulation);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

/* The host is an alias, and has its records where that leads; `beside`: it has some itself, too, or another at its address has. */
static void promise_by_alias(struct destination *destination, const struct live_identity *identity,
                             const char *beside)
{
	struct cursor packed;
	struct key_rule rule;
	static struct key_rules rules;

	promise_key(destination, identity);
	packed = cursor_over(bytes_of(destination->keys, destination->keys_len));
	assert_true(key_rule_next(&rule, &packed));
	rules.count = rules.len = 0;
	rule.names = bytes_of_string("target.example.net:" KEY_DOMAIN);
	assert_true(key_rules_add(&rules, &rule));
	rule.names = bytes_of_string(beside);
	rule.group = 1;
	if (beside[0])
		assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	destination->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
}

/* RFC 7672 section 8.1: who knows of the records sends the name that has them. */
static void an_alias_is_asked_for_by_the_name_that_has_the_records(void **state)
{
	static const struct {
		const char *beside, *asked;
	} cases[] = { { "", "target.example.net" },
		      { "mx.other.example", "target.example.net" },
		      { KEY_HOST ":" KEY_DOMAIN, KEY_HOST } };
	struct key_scene *scene = *state;

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct simulation *simulation = open_tolerant(scene);

		for (size_t i = 0; i < simulation->answer_count; i++) {
			promise_by_alias(&simulation->answers[i], &scene->honest, cases[c].beside);
			simulation->answers[i].is_afresh = true;
			push(simulation, &simulation->answers[i]);
		}
		scene->probed = &scene->thief;
		assert_true(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
		excused(simulation);
		assert_string_equal(scene->named, cases[c].asked);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

/* In TLS 1.3 a server with keys of two kinds may choose the other one, and what the sender was shown would be nobody's. */
static void a_probe_offers_no_version_that_the_sender_did_not(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);
	struct tls_shape shape;

	scene->probed = &scene->thief;
	scene->probed_version = TLS1_2_VERSION;
	assert_true(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	excused(simulation);
	probe_request_shape(&shape, &scene->probe);
	assert_int_equal(shape.version_max, TLS1_2_VERSION);
	assert_int_equal(shape.version_min, TLS1_VERSION);
}

/* To whom looks for him the true server answers, by name or not. */
static void who_answers_the_client_alone_is_no_host_of_many_names(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);

	scene->probed = &scene->honest;
	assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	mismatched(simulation);
	assert_string_equal(event_assurance(last_verdict(simulation)), "proven");
}

static void nor_is_he_where_the_host_has_many_names(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);
	struct live_identity tenant;

	live_identity_init(&tenant, LIVE_ECDSA);
	scene->probed = &tenant;
	assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	mismatched(simulation);
	live_identity_end(&tenant);
}

static void what_no_probe_can_tell_in_time_excuses_nothing(void **state)
{
	struct key_scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		struct simulation *simulation = open_tolerant(scene);

		scene->probed = &scene->thief;
		scene->is_named_away = i == 0;
		scene->is_nameless_away = i == 1;
		assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
		simulation_pass_time(simulation, simulation->config.hold_ms);
		mismatched(simulation);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

static void nor_does_what_a_probe_could_not_see(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);

	scene->probe_outcome = PROBE_FAILED;
	assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	mismatched(simulation);
}

/* Now he answers everybody: what the host of many names showed before him is no excuse. */
static void what_was_seen_before_somebody_came_between_excuses_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);

	scene->probed = &scene->thief;
	assert_true(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	excused(simulation);
	simulation_pass_time(simulation, GATE_PROBE_WRONG_MS);
	scene->is_probe_away = true;
	assert_true(simulation_reopen(simulation));
	assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	simulation_pass_time(simulation, simulation->config.hold_ms);
	mismatched(simulation);
	scene->is_probe_away = false;
	scene->probed_named = NULL;
	simulation_pass_time(simulation, GATE_PROBE_AGAIN_MS);
	assert_true(simulation_reopen(simulation));
	assert_false(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	mismatched(simulation);
}

/* Each is looked at once, however many connections wait. */
static void of_a_host_of_many_names_two_looks_tell_the_next_ones(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);

	scene->probed = &scene->thief;
	assert_true(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	simulation->probe_count = 0;
	assert_true(simulation_reopen(simulation));
	assert_true(talk_to(simulation, &scene->thief, TLS1_2_VERSION));
	excused(simulation);
	assert_int_equal(simulation->probe_count, 0);
}

/* The tenant's own certificate, and nobody behind it who has its key. */
static void a_replayed_certificate_is_no_other_name(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_tolerant(scene);
	struct live_pair pair = live_pair_new(&scene->thief, TLS1_2_VERSION,
	                                      "ECDHE-ECDSA-AES128-GCM-SHA256", SSL_OP_NO_TICKET);
	struct recording *recordings[2];

	pair.is_nameless = true;
	recordings[0] = live_talk(&pair, NULL);
	recordings[1] = live_talk(&pair, NULL);
	for (size_t i = 0; i < recordings[0]->count; i++) {
		if (recordings[0]->chunks[i].is_client)
			recordings[0]->chunks[i].octets = recordings[1]->chunks[i].octets;
	}
	scene->probed = &scene->thief;
	greet(simulation);
	assert_false(replay(simulation, recordings[0]));
	mismatched(simulation);
	free(recordings[1]);
	live_pair_free(&pair);
}

static void say(void *owner, struct key_finding *finding, const struct message_check *check,
                size_t len)
{
	const struct key_scene *scene = owner;

	(void)check;
	(void)len;
	finding->outcome = scene->said;
}

/* Of every server a certificate is asked, and of this one nobody says whose. */
static struct simulation *open_to_nobody(struct key_scene *scene, enum key_outcome said)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	scene->said = said;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	simulation->config.tls13 = TLS13_PROBE;
	simulation->config.stance.default_level = LEVEL_VERIFY;
	simulation_verify(simulation, say, probe, scene);
	assert_true(simulation_open(simulation));
	return simulation;
}

static void where_there_is_no_name_to_ask_for_it_is_the_sender_that_lacks_it(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct key_scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		struct simulation *simulation = open_to_nobody(scene, KEY_NAME_MISMATCH);

		assert_false(talk_to(simulation, &scene->honest, versions[i]));
		refused(simulation, REASON_SNI_MISSING, i == 0 ? "proven" : "probed");
		assert_non_null(strstr(simulation_finding(simulation)->rule, "no name to ask for"));
		assert_non_null(
			strstr(simulation_finding(simulation)->key.why, "no name to ask for"));
		/* Another look would ask for no name either. */
		assert_int_equal(simulation->probe_count, i);
		simulation->config.stance.blocks_inability = false;
		assert_true(simulation_reopen(simulation));
		assert_true(talk_to(simulation, &scene->honest, versions[i]));
		excused(simulation);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

static void a_certificate_of_nobody_trusted_is_not_excused_by_that(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_nobody(scene, KEY_UNTRUSTED);

	simulation->config.stance.blocks_inability = false;
	assert_false(talk_to(simulation, &scene->honest, TLS1_2_VERSION));
	refused(simulation, REASON_CERT_UNTRUSTED, "proven");
}

static void nor_is_another_name_than_the_client_sent(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_nobody(scene, KEY_NAME_MISMATCH);

	assert_false(talk(simulation, &scene->honest, TLS1_2_VERSION));
	refused(simulation, REASON_NAME_MISMATCH, "proven");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_of_many_names_is_what_the_sender_does_not_know_of),
		TEST(an_alias_is_asked_for_by_the_name_that_has_the_records),
		TEST(a_probe_offers_no_version_that_the_sender_did_not),
		TEST(who_answers_the_client_alone_is_no_host_of_many_names),
		TEST(nor_is_he_where_the_host_has_many_names),
		TEST(what_no_probe_can_tell_in_time_excuses_nothing),
		TEST(nor_does_what_a_probe_could_not_see),
		TEST(what_was_seen_before_somebody_came_between_excuses_nothing),
		TEST(of_a_host_of_many_names_two_looks_tell_the_next_ones),
		TEST(a_replayed_certificate_is_no_other_name),
		TEST(where_there_is_no_name_to_ask_for_it_is_the_sender_that_lacks_it),
		TEST(a_certificate_of_nobody_trusted_is_not_excused_by_that),
		TEST(nor_is_another_name_than_the_client_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

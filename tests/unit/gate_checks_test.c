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

/* What is asked of the verifier: how long its word holds, and what becomes of mail while it has none. */

static void what_the_verifier_said_holds_for_a_minute(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_true(talk_after(scene, GATE_CHECK_LIFE_MS / 2));
	assert_int_equal(gate_counters(simulation->gate)->key_checks, 1);
	assert_true(talk_after(scene, GATE_CHECK_LIFE_MS / 2));
	assert_int_equal(gate_counters(simulation->gate)->key_checks, 2);
	assert_int_equal(simulation->probe_count, 1);
}

static void a_verifier_that_died_is_asked_again(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	scene->is_verifier_away = true;
	assert_false(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_true(simulation->check_count > 1);
	assert_false(simulation->client.got_reset);
	scene->is_verifier_away = false;
	simulation_pass_time(simulation, 3000);
	assert_int_equal(simulation->server.got_len, simulation->client.sent_len);
	assert_null(simulation_finding(simulation));
}

/* What it would have said to the first question, it says when the question has been asked again. */
struct late {
	struct key_scene *scene;
	struct message_checked first;
};

static void verify_late(void *owner, struct key_finding *finding, const struct message_check *check,
                        size_t len)
{
	struct late *late = owner;

	(void)finding;
	if (late->first.request != 0)
		return;
	late->first.request = check->request;
	verify(late->scene, &late->first.finding, check, len);
}

static void a_verifier_that_is_always_behind_is_understood(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct late late = { .scene = scene, .first.type = MESSAGE_CHECKED };

	simulation_verify(simulation, verify_late, NULL, &late);
	assert_false(talk(simulation, &scene->honest, TLS1_2_VERSION));
	simulation_pass_time(simulation, GATE_CHECK_AGAIN_MS);
	assert_true(simulation->check_count > 1);
	assert_false(simulation->client.got_reset);
	gate_checked(simulation->gate, &late.first, simulation->now_ms, simulation->now_ms);
	simulation_pass_time(simulation, 1000);
	assert_int_equal(simulation->server.got_len, simulation->client.sent_len);
	assert_null(simulation_finding(simulation));
}

static void monitor_tells_what_the_verifier_says_later(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	simulation->config.stance.mode = MODE_MONITOR;
	assert_true(talk(simulation, &scene->thief, TLS1_2_VERSION));
	simulation_pass_time(simulation, 1000);
	assert_non_null(simulation_finding(simulation));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_KEY_MISMATCH);
	assert_int_equal(simulation_finding(simulation)->would, ACTION_BLOCK);
}

/* The host promised the key whose SubjectPublicKeyInfo stands in that recording, or a certificate. */
static struct simulation *open_to_recorded(struct key_scene *scene,
                                           const struct recording *recording, bool is_certificate)
{
	static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48 };
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	const uint8_t *key = memmem(recording->octets, recording->len, head, sizeof(head));
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct key_rule rule = { .kind = is_certificate ? KEY_RULE_PKIX : KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .names = bytes_of_string(KEY_HOST),
		                 .record_count = !is_certificate };
	static struct key_rules rules;

	assert_non_null(key);
	SHA256(key, 2 + head[1], digest);
	rule.records[0] = (struct key_record){ 3, 1, 1, bytes_of(digest, sizeof(digest)) };
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	for (size_t i = 0; i < simulation->answer_count; i++) {
		struct destination *answer = &simulation->answers[i];

		memcpy(answer->keys, rules.octets, rules.len);
		answer->keys_len = (uint16_t)rules.len;
		answer->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
	}
	return simulation;
}

/* Between two GnuTLS: the server's key without any certificate (RFC 7250). */
static void a_raw_key_is_held_against_the_record_of_it(void **state)
{
	struct key_scene *scene = *state;
	struct recording *recording = recording_named("tls1.2-raw-key.txt");
	struct simulation *simulation = open_to_recorded(scene, recording, false);

	greet(simulation);
	assert_true(replay(simulation, recording));
	assert_null(simulation_finding(simulation));
	assert_string_equal(event_assurance(&simulation->events[0]), "proven");
	assert_true(simulation->events[0].key.seen.is_raw);
}

static void another_raw_key_is_a_mismatch(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	greet(simulation);
	assert_false(replay(simulation, recording_named("tls1.2-raw-key.txt")));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
}

static void where_a_certificate_was_promised_a_raw_key_is_the_senders_setting(void **state)
{
	struct key_scene *scene = *state;
	struct recording *recording = recording_named("tls1.2-raw-key.txt");
	struct simulation *simulation = open_to_recorded(scene, recording, true);

	greet(simulation);
	assert_false(replay(simulation, recording));
	refused(simulation, REASON_CIPHER_UNAUTHENTICATED, "proven");
	assert_int_equal(event_reason_kind(simulation_finding(simulation)), KIND_INABILITY);
	assert_non_null(strstr(simulation_finding(simulation)->key.why, "raw key"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_verifier_said_holds_for_a_minute),
		TEST(a_verifier_that_died_is_asked_again),
		TEST(a_verifier_that_is_always_behind_is_understood),
		TEST(a_raw_key_is_held_against_the_record_of_it),
		TEST(another_raw_key_is_a_mismatch),
		TEST(where_a_certificate_was_promised_a_raw_key_is_the_senders_setting),
		TEST(monitor_tells_what_the_verifier_says_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

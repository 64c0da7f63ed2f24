/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe was shown, some time later. */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/key_scene.h"

static void say(void *owner, struct key_finding *finding, const struct message_check *check,
                size_t len)
{
	const struct key_scene *scene = owner;

	(void)check;
	(void)len;
	finding->outcome = scene->said;
}

/* An authority is added or taken away, a certificate expires: the same chain is another matter then. */
static void what_the_verifier_said_of_a_probe_holds_for_a_while(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	simulation->verify = say;
	simulation->config.probe_life_ms = 24 * 3600 * 1000;
	scene->said = KEY_UNTRUSTED;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	scene->said = KEY_MET;
	assert_true(talk_after(scene, GATE_CHECK_LIFE_MS));
	assert_true(talk_after(scene, GATE_CHECK_LIFE_MS - 1000));
	scene->said = KEY_EXPIRED;
	assert_true(talk_after(scene, 0));
	assert_false(talk_after(scene, GATE_CHECK_LIFE_MS));
	assert_string_equal(reason_name(simulation_last_finding(simulation)->reason),
	                    "cert-expired");
}

/* Whoever keeps too many of others' has it shown again. */
static void a_chain_that_made_room_for_others_is_asked_for_again(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	simulation->config.probe_life_ms = 24 * 3600 * 1000;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	for (size_t i = 0; i < GATE_HANDSHAKES_MAX; i++) {
		assert_true(simulation_reopen(simulation));
		assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	}
	assert_int_equal(simulation->probe_count, 1);
	assert_true(talk_after(scene, GATE_CHECK_LIFE_MS));
	assert_int_equal(simulation->probe_count, 2);
	assert_int_equal(scene->probe.is_again, 0);
}

/* Who looks anew does so in time; where nobody can, what was seen is too old to pass mail by. */
static void what_a_probe_saw_is_believed_for_its_time(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	scene->is_probe_away = true;
	assert_true(talk_after(scene, simulation->config.probe_life_ms - 1000));
	assert_false(talk_after(scene, 1000));
	assert_null(simulation_finding(simulation));
	simulation_pass_time(simulation, simulation->config.hold_ms);
	assert_string_equal(reason_name(simulation_last_finding(simulation)->reason), "key-hidden");
}

/* A client that has TLS 1.2 and 1.3, with a server that has that one. */
static bool talk_either(struct simulation *simulation, const struct live_identity *identity,
                        int version)
{
	struct live_pair pair =
		live_pair_new(identity, version, "ECDHE-ECDSA-AES128-GCM-SHA256", SSL_OP_NO_TICKET);
	struct recording *recording;

	live_require(SSL_CTX_set_min_proto_version(pair.client_context, TLS1_2_VERSION) == 1 &&
	             SSL_CTX_set_max_proto_version(pair.client_context, TLS1_3_VERSION) == 1);
	recording = live_talk(&pair, NULL);
	live_pair_free(&pair);
	greet(simulation);
	return replay(simulation, recording);
}

/* It was to compare with a verdict by what the wire had shown, and may have met another machine of a farm than this mail does. */
static void a_first_look_confirms_nothing_whatever_it_was_for(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->thief;
	assert_false(talk_either(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	assert_int_equal(simulation->probe_count, 1);
	scene->probed = &scene->honest;
	assert_true(simulation_reopen(simulation));
	assert_true(talk_either(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->probe_count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_verifier_said_of_a_probe_holds_for_a_while),
		TEST(a_first_look_confirms_nothing_whatever_it_was_for),
		TEST(what_a_probe_saw_is_believed_for_its_time),
		TEST(a_chain_that_made_room_for_others_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

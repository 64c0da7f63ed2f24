/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/key_scene.h"

/* A probe behind a verdict: what differs is one event more, and changes nothing of the verdict. */

static void differs_once(const struct simulation *simulation, const char *cause, const char *rule)
{
	const struct event *event = differing_once(simulation);

	assert_string_equal(event->id, simulation->events[0].id);
	assert_string_equal(event->domain, simulation->events[0].domain);
	assert_int_equal(strncmp(event->cause, cause, strlen(cause)), 0);
	assert_string_equal(event->rule, rule);
}

static void stripped(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 mx.big.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-mx.big.example\r\n250 SIZE\r\n"));
	assert_false(simulation_client(
		simulation, "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@" KEY_DOMAIN ">\r\n"));
}

static void a_key_that_only_the_sender_is_shown_is_told_with_the_right_one(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);
	const struct event *event;

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	differs_once(simulation, "key-mismatch on the sender's own connection, ",
	             "a probe is shown the promised key, the sender another");
	event = differing_once(simulation);
	assert_string_equal(event_assurance(event), "probed");
	assert_int_equal(event->key.outcome, KEY_MET);
	assert_int_equal(strncmp(event->key.matched, "3 1 1 ", 6), 0);
}

static void a_verifier_that_dies_behind_the_probe_loses_no_difference(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	scene->dies_behind_probe = true;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	differs_never(simulation);
	scene->is_verifier_away = scene->dies_behind_probe = false;
	simulation_pass_time(simulation, 2 * GATE_CHECK_AGAIN_MS);
	differs_once(simulation, "key-mismatch on the sender's own connection, ",
	             "a probe is shown the promised key, the sender another");
}

static void a_key_that_everybody_is_shown_is_no_difference(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->thief;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	assert_int_equal(simulation->probe_count, 1);
	differs_never(simulation);
}

static void a_sender_that_comes_again_is_told_of_once(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	for (int i = 0; i < 3; i++) {
		assert_true(simulation_reopen(simulation));
		assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	}
	assert_int_equal(simulation->probe_count, 1);
	differs_once(simulation, "key-mismatch",
	             "a probe is shown the promised key, the sender another");
	/* Ten minutes later it is worth a look, and a line, again. */
	simulation_pass_time(simulation, 600 * 1000);
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	assert_int_equal(simulation->probe_count, 2);
}

static void an_offer_that_only_a_probe_has_is_told(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	stripped(simulation);
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_int_equal(simulation_finding(simulation)->action, ACTION_BLOCK);
	differs_once(simulation, "starttls-stripped on the sender's own connection, ",
	             "a probe is offered STARTTLS, the sender was not");
	assert_string_equal(scene->probe.server_name, KEY_HOST);
	/* The next try of the sender's is refused as before. */
	assert_true(simulation_reopen(simulation));
	stripped(simulation);
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_int_equal(simulation->probe_count, 1);
}

static void an_offer_that_a_probe_lacks_too_is_no_difference(void **state)
{
	static const enum probe_outcome outcomes[] = { PROBE_WITHOUT_TLS, PROBE_FAILED };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		struct key_scene *scene = *state;
		struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

		scene->probe_outcome = outcomes[i];
		stripped(simulation);
		assert_int_equal(simulation->probe_count, 1);
		differs_never(simulation);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

static void an_offer_that_only_the_sender_has_is_told(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_WITHOUT_TLS;
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	refused(simulation, REASON_KEY_HIDDEN, "");
	differs_once(simulation, "key-hidden on the sender's own connection, ",
	             "the sender was offered STARTTLS, a probe was not");
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->honest, TLS1_3_VERSION));
	differs_once(simulation, "key-hidden", "the sender was offered STARTTLS, a probe was not");
}

static void nobody_waits_for_the_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->is_probe_away = true;
	scene->probed = &scene->honest;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	simulation_pass_time(simulation, 30000);
	differs_never(simulation);
}

static void a_verifier_that_answers_late_is_waited_for(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	scene->is_probe_away = true;
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	/* The probe comes while the verifier is away; the same is asked of both again by the next connection. */
	scene->is_verifier_away = true;
	scene->is_probe_away = false;
	simulation->probed->type = MESSAGE_PROBED;
	simulation->probed->key = scene->probe.key;
	probe(scene, simulation->probed, &scene->probe);
	simulation->probed_count = 1;
	simulation_pass_time(simulation, 1000);
	differs_never(simulation);
	scene->is_verifier_away = false;
	simulation_pass_time(simulation, 3000);
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	differs_once(simulation, "key-mismatch",
	             "a probe is shown the promised key, the sender another");
}

static void who_only_watches_is_told_too(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	simulation->config.stance.mode = MODE_MONITOR;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->thief, TLS1_2_VERSION));
	simulation_pass_time(simulation, 1000);
	differs_once(simulation, "key-mismatch",
	             "a probe is shown the promised key, the sender another");
}

static void where_the_operator_wants_no_probes_none_is_made(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	simulation->config.tls13 = TLS13_BLOCK;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	stripped(simulation);
	assert_int_equal(simulation->probe_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_only_the_sender_is_shown_is_told_with_the_right_one),
		TEST(a_verifier_that_dies_behind_the_probe_loses_no_difference),
		TEST(a_key_that_everybody_is_shown_is_no_difference),
		TEST(a_sender_that_comes_again_is_told_of_once),
		TEST(an_offer_that_only_a_probe_has_is_told),
		TEST(an_offer_that_a_probe_lacks_too_is_no_difference),
		TEST(an_offer_that_only_the_sender_has_is_told),
		TEST(nobody_waits_for_the_probe),
		TEST(a_verifier_that_answers_late_is_waited_for),
		TEST(who_only_watches_is_told_too),
		TEST(where_the_operator_wants_no_probes_none_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

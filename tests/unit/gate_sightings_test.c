/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/key_scene.h"

/* What memory is told of a host's key. */

static void the_key_of_a_promised_host_is_told_with_what_the_verifier_said(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	const struct message_sighting *sighting = &simulation->sighting;

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(sighting->key_sight, SIGHT_WIRE);
	assert_int_equal(sighting->key.outcome, KEY_MET);
	assert_int_equal(sighting->key.source, SOURCE_DANE);
	assert_int_equal(sighting->tls_version, 0x0303);
	assert_int_equal(sighting->met, 1);
	assert_true(sighting->key.seen.has_leaf);
	/* The same key once more is no news, another is. */
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_int_equal(simulation->sighting_count, 1);
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	assert_int_equal(simulation->sighting_count, 2);
	assert_int_equal(sighting->key.outcome, KEY_MISMATCH);
	assert_int_equal(sighting->met, 0);
}

static void a_probed_key_is_told_as_such(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(simulation->sighting.key_sight, SIGHT_PROBE);
	assert_int_equal(simulation->sighting.key.outcome, KEY_MET);
	/* Another one is news, though nothing of it crosses the wire. */
	simulation_pass_time(simulation, simulation->config.probe_life_ms);
	scene->probed = &scene->thief;
	assert_true(simulation_reopen(simulation));
	assert_false(talk(simulation, &scene->thief, TLS1_3_VERSION));
	assert_int_equal(simulation->sighting_count, 2);
	assert_int_equal(simulation->sighting.key.outcome, KEY_MISMATCH);
}

static struct simulation *open_to_unpromised(struct key_scene *scene)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation->config.tls13 = TLS13_BLOCK;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_NONE);
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	return simulation;
}

static void the_key_of_a_host_that_promised_nothing_is_asked_for_once(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_unpromised(scene);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	/* At once without the key, then with it. */
	assert_int_equal(simulation->sighting_count, 2);
	assert_int_equal(simulation->check_count, 1);
	assert_int_equal(simulation->sighting.key_sight, SIGHT_WIRE);
	assert_int_equal(simulation->sighting.key.outcome, KEY_MET);
	assert_int_equal(simulation->sighting.key.source, SOURCE_NONE);
	assert_string_equal(simulation->sighting.key.seen.names, "mx.example.org");
	assert_string_equal(simulation->sighting.host, KEY_HOST);
	assert_int_equal(simulation->sighting.met, 0);
	assert_true(simulation_reopen(simulation));
	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_int_equal(simulation->sighting_count, 2);
	assert_int_equal(simulation->check_count, 1);
}

static void nobody_waits_for_a_verifier_that_does_not_answer(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_unpromised(scene);

	scene->is_verifier_away = true;
	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(simulation->sighting.key_sight, SIGHT_NONE);
}

static void who_only_watches_tells_memory_too(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	simulation->config.stance.mode = MODE_MONITOR;
	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	simulation_pass_time(simulation, 1000);
	assert_int_equal(simulation->sighting_count, 1);
	assert_int_equal(simulation->sighting.key_sight, SIGHT_WIRE);
	assert_int_equal(simulation->sighting.met, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_key_of_a_promised_host_is_told_with_what_the_verifier_said),
		TEST(a_probed_key_is_told_as_such),
		TEST(the_key_of_a_host_that_promised_nothing_is_asked_for_once),
		TEST(nobody_waits_for_a_verifier_that_does_not_answer),
		TEST(who_only_watches_tells_memory_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

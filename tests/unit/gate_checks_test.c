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

static bool talk_after(struct key_scene *scene, uint64_t wait_ms)
{
	simulation_pass_time(scene->simulation, wait_ms);
	assert_true(simulation_reopen(scene->simulation));
	return talk(scene->simulation, &scene->honest, TLS1_3_VERSION);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_verifier_said_holds_for_a_minute),
		TEST(a_verifier_that_died_is_asked_again),
		TEST(monitor_tells_what_the_verifier_says_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

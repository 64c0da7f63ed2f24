/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mail passed by what a probe was shown, and a later one is shown something else: told, never more. */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/key_scene.h"

static const char breaks[] = "a later look is shown a key that breaks the promise";

/* Two letters pass by one look. */
static struct simulation *open_and_pass(struct key_scene *scene)
{
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	assert_true(talk_after(scene, 1000));
	assert_int_equal(simulation->probe_count, 1);
	return simulation;
}

/* At a moment of the scout's own: nobody has asked, and nobody waits. */
static void look_ahead(struct key_scene *scene)
{
	struct simulation *simulation = scene->simulation;

	simulation_pass_time(simulation, 1000);
	memset(simulation->probed, 0, PROBED_HEAD_LEN);
	simulation->probed->key = scene->probe.key;
	probe(scene, simulation->probed, &scene->probe);
	simulation->probed_count = 1;
	simulation_pass_time(simulation, 1000);
}

static void what_has_passed_is_told_when_a_look_breaks_the_promise(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);
	const struct event *event;
	unsigned hours, minutes, seconds;

	scene->probed = &scene->thief;
	look_ahead(scene);
	event = differing_once(simulation);
	assert_string_equal(event->rule, breaks);
	assert_string_equal(event->domain, KEY_DOMAIN);
	assert_string_equal(event->id, simulation->events[1].id);
	assert_string_equal(event_assurance(event), "probed");
	assert_int_equal(event->key.outcome, KEY_MISMATCH);
	assert_int_equal(
		sscanf(event->cause, "since %2u:%2u:%2uZ mail", &hours, &minutes, &seconds), 3);
	assert_int_equal((hours * 60 + minutes) * 60 + seconds,
	                 simulation->events[0].time_ms / 1000 % (24 * 60 * 60));
	assert_non_null(strstr(event->cause, " passed by an earlier look, in 2 connections"));
	/* Once is enough. */
	look_ahead(scene);
	(void)differing_once(simulation);
}

static void a_look_ahead_counts_for_the_next_mail_at_once(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	scene->probed = &scene->thief;
	look_ahead(scene);
	assert_false(talk_after(scene, 0));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_KEY_MISMATCH);
	assert_int_equal(simulation_last_finding(simulation)->action, ACTION_BLOCK);
	/* It takes two. */
	assert_int_equal(simulation->probe_count, 2);
	(void)differing_once(simulation);
}

static void a_look_that_is_good_ends_what_there_is_to_tell(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	look_ahead(scene);
	differs_never(simulation);
	scene->probed = &scene->thief;
	look_ahead(scene);
	differs_never(simulation);
}

static void only_what_passed_since_the_last_good_look_is_told(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	look_ahead(scene);
	assert_true(talk_after(scene, 1000));
	scene->probed = &scene->thief;
	look_ahead(scene);
	assert_non_null(strstr(differing_once(simulation)->cause, "in 1 connection"));
}

static void a_key_that_changed_with_its_record_breaks_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);
	size_t refresh_count = simulation->refresh_count;

	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], &scene->thief);
	scene->probed = &scene->thief;
	look_ahead(scene);
	assert_true(simulation->refresh_count > refresh_count);
	simulation_pass_time(simulation, 5000);
	differs_never(simulation);
}

static void a_verifier_that_is_away_is_waited_for(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	scene->probed = &scene->thief;
	scene->is_verifier_away = true;
	look_ahead(scene);
	differs_never(simulation);
	scene->is_verifier_away = false;
	simulation_pass_time(simulation, 2 * GATE_CHECK_AGAIN_MS);
	(void)differing_once(simulation);
}

static void a_look_without_an_offer_is_told_and_one_that_could_not_tell_is_not(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);
	const struct event *event;

	scene->probe_outcome = PROBE_FAILED;
	look_ahead(scene);
	differs_never(simulation);
	scene->probe_outcome = PROBE_WITHOUT_TLS;
	look_ahead(scene);
	event = differing_once(simulation);
	assert_string_equal(event->rule, "a later look is offered no STARTTLS");
	assert_int_equal(event->key.outcome, KEY_UNKNOWN);
}

static void beyond_its_life_a_look_is_held_against_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	simulation_pass_time(simulation, simulation->config.probe_life_ms);
	scene->probed = &scene->thief;
	look_ahead(scene);
	differs_never(simulation);
}

/* What crossed the wire needs no probe to be believed. */
static void of_what_was_proven_no_look_tells_anything(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_int_equal(simulation->probe_count, 0);
	differs_never(simulation);
}

static void of_more_destinations_than_there_is_room_for_the_last_are_told(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_and_pass(scene);

	for (unsigned port = 1; port <= GATE_PASSED_MAX; port++) {
		simulation->config.rules.ports[1] = (uint16_t)port;
		simulation->config.rules.port_count = 2;
		simulation->server_endpoint.port = (uint16_t)port;
		assert_true(talk_after(scene, 0));
		simulation->event_count = 0; /* there is room for few */
	}
	scene->probed = &scene->thief;
	look_ahead(scene);
	assert_int_equal(differing_once(simulation)->server.port, GATE_PASSED_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_has_passed_is_told_when_a_look_breaks_the_promise),
		TEST(a_look_ahead_counts_for_the_next_mail_at_once),
		TEST(a_look_that_is_good_ends_what_there_is_to_tell),
		TEST(only_what_passed_since_the_last_good_look_is_told),
		TEST(a_key_that_changed_with_its_record_breaks_nothing),
		TEST(a_verifier_that_is_away_is_waited_for),
		TEST(a_look_without_an_offer_is_told_and_one_that_could_not_tell_is_not),
		TEST(beyond_its_life_a_look_is_held_against_nothing),
		TEST(of_what_was_proven_no_look_tells_anything),
		TEST(of_more_destinations_than_there_is_room_for_the_last_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

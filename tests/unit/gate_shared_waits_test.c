/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that goes on waits for what other guards have said of its name by then. */
#include "gate.h"
#include "gate_keys_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/shared_scene.h"

/* What the client says in the connection that goes on. It is held, for what others may have said alone. */
static void hold_what_goes_on(struct simulation *simulation, struct recording *recording)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	for (size_t i = 0; i + 1 < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	assert_false(
		simulation_send(simulation, true, recording->chunks[recording->count - 1].octets));
	simulation_pass_time(simulation, GATE_TICK_MS);
	free(recording);
}

/* The thief's client was as fast as it could be, and the scout has other things to do. */
static void a_session_goes_on_behind_what_others_said_before(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	passed(site.here, "proven");
	break_off(site.there, thiefs_talk(&site));
	site.here->are_others_silent = true;
	hold_what_goes_on(site.here, go_on(&site.ends.thief, site.ends.thief_session));
	assert_true(site.here->has_names_asked);
	hand_all_on(&site);
	simulation_names_come(site.here, UINT64_MAX);
	simulation_pass_time(site.here, GATE_TICK_MS);
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

/* Under another name, which it was given meanwhile; Postfix keeps what was refused. */
static void nor_does_it_later_by_what_it_was_given_then(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *stolen;
	SSL_SESSION *other;

	assert_true(connect_and_say(site.here, true_talk(&site)));
	break_off(site.there, thiefs_talk(&site));
	stolen = go_on(&site.ends.thief, site.ends.thief_session);
	free(live_talk(&site.ends.honest, NULL));
	other = session_of(&site.ends.honest);
	site.here->are_others_silent = true;
	hold_what_goes_on(site.here, with_name_of(stolen, other));
	hand_all_on(&site);
	simulation_names_come(site.here, UINT64_MAX);
	simulation_pass_time(site.here, GATE_TICK_MS);
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site.here->are_others_silent = false;
	assert_false(connect_and_say(site.here, go_on(&site.ends.honest, other)));
	hidden_again(site.here);
	SSL_SESSION_free(other);
	site_free(&site);
}

/* What was given in the name of the server's goes on as well as that. */
static void what_is_given_to_a_session_that_goes_on_does_so_later(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *renamed;
	SSL_SESSION *other;

	assert_true(connect_and_say(site.here, true_talk(&site)));
	renamed = go_on(&site.ends.honest, site.ends.honest_session);
	free(live_talk(&site.ends.honest, NULL));
	other = session_of(&site.ends.honest);
	assert_true(connect_and_say(site.here, with_name_of(renamed, other)));
	passed(site.here, "proven");
	assert_true(connect_and_say(site.here, go_on(&site.ends.honest, other)));
	passed(site.here, "proven");
	SSL_SESSION_free(other);
	site_free(&site);
}

static void it_does_at_once_when_all_others_have_answered(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	size_t before;

	assert_true(connect_and_say(site.here, true_talk(&site)));
	site.here->are_others_silent = true;
	before = site.here->event_count;
	hold_what_goes_on(site.here, go_on(&site.ends.honest, site.ends.honest_session));
	simulation_names_come(site.here, UINT64_MAX - 2);
	assert_int_equal(site.here->event_count, before);
	/* Not to this question. */
	site.here->names_asked.beginning++;
	simulation_names_come(site.here, 2);
	assert_int_equal(site.here->event_count, before);
	site.here->names_asked.beginning--;
	simulation_names_come(site.here, 2);
	assert_int_equal(site.here->event_count, before + 1);
	passed(site.here, "proven");
	site_free(&site);
}

/* One that had asked for another connection knows nothing of what was said since. */
static void each_connection_asks_behind_its_own_handshake(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	assert_true(honest_goes_on(&site, site.here));
	assert_int_equal(site.here->names_asked_count, 1);
	simulation_pass_time(site.here, 1000);
	site.here->are_others_silent = true;
	hold_what_goes_on(site.here, go_on(&site.ends.honest, site.ends.honest_session));
	assert_int_equal(site.here->names_asked_count, 2);
	simulation_names_come(site.here, UINT64_MAX);
	passed(site.here, "proven");
	site_free(&site);
}

/* Some guard died with the question, and its successor hears it. */
static void what_is_not_answered_is_asked_again(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	size_t asked;

	assert_true(connect_and_say(site.here, true_talk(&site)));
	site.here->are_others_silent = true;
	hold_what_goes_on(site.here, go_on(&site.ends.honest, site.ends.honest_session));
	asked = site.here->names_asked_count;
	simulation_pass_time(site.here, GATE_NAMES_AGAIN_MS / 2);
	assert_int_equal(site.here->names_asked_count, asked);
	simulation_pass_time(site.here, GATE_NAMES_AGAIN_MS);
	assert_int_equal(site.here->names_asked_count, asked + 1);
	simulation_names_come(site.here, UINT64_MAX);
	passed(site.here, "proven");
	site_free(&site);
}

static void what_is_never_answered_is_not_proven(void **state)
{
	struct site site = site_new(state, TLS13_PROBE);
	size_t before;

	assert_true(connect_and_say(site.here, true_talk(&site)));
	site.here->are_others_silent = true;
	before = site.here->event_count;
	hold_what_goes_on(site.here, go_on(&site.ends.honest, site.ends.honest_session));
	simulation_pass_time(site.here, GATE_NAMES_PATIENCE_MS - 1000);
	assert_int_equal(site.here->event_count, before);
	simulation_pass_time(site.here, 2000);
	passed(site.here, "probed");
	site_free(&site);
}

/* Of one that began when nothing was promised, with a thief who lets probes meet the true server. */
static struct simulation *hold_what_a_thief_began(struct key_scene *scene, bool is_kept)
{
	struct simulation *simulation = open_to_strangers(scene);
	struct ends ends = ends_new(scene);

	share(simulation);
	assert_true(connect_and_say(simulation, live_talk(&ends.thief, NULL)));
	ends.thief_session = session_of(&ends.thief);
	promise_now(scene, &scene->honest);
	if (!is_kept)
		drive_out_handshakes(simulation);
	simulation->are_others_silent = true;
	hold_what_goes_on(simulation, go_on(&ends.thief, ends.thief_session));
	simulation_pass_time(simulation, GATE_NAMES_PATIENCE_MS + 1000);
	ends_free(&ends);
	return simulation;
}

static void nor_is_it_forgiven_what_it_began_with(void **state)
{
	refused_again(hold_what_a_thief_began(*state, true), REASON_KEY_MISMATCH);
}

static void nor_what_it_began_with_when_that_is_no_longer_kept(void **state)
{
	hidden_again(hold_what_a_thief_began(*state, false));
}

/* The host has another key by now, and had the promised one when it began. */
static void one_that_met_what_was_promised_then_is_probed(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	share(simulation);
	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	promise_now(scene, &scene->thief);
	scene->probed = &scene->thief;
	simulation->are_others_silent = true;
	hold_what_goes_on(simulation, go_on(&ends.honest, ends.honest_session));
	simulation_pass_time(simulation, GATE_NAMES_PATIENCE_MS + 1000);
	passed(simulation, "probed");
	ends_free(&ends);
}

/* In monitor nothing waits, and what comes is told of what has passed. */
static void in_monitor_it_is_told_of_what_others_said_before(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	site.here->config.stance.mode = MODE_MONITOR;
	assert_true(connect_and_say(site.here, true_talk(&site)));
	break_off(site.there, thiefs_talk(&site));
	site.here->are_others_silent = true;
	assert_true(thief_goes_on(&site, site.here));
	assert_true(site.here->has_names_asked);
	hand_all_on(&site);
	simulation_names_come(site.here, UINT64_MAX);
	simulation_pass_time(site.here, GATE_TICK_MS);
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

static void in_monitor_what_is_given_to_it_then_goes_on_as_well(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *renamed;
	SSL_SESSION *other;

	site.here->config.stance.mode = MODE_MONITOR;
	assert_true(connect_and_say(site.here, true_talk(&site)));
	renamed = go_on(&site.ends.honest, site.ends.honest_session);
	free(live_talk(&site.ends.honest, NULL));
	other = session_of(&site.ends.honest);
	site.here->are_others_silent = true;
	assert_true(connect_and_say(site.here, with_name_of(renamed, other)));
	simulation_names_come(site.here, UINT64_MAX);
	site.here->are_others_silent = false;
	assert_true(connect_and_say(site.here, go_on(&site.ends.honest, other)));
	simulation_pass_time(site.here, GATE_TICK_MS);
	passed(site.here, "proven");
	for (size_t i = 0; i < site.here->event_count; i++)
		assert_int_equal(site.here->events[i].reason, REASON_NONE);
	SSL_SESSION_free(other);
	site_free(&site);
}

/* Nothing that it could say would matter. */
static void what_is_asked_of_a_probe_anyway_waits_for_nobody(void **state)
{
	struct site site = site_new(state, TLS13_PROBE);

	free(true_talk(&site));
	site.here->are_others_silent = true;
	assert_true(honest_goes_on(&site, site.here));
	passed(site.here, "probed");
	assert_int_equal(site.here->names_asked_count, 0);
	site_free(&site);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_goes_on_behind_what_others_said_before),
		TEST(nor_does_it_later_by_what_it_was_given_then),
		TEST(what_is_given_to_a_session_that_goes_on_does_so_later),
		TEST(it_does_at_once_when_all_others_have_answered),
		TEST(each_connection_asks_behind_its_own_handshake),
		TEST(what_is_not_answered_is_asked_again),
		TEST(what_is_never_answered_is_not_proven),
		TEST(nor_is_it_forgiven_what_it_began_with),
		TEST(nor_what_it_began_with_when_that_is_no_longer_kept),
		TEST(one_that_met_what_was_promised_then_is_probed),
		TEST(in_monitor_it_is_told_of_what_others_said_before),
		TEST(in_monitor_what_is_given_to_it_then_goes_on_as_well),
		TEST(what_is_asked_of_a_probe_anyway_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two guards share the connections of one site, and what sessions are called is known to the one by which they came, unless it is told. */
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

static void a_name_that_another_guard_gives_again_is_nobodys(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	passed(site.here, "proven");
	hand_all_on(&site);
	break_off(site.there, thiefs_talk(&site));
	hand_all_on(&site);
	assert_false(thief_goes_on(&site, site.here));
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

static void so_is_one_that_another_guard_had_given_before(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *begun = true_talk(&site);

	begin(site.here, begun);
	break_off(site.there, thiefs_talk(&site));
	hand_all_on(&site);
	say_from(site.here, begun, 1);
	passed(site.here, "proven");
	hand_all_on(&site);
	assert_false(thief_goes_on(&site, site.here));
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

static void and_one_of_which_each_hears_behind_its_own(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	break_off(site.there, thiefs_talk(&site));
	/* No more than the first word of each. */
	site.there->names_count = hand_on(&site, site.here);
	assert_int_equal(site.there->names_count, 1);
	assert_int_equal(hand_on(&site, site.there), 1);
	assert_false(thief_goes_on(&site, site.here));
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	assert_false(honest_goes_on(&site, site.there));
	refused_again(site.there, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

static void nor_is_it_when_a_session_that_goes_on_is_given_it(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	hand_all_on(&site);
	SSL_CTX_set_generate_session_id(site.ends.thief.server_context, NULL);
	free(thiefs_talk(&site));
	break_off(site.there, with_name_of(go_on(&site.ends.thief, site.ends.thief_session),
	                                   site.ends.honest_session));
	hand_all_on(&site);
	assert_false(honest_goes_on(&site, site.here));
	refused_again(site.here, REASON_INSPECTION_LIMIT);
	site_free(&site);
}

/* Who pushed it out could have had it given to the client before. */
static void one_that_another_guard_may_have_forgotten_is_not_proven(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *begun = true_talk(&site);

	begin(site.here, begun);
	break_off(site.there, thiefs_talk(&site));
	drive_out_sessions(site.there);
	hand_all_on(&site);
	say_from(site.here, begun, 1);
	hand_all_on(&site);
	assert_false(thief_goes_on(&site, site.here));
	hidden_again(site.here);
	site_free(&site);
}

/* It died, and its successor knows nothing. */
static void nor_one_that_began_before_another_guard_did(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);
	struct recording *begun = true_talk(&site);

	begin(site.here, begun);
	gate_share_names(site.there->gate, site.there->gate->keys->names_secret, site.here->now_ms);
	say_from(site.here, begun, 1);
	hand_all_on(&site);
	assert_false(honest_goes_on(&site, site.here));
	hidden_again(site.here);
	site_free(&site);
}

static void what_nobody_could_be_told_of_is_not_proven(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	site.here->is_names_away = true;
	assert_true(connect_and_say(site.here, true_talk(&site)));
	passed(site.here, "proven");
	assert_false(honest_goes_on(&site, site.here));
	hidden_again(site.here);
	site_free(&site);
}

/* What it did not hear may have been of any session that had begun by then. */
static void a_guard_that_missed_something_asks_probes_of_all_that_began_before(void **state)
{
	struct site site = site_new(state, TLS13_PROBE);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	assert_true(honest_goes_on(&site, site.here));
	passed(site.here, "proven");
	tell_lost(site.here);
	assert_true(honest_goes_on(&site, site.here));
	passed(site.here, "probed");
	/* And of none that begins behind that. */
	simulation_pass_time(site.here, 1);
	SSL_SESSION_free(site.ends.honest_session);
	assert_true(connect_and_say(site.here, true_talk(&site)));
	hand_all_on(&site);
	assert_true(honest_goes_on(&site, site.here));
	passed(site.here, "proven");
	site_free(&site);
}

static void a_name_that_one_handshake_gave_is_its_own(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	/* Two guards may see the same connection. */
	assert_int_equal(site.here->names_count, 1);
	gate_hear_names(site.here->gate, &site.here->names[0], site.here->now_ms,
	                site.here->now_ms);
	hand_all_on(&site);
	SSL_CTX_set_generate_session_id(site.ends.thief.server_context, NULL);
	break_off(site.there, thiefs_talk(&site));
	hand_all_on(&site);
	assert_true(honest_goes_on(&site, site.here));
	passed(site.here, "proven");
	site_free(&site);
}

static void answers_are_answered_by_nobody(void **state)
{
	struct site site = site_new(state, TLS13_BLOCK);

	assert_true(connect_and_say(site.here, true_talk(&site)));
	break_off(site.there, thiefs_talk(&site));
	assert_int_equal(hand_on(&site, site.there), 1);
	assert_int_equal(site.here->names_count, 2);
	assert_int_equal(site.here->names[1].word, NAMES_DISPUTED);
	for (uint32_t word = NAMES_DISPUTED; word < NAMES_WORD_COUNT; word++) {
		if (word == NAMES_ASKED)
			continue;
		site.here->names[1].word = word;
		gate_hear_names(site.there->gate, &site.here->names[1], site.there->now_ms,
		                site.there->now_ms);
		assert_int_equal(site.there->names_count, 0);
	}
	site_free(&site);
}

static void who_is_asked_says_that_all_has_come(void **state)
{
	const struct message_names asked = {
		.type = MESSAGE_NAMES, .word = NAMES_ASKED, .giver = 1, .beginning = 7
	};
	struct site site = site_new(state, TLS13_BLOCK);

	gate_hear_names(site.here->gate, &asked, site.here->now_ms, site.here->now_ms);
	assert_int_equal(site.here->names_count, 1);
	assert_int_equal(site.here->names[0].word, NAMES_COME);
	assert_int_equal(site.here->names[0].giver, 1);
	assert_int_equal(site.here->names[0].beginning, 7);
	site_free(&site);
}

static void a_guard_without_others_says_and_hears_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct site site = { .scene = scene, .here = simulation, .ends = ends_new(scene) };

	assert_true(connect_and_say(simulation, true_talk(&site)));
	assert_int_equal(simulation->names_count, 0);
	simulation->are_others_silent = true;
	tell_lost(simulation);
	assert_true(honest_goes_on(&site, simulation));
	passed(simulation, "proven");
	ends_free(&site.ends);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_that_another_guard_gives_again_is_nobodys),
		TEST(so_is_one_that_another_guard_had_given_before),
		TEST(and_one_of_which_each_hears_behind_its_own),
		TEST(nor_is_it_when_a_session_that_goes_on_is_given_it),
		TEST(one_that_another_guard_may_have_forgotten_is_not_proven),
		TEST(nor_one_that_began_before_another_guard_did),
		TEST(what_nobody_could_be_told_of_is_not_proven),
		TEST(a_guard_that_missed_something_asks_probes_of_all_that_began_before),
		TEST(a_name_that_one_handshake_gave_is_its_own),
		TEST(answers_are_answered_by_nobody),
		TEST(who_is_asked_says_that_all_has_come),
		TEST(a_guard_without_others_says_and_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

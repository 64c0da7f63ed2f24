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

#include "unit/resumed_scene.h"

/* `there` has the connections of another address of the same client. */
struct site {
	struct key_scene *scene;
	struct simulation *here, *there;
	struct ends ends;
};

static void share(struct simulation *simulation)
{
	static const uint8_t secret[SIPHASH_KEY_LEN] = "of all guards";

	gate_share_names(simulation->gate, secret, simulation->now_ms - 1);
}

static struct site site_new(void **state, enum tls13 tls13)
{
	struct site site = { .scene = *state };

	site.ends = ends_new(site.scene);
	site.there = open_to(site.scene, &site.scene->honest, tls13);
	/* Whatever else it hashes, it does by a secret of its own. */
	site.there->gate->secret[0] ^= 1;
	site.there->gate->keys->names_secret[0] ^= 1;
	assert_true(address_parse(&site.there->client_endpoint.address, "192.0.2.77"));
	site.here = open_to(site.scene, &site.scene->honest, tls13);
	site.scene->probe_outcome = PROBE_SHOWN;
	site.scene->probed = &site.scene->honest;
	share(site.here);
	share(site.there);
	return site;
}

static void site_free(struct site *site)
{
	simulation_free(site->there);
	ends_free(&site->ends);
}

/* As the scout does it: what was said since the last time. How many messages that were. */
static size_t hand_on(struct site *site, struct simulation *from)
{
	struct simulation *to = from == site->here ? site->there : site->here;
	size_t count = from->names_count;

	for (size_t i = 0; i < count; i++) {
		struct message_names *names = &from->names[i];

		assert_true(names->word == NAMES_GIVEN || names->giver == (to == site->there));
		if (names->word == NAMES_GIVEN)
			names->giver = from == site->there;
		gate_hear_names(to->gate, names, to->now_ms, to->now_ms);
	}
	from->names_count = 0;
	return count;
}

static void hand_all_on(struct site *site)
{
	while (hand_on(site, site->here) + hand_on(site, site->there) > 0)
		;
}

static void tell_lost(struct simulation *simulation)
{
	const struct message_names lost = { .type = MESSAGE_NAMES, .word = NAMES_LOST };

	gate_hear_names(simulation->gate, &lost, simulation->now_ms, simulation->now_ms);
}

static uint8_t stolen_id[32];

static int give_stolen_id(SSL *server, unsigned char *id, unsigned *len)
{
	(void)server;
	memcpy(id, stolen_id, sizeof(stolen_id));
	*len = sizeof(stolen_id);
	return 1;
}

/* The true server's handshake, whose session's name is that of the thief's from then on. */
static struct recording *true_talk(struct site *site)
{
	struct recording *recording = live_talk(&site->ends.honest, NULL);
	struct bytes id;

	site->ends.honest_session = session_of(&site->ends.honest);
	id = id_of(site->ends.honest_session);
	assert_int_equal(id.len, sizeof(stolen_id));
	memcpy(stolen_id, id.data, id.len);
	SSL_CTX_set_generate_session_id(site->ends.thief.server_context, give_stolen_id);
	return recording;
}

static struct recording *thiefs_talk(struct site *site)
{
	struct recording *recording = live_talk(&site->ends.thief, NULL);

	site->ends.thief_session = session_of(&site->ends.thief);
	return recording;
}

static void say_from(struct simulation *simulation, struct recording *recording, size_t from)
{
	for (size_t i = from; i < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	free(recording);
}

/* The connection is open, and the server has not answered yet. */
static void begin(struct simulation *simulation, const struct recording *recording)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
}

static bool thief_goes_on(struct site *site, struct simulation *simulation)
{
	return connect_and_say(simulation, go_on(&site->ends.thief, site->ends.thief_session));
}

static bool honest_goes_on(struct site *site, struct simulation *simulation)
{
	return connect_and_say(simulation, go_on(&site->ends.honest, site->ends.honest_session));
}

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
		TEST(a_session_goes_on_behind_what_others_said_before),
		TEST(it_does_at_once_when_all_others_have_answered),
		TEST(each_connection_asks_behind_its_own_handshake),
		TEST(what_is_not_answered_is_asked_again),
		TEST(what_is_never_answered_is_not_proven),
		TEST(what_is_asked_of_a_probe_anyway_waits_for_nobody),
		TEST(who_is_asked_says_that_all_has_come),
		TEST(a_guard_without_others_says_and_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

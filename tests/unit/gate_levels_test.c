/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/key_scene.h"

/* What both ends had before, and what they have now. */

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const char strong[] = "ECDHE-ECDSA-AES128-GCM-SHA256";
static const char old[] = "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0";

static bool next_talk(struct simulation *simulation, const struct live_identity *identity,
                      int version, const char *ciphers)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	return replay(simulation, handshake_of(identity, version, ciphers));
}

static void weakened(const struct simulation *simulation)
{
	const struct event *event = simulation_last_finding(simulation);

	assert_non_null(event);
	assert_string_equal(reason_name(event->reason), "tls-weakened");
	assert_int_equal(event->action, ACTION_BLOCK);
}

static void an_old_version_is_refused_where_there_was_a_newer_one(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_false(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
	weakened(simulation);
	/* Refusing it does not make it what was there before. */
	assert_false(next_talk(simulation, &scene->honest, TLS1_1_VERSION, old));
	weakened(simulation);
	assert_true(next_talk(simulation, &scene->honest, TLS1_2_VERSION, strong));
}

static void an_old_version_is_all_that_some_have(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	greet(simulation);
	assert_true(replay(simulation, handshake_of(&scene->honest, TLS1_VERSION, old)));
	assert_true(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
	assert_null(simulation_finding(simulation));
}

/* As if the one suite that this hello offers or takes were TLS_ECDHE_ECDSA_WITH_RC4_128_SHA. */
static struct bytes with_rc4(uint8_t room[4096], struct bytes octets, bool is_client)
{
	enum { BEFORE_SESSION_ID = 5 + 4 + 2 + 32 };
	size_t at;

	assert_true(octets.len < 4096);
	memcpy(room, octets.data, octets.len);
	at = (size_t)BEFORE_SESSION_ID + 1 + room[BEFORE_SESSION_ID] + (is_client ? 2 : 0);
	assert_memory_equal(room + at, "\xc0\x09", 2);
	room[at + 1] = 0x07;
	return bytes_of(room, octets.len);
}

static void a_weak_cipher_is_refused_where_there_was_a_strong_one(void **state)
{
	struct key_scene *scene = *state;
	static uint8_t hellos[2][4096];

	for (int had_before = 0; had_before < 2; had_before++) {
		struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
		struct recording *recording = handshake_of(&scene->honest, TLS1_VERSION, old);

		for (size_t i = 0; i < 2; i++)
			recording->chunks[i].octets =
				with_rc4(hellos[i], recording->chunks[i].octets, i == 0);
		if (had_before) {
			greet(simulation);
			assert_true(replay(simulation,
			                   handshake_of(&scene->honest, TLS1_VERSION, old)));
			assert_true(simulation_reopen(simulation));
		}
		greet(simulation);
		assert_int_equal(replay(simulation, recording), !had_before);
		if (had_before)
			weakened(simulation);
		simulation_free(simulation);
		scene->simulation = NULL;
	}
}

static void what_was_there_before_counts_for_a_day(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	simulation->now_ms += DAY_MS - 60 * 1000;
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	assert_false(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
	weakened(simulation);
	simulation->now_ms += 60 * 1000;
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	assert_true(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
}

static void a_version_of_somebody_without_the_key_says_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_false(talk(simulation, &scene->thief, TLS1_2_VERSION));
	assert_true(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_KEY_MISMATCH);
}

static void another_client_has_its_own_past(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_true(talk(simulation, &scene->honest, TLS1_2_VERSION));
	assert_true(address_parse(&simulation->client_endpoint.address, "192.0.2.3"));
	assert_true(next_talk(simulation, &scene->honest, TLS1_VERSION, old));
	assert_null(simulation_finding(simulation));
}

static void a_probed_key_counts_as_one_that_was_right(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	assert_true(talk(simulation, &scene->honest, TLS1_3_VERSION));
	/* A server that is set to 1.2 today is none that somebody pressed. */
	assert_true(next_talk(simulation, &scene->honest, TLS1_2_VERSION, strong));
	assert_false(next_talk(simulation, &scene->honest, TLS1_1_VERSION, old));
	weakened(simulation);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_old_version_is_refused_where_there_was_a_newer_one),
		TEST(an_old_version_is_all_that_some_have),
		TEST(a_weak_cipher_is_refused_where_there_was_a_strong_one),
		TEST(what_was_there_before_counts_for_a_day),
		TEST(a_version_of_somebody_without_the_key_says_nothing),
		TEST(another_client_has_its_own_past),
		TEST(a_probed_key_counts_as_one_that_was_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

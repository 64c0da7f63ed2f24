/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A man in the middle who has a key of his own, and what else he does so that it is not looked at. */
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

static const char suite[] = "ECDHE-ECDSA-AES128-GCM-SHA256";

/* He says nothing of whose place he takes. */
static void greet_nameless(struct simulation *simulation, const char *go)
{
	assert_true(simulation_server(simulation, "220 ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-me\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, go));
}

static bool talk_to_nameless(void **state, const char *go, bool is_honest)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	greet_nameless(simulation, go);
	return replay(simulation, handshake_of(is_honest ? &scene->honest : &scene->thief,
	                                       TLS1_2_VERSION, suite));
}

static void who_takes_another_yes_for_220_speaks_tls_all_the_same(void **state)
{
	struct key_scene *scene = *state;

	assert_false(talk_to_nameless(state, "250 go\r\n", false));
	refused(scene->simulation, REASON_KEY_MISMATCH, "proven");
}

static void who_reads_the_first_of_two_codes_does_so_too(void **state)
{
	struct key_scene *scene = *state;

	assert_false(talk_to_nameless(state, "220-go\r\n454 no\r\n", false));
	refused(scene->simulation, REASON_KEY_MISMATCH, "proven");
}

static void the_promised_key_passes_whatever_the_yes_was(void **state)
{
	struct key_scene *scene = *state;

	assert_true(talk_to_nameless(state, "250 go\r\n", true));
	assert_null(simulation_finding(scene->simulation));
}

/* OpenSSL before 1.1.0 answers a heartbeat in the handshake, in clear and unasked (RFC 6520 forbids it). */
static void an_answered_heartbeat_does_not_make_it_clear_text(void **state)
{
	static const uint8_t heartbeat[] = { 24, 3, 3, 0, 19, 1, 0, 0, 0, 0, 0, 0,
		                             0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0 };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct recording *recording = handshake_of(&scene->thief, TLS1_2_VERSION, suite);
	struct bytes record = bytes_of(heartbeat, sizeof(heartbeat));

	greet_nameless(simulation, "220 go\r\n");
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
	assert_true(simulation_say(simulation, false, record));
	assert_false(simulation_say(simulation, true, record));
	refused(simulation, REASON_PROTOCOL_VIOLATION, "proven");
	free(recording);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_takes_another_yes_for_220_speaks_tls_all_the_same),
		TEST(who_reads_the_first_of_two_codes_does_so_too),
		TEST(the_promised_key_passes_whatever_the_yes_was),
		TEST(an_answered_heartbeat_does_not_make_it_clear_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

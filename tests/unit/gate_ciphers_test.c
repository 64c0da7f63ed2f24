/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake is worth by what its two ends agreed on, whoever has the key. */
#include "gate.h"
#include "gate_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/key_scene.h"

static void an_anonymous_cipher_is_the_senders_setting(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	greet(simulation);
	assert_false(replay(simulation, handshake_of(NULL, TLS1_2_VERSION, "AECDH-AES128-SHA")));
	refused(simulation, REASON_CIPHER_UNAUTHENTICATED, "proven");
}

/* Nor does the sender that offers one excuse who answers it: told is what it does with the right key. */
static void a_cipher_that_encrypts_nothing_excuses_no_wrong_key(void **state)
{
	static const char null[] = "ECDHE-ECDSA-NULL-SHA";
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	simulation->config.stance.blocks_inability = false;
	greet(simulation);
	assert_true(replay(simulation, handshake_of(&scene->honest, TLS1_2_VERSION, null)));
	assert_int_equal(simulation_last_finding(simulation)->reason,
	                 REASON_CIPHER_UNAUTHENTICATED);
	assert_int_equal(simulation_last_finding(simulation)->action, ACTION_ALERT);
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_false(replay(simulation, handshake_of(&scene->thief, TLS1_2_VERSION, null)));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_KEY_MISMATCH);
	assert_int_equal(simulation_last_finding(simulation)->action, ACTION_BLOCK);
}

/* Behind the headers of record and message: version, random, session identifier, suite. */
static void change_server_hello(struct recording *recording, uint16_t version, uint16_t suite)
{
	uint8_t *hello = NULL;

	for (size_t i = 0; i < recording->count && !hello; i++) {
		if (!recording->chunks[i].is_client)
			hello = (uint8_t *)recording->chunks[i].octets.data + 5 + 4;
	}
	live_require(hello);
	put_u16(hello, version);
	hello += 2 + LIVE_RANDOM_LEN;
	put_u16(hello + 1 + hello[0], suite);
}

/* Whatever that suite is: a certificate by itself is anybody's. */
static void a_suite_that_nobody_knows_proves_nothing(void **state)
{
	struct key_scene *scene = *state;
	struct live_identity rsa;
	struct simulation *simulation;
	struct recording *recording;

	live_identity_init(&rsa, LIVE_RSA);
	simulation = open_to(scene, &rsa, TLS13_BLOCK);
	greet(simulation);
	recording = handshake_of(&rsa, TLS1_2_VERSION, "AES128-SHA");
	change_server_hello(recording, TLS1_2_VERSION, 0xfefe);
	assert_false(replay(simulation, recording));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	assert_int_equal(simulation_finding(simulation)->key.outcome, KEY_UNREADABLE);
	live_identity_end(&rsa);
}

/* OpenSSL speaks neither; what stands behind the hello looks the same. */
static void what_anybody_can_break_is_weakened_whoever_has_the_key(void **state)
{
	static const struct {
		uint16_t version, suite;
		bool is_weak;
	} cases[] = {
		{ TLS1_VERSION, 0x002f, false },
		{ SSL3_VERSION, 0x002f, true },
		{ TLS1_VERSION, 0x0003, true }, /* RSA_EXPORT_WITH_RC4_40_MD5 */
	};
	struct key_scene *scene = *state;
	struct live_identity rsa;

	live_identity_init(&rsa, LIVE_RSA);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *simulation = open_to(scene, &rsa, TLS13_BLOCK);
		struct recording *recording = handshake_of(&rsa, TLS1_VERSION, "AES128-SHA");

		greet(simulation);
		change_server_hello(recording, cases[i].version, cases[i].suite);
		assert_int_equal(replay(simulation, recording), !cases[i].is_weak);
		if (cases[i].is_weak)
			refused(simulation, REASON_TLS_WEAKENED, "proven");
		simulation_free(simulation);
		scene->simulation = NULL;
	}
	live_identity_end(&rsa);
}

/* OpenSSL takes no such field: of the one that it took (RFC 3526), all but the last octets are cleared. */
static void make_field_small(struct recording *recording)
{
	static const uint8_t prime[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		                         0xc9, 0x0f, 0xda, 0xa2, 0x21, 0x68, 0xc2, 0x34 };
	enum { PRIME_LEN = 2048 / 8, LEFT_LEN = 1024 / 8 - 1 };
	uint8_t *at = memmem(recording->octets, recording->len, prime, sizeof(prime));

	assert_non_null(at);
	memset(at, 0, PRIME_LEN - LEFT_LEN);
}

static void a_field_that_can_be_solved_is_weakened_whoever_signed_it(void **state)
{
	struct key_scene *scene = *state;
	struct live_identity rsa;
	struct simulation *simulation;
	struct recording *recording;

	live_identity_init(&rsa, LIVE_RSA);
	simulation = open_to(scene, &rsa, TLS13_BLOCK);
	greet(simulation);
	assert_true(replay(simulation, handshake_of(&rsa, TLS1_2_VERSION, "DHE-RSA-AES128-SHA")));
	assert_null(simulation_finding(simulation));
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	recording = handshake_of(&rsa, TLS1_2_VERSION, "DHE-RSA-AES128-SHA");
	make_field_small(recording);
	assert_false(replay(simulation, recording));
	refused(simulation, REASON_TLS_WEAKENED, "proven");
	live_identity_end(&rsa);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_anonymous_cipher_is_the_senders_setting),
		TEST(a_cipher_that_encrypts_nothing_excuses_no_wrong_key),
		TEST(a_suite_that_nobody_knows_proves_nothing),
		TEST(what_anybody_can_break_is_weakened_whoever_has_the_key),
		TEST(a_field_that_can_be_solved_is_weakened_whoever_signed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

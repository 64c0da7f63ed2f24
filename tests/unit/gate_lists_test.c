/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of certificates that is longer than what is kept of one. */
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

enum { LONG_LEN = 17000, LONG_COUNT = 5, ENDLESS_COUNT = 8, CLIENTS_MAX = 256 * 1024 };

static const char too_long[] = "the list of certificates is longer than 65536 octets";

/* Words that mean nothing make it long. */
static X509 *long_certificate_new(EVP_PKEY *key)
{
	X509 *certificate = live_certificate_new("mx.example.org", "mx.example.org", key, key);
	char *words = calloc(1, LONG_LEN + 1);
	X509_EXTENSION *comment;

	assert_non_null(words);
	memset(words, 'x', LONG_LEN);
	comment = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, words);
	assert_non_null(comment);
	assert_int_equal(X509_add_ext(certificate, comment, -1), 1);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	X509_EXTENSION_free(comment);
	free(words);
	return certificate;
}

/* Behind its own certificate, or behind a long one of the same key, the server sends so many long ones. */
static bool talk_long(struct simulation *simulation, const struct live_identity *identity,
                      bool is_leaf_long, size_t count)
{
	struct live_pair pair = live_pair_new(identity, TLS1_2_VERSION,
	                                      "ECDHE-ECDSA-AES128-GCM-SHA256", SSL_OP_NO_TICKET);
	X509 *certificate = long_certificate_new(identity->key);
	struct recording *recording;

	SSL_CTX_set_max_cert_list(pair.client_context, CLIENTS_MAX);
	if (is_leaf_long)
		assert_int_equal(SSL_CTX_use_certificate(pair.server_context, certificate), 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(pair.server_context, certificate), 1);
	recording = live_talk(&pair, NULL);
	live_pair_free(&pair);
	X509_free(certificate);
	greet(simulation);
	return replay(simulation, recording);
}

static void limited(const struct simulation *simulation)
{
	const struct event *event = simulation_finding(simulation);

	refused(simulation, REASON_INSPECTION_LIMIT, "proven");
	assert_int_equal(strncmp(event->key.why, too_long, strlen(too_long)), 0);
}

static void where_the_servers_own_is_all_that_was_promised_it_is_enough(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_true(talk_long(simulation, &scene->honest, false, LONG_COUNT));
	assert_null(simulation_finding(simulation));
	assert_string_equal(event_assurance(&simulation->events[0]), "proven");
	assert_int_equal(simulation->events[0].key.outcome, KEY_MET);
}

static void and_another_one_is_wrong(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_false(talk_long(simulation, &scene->thief, false, LONG_COUNT));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
}

static void where_an_anchor_was_promised_nobody_can_tell(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_by(scene, &scene->thief, 2, TLS13_BLOCK);

	assert_false(talk_long(simulation, &scene->honest, false, LONG_COUNT));
	limited(simulation);
	assert_non_null(strstr(simulation_finding(simulation)->key.why, "the first is not enough"));
}

static void so_where_the_first_is_too_long_itself(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_false(talk_long(simulation, &scene->honest, true, LONG_COUNT));
	limited(simulation);
}

static void and_where_the_list_is_endless(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);

	assert_false(talk_long(simulation, &scene->honest, false, ENDLESS_COUNT));
	limited(simulation);
}

static void where_no_key_was_promised_nobody_reads_the_list(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation_verify(simulation, verify, NULL, scene);
	assert_true(simulation_open(simulation));
	promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_TLS);
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	assert_true(talk_long(simulation, &scene->honest, false, LONG_COUNT));
	assert_null(simulation_finding(simulation));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_the_servers_own_is_all_that_was_promised_it_is_enough),
		TEST(and_another_one_is_wrong),
		TEST(where_an_anchor_was_promised_nobody_can_tell),
		TEST(so_where_the_first_is_too_long_itself),
		TEST(and_where_the_list_is_endless),
		TEST(where_no_key_was_promised_nobody_reads_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

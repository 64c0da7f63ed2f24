/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions that a man in the middle began, whose client goes on with them while he lets probes meet the true server. */
#include "gate.h"
#include "gate_keys_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "unit/resumed_scene.h"

enum { SERVER_ID_AT = 5 + 4 + 2 + 32 + 1 };

static void go_on_with_a_thief(void **state, uint64_t options)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, options);
	SSL_SESSION *session;

	assert_false(connect_and_say(simulation, live_talk(&thief, NULL)));
	refused(simulation, REASON_KEY_MISMATCH, "proven");
	session = session_of(&thief);
	simulation_pass_time(simulation, 2 * GATE_CHECK_LIFE_MS);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	assert_string_equal(simulation_last_finding(simulation)->id, simulation->events[0].id);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

static void one_whose_key_was_refused_does_not_go_on_whatever_probes_see(void **state)
{
	go_on_with_a_thief(state, SSL_OP_NO_TICKET);
}

static void nor_does_it_with_a_ticket(void **state)
{
	go_on_with_a_thief(state, 0);
}

/* He resets as soon as the client has its session, before anything was judged. */
static void nor_does_one_that_was_broken_off_before_it_was_judged(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	SSL_SESSION *session;

	break_off(simulation, live_talk(&thief, NULL));
	session = session_of(&thief);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

/* Nor when nobody knows any more what was shown then. */
static void what_is_not_kept_of_its_beginning_speaks_against_it(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	SSL_SESSION *session;

	break_off(simulation, live_talk(&thief, NULL));
	session = session_of(&thief);
	drive_out_handshakes(simulation);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

static int give_another_ticket(SSL *server, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
                               EVP_MAC_CTX *mac, int is_new)
{
	static const uint8_t key[32] = { 1 };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)key, sizeof(key)),
		OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	(void)server;
	if (is_new) {
		memset(name, 1, 16);
		memset(iv, 1, EVP_MAX_IV_LENGTH);
	}
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, is_new) != 1 ||
	    EVP_MAC_CTX_set_params(mac, params) != 1)
		return -1;
	return is_new ? 1 : 2;
}

/*
 * Who takes a ticket says so by the identifier beside it (RFC 5077 section 3.4). Without that no client that keeps to the rules goes on;
 * old ones take keys that everybody knows from whoever changes to them too early (CVE-2014-0224).
 */
static void a_ticket_that_no_server_took_makes_none_go_on(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct live_pair honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, 0);
	struct recording *recording;
	SSL_SESSION *session;

	assert_true(connect_and_say(simulation, live_talk(&honest, NULL)));
	session = session_of(&honest);
	assert_true(connect_and_say(simulation, go_on(&honest, session)));
	passed(simulation, "proven");
	recording = go_on(&honest, session);
	((uint8_t *)(uintptr_t)recording->chunks[1].octets.data)[SERVER_ID_AT] ^= 1;
	assert_false(connect_and_say(simulation, recording));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_PROTOCOL_VIOLATION);
	SSL_SESSION_free(session);
	live_pair_free(&honest);
}

static void nor_does_one_with_a_ticket_that_it_was_given_on_the_way(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	SSL_SESSION *first, *second;
	const uint8_t *one, *another;
	size_t one_len, another_len;

	SSL_CTX_set_tlsext_ticket_key_evp_cb(thief.server_context, give_another_ticket);
	assert_false(connect_and_say(simulation, live_talk(&thief, NULL)));
	first = session_of(&thief);
	assert_false(connect_and_say(simulation, go_on(&thief, first)));
	second = session_of(&thief);
	SSL_SESSION_get0_ticket(first, &one, &one_len);
	SSL_SESSION_get0_ticket(second, &another, &another_len);
	assert_true(one_len > 0 && another_len > 0);
	assert_false(bytes_equal(bytes_of(one, one_len), bytes_of(another, another_len)));
	assert_false(connect_and_say(simulation, go_on(&thief, second)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	SSL_SESSION_free(first);
	SSL_SESSION_free(second);
	live_pair_free(&thief);
}

static void nor_does_one_that_is_given_its_own_name_for_a_ticket(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief =
		live_pair_new(&scene->thief, TLS1_2_VERSION, suite, SSL_OP_NO_TICKET);
	SSL_SESSION *session;

	assert_false(connect_and_say(simulation, live_talk(&thief, NULL)));
	session = session_of(&thief);
	assert_false(connect_and_say(simulation, with_name_of(go_on(&thief, session), session)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_KEY_MISMATCH);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

/* What the client was given there nobody knows. */
static void behind_a_handshake_that_could_not_be_read_none_goes_on_unknown(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	struct live_pair honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, 0);
	struct recording *begun = live_talk(&thief, NULL);
	SSL_SESSION *session = session_of(&thief), *honest_session;

	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_true(simulation_say(simulation, true, begun->chunks[0].octets));
	assert_true(simulation_say(simulation, false, begun->chunks[1].octets));
	assert_true(simulation_server(simulation, "\x18"));
	simulation_end(simulation, false, true);
	free(begun);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	/* Nobody says that it was shown another key. */
	assert_string_equal(simulation_last_finding(simulation)->rule,
	                    "a probe is shown the promised key, the sender none to be read");
	/* The true server's, from then on, does. */
	simulation_pass_time(simulation, 1);
	assert_true(connect_and_say(simulation, live_talk(&honest, NULL)));
	honest_session = session_of(&honest);
	assert_true(connect_and_say(simulation, go_on(&honest, honest_session)));
	SSL_SESSION_free(session);
	SSL_SESSION_free(honest_session);
	live_pair_free(&thief);
	live_pair_free(&honest);
}

static size_t u16_at(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* A ServerHello that chooses TLS 1.3, by an extension which clients that do not know it ignore (OpenSSL before 1.1.1). */
static struct recording *with_version_1_3(struct recording *recording)
{
	static const uint8_t version[] = { 0, 43, 0, 2, 3, 4 };
	struct recording *changed = calloc(1, sizeof(*changed));
	static uint8_t octets[RECORDING_ROOM];
	const struct bytes flight = recording->chunks[1].octets;
	size_t hello_len = 5 + u16_at(flight.data + 3),
	       extensions_at = 5 + 4 + 2 + 32 + 1 + flight.data[5 + 4 + 2 + 32] + 2 + 1;

	assert_non_null(changed);
	assert_true(hello_len < flight.len);
	memcpy(octets, flight.data, hello_len);
	put_u16(octets + 3, (uint16_t)(u16_at(octets + 3) + sizeof(version)));
	put_u16(octets + 7, (uint16_t)(u16_at(octets + 7) + sizeof(version)));
	put_u16(octets + extensions_at,
	        (uint16_t)(u16_at(octets + extensions_at) + sizeof(version)));
	memcpy(octets + hello_len, version, sizeof(version));
	memcpy(octets + hello_len + sizeof(version), flight.data + hello_len,
	       flight.len - hello_len);
	for (size_t i = 0; i < recording->count; i++)
		recording_append(changed, recording->chunks[i].is_client,
		                 i == 1 ? bytes_of(octets, flight.len + sizeof(version))
		                        : recording->chunks[i].octets);
	free(recording);
	return changed;
}

static void nor_behind_one_whose_server_chose_what_was_not_offered(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	struct recording *begun = live_talk(&thief, NULL);
	SSL_SESSION *session = session_of(&thief);

	assert_false(connect_and_say(simulation, with_version_1_3(begun)));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_PROTOCOL_VIOLATION);
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

/* Of a hello that is too long nobody knows what was offered. */
static void nor_behind_one_whose_client_could_not_be_read(void **state)
{
	static uint8_t hello[4 + SESSION_HELLO_MAX + 2 * 5 + 1];
	const size_t first_len = 16384, len = 4 + SESSION_HELLO_MAX + 1;
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	struct recording *begun = with_version_1_3(live_talk(&thief, NULL));
	SSL_SESSION *session = session_of(&thief);

	memcpy(hello, (uint8_t[]){ 22, 3, 1, 64, 0, 1, 0, 64, 1 }, 9);
	memcpy(hello + 5 + first_len, (uint8_t[]){ 22, 3, 1, 0, (uint8_t)(len - first_len) }, 5);
	begun->chunks[0].octets = bytes_of(hello, len + 2 * (size_t)5);
	assert_false(connect_and_say(simulation, begun));
	assert_false(connect_and_say(simulation, go_on(&thief, session)));
	refused_again(simulation, REASON_INSPECTION_LIMIT);
	SSL_SESSION_free(session);
	live_pair_free(&thief);
}

/* The sender's setting, and no attack, as that which began it. */
static void one_without_a_key_is_still_without_one(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair pair = live_pair_new(NULL, TLS1_2_VERSION, "AECDH-AES128-SHA", 0);
	SSL_SESSION *session;

	assert_false(connect_and_say(simulation, live_talk(&pair, NULL)));
	refused(simulation, REASON_CIPHER_UNAUTHENTICATED, "proven");
	session = session_of(&pair);
	assert_false(connect_and_say(simulation, go_on(&pair, session)));
	refused_again(simulation, REASON_CIPHER_UNAUTHENTICATED);
	SSL_SESSION_free(session);
	live_pair_free(&pair);
}

/* Where nothing was promised then, nobody looked at the key; what is not kept of it is asked of a probe. */
static void one_that_began_before_the_promise_is_judged_by_what_it_showed(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_strangers(scene);
	struct live_pair honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, 0);
	SSL_SESSION *session;
	const struct event *event;

	assert_true(connect_and_say(simulation, live_talk(&honest, NULL)));
	session = session_of(&honest);
	promise_now(scene, &scene->honest);
	drive_out_handshakes(simulation);
	assert_true(connect_and_say(simulation, go_on(&honest, session)));
	event = &simulation->events[simulation->event_count - 1];
	assert_int_equal(event->action, ACTION_PASS);
	assert_string_equal(event_assurance(event), "probed");
	SSL_SESSION_free(session);
	live_pair_free(&honest);
}

/* Of a connection that was in TLS when it was first seen nothing is known, and nothing is held against others. */
static void one_that_nobody_saw_begin_is_asked_of_a_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, 0);
	struct recording *begun = live_talk(&honest, NULL);
	size_t last = begun->count - 1;
	SSL_SESSION *session = session_of(&honest);
	const struct event *event;

	simulation->is_bypassed = true;
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	for (size_t i = 0; i < last; i++)
		assert_true(simulation_say(simulation, begun->chunks[i].is_client,
		                           begun->chunks[i].octets));
	simulation->is_bypassed = false;
	assert_false(simulation_say(simulation, true, begun->chunks[last].octets));
	refused(simulation, REASON_INSPECTION_LIMIT, "proven");
	free(begun);
	assert_true(connect_and_say(simulation, go_on(&honest, session)));
	event = &simulation->events[simulation->event_count - 1];
	assert_int_equal(event->action, ACTION_PASS);
	assert_string_equal(event_assurance(event), "probed");
	SSL_SESSION_free(session);
	live_pair_free(&honest);
}

/* A host of many names, none of which the client sends: that is no attack, whichever of its sessions it is. */
static void one_of_a_host_of_many_names_is_still_the_senders_inability(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_pair pair = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, 0);
	SSL_SESSION *session;

	scene->probed = &scene->thief;
	scene->probed_named = &scene->honest;
	pair.is_nameless = true;
	assert_false(connect_and_say(simulation, live_talk(&pair, NULL)));
	refused(simulation, REASON_SNI_MISSING, "proven");
	session = session_of(&pair);
	assert_false(connect_and_say(simulation, go_on(&pair, session)));
	refused_again(simulation, REASON_SNI_MISSING);
	SSL_SESSION_free(session);
	live_pair_free(&pair);
}

static int allow_all(const SSL *ssl, const SSL_CTX *context, int op, int bits, int nid, void *other,
                     void *extra)
{
	(void)ssl, (void)context, (void)op, (void)bits, (void)nid, (void)other, (void)extra;
	return 1;
}

/* Both ends take a field of 768 bits (RFC 2409, group 1), as old ones do. */
static void use_small_field(struct live_pair *pair)
{
	BIGNUM *prime = BN_get_rfc2409_prime_768(NULL), *generator = BN_new();
	OSSL_PARAM_BLD *built = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *field = NULL;
	OSSL_PARAM *params;

	assert_true(prime && built && context && BN_set_word(generator, 2) == 1);
	assert_true(OSSL_PARAM_BLD_push_BN(built, "p", prime) == 1 &&
	            OSSL_PARAM_BLD_push_BN(built, "g", generator) == 1);
	params = OSSL_PARAM_BLD_to_param(built);
	assert_true(EVP_PKEY_fromdata_init(context) == 1 &&
	            EVP_PKEY_fromdata(context, &field, EVP_PKEY_KEY_PARAMETERS, params) == 1);
	SSL_CTX_set_security_callback(pair->server_context, allow_all);
	SSL_CTX_set_security_callback(pair->client_context, allow_all);
	SSL_CTX_set_dh_auto(pair->server_context, 0);
	assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(pair->server_context, field), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(built);
	EVP_PKEY_CTX_free(context);
	BN_free(prime);
	BN_free(generator);
}

/* Logjam: the true server signed the field, and somebody solves it while the client waits, once and for all its connections. */
static void one_whose_secret_was_solved_is_as_weak_as_its_beginning(void **state)
{
	struct key_scene *scene = *state;
	struct live_identity rsa;
	struct simulation *simulation;
	struct live_pair pair;
	SSL_SESSION *session;

	live_identity_init(&rsa, LIVE_RSA);
	simulation = open_to(scene, &rsa, TLS13_BLOCK);
	pair = live_pair_new(&rsa, TLS1_2_VERSION, "DHE-RSA-AES128-SHA", 0);
	use_small_field(&pair);
	assert_false(connect_and_say(simulation, live_talk(&pair, NULL)));
	refused(simulation, REASON_TLS_WEAKENED, "proven");
	session = session_of(&pair);
	assert_false(connect_and_say(simulation, go_on(&pair, session)));
	refused_again(simulation, REASON_TLS_WEAKENED);
	SSL_SESSION_free(session);
	live_pair_free(&pair);
	live_identity_end(&rsa);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_whose_key_was_refused_does_not_go_on_whatever_probes_see),
		TEST(nor_does_it_with_a_ticket),
		TEST(nor_does_one_that_was_broken_off_before_it_was_judged),
		TEST(what_is_not_kept_of_its_beginning_speaks_against_it),
		TEST(a_ticket_that_no_server_took_makes_none_go_on),
		TEST(nor_does_one_with_a_ticket_that_it_was_given_on_the_way),
		TEST(nor_does_one_that_is_given_its_own_name_for_a_ticket),
		TEST(behind_a_handshake_that_could_not_be_read_none_goes_on_unknown),
		TEST(nor_behind_one_whose_server_chose_what_was_not_offered),
		TEST(nor_behind_one_whose_client_could_not_be_read),
		TEST(one_without_a_key_is_still_without_one),
		TEST(one_that_began_before_the_promise_is_judged_by_what_it_showed),
		TEST(one_that_nobody_saw_begin_is_asked_of_a_probe),
		TEST(one_of_a_host_of_many_names_is_still_the_senders_inability),
		TEST(one_whose_secret_was_solved_is_as_weak_as_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

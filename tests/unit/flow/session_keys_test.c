/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a session keeps of handshakes that OpenSSL has with itself, held against what OpenSSL says of them, however the octets are cut;
 * and that the signature which was kept is the server's.
 */
#include "flow/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/tls_cipher.h"
#include "wire/tls_key_exchange.h"

#include "live_handshake.h"

/* Of most handshakes, before each so manieth octet; of some, before each. */
enum { RANDOM_LEN = 32, CUT_STEP = 17 };

static struct live_identity identities[LIVE_KEY_COUNT];

static int make_identities(void **state)
{
	(void)state;
	for (enum live_key kind = LIVE_RSA; kind < LIVE_KEY_COUNT; kind++)
		live_identity_init(&identities[kind], kind);
	return 0;
}

static int free_identities(void **state)
{
	(void)state;
	for (enum live_key kind = LIVE_RSA; kind < LIVE_KEY_COUNT; kind++)
		live_identity_end(&identities[kind]);
	return 0;
}

static const struct {
	const char *name;
	int version;
	const char *cipher;
	enum live_key key;
	bool has_exchange;
} cases[] = {
	{ "1.0, transport", TLS1_VERSION, "AES128-SHA", LIVE_RSA, false },
	{ "1.0, finite field", TLS1_VERSION, "DHE-RSA-AES128-SHA", LIVE_RSA, true },
	{ "1.0, curve and RSA", TLS1_VERSION, "ECDHE-RSA-AES128-SHA", LIVE_RSA, true },
	{ "1.0, curve and ECDSA", TLS1_VERSION, "ECDHE-ECDSA-AES128-SHA", LIVE_ECDSA, true },
	{ "1.1, transport", TLS1_1_VERSION, "AES256-SHA", LIVE_RSA, false },
	{ "1.1, finite field", TLS1_1_VERSION, "DHE-RSA-AES256-SHA", LIVE_RSA, true },
	{ "1.1, curve and RSA", TLS1_1_VERSION, "ECDHE-RSA-AES256-SHA", LIVE_RSA, true },
	{ "1.1, curve and ECDSA", TLS1_1_VERSION, "ECDHE-ECDSA-AES256-SHA", LIVE_ECDSA, true },
	{ "1.2, transport", TLS1_2_VERSION, "AES128-GCM-SHA256", LIVE_RSA, false },
	{ "1.2, finite field", TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", LIVE_RSA, true },
	{ "1.2, curve and RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", LIVE_RSA, true },
	{ "1.2, curve and ECDSA", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", LIVE_ECDSA,
	  true },
	{ "1.2, curve and Ed25519", TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", LIVE_ED25519,
	  true },
};

enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };

static struct session_keys keys_of(const struct play *play)
{
	struct session_keys keys = { 0 };

	assert_true(session_keys(&keys, play->session));
	assert_false(session_facts(play->session)->is_protocol_violated);
	assert_false(session_facts(play->session)->is_inspection_cut_short);
	return keys;
}

static void check_bytes(const char *what, struct bytes found, const void *wanted, size_t len)
{
	if (!bytes_equal(found, bytes_of(wanted, len)))
		fail_msg("%s: %zu octets, wanted %zu others", what, found.len, len);
}

/* Randoms, identifiers, suite: as both ends of OpenSSL's have them. */
static void check_hellos(const struct session_keys *keys, const struct live_pair *pair)
{
	const SSL_SESSION *session = SSL_get_session(pair->client);
	uint8_t random[RANDOM_LEN];
	unsigned id_len = 0;
	const uint8_t *id = SSL_SESSION_get_id(session, &id_len);

	assert_int_equal(SSL_get_client_random(pair->client, random, sizeof(random)), RANDOM_LEN);
	assert_memory_equal(keys->client_random, random, RANDOM_LEN);
	assert_int_equal(SSL_get_server_random(pair->client, random, sizeof(random)), RANDOM_LEN);
	assert_memory_equal(keys->server_random, random, RANDOM_LEN);
	assert_int_equal(keys->version, SSL_version(pair->client));
	assert_int_equal(keys->cipher_suite,
	                 SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(pair->client)));
	assert_int_equal(keys->has_extended_master_secret,
	                 SSL_get_extms_support(pair->client) == 1);
	/* With a ticket the client makes the identifier up. */
	if (keys->version < TLS1_3_VERSION && !SSL_SESSION_has_ticket(session))
		check_bytes("identifier", keys->server_session_id, id, id_len);
}

static void check_ticket(const struct session_keys *keys, const struct live_pair *pair)
{
	const uint8_t *ticket = NULL;
	size_t ticket_len = 0;

	SSL_SESSION_get0_ticket(SSL_get_session(pair->client), &ticket, &ticket_len);
	check_bytes("ticket", keys->new_ticket, ticket, ticket_len);
	assert_int_equal(ticket_len > 0, (SSL_get_options(pair->client) & SSL_OP_NO_TICKET) == 0);
}

static void check_full(const struct session_keys *keys, const struct live_pair *pair, size_t i)
{
	const struct live_identity *identity = &identities[cases[i].key];

	check_hellos(keys, pair);
	check_ticket(keys, pair);
	check_bytes("chain", keys->chain, identity->chain, identity->chain_len);
	assert_int_equal(keys->key_exchange.len > 0, cases[i].has_exchange);
	if (cases[i].has_exchange) {
		EVP_PKEY *other = live_key_new(cases[i].key);

		assert_true(live_is_signed(keys, identity->key));
		assert_false(live_is_signed(keys, other));
		EVP_PKEY_free(other);
	}
	assert_true(keys->is_server_finished);
	assert_false(keys->is_resumed || keys->is_hidden || keys->is_raw_key);
	assert_int_equal(keys->offered_ticket.len, 0);
}

static void check_pieces(const struct recording *recording, const struct play *whole, size_t step,
                         bool has_alerts)
{
	struct recording *pieces = recording_in_pieces(recording, step, has_alerts);
	struct play play = recording_play(pieces, SIZE_MAX);
	struct play spelt = recording_play(pieces, 0);

	assert_true(play_handshakes_equal(whole->session, play.session));
	assert_true(play_facts_equal(session_facts(whole->session), session_facts(play.session)));
	assert_true(play_equal(&play, &spelt));
	play_free(&play);
	play_free(&spelt);
	free(pieces);
}

/* In every way that octets may come. */
static void check_cuts(const struct recording *recording, const struct play *whole, size_t step)
{
	for (size_t at = 0; at < recording->len; at += at == 0 ? 1 : step) {
		struct play cut = recording_play(recording, at);

		if (!play_equal(whole, &cut))
			fail_msg("cut at %zu it is another handshake", at);
		play_free(&cut);
	}
	check_pieces(recording, whole, 1, false);
	check_pieces(recording, whole, 1, true);
	check_pieces(recording, whole, 100, true);
	check_pieces(recording, whole, SIZE_MAX / 2, true);
}

static void all_that_openssl_says_of_a_full_handshake_is_kept_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct live_pair pair = live_pair_new(&identities[cases[i].key], cases[i].version,
		                                      cases[i].cipher, 0);
		struct recording *recording = live_talk(&pair, NULL);
		struct play play = recording_play(recording, SIZE_MAX);
		struct session_keys keys = keys_of(&play);

		print_message("TLS %s\n", cases[i].name);
		check_full(&keys, &pair, i);
		assert_int_equal(session_pending(play.session)->kind, COMMITMENT_TLS);
		check_cuts(recording, &play, i % 6 == 0 ? 1 : CUT_STEP);
		session_allow(play.session);
		assert_false(session_keys(&keys, play.session));
		play_free(&play);
		free(recording);
		live_pair_free(&pair);
	}
	assert_int_equal(play_budget()->used, 0);
}

static void check_resumed(struct live_pair *pair, bool by_ticket, size_t step)
{
	SSL_SESSION *session = SSL_get1_session(pair->client);
	struct recording *recording = live_talk(pair, session);
	struct play play = recording_play(recording, SIZE_MAX);
	struct session_keys keys = keys_of(&play);
	const uint8_t *ticket = NULL;
	size_t ticket_len = 0;

	assert_true(SSL_session_reused(pair->client));
	SSL_SESSION_get0_ticket(session, &ticket, &ticket_len);
	assert_int_equal(ticket_len > 0, by_ticket);
	check_hellos(&keys, pair);
	check_bytes("offered ticket", keys.offered_ticket, ticket, ticket_len);
	assert_true(bytes_equal(keys.client_session_id, keys.server_session_id));
	assert_true(keys.server_session_id.len > 0);
	assert_true(keys.is_resumed && keys.is_server_finished);
	assert_true(session_is_resumed_or_hidden(play.session));
	assert_int_equal(keys.chain.len + keys.key_exchange.len, 0);
	check_cuts(recording, &play, step);
	play_free(&play);
	free(recording);
	SSL_SESSION_free(session);
}

static void a_session_that_goes_on_says_by_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		for (size_t by_ticket = 0; by_ticket < 2; by_ticket++) {
			struct live_pair pair =
				live_pair_new(&identities[cases[i].key], cases[i].version,
			                      cases[i].cipher, by_ticket ? 0 : SSL_OP_NO_TICKET);

			free(live_talk(&pair, NULL));
			check_resumed(&pair, by_ticket, i % 6 == 0 ? 1 : CUT_STEP);
			live_pair_free(&pair);
		}
	}
	assert_int_equal(play_budget()->used, 0);
}

static void a_server_that_has_forgotten_a_session_shows_its_key_anew(void **state)
{
	const struct live_identity *identity = &identities[LIVE_RSA];
	struct live_pair first =
		live_pair_new(identity, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", 0);
	struct live_pair second =
		live_pair_new(identity, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", 0);
	SSL_SESSION *session;
	struct recording *recording;
	struct session_keys keys;
	struct play play;

	(void)state;
	free(live_talk(&first, NULL));
	session = SSL_get1_session(first.client);
	recording = live_talk(&second, session);
	play = recording_play(recording, SIZE_MAX);
	keys = keys_of(&play);
	assert_false(SSL_session_reused(second.client) || keys.is_resumed);
	assert_true(keys.offered_ticket.len > 0 && keys.new_ticket.len > 0);
	assert_false(bytes_equal(keys.offered_ticket, keys.new_ticket));
	assert_true(live_is_signed(&keys, identity->key));
	assert_int_equal(keys.chain.len, identity->chain_len);
	play_free(&play);
	free(recording);
	SSL_SESSION_free(session);
	live_pair_free(&first);
	live_pair_free(&second);
}

static void tls_1_3_hides_all_but_the_hellos(void **state)
{
	struct live_pair pair = live_pair_new(&identities[LIVE_RSA], TLS1_3_VERSION, "ALL", 0);
	struct recording *recording = live_talk(&pair, NULL);
	struct play play = recording_play(recording, SIZE_MAX);
	struct session_keys keys = keys_of(&play);

	(void)state;
	check_hellos(&keys, &pair);
	assert_true(keys.is_hidden);
	assert_false(keys.is_resumed || keys.is_server_finished);
	assert_int_equal(keys.chain.len + keys.key_exchange.len + keys.new_ticket.len, 0);
	check_cuts(recording, &play, 1);
	play_free(&play);
	free(recording);
	live_pair_free(&pair);
}

static void what_the_client_hello_lists_is_kept_as_sent(void **state)
{
	struct live_pair pair = live_pair_new(&identities[LIVE_RSA], TLS1_3_VERSION,
	                                      "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", 0);
	struct recording *recording;
	struct session_keys keys;
	struct play play;

	(void)state;
	SSL_CTX_set_min_proto_version(pair.client_context, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(pair.server_context, TLS1_2_VERSION);
	SSL_CTX_set_min_proto_version(pair.server_context, TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_set_ciphersuites(pair.client_context, "TLS_AES_128_GCM_SHA256"),
	                 1);
	assert_int_equal(SSL_CTX_set1_groups_list(pair.client_context, "P-256:X25519"), 1);
	assert_int_equal(
		SSL_CTX_set1_sigalgs_list(pair.client_context, "RSA+SHA256:rsa_pss_rsae_sha512"),
		1);
	recording = live_talk(&pair, NULL);
	play = recording_play(recording, SIZE_MAX);
	keys = keys_of(&play);
	/* Behind the suites comes a signal of the client's (RFC 5746). */
	check_bytes("suites", keys.shape.cipher_suites, "\x13\x01\xc0\x2f\x00\x2f\x00\xff", 8);
	check_bytes("groups", keys.shape.groups, "\0\x17\0\x1d", 4);
	check_bytes("signatures", keys.shape.signature_algorithms, "\4\1\x08\6", 4);
	check_bytes("versions", keys.shape.versions, "\3\4\3\3", 4);
	play_free(&play);
	free(recording);
	live_pair_free(&pair);
}

static int staple(SSL *server, void *owner)
{
	static const char response[] = "no real response, which nobody reads here";
	uint8_t *copy = OPENSSL_memdup(response, sizeof(response));

	(void)owner;
	SSL_set_tlsext_status_ocsp_resp(server, copy, sizeof(response));
	return SSL_TLSEXT_ERR_OK;
}

static int verify_nothing(X509_STORE_CTX *store, void *owner)
{
	(void)store;
	(void)owner;
	return 1;
}

static void a_status_and_a_request_between_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct live_pair pair = live_pair_new(&identities[cases[i].key], cases[i].version,
		                                      cases[i].cipher, 0);
		struct recording *recording;
		struct play play;
		struct session_keys keys;

		SSL_CTX_set_tlsext_status_cb(pair.server_context, staple);
		SSL_CTX_set_tlsext_status_type(pair.client_context, TLSEXT_STATUSTYPE_ocsp);
		SSL_CTX_set_verify(pair.server_context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(pair.server_context, verify_nothing, NULL);
		/* The client has a certificate, too, that is not to be taken for the server's. */
		SSL_CTX_use_certificate(pair.client_context,
		                        identities[LIVE_ECDSA].certificates[0]);
		SSL_CTX_use_PrivateKey(pair.client_context, identities[LIVE_ECDSA].key);
		recording = live_talk(&pair, NULL);
		play = recording_play(recording, SIZE_MAX);
		keys = keys_of(&play);
		assert_non_null(SSL_get0_peer_certificate(pair.server));
		check_full(&keys, &pair, i);
		check_cuts(recording, &play, CUT_STEP * CUT_STEP);
		play_free(&play);
		free(recording);
		live_pair_free(&pair);
	}
}

static void an_extended_master_secret_is_one_that_both_ends_have(void **state)
{
	(void)state;
	for (size_t who = 0; who < 4; who++) {
		struct live_pair pair = live_pair_new(&identities[LIVE_RSA], TLS1_2_VERSION,
		                                      "AES128-GCM-SHA256", 0);
		struct recording *recording;
		struct play play;
		struct session_keys keys;

		if (who & 1)
			SSL_CTX_set_options(pair.client_context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		if (who & 2)
			SSL_CTX_set_options(pair.server_context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		recording = live_talk(&pair, NULL);
		play = recording_play(recording, SIZE_MAX);
		keys = keys_of(&play);
		assert_int_equal(keys.has_extended_master_secret, who == 0);
		check_hellos(&keys, &pair);
		play_free(&play);
		free(recording);
		live_pair_free(&pair);
	}
}

static void an_anonymous_server_has_an_exchange_and_no_certificate(void **state)
{
	struct live_pair pair = live_pair_new(NULL, TLS1_2_VERSION, "ADH-AES128-SHA256", 0);
	struct recording *recording = live_talk(&pair, NULL);
	struct play play = recording_play(recording, SIZE_MAX);
	struct session_keys keys = keys_of(&play);
	struct tls_key_exchange exchange;

	(void)state;
	assert_true(tls_cipher_is_anonymous(keys.cipher_suite));
	assert_int_equal(keys.chain.len, 0);
	assert_int_equal(tls_key_exchange_parse(&exchange, keys.key_exchange, keys.version,
	                                        keys.cipher_suite),
	                 PARSE_OK);
	assert_int_equal(exchange.signature.len, 0);
	assert_int_equal(exchange.params.len, keys.key_exchange.len);
	assert_true(keys.is_server_finished);
	play_free(&play);
	free(recording);
	live_pair_free(&pair);
}

/* As a client with a false start sends it (RFC 7918), or one whose segments come late. */
static void a_server_may_finish_while_the_clients_data_wait(void **state)
{
	struct live_pair pair =
		live_pair_new(&identities[LIVE_RSA], TLS1_2_VERSION, "AES128-GCM-SHA256", 0);
	struct recording *recording = live_talk(&pair, NULL);
	struct bytes last = recording->chunks[recording->count - 2].octets;
	struct bytes data = recording->chunks[recording->count - 1].octets;
	struct play play;
	struct session_keys keys;

	(void)state;
	assert_false(recording->chunks[recording->count - 2].is_client);
	recording->count -= 2;
	play = recording_play(recording, SIZE_MAX);
	play_say(&play, true, data, true);
	assert_int_equal(session_pending(play.session)->kind, COMMITMENT_TLS);
	keys = keys_of(&play);
	assert_false(keys.is_server_finished);
	assert_int_equal(keys.new_ticket.len, 0);

	for (size_t i = 0; i < last.len; i++) {
		assert_false(keys.is_server_finished);
		play.is_stopped = false;
		play_say(&play, false, bytes_slice(last, i, 1), true);
		assert_int_equal(play.server.passed, play.server.len);
		assert_int_equal(session_pending(play.session)->kind, COMMITMENT_TLS);
		keys = keys_of(&play);
	}
	assert_true(keys.is_server_finished);
	check_ticket(&keys, &pair);
	play_free(&play);
	free(recording);
	live_pair_free(&pair);
}

/* What the client had to say it says behind the second one. */
static void a_handshake_that_is_made_anew_inside_tls_changes_nothing(void **state)
{
	struct live_pair pair =
		live_pair_new(&identities[LIVE_RSA], TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256",
	                      SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	struct recording *recording = live_talk(&pair, NULL);
	struct play once = recording_play(recording, SIZE_MAX), twice;
	uint8_t line[64];

	(void)state;
	recording->len -= recording->chunks[--recording->count].octets.len;
	assert_true(SSL_read(pair.server, line, sizeof(line)) > 0);
	assert_int_equal(SSL_renegotiate(pair.client), 1);
	for (int round = 0; round < 8; round++) {
		SSL_do_handshake(pair.client);
		live_carry(recording, &pair, true);
		SSL_read(pair.server, line, sizeof(line));
		live_carry(recording, &pair, false);
	}
	assert_int_equal(SSL_total_renegotiations(pair.client), 1);
	assert_true(SSL_is_init_finished(pair.client) && SSL_is_init_finished(pair.server));
	assert_true(SSL_write(pair.client, line, 1) > 0);
	live_carry(recording, &pair, true);

	twice = recording_play(recording, SIZE_MAX);
	assert_int_equal(session_pending(twice.session)->kind, COMMITMENT_TLS);
	assert_true(play_handshakes_equal(once.session, twice.session));
	assert_true(play_facts_equal(session_facts(once.session), session_facts(twice.session)));
	check_cuts(recording, &twice, CUT_STEP);
	play_free(&once);
	play_free(&twice);
	free(recording);
	live_pair_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			all_that_openssl_says_of_a_full_handshake_is_kept_however_it_is_cut),
		cmocka_unit_test(a_session_that_goes_on_says_by_what),
		cmocka_unit_test(a_server_that_has_forgotten_a_session_shows_its_key_anew),
		cmocka_unit_test(tls_1_3_hides_all_but_the_hellos),
		cmocka_unit_test(what_the_client_hello_lists_is_kept_as_sent),
		cmocka_unit_test(a_status_and_a_request_between_change_nothing),
		cmocka_unit_test(an_extended_master_secret_is_one_that_both_ends_have),
		cmocka_unit_test(an_anonymous_server_has_an_exchange_and_no_certificate),
		cmocka_unit_test(a_server_may_finish_while_the_clients_data_wait),
		cmocka_unit_test(a_handshake_that_is_made_anew_inside_tls_changes_nothing),
	};

	return cmocka_run_group_tests(tests, make_identities, free_identities);
}

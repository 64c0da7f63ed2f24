/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "meeting.h"

static int play_tls(struct scene *scene, SSL_CTX *context)
{
	char line[LINE_ROOM] = "";
	SSL *connection;

	if (!scene_start_tls(scene))
		return PART_WRONG;
	connection = scene_tls(scene, context);
	if (SSL_accept(connection) != 1)
		return PART_WRONG;
	if (SSL_read(connection, line, sizeof(line) - 1) <= 0 || strcmp(line, "QUIT\r\n") != 0)
		return PART_WRONG;
	SSL_write(connection, "221 bye\r\n", 9);
	/* Whoever resets the connection has not waited for it. */
	return SSL_read(connection, line, sizeof(line)) == 0 ? PART_PLAYED : PART_WRONG;
}

static int play_good(struct scene *scene)
{
	return play_tls(scene, SSL_CTX_new(TLS_server_method()));
}

static void a_handshake_is_told_whole_and_ends_with_quit(void **state)
{
	struct meeting *meeting = *state;
	const struct starttls_result *result = meet(meeting, play_good, PART_PLAYED);
	const uint8_t *at = result->chain + 3;
	uint8_t digest[STARTTLS_DIGEST_LEN];
	unsigned char *key = NULL;
	X509 *leaf;
	int len;

	assert_int_equal(result->outcome, VISIT_DONE);
	assert_int_equal(result->step, VISIT_AT_FINISHED);
	assert_int_equal(result->tls_version, 0x0304);
	assert_string_equal(result->cipher, "TLS_AES_256_GCM_SHA384");
	assert_int_equal(result->cipher_suite, 0x1302);
	assert_string_equal(result->group, "x25519");
	assert_string_equal(result->banner, "mx.example ESMTP ready");
	assert_string_equal(result->ehlo, "mx.example");
	assert_int_equal(result->keyword_count, 2);
	assert_string_equal(result->keywords[0], "PIPELINING");
	assert_true(result->is_offered);
	assert_false(result->is_masked);
	assert_int_equal(result->certificate_count, 1);
	leaf = d2i_X509(NULL, &at, (long)result->chain_len - 3);
	assert_non_null(leaf);
	assert_ptr_equal(at, result->chain + result->chain_len);
	assert_int_equal(X509_cmp(leaf, meeting->server.certificate), 0);
	len = i2d_PUBKEY(meeting->server.key, &key);
	EVP_Digest(key, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	assert_true(result->has_leaf);
	assert_true(result->is_self_issued);
	assert_memory_equal(result->leaf_digest, digest, sizeof(digest));
	OPENSSL_free(key);
	X509_free(leaf);
}

static int play_name(struct scene *scene)
{
	SSL *connection;
	const char *name;

	if (!scene_start_tls(scene))
		return PART_WRONG;
	connection = scene_tls(scene, SSL_CTX_new(TLS_server_method()));
	if (SSL_accept(connection) != 1)
		return PART_WRONG;
	name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
	return name && strcmp(name, "mx1.example.org") == 0 ? 10 : 11;
}

static void the_server_name_is_sent_only_when_it_is_given(void **state)
{
	struct meeting *meeting = *state;

	meet(meeting, play_name, 11);
	meeting->told = 0;
	strcpy(meeting->options.server_name, "mx1.example.org");
	meet(meeting, play_name, 10);
	assert_int_equal(meeting->result.outcome, VISIT_DONE);
}

static int play_old(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
	return play_tls(scene, context);
}

static void tls_1_0_is_seen_as_what_it_is(void **state)
{
	const struct starttls_result *result = meet(*state, play_old, PART_PLAYED);

	assert_int_equal(result->outcome, VISIT_DONE);
	assert_int_equal(result->tls_version, 0x0301);
}

static int play_anonymous(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, "aNULL:@SECLEVEL=0");
	SSL_CTX_set_dh_auto(context, 1);
	return play_tls(scene, context);
}

static void an_anonymous_cipher_is_taken_only_by_the_shape_that_has_it(void **state)
{
	struct meeting *meeting = *state;
	struct tls_shape *shape = &meeting->options.shape;

	meet(meeting, play_anonymous, PART_WRONG);
	assert_int_equal(meeting->result.outcome, VISIT_TLS_FAILED);
	assert_int_equal(meeting->result.alert, 40);
	assert_string_equal(meeting->result.tls_why, "the server's alert 40: handshake failure");
	meeting->told = 0;
	shape->cipher_count = 1;
	shape->ciphers[0] = 0xc018;
	shape->version_max = 0x0303;
	meet(meeting, play_anonymous, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_DONE);
	assert_int_equal(meeting->result.cipher_suite, 0xc018);
	assert_int_equal(meeting->result.certificate_count, 0);
	assert_false(meeting->result.has_leaf);
}

static int play_long_chain(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	for (int i = 0; i < 400; i++) {
		X509_up_ref(scene->server->certificate);
		SSL_CTX_add_extra_chain_cert(context, scene->server->certificate);
	}
	return play_tls(scene, context);
}

static void a_chain_without_an_end_is_not_taken(void **state)
{
	const struct starttls_result *result = meet(*state, play_long_chain, PART_WRONG);

	assert_int_equal(result->outcome, VISIT_TLS_FAILED);
	assert_int_equal(result->step, VISIT_AT_HANDSHAKE);
	assert_string_equal(result->tls_why, "excessive message size");
	assert_true(result->is_chain_long);
	assert_int_equal(result->alert, -1);
}

/* No prime, as nobody looks. */
static int play_large_field(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	OSSL_PARAM_BLD *values = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new(), *generator = BN_new();
	OSSL_PARAM *built;
	EVP_PKEY *field = NULL;

	BN_rand(modulus, 4104, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
	BN_set_word(generator, 2);
	OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_FFC_P, modulus);
	OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_FFC_G, generator);
	built = OSSL_PARAM_BLD_to_param(values);
	EVP_PKEY_fromdata_init(maker);
	EVP_PKEY_fromdata(maker, &field, EVP_PKEY_KEY_PARAMETERS, built);
	OSSL_PARAM_free(built);
	OSSL_PARAM_BLD_free(values);
	EVP_PKEY_CTX_free(maker);
	BN_free(modulus);
	BN_free(generator);
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, "ADH:@SECLEVEL=0");
	SSL_CTX_set0_tmp_dh_pkey(context, field);
	return play_tls(scene, context);
}

static void a_field_that_takes_long_to_reckon_in_is_not_taken(void **state)
{
	struct meeting *meeting = *state;
	struct tls_shape *shape = &meeting->options.shape;
	const struct starttls_result *result;

	shape->cipher_count = 1;
	shape->ciphers[0] = 0x00a6; /* ADH-AES128-GCM-SHA256 */
	shape->version_max = 0x0303;
	result = meet(meeting, play_large_field, PART_WRONG);
	assert_int_equal(result->outcome, VISIT_TLS_FAILED);
	assert_string_equal(result->tls_why, "a finite field of more than 4096 bits");
	assert_false(result->is_chain_long);
}

static int play_text(struct scene *scene)
{
	uint8_t hello[LINE_ROOM];

	if (!scene_start_tls(scene) || recv(scene->client, hello, sizeof(hello), 0) <= 0)
		return PART_WRONG;
	scene_say(scene, "250 2.1.0 taken, \033[2J go on\r\n250 and on\r\n");
	return PART_PLAYED;
}

static void what_is_no_tls_in_the_place_of_the_handshake_is_shown(void **state)
{
	const struct starttls_result *result = meet(*state, play_text, PART_PLAYED);

	assert_int_equal(result->outcome, VISIT_INJECTED);
	assert_int_equal(result->step, VISIT_AT_HANDSHAKE);
	assert_string_equal(result->reply, "250 2.1.0 taken, ?[2J go on");
}

static int play_three_octets(struct scene *scene)
{
	uint8_t hello[LINE_ROOM];

	if (!scene_start_tls(scene) || recv(scene->client, hello, sizeof(hello), 0) <= 0)
		return PART_WRONG;
	scene_say(scene, "abc");
	return PART_PLAYED;
}

static void even_where_it_is_shorter_than_the_head_of_a_record(void **state)
{
	const struct starttls_result *result = meet(*state, play_three_octets, PART_PLAYED);

	assert_int_equal(result->outcome, VISIT_INJECTED);
	assert_string_equal(result->reply, "abc");
}

/* RFC 5246 section 7.4.1.1: a client ignores it while a handshake is on its way. It has no end either. */
static int play_endless_requests(struct scene *scene)
{
	enum { RECORD_LEN = 16384, HEAD_LEN = 5 };
	static const uint8_t head[HEAD_LEN] = { 22, 3, 3, RECORD_LEN >> 8, RECORD_LEN & 0xff };
	uint8_t records[8 * (HEAD_LEN + RECORD_LEN)] = { 0 }, hello[LINE_ROOM];

	for (size_t at = 0; at < sizeof(records); at += HEAD_LEN + RECORD_LEN)
		memcpy(records + at, head, HEAD_LEN);
	if (!scene_start_tls(scene) || recv(scene->client, hello, sizeof(hello), 0) <= 0)
		return PART_WRONG;
	while (send(scene->client, records, sizeof(records), MSG_NOSIGNAL) > 0)
		;
	return PART_PLAYED;
}

static void requests_without_an_end_are_not_heard_out(void **state)
{
	struct meeting *meeting = *state;
	const struct starttls_result *result;

	meeting->options.step_ms = meeting->options.total_ms = 2000;
	result = meet(meeting, play_endless_requests, PART_PLAYED);
	assert_int_equal(result->outcome, VISIT_TLS_FAILED);
	assert_string_equal(result->tls_why, "the server says more than a handshake has");
	assert_in_range(result->latency_ms, 0, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handshake_is_told_whole_and_ends_with_quit),
		TEST(the_server_name_is_sent_only_when_it_is_given),
		TEST(tls_1_0_is_seen_as_what_it_is),
		TEST(an_anonymous_cipher_is_taken_only_by_the_shape_that_has_it),
		TEST(a_chain_without_an_end_is_not_taken),
		TEST(a_field_that_takes_long_to_reckon_in_is_not_taken),
		TEST(what_is_no_tls_in_the_place_of_the_handshake_is_shown),
		TEST(even_where_it_is_shorter_than_the_head_of_a_record),
		TEST(requests_without_an_end_are_not_heard_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

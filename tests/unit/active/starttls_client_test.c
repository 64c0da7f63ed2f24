/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include <cmocka.h>

#include "mail_server.h"

enum { STEP_MS = 400, SHORT_WAIT_MS = 30 };

struct meeting {
	struct event_base *base;
	struct mail_server server;
	struct starttls_options options;
	struct starttls_result result;
	int told;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(long wait_ms)
{
	const struct timespec wait = { .tv_sec = wait_ms / 1000,
		                       .tv_nsec = wait_ms % 1000 * 1000000 };

	nanosleep(&wait, NULL);
}

static struct address loopback(uint8_t last)
{
	const uint8_t octets[4] = { 127, 0, 0, last };

	return address_of(4, octets);
}

static int set_up(void **state)
{
	struct meeting *meeting = calloc(1, sizeof(*meeting));

	(void)signal(SIGPIPE, SIG_IGN);
	meeting->base = event_base_new();
	mail_server_make_key(&meeting->server);
	meeting->options.server.address = loopback(1);
	meeting->options.descriptor = -1;
	meeting->options.step_ms = STEP_MS;
	meeting->options.total_ms = 10 * STEP_MS;
	meeting->options.now_ms = now_ms;
	strcpy(meeting->options.ehlo_name, "gate.example");
	*state = meeting;
	return 0;
}

static int tear_down(void **state)
{
	struct meeting *meeting = *state;

	event_base_free(meeting->base);
	EVP_PKEY_free(meeting->server.key);
	X509_free(meeting->server.certificate);
	free(meeting);
	return 0;
}

static void on_result(void *owner, const struct starttls_result *result)
{
	struct meeting *meeting = owner;

	meeting->result = *result;
	meeting->told++;
}

static void go(struct meeting *meeting)
{
	meeting->options.server.port = meeting->server.port;
	assert_non_null(
		starttls_client_start(meeting->base, &meeting->options, on_result, meeting));
	assert_int_equal(meeting->told, 0);
	event_base_dispatch(meeting->base);
	assert_int_equal(meeting->told, 1);
}

static const struct starttls_result *meet(struct meeting *meeting, part_fn part, int status)
{
	mail_server_play(&meeting->server, part);
	go(meeting);
	assert_int_equal(mail_server_end(&meeting->server), status);
	return &meeting->result;
}

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
	assert_int_equal(result->alert, -1);
}

static int play_slow_lines(struct scene *scene)
{
	const char *banner = "220-mx.example\t\x1b[2J\xff hello\r\n220-no\r\n220 spam\r\n";

	for (const char *at = banner; *at; at++) {
		send(scene->client, at, 1, MSG_NOSIGNAL);
		pause_ms(2);
	}
	if (!scene_hears(scene, "EHLO gate.example"))
		return PART_WRONG;
	scene_say(scene, "250-mx.example\r\n250 8BITMIME\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static void a_slow_banner_of_many_lines_is_read_to_its_end(void **state)
{
	const struct starttls_result *result = meet(*state, play_slow_lines, PART_PLAYED);

	assert_int_equal(result->outcome, VISIT_NOT_OFFERED);
	assert_int_equal(result->step, VISIT_AT_EHLO);
	assert_string_equal(result->banner, "mx.example??[2J? hello");
	assert_true(result->has_ehlo);
	assert_true(result->banner_ms >= result->first_ms + 50);
}

static int play_masked(struct scene *scene)
{
	if (!scene_greet(scene, "250-mx.example\r\n250-XXXXXXXA\r\n250 SIZE\r\n"))
		return PART_WRONG;
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static void an_overwritten_keyword_is_told_from_a_missing_one(void **state)
{
	assert_int_equal(meet(*state, play_masked, PART_PLAYED)->outcome, VISIT_MASKED);
}

static int play_hidden(struct scene *scene)
{
	SSL *connection;

	if (!scene_greet(scene, "250-mx.example\r\n250 SIZE\r\n") ||
	    !scene_hears(scene, "STARTTLS"))
		return PART_WRONG;
	scene_say(scene, "220 go ahead\r\n");
	connection = scene_tls(scene, SSL_CTX_new(TLS_server_method()));
	return SSL_accept(connection) == 1 ? PART_PLAYED : PART_WRONG;
}

static int play_not_implemented(struct scene *scene)
{
	if (!scene_greet(scene, "250-mx.example\r\n250 SIZE\r\n") ||
	    !scene_hears(scene, "STARTTLS"))
		return PART_WRONG;
	scene_say(scene, "502 5.5.1 no such command\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static void what_is_hidden_may_be_asked_for(void **state)
{
	struct meeting *meeting = *state;

	meeting->options.asks_hidden = true;
	meet(meeting, play_hidden, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_DONE);
	assert_false(meeting->result.is_offered);
	meeting->told = 0;
	meet(meeting, play_not_implemented, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_NOT_OFFERED);
	assert_int_equal(meeting->result.code, 502);
	assert_string_equal(meeting->result.reply, "5.5.1 no such command");
}

static int play_454(struct scene *scene)
{
	if (!scene_greet(scene, "250-mx.example\r\n250 STARTTLS\r\n") ||
	    !scene_hears(scene, "STARTTLS"))
		return PART_WRONG;
	scene_say(scene, "454 4.7.0 not now\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static int play_greylisting(struct scene *scene)
{
	scene_say(scene, "450 4.7.1 come back later\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static int play_421(struct scene *scene)
{
	scene_say(scene, "220 mx.example\r\n");
	if (!scene_hears(scene, "EHLO gate.example"))
		return PART_WRONG;
	scene_say(scene, "421 too many connections\r\n");
	close(scene->client);
	return PART_PLAYED;
}

static int play_helo_only(struct scene *scene)
{
	return scene_greet(scene, "502 what?\r\n") ? PART_PLAYED : PART_WRONG;
}

static void another_code_is_told_with_its_step(void **state)
{
	static const struct {
		part_fn part;
		enum starttls_step step;
		uint16_t code;
		const char *reply;
	} cases[] = {
		{ play_454, VISIT_AT_STARTTLS, 454, "4.7.0 not now" },
		{ play_greylisting, VISIT_AT_BANNER, 450, "4.7.1 come back later" },
		{ play_421, VISIT_AT_EHLO, 421, "too many connections" },
		{ play_helo_only, VISIT_AT_EHLO, 502, "what?" },
	};
	struct meeting *meeting = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		meeting->told = 0;
		meet(meeting, cases[i].part, PART_PLAYED);
		assert_int_equal(meeting->result.outcome, VISIT_REPLIED);
		assert_int_equal(meeting->result.step, cases[i].step);
		assert_int_equal(meeting->result.code, cases[i].code);
		assert_string_equal(meeting->result.reply, cases[i].reply);
	}
}

static int play_silence(struct scene *scene)
{
	char octet;

	return recv(scene->client, &octet, 1, 0) <= 0 ? PART_PLAYED : PART_WRONG;
}

static int play_tarpit(struct scene *scene)
{
	const char *banner = "220-this takes as long as nobody has time for it\r\n";

	for (;; banner++) {
		if (send(scene->client, banner, 1, MSG_NOSIGNAL) != 1 || !banner[1])
			return PART_PLAYED;
		pause_ms(SHORT_WAIT_MS);
	}
}

static int play_silent_tls(struct scene *scene)
{
	if (!scene_start_tls(scene))
		return PART_WRONG;
	pause_ms(2L * STEP_MS);
	return PART_PLAYED;
}

static void silence_ends_with_its_step_and_a_tarpit_has_said_something(void **state)
{
	struct meeting *meeting = *state;

	meet(meeting, play_silence, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_TIMEOUT);
	assert_int_equal(meeting->result.step, VISIT_AT_BANNER);
	assert_int_equal(meeting->result.step_octets, 0);
	assert_in_range(meeting->result.latency_ms, STEP_MS - 10, 2 * STEP_MS);
	meeting->told = 0;
	meet(meeting, play_tarpit, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_TIMEOUT);
	assert_int_equal(meeting->result.step, VISIT_AT_BANNER);
	assert_true(meeting->result.step_octets > 3);
	meeting->told = 0;
	meet(meeting, play_silent_tls, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_TIMEOUT);
	assert_int_equal(meeting->result.step, VISIT_AT_HANDSHAKE);
}

static void the_time_for_all_ends_a_step_early(void **state)
{
	struct meeting *meeting = *state;

	meeting->options.step_ms = 10000;
	meeting->options.total_ms = 100;
	meet(meeting, play_silence, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_TIMEOUT);
	assert_in_range(meeting->result.latency_ms, 90, 1000);
}

static int play_endless_reply(struct scene *scene)
{
	while (send(scene->client, "220-and\r\n", 9, MSG_NOSIGNAL) == 9)
		;
	return PART_PLAYED;
}

static int play_endless_line(struct scene *scene)
{
	while (send(scene->client, "220-and-", 8, MSG_NOSIGNAL) == 8)
		;
	return PART_PLAYED;
}

static int play_ssh(struct scene *scene)
{
	scene_say(scene, "SSH-2.0-OpenSSH_9.2\r\n");
	return PART_PLAYED;
}

static void what_is_no_smtp_is_not_taken_for_it(void **state)
{
	static const part_fn parts[] = { play_endless_reply, play_endless_line, play_ssh };
	struct meeting *meeting = *state;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		meeting->told = 0;
		meet(meeting, parts[i], PART_PLAYED);
		assert_int_equal(meeting->result.outcome, VISIT_NOT_SMTP);
		assert_int_equal(meeting->result.step, VISIT_AT_BANNER);
	}
	assert_string_equal(meeting->result.reply, "SSH-2.0-OpenSSH_9.2");
}

static int play_injection(struct scene *scene)
{
	if (!scene_greet(scene, "250-mx.example\r\n250 STARTTLS\r\n") ||
	    !scene_hears(scene, "STARTTLS"))
		return PART_WRONG;
	scene_say(scene, "220 go ahead\r\n250 no, stay\r\n");
	return PART_PLAYED;
}

static void octets_before_the_handshake_are_an_injection(void **state)
{
	assert_int_equal(meet(*state, play_injection, PART_PLAYED)->outcome, VISIT_INJECTED);
}

static void slam(const struct scene *scene)
{
	const struct linger hard = { .l_onoff = 1 };

	setsockopt(scene->client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(scene->client);
}

static int play_reset_hello(struct scene *scene)
{
	char octets[16];

	if (!scene_start_tls(scene))
		return PART_WRONG;
	(void)recv(scene->client, octets, sizeof(octets), 0);
	slam(scene);
	return PART_PLAYED;
}

static int play_close_hello(struct scene *scene)
{
	char octets[4096];

	if (!scene_start_tls(scene))
		return PART_WRONG;
	(void)recv(scene->client, octets, sizeof(octets), 0);
	close(scene->client);
	return PART_PLAYED;
}

static int play_reset_banner(struct scene *scene)
{
	slam(scene);
	return PART_PLAYED;
}

static int play_close_ehlo(struct scene *scene)
{
	scene_say(scene, "220 mx.example\r\n");
	if (!scene_hears(scene, "EHLO gate.example"))
		return PART_WRONG;
	close(scene->client);
	return PART_PLAYED;
}

static int play_alert(struct scene *scene)
{
	static const uint8_t internal_error[] = { 21, 3, 3, 0, 2, 2, 80 };

	if (!scene_start_tls(scene))
		return PART_WRONG;
	send(scene->client, internal_error, sizeof(internal_error), MSG_NOSIGNAL);
	pause_ms(SHORT_WAIT_MS);
	return PART_PLAYED;
}

static int play_no_tls(struct scene *scene)
{
	if (!scene_start_tls(scene))
		return PART_WRONG;
	pause_ms(SHORT_WAIT_MS);
	scene_say(scene, "250 what handshake?\r\n");
	pause_ms(SHORT_WAIT_MS);
	return PART_PLAYED;
}

static void how_a_connection_ends_is_told(void **state)
{
	static const struct {
		part_fn part;
		enum starttls_step step;
		enum starttls_outcome outcome;
	} cases[] = {
		{ play_reset_hello, VISIT_AT_HANDSHAKE, VISIT_RESET },
		{ play_close_hello, VISIT_AT_HANDSHAKE, VISIT_CLOSED },
		{ play_reset_banner, VISIT_AT_BANNER, VISIT_RESET },
		{ play_close_ehlo, VISIT_AT_EHLO, VISIT_CLOSED },
		{ play_alert, VISIT_AT_HANDSHAKE, VISIT_TLS_FAILED },
		{ play_no_tls, VISIT_AT_HANDSHAKE, VISIT_TLS_FAILED },
	};
	struct meeting *meeting = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		meeting->told = 0;
		meet(meeting, cases[i].part, PART_PLAYED);
		assert_int_equal(meeting->result.outcome, cases[i].outcome);
		assert_int_equal(meeting->result.step, cases[i].step);
	}
	assert_string_equal(meeting->result.tls_why, "wrong version number");
}

static int play_peer(struct scene *scene)
{
	scene_say(scene, "421 bye\r\n");
	return (int)(ntohl(scene->peer.sin_addr.s_addr) & 0xff);
}

static void it_comes_from_the_address_that_it_is_given(void **state)
{
	struct meeting *meeting = *state;

	meeting->options.source = loopback(9);
	meet(meeting, play_peer, 9);
	assert_int_equal(meeting->result.outcome, VISIT_REPLIED);
}

static void it_comes_by_the_socket_that_it_is_given(void **state)
{
	struct sockaddr_in place = { .sin_family = AF_INET,
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 10) };
	struct meeting *meeting = *state;

	meeting->options.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(meeting->options.descriptor, (struct sockaddr *)&place, sizeof(place)), 0);
	meet(meeting, play_peer, 11);
	assert_int_equal(close(meeting->options.descriptor), -1);
}

static void a_closed_port_and_no_way_are_two_things(void **state)
{
	struct meeting *meeting = *state;
	const uint8_t elsewhere[4] = { 192, 0, 2, 1 };

	mail_server_play(&meeting->server, play_silence);
	kill(meeting->server.child, SIGKILL);
	mail_server_end(&meeting->server);
	go(meeting);
	assert_int_equal(meeting->result.outcome, VISIT_REFUSED);
	assert_int_equal(meeting->result.step, VISIT_AT_CONNECTING);
	meeting->told = 0;
	meeting->options.source = address_of(4, elsewhere);
	go(meeting);
	assert_int_equal(meeting->result.outcome, VISIT_UNREACHABLE);
}

static void who_is_cancelled_says_nothing(void **state)
{
	struct meeting *meeting = *state;
	struct starttls_client *client;

	mail_server_play(&meeting->server, play_silence);
	meeting->options.server.port = meeting->server.port;
	client = starttls_client_start(meeting->base, &meeting->options, on_result, meeting);
	assert_non_null(client);
	event_base_loop(meeting->base, EVLOOP_ONCE);
	starttls_client_cancel(client);
	event_base_dispatch(meeting->base);
	assert_int_equal(meeting->told, 0);
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handshake_is_told_whole_and_ends_with_quit),
		TEST(the_server_name_is_sent_only_when_it_is_given),
		TEST(tls_1_0_is_seen_as_what_it_is),
		TEST(an_anonymous_cipher_is_taken_only_by_the_shape_that_has_it),
		TEST(a_chain_without_an_end_is_not_taken),
		TEST(a_slow_banner_of_many_lines_is_read_to_its_end),
		TEST(an_overwritten_keyword_is_told_from_a_missing_one),
		TEST(what_is_hidden_may_be_asked_for),
		TEST(another_code_is_told_with_its_step),
		TEST(silence_ends_with_its_step_and_a_tarpit_has_said_something),
		TEST(the_time_for_all_ends_a_step_early),
		TEST(what_is_no_smtp_is_not_taken_for_it),
		TEST(octets_before_the_handshake_are_an_injection),
		TEST(how_a_connection_ends_is_told),
		TEST(it_comes_from_the_address_that_it_is_given),
		TEST(it_comes_by_the_socket_that_it_is_given),
		TEST(a_closed_port_and_no_way_are_two_things),
		TEST(who_is_cancelled_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meeting.h"

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

static int play_helo_taken(struct scene *scene)
{
	if (!scene_greet(scene, "502 what?\r\n") || !scene_hears(scene, "HELO gate.example"))
		return PART_WRONG;
	scene_say(scene, "250 mx.example\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static int play_helo_refused(struct scene *scene)
{
	if (!scene_greet(scene, "550 5.7.1 not you\r\n") ||
	    !scene_hears(scene, "HELO gate.example"))
		return PART_WRONG;
	scene_say(scene, "550 5.7.1 really not\r\n");
	return scene_hears(scene, "QUIT") ? PART_PLAYED : PART_WRONG;
}

static int play_helo_unanswered(struct scene *scene)
{
	if (!scene_greet(scene, "550 5.7.1 not you\r\n"))
		return PART_WRONG;
	return scene_hears(scene, "HELO gate.example") ? PART_PLAYED : PART_WRONG;
}

static void where_ehlo_is_refused_helo_tells_why(void **state)
{
	static const struct {
		part_fn part;
		uint16_t code;
		uint16_t helo_code;
		const char *reply;
	} cases[] = {
		{ play_helo_taken, 502, 250, "what?" },
		{ play_helo_refused, 550, 550, "5.7.1 not you" },
		{ play_helo_unanswered, 550, 0, "5.7.1 not you" },
	};
	struct meeting *meeting = *state;

	meeting->options.asks_hidden = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct starttls_result *result = meet(meeting, cases[i].part, PART_PLAYED);

		meeting->told = 0;
		assert_int_equal(result->outcome, VISIT_REPLIED);
		assert_int_equal(result->step, VISIT_AT_EHLO);
		assert_int_equal(result->code, cases[i].code);
		assert_string_equal(result->reply, cases[i].reply);
		assert_int_equal(result->helo_code, cases[i].helo_code);
	}
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

	meeting->options.step_ms = STEP_MS;
	meet(meeting, play_silence, PART_PLAYED);
	assert_int_equal(meeting->result.outcome, VISIT_TIMEOUT);
	assert_int_equal(meeting->result.step, VISIT_AT_BANNER);
	assert_int_equal(meeting->result.step_octets, 0);
	assert_in_range(meeting->result.latency_ms, STEP_MS - 10, PATIENCE_MS);
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
	assert_in_range(meeting->result.latency_ms, 90, 9000);
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
		{ play_no_tls, VISIT_AT_HANDSHAKE, VISIT_INJECTED },
	};
	struct meeting *meeting = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		meeting->told = 0;
		meet(meeting, cases[i].part, PART_PLAYED);
		assert_int_equal(meeting->result.outcome, cases[i].outcome);
		assert_int_equal(meeting->result.step, cases[i].step);
	}
	assert_non_null(strstr(meeting->result.reply, "250 what handshake?"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_ehlo_is_refused_helo_tells_why),
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

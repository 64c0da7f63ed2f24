/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_exchange.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "exchange_scene.h"

static void the_question_is_a_resolvers_with_signatures_wanted(void **state)
{
	struct scene *scene = *state;
	struct dns_message question;

	ask(scene, DNS_TYPE_MX);
	assert_int_equal(
		dns_message_parse(&question, bytes_of(scene->question.octets, scene->question.len)),
		PARSE_OK);
	assert_string_equal(question.name, NAME);
	assert_int_equal(question.type, DNS_TYPE_MX);
	assert_false(question.is_response);
	assert_int_equal(scene->question.octets[2] & 1, 0); /* not recursive */
	assert_true(dns_message_is_dnssec(&question));
	reply(scene, AUTHORITY, DNS_TYPE_MX);
	assert_int_equal(scene->outcome, CHECK_REPLY_GOOD);
	assert_false(scene->is_empty || scene->is_truncated);
	assert_string_equal(scene->why, "");
	assert_true(scene->len > scene->question.len - 11);
}

static void a_denial_is_an_answer(void **state)
{
	struct scene *scene = *state;

	ask(scene, DNS_TYPE_TLSA);
	reply(scene, AUTHORITY | DNS_RCODE_NXDOMAIN, DNS_TYPE_TLSA);
	assert_int_equal(scene->outcome, CHECK_REPLY_GOOD);
	assert_true(scene->is_empty);
}

static void each_error_is_called_by_its_name(void **state)
{
	static const struct {
		unsigned rcode;
		enum dns_type type;
		const char *why;
	} errors[] = {
		{ 1, DNS_TYPE_MX, "asked for MX it says FORMERR: it does not know EDNS" },
		{ 2, DNS_TYPE_TLSA, "asked for TLSA it says SERVFAIL" },
		{ 4, DNS_TYPE_A, "asked for A it says an error" },
		{ 5, DNS_TYPE_MX, "asked for MX it says REFUSED: it does not serve the zone" },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		scene->told = 0;
		ask(scene, errors[i].type);
		reply(scene, AUTHORITY | errors[i].rcode, errors[i].type);
		assert_wrong(scene, errors[i].why);
	}
}

static void an_answer_without_authority_is_none_of_a_name_server(void **state)
{
	struct scene *scene = *state;

	ask(scene, DNS_TYPE_MX);
	reply(scene, FOUND, DNS_TYPE_MX);
	assert_wrong(scene, "it answers without authority for the zone");
}

/* Anybody can send datagrams from the address of another. */
static void what_answers_another_question_is_passed_over(void **state)
{
	struct scene *scene = *state;
	struct message good, other;

	ask(scene, DNS_TYPE_MX);
	good = reply_to(scene, AUTHORITY, DNS_TYPE_MX);
	other = good;
	other.octets[0] ^= 1;
	send_back(scene, &other);
	other = reply_to(scene, AUTHORITY, DNS_TYPE_TLSA);
	send_back(scene, &other);
	other = good;
	other.octets[2] &= 0x7f; /* the question itself, sent back */
	send_back(scene, &other);
	other = good;
	other.octets[13] = 'x'; /* of the name */
	send_back(scene, &other);
	for (other = good, other.len = 0; other.len < DNS_HEADER_LEN; other.len++)
		send_back(scene, &other);
	for (int i = 0; i < 40; i++)
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_int_equal(scene->told, 0);
	send_back(scene, &good);
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_GOOD);
}

static void where_nobody_listens_it_says_so(void **state)
{
	struct scene *scene = *state;

	shut(&scene->udp);
	assert_true(begin_asking(scene, "127.0.0.1", DNS_TYPE_MX, NAME));
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_NONE);
	assert_string_equal(scene->why, "nobody answers on port 53 there");
}

static void an_address_without_a_way_to_it_is_nobodys_fault(void **state)
{
	struct scene *scene = *state;

	assert_true(begin_asking(scene, "192.0.2.53", DNS_TYPE_MX, NAME));
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_NO_ROUTE);
	scene->told = 0;
	assert_true(begin_asking(scene, "2001:db8::53", DNS_TYPE_MX, NAME));
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_NO_ROUTE);
}

static void an_address_of_some_link_cannot_be_asked(void **state)
{
	struct scene *scene = *state;

	assert_true(begin_asking(scene, "fe80::53", DNS_TYPE_MX, NAME));
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_NONE);
	assert_string_equal(scene->why, "it cannot be asked: Invalid argument");
}

static void who_stays_silent_is_asked_again_and_then_given_up(void **state)
{
	struct scene *scene = *state;
	uint8_t number[2];

	ask(scene, DNS_TYPE_MX);
	memcpy(number, scene->question.octets, sizeof(number));
	for (int again = 1; again < CHECK_EXCHANGE_TRIES; again++) {
		receive(scene);
		assert_memory_equal(scene->question.octets, number, sizeof(number));
		assert_int_equal(scene->told, 0);
	}
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_NONE);
	assert_string_equal(scene->why, "it does not answer within 5 s");
	assert_false(is_readable(scene->udp, 0));
}

static void what_is_no_name_is_never_asked(void **state)
{
	struct scene *scene = *state;
	char name[300];

	assert_false(begin_asking(scene, "127.0.0.1", DNS_TYPE_MX, "a..example"));
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_false(begin_asking(scene, "127.0.0.1", DNS_TYPE_MX, name));
	memset(name, 'a', sizeof(name));
	for (size_t at = 60; at < 255; at += 61)
		name[at] = '.';
	name[255] = '\0';
	assert_false(begin_asking(scene, "127.0.0.1", DNS_TYPE_MX, name));
	assert_false(is_readable(scene->udp, 0));
}

/* Its answer does not fit: the same question comes by TCP, to the connection of the scene. */
static void ask_by_tcp(struct scene *scene)
{
	struct message cut;
	uint8_t head[2];

	ask(scene, DNS_TYPE_MX);
	cut = reply_to(scene, CUT, DNS_TYPE_MX);
	send_back(scene, &cut);
	run_until(scene, scene->listener);
	scene->tcp = accept4(scene->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_return_code(scene->tcp, errno);
	run_until(scene, scene->tcp);
	assert_int_equal(recv(scene->tcp, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(head[0] << 8 | head[1], scene->question.len);
	assert_int_equal(
		recv(scene->tcp, scene->question.octets, sizeof(scene->question.octets), 0),
		scene->question.len);
	assert_int_equal(scene->told, 0);
}

/* The answer behind its length, in pieces of so many octets. */
static void send_stream(struct scene *scene, const struct message *message, size_t piece)
{
	struct message stream = { .len = 0 };

	add_u16(&stream, (unsigned)message->len);
	memcpy(stream.octets + 2, message->octets, message->len);
	stream.len += message->len;
	for (size_t at = 0; at < stream.len; at += piece) {
		size_t len = stream.len - at < piece ? stream.len - at : piece;

		assert_int_equal(scene->told, 0);
		assert_int_equal(send(scene->tcp, stream.octets + at, len, MSG_NOSIGNAL), len);
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
	}
}

static void a_cut_answer_is_read_whole_by_tcp_in_pieces_of_any_size(void **state)
{
	struct scene *scene = *state;
	static const size_t pieces[] = { 1, 3, 4096 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct message message;

		scene->told = 0;
		ask_by_tcp(scene);
		message = reply_to(scene, AUTHORITY, DNS_TYPE_MX);
		send_stream(scene, &message, pieces[i]);
		run_until_told(scene);
		assert_int_equal(scene->outcome, CHECK_REPLY_GOOD);
		assert_int_equal(scene->len, message.len);
		assert_memory_equal(scene->octets, message.octets, message.len);
		shut(&scene->tcp);
	}
}

static void an_answer_that_is_cut_by_tcp_too_is_told_to_be(void **state)
{
	struct scene *scene = *state;
	struct message message;

	ask_by_tcp(scene);
	message = reply_to(scene, CUT, DNS_TYPE_TLSA);
	put_u16(message.octets + message.len - 4, DNS_TYPE_MX);
	send_stream(scene, &message, 4096);
	run_until_told(scene);
	assert_int_equal(scene->outcome, CHECK_REPLY_GOOD);
	assert_true(scene->is_truncated);
	assert_false(scene->is_empty); /* it denies nothing */
}

static void another_answer_or_none_by_tcp_is_wrong(void **state)
{
	struct scene *scene = *state;
	struct message message;

	ask_by_tcp(scene);
	message = reply_to(scene, AUTHORITY, DNS_TYPE_MX);
	message.octets[1] ^= 1;
	send_stream(scene, &message, 4096);
	run_until_told(scene);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "it answers another question");
	shut(&scene->tcp);
	scene->told = 0;
	ask_by_tcp(scene);
	/* More is promised than comes. */
	assert_int_equal(send(scene->tcp, "\xff\xff\x12", 3, MSG_NOSIGNAL), 3);
	shut(&scene->tcp);
	run_until_told(scene);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "the connection is closed");
}

static void a_connection_that_is_refused_or_reset_is_wrong(void **state)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct scene *scene = *state;
	struct message cut;

	ask_by_tcp(scene);
	setsockopt(scene->tcp, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shut(&scene->tcp);
	run_until_told(scene);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "Connection reset by peer");
	scene->told = 0;
	ask(scene, DNS_TYPE_MX);
	shut(&scene->listener);
	cut = reply_to(scene, CUT, DNS_TYPE_MX);
	send_back(scene, &cut);
	for (int i = 0; i < ROUNDS_MAX && scene->told == 0; i++) {
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
		(void)is_readable(scene->udp, 5);
	}
	assert_int_equal(scene->told, 1);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "Connection refused");
}

static void who_stays_silent_by_tcp_is_given_up(void **state)
{
	struct scene *scene = *state;

	ask_by_tcp(scene);
	for (int i = 0; i < ROUNDS_MAX && scene->told == 0; i++) {
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
		(void)is_readable(scene->listener, 5);
	}
	assert_int_equal(scene->told, 1);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "it does not answer");
}

static void without_descriptors_nothing_is_asked_or_it_says_so(void **state)
{
	struct scene *scene = *state;
	struct rlimit all, none;
	struct message cut;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){ 0, all.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(begin_asking(scene, "127.0.0.1", DNS_TYPE_MX, NAME));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	ask(scene, DNS_TYPE_MX);
	cut = reply_to(scene, CUT, DNS_TYPE_MX);
	send_back(scene, &cut);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < ROUNDS_MAX && scene->told == 0; i++)
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(scene->told, 1);
	assert_wrong(scene, "its answer for MX is cut, and by TCP there is none: "
	                    "Too many open files");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
		TEST(the_question_is_a_resolvers_with_signatures_wanted),
		TEST(a_denial_is_an_answer),
		TEST(each_error_is_called_by_its_name),
		TEST(an_answer_without_authority_is_none_of_a_name_server),
		TEST(what_answers_another_question_is_passed_over),
		TEST(where_nobody_listens_it_says_so),
		TEST(an_address_without_a_way_to_it_is_nobodys_fault),
		TEST(an_address_of_some_link_cannot_be_asked),
		TEST(who_stays_silent_is_asked_again_and_then_given_up),
		TEST(what_is_no_name_is_never_asked),
		TEST(a_cut_answer_is_read_whole_by_tcp_in_pieces_of_any_size),
		TEST(an_answer_that_is_cut_by_tcp_too_is_told_to_be),
		TEST(another_answer_or_none_by_tcp_is_wrong),
		TEST(a_connection_that_is_refused_or_reset_is_wrong),
		TEST(who_stays_silent_by_tcp_is_given_up),
		TEST(without_descriptors_nothing_is_asked_or_it_says_so),
	};

	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		return EXIT_SUCCESS;
	return cmocka_run_group_tests_name("cli/check_exchange", tests, NULL, NULL);
}

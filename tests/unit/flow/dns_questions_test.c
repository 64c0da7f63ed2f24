/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_questions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../wire/dns_message.h"

enum { NOW_MS = 1000000, ASKED = 0x0100, ANSWERS_MAX = 4 };

static int set_up(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN];

	*state = dns_questions_new(secret);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	dns_questions_free(*state);
	return 0;
}

static struct dns_path path_of(const char *client, uint16_t port)
{
	struct dns_path path = { .client = { .port = port }, .server = { .port = 53 } };

	assert_true(address_parse(&path.client.address, client));
	assert_true(address_parse(&path.server.address, "198.51.100.1"));
	return path;
}

static struct dns_message parsed(struct message *message, unsigned id)
{
	struct dns_message out;

	put_u16(message->octets, (uint16_t)id);
	assert_int_equal(dns_message_parse(&out, bytes_of(message->octets, message->len)),
	                 PARSE_OK);
	return out;
}

static void ask(struct dns_questions *questions, const struct dns_path *path, unsigned id,
                const char *name, uint64_t now_ms)
{
	struct message message;
	struct dns_message question;

	begin(&message, ASKED, name, DNS_TYPE_MX, 0, 0);
	question = parsed(&message, id);
	dns_questions_ask(questions, path, &question, now_ms);
}

/* "preference host" makes one answer unlike another. */
static enum dns_reply answer(struct dns_questions *questions, const struct dns_path *path,
                             unsigned id, const char *name, unsigned preference, uint64_t now_ms)
{
	struct message message;
	struct dns_message reply;

	begin(&message, FOUND, name, DNS_TYPE_MX, 1, 0);
	add_mx(&message, name, preference, "mx.example");
	reply = parsed(&message, id);
	return dns_questions_answer(questions, path, &reply, ANSWERS_MAX, now_ms);
}

static void an_answer_is_asked_for_where_all_of_it_fits_its_question(void **state)
{
	struct dns_path path = path_of("192.0.2.2", 4000), other;

	ask(*state, &path, 7, "watched.example", NOW_MS);
	assert_int_equal(answer(*state, &path, 7, "watched.example", 1, NOW_MS), DNS_REPLY_NEW);

	assert_int_equal(answer(*state, &path, 7, "other.example", 1, NOW_MS), DNS_REPLY_UNASKED);
	assert_int_equal(answer(*state, &path, 8, "watched.example", 1, NOW_MS), DNS_REPLY_UNASKED);
	other = path_of("192.0.2.2", 4001);
	assert_int_equal(answer(*state, &other, 7, "watched.example", 1, NOW_MS),
	                 DNS_REPLY_UNASKED);
	other = path_of("192.0.2.3", 4000);
	assert_int_equal(answer(*state, &other, 7, "watched.example", 1, NOW_MS),
	                 DNS_REPLY_UNASKED);
	other = path;
	other.server.address.octets[3]++;
	assert_int_equal(answer(*state, &other, 7, "watched.example", 1, NOW_MS),
	                 DNS_REPLY_UNASKED);
	other = path;
	other.server.port = 54;
	assert_int_equal(answer(*state, &other, 7, "watched.example", 1, NOW_MS),
	                 DNS_REPLY_UNASKED);
	other = path;
	other.is_stream = true;
	assert_int_equal(answer(*state, &other, 7, "watched.example", 1, NOW_MS),
	                 DNS_REPLY_UNASKED);
}

static void type_and_class_are_part_of_a_question(void **state)
{
	struct dns_path path = path_of("192.0.2.2", 4000);
	struct message message;
	struct dns_message reply;

	ask(*state, &path, 7, "watched.example", NOW_MS);
	begin(&message, FOUND, "watched.example", DNS_TYPE_A, 1, 0);
	add_a(&message, "watched.example", 1, 60);
	reply = parsed(&message, 7);
	assert_int_equal(dns_questions_answer(*state, &path, &reply, ANSWERS_MAX, NOW_MS),
	                 DNS_REPLY_UNASKED);
	begin(&message, FOUND, "watched.example", DNS_TYPE_MX, 0, 0);
	put_u16(message.octets + message.len - 2, 3);
	reply = parsed(&message, 7);
	assert_int_equal(dns_questions_answer(*state, &path, &reply, ANSWERS_MAX, NOW_MS),
	                 DNS_REPLY_UNASKED);
}

/* Resolvers mix cases at random, and servers may or may not give that back. */
static void the_case_of_a_name_does_not_matter(void **state)
{
	struct dns_path path = path_of("2001:db8::2", 4000);

	ask(*state, &path, 7, "wAtChEd.eXample", NOW_MS);
	assert_int_equal(answer(*state, &path, 7, "watched.example", 1, NOW_MS), DNS_REPLY_NEW);
	assert_int_equal(answer(*state, &path, 7, "wAtChEd.eXample", 2, NOW_MS), DNS_REPLY_NEW);
}

static void the_true_answer_behind_a_forged_one_counts_and_the_same_again_does_not(void **state)
{
	struct dns_path path = path_of("192.0.2.2", 4000);

	ask(*state, &path, 7, "watched.example", NOW_MS);
	for (unsigned i = 0; i < ANSWERS_MAX; i++) {
		assert_int_equal(answer(*state, &path, 7, "watched.example", i, NOW_MS),
		                 DNS_REPLY_NEW);
		for (unsigned k = 0; k <= i; k++)
			assert_int_equal(answer(*state, &path, 7, "watched.example", k, NOW_MS),
			                 DNS_REPLY_SAME);
	}
	assert_int_equal(answer(*state, &path, 7, "watched.example", 99, NOW_MS),
	                 DNS_REPLY_TOO_MANY);
}

static void a_question_lives_for_a_while_and_anew_when_it_is_asked_again(void **state)
{
	struct dns_path path = path_of("192.0.2.2", 4000);
	uint64_t later_ms = NOW_MS + DNS_QUESTION_LIFE_MS - 1;

	ask(*state, &path, 7, "watched.example", NOW_MS);
	assert_int_equal(answer(*state, &path, 7, "watched.example", 1, later_ms), DNS_REPLY_NEW);
	assert_int_equal(answer(*state, &path, 7, "watched.example", 2, later_ms + 1),
	                 DNS_REPLY_UNASKED);
	ask(*state, &path, 7, "watched.example", later_ms);
	assert_int_equal(dns_questions_count(*state), 1);
	assert_int_equal(answer(*state, &path, 7, "watched.example", 1, later_ms + 1),
	                 DNS_REPLY_NEW);
	assert_int_equal(dns_questions_lost(*state), 0);
}

static void a_client_with_many_questions_loses_its_own_oldest(void **state)
{
	struct dns_path quiet = path_of("192.0.2.1", 1), loud = path_of("192.0.2.9", 0);
	unsigned i;

	ask(*state, &quiet, 1, "watched.example", NOW_MS);
	for (i = 0; i < DNS_QUESTIONS_CLIENT_MAX + 3; i++) {
		loud.client.port = (uint16_t)i;
		ask(*state, &loud, i >> 16, "loud.example", NOW_MS);
	}
	assert_int_equal(dns_questions_count(*state), DNS_QUESTIONS_CLIENT_MAX + 1);
	assert_int_equal(dns_questions_lost(*state), 3);
	assert_int_equal(answer(*state, &quiet, 1, "watched.example", 1, NOW_MS), DNS_REPLY_NEW);
	loud.client.port = 2;
	assert_int_equal(answer(*state, &loud, 0, "loud.example", 1, NOW_MS), DNS_REPLY_UNASKED);
	loud.client.port = 3;
	assert_int_equal(answer(*state, &loud, 0, "loud.example", 1, NOW_MS), DNS_REPLY_NEW);
}

static void many_clients_stay_within_the_bound_of_all(void **state)
{
	struct dns_path path = path_of("2001:db8::1", 1);
	unsigned i;

	for (i = 0; i < DNS_QUESTIONS_MAX + 5000; i++) {
		path.client.address.octets[6] = (uint8_t)(i & 7); /* eight networks */
		path.client.address.octets[15] = (uint8_t)i;
		path.client.port = (uint16_t)(i >> 3);
		ask(*state, &path, i >> 16, "loud.example", NOW_MS + i);
	}
	assert_int_equal(dns_questions_count(*state), DNS_QUESTIONS_MAX);
	for (i = 0; i < DNS_QUESTIONS_CLIENTS_MAX + 10; i++) {
		path.client.address.octets[4] = (uint8_t)(i >> 8);
		path.client.address.octets[5] = (uint8_t)(1 + (i & 0x7f));
		path.client.port = (uint16_t)i;
		ask(*state, &path, 1, "many.example", NOW_MS);
		assert_int_equal(answer(*state, &path, 1, "many.example", 1, NOW_MS),
		                 DNS_REPLY_NEW);
	}
	assert_true(dns_questions_count(*state) <= DNS_QUESTIONS_MAX);
}

/* What was answered, or is too old to be, is no loss. */
static void only_what_still_waited_is_lost(void **state)
{
	struct dns_path path = path_of("192.0.2.9", 0);
	unsigned i;

	ask(*state, &path, 9, "answered.example", NOW_MS);
	assert_int_equal(answer(*state, &path, 9, "answered.example", 1, NOW_MS), DNS_REPLY_NEW);
	ask(*state, &path, 9, "old.example", NOW_MS);
	for (i = 0; i < DNS_QUESTIONS_CLIENT_MAX; i++) {
		path.client.port = (uint16_t)i;
		ask(*state, &path, i >> 16, "loud.example", NOW_MS + DNS_QUESTION_LIFE_MS);
	}
	assert_int_equal(dns_questions_count(*state), DNS_QUESTIONS_CLIENT_MAX);
	assert_int_equal(dns_questions_lost(*state), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_asked_for_where_all_of_it_fits_its_question),
		TEST(type_and_class_are_part_of_a_question),
		TEST(the_case_of_a_name_does_not_matter),
		TEST(the_true_answer_behind_a_forged_one_counts_and_the_same_again_does_not),
		TEST(a_question_lives_for_a_while_and_anew_when_it_is_asked_again),
		TEST(a_client_with_many_questions_loses_its_own_oldest),
		TEST(many_clients_stay_within_the_bound_of_all),
		TEST(only_what_still_waited_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

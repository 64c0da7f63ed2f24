/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/wire/dns_message.h"

/* Three servers of a zone, of which one question was asked; all have the record. */
struct scene {
	struct check_facts facts;
	struct check_answers answers;
};

static void add_server(struct scene *scene, const char *name, const char *address)
{
	struct check_server *server = &scene->facts.servers[scene->facts.server_count];
	size_t index = scene->facts.server_count++;

	strcpy(server->name, name);
	assert_true(address_parse(&server->address, address));
	server->state = SERVER_GOOD;
	scene->answers.is_done[index] = true;
	scene->answers.presence[index][0] = RECORD_THERE;
	scene->answers.sums[index][0] = 7;
}

static int open_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct check_question *question = &scene->answers.questions[0].list[0];

	scene->facts.zone_count = 1;
	scene->answers.questions[0].count = 1;
	question->type = DNS_TYPE_TLSA;
	strcpy(question->name, "_25._tcp.mx.example.org");
	add_server(scene, "ns1.example.org", "192.0.2.1");
	add_server(scene, "ns2.example.org", "192.0.2.2");
	add_server(scene, "ns3.example.org", "2001:db8::3");
	*state = scene;
	return 0;
}

static int close_scene(void **state)
{
	free(*state);
	return 0;
}

/* The one of the servers that is wrong, SIZE_MAX where none is; one at most may be. */
static size_t wrong_one(struct scene *scene)
{
	size_t wrong = SIZE_MAX;

	check_agreement_judge(&scene->facts, &scene->answers);
	for (size_t i = 0; i < scene->facts.server_count; i++) {
		if (scene->facts.servers[i].state != SERVER_WRONG)
			continue;
		assert_int_equal(wrong, SIZE_MAX);
		wrong = i;
	}
	return wrong;
}

static void servers_that_say_the_same_agree(void **state)
{
	assert_int_equal(wrong_one(*state), SIZE_MAX);
}

static void who_denies_what_others_have_is_wrong(void **state)
{
	struct scene *scene = *state;

	scene->answers.presence[0][0] = RECORD_DENIED;
	assert_int_equal(wrong_one(scene), 0);
	assert_string_equal(scene->facts.servers[0].why,
	                    "it has no TLSA record at _25._tcp.mx.example.org, others have");
}

static void what_all_deny_is_not_there(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < scene->facts.server_count; i++)
		scene->answers.presence[i][0] = RECORD_DENIED;
	assert_int_equal(wrong_one(scene), SIZE_MAX);
}

static void of_three_the_one_that_differs_is_wrong(void **state)
{
	struct scene *scene = *state;

	scene->answers.sums[0][0] = 8;
	assert_int_equal(wrong_one(scene), 0);
	assert_string_equal(scene->facts.servers[0].why,
	                    "its TLSA records at _25._tcp.mx.example.org are not those of "
	                    "ns2.example.org");
}

static void addresses_may_differ_from_server_to_server(void **state)
{
	struct scene *scene = *state;

	scene->answers.questions[0].list[0].type = DNS_TYPE_A;
	scene->answers.sums[0][0] = 8;
	assert_int_equal(wrong_one(scene), SIZE_MAX);
}

static void an_answer_that_was_cut_is_compared_with_nothing(void **state)
{
	struct scene *scene = *state;

	scene->answers.presence[0][0] = RECORD_UNKNOWN;
	scene->answers.sums[0][0] = 0;
	assert_int_equal(wrong_one(scene), SIZE_MAX);
}

static void servers_of_another_zone_have_no_say(void **state)
{
	struct scene *scene = *state;

	scene->facts.zone_count = 2;
	scene->answers.questions[1] = scene->answers.questions[0];
	scene->facts.servers[0].zone = 1;
	scene->answers.presence[0][0] = RECORD_DENIED;
	assert_int_equal(wrong_one(scene), SIZE_MAX);
}

static void where_a_whole_family_is_silent_it_is_the_network_here(void **state)
{
	struct scene *scene = *state;
	struct check_server *servers = scene->facts.servers;

	for (size_t i = 0; i < 3; i += 2) {
		servers[i].state = SERVER_SILENT;
		scene->answers.is_done[i] = false;
		scene->answers.presence[i][0] = RECORD_UNKNOWN;
	}
	assert_int_equal(wrong_one(scene), SIZE_MAX);
	assert_int_equal(servers[0].state, SERVER_SILENT);
	assert_int_equal(servers[2].state, SERVER_UNASKED);
}

static void the_worst_of_several_answers_is_told(void **state)
{
	struct check_server server = { .state = SERVER_UNASKED };

	(void)state;
	check_agreement_tell(&server, SERVER_GOOD, "");
	check_agreement_tell(&server, SERVER_WRONG, "first");
	check_agreement_tell(&server, SERVER_WRONG, "second");
	check_agreement_tell(&server, SERVER_SILENT, "third");
	assert_int_equal(server.state, SERVER_WRONG);
	assert_string_equal(server.why, "first");
}

/* The name of the host points at the question's. */
static void add_short_mx(struct message *message, const char *domain, unsigned preference)
{
	size_t data_at = begin_record(message, domain, DNS_TYPE_MX, 300);

	add_u16(message, preference);
	add_u8(message, 2);
	add_u8(message, 'm');
	add_u8(message, 'x');
	add_u16(message, POINTER | QUESTION_AT);
	end_record(message, data_at);
}

static uint64_t sum_of(const struct message *message)
{
	return check_agreement_sum(bytes_of(message->octets, message->len));
}

static void neither_order_nor_compression_makes_a_difference_but_each_record_does(void **state)
{
	struct message one, other;

	(void)state;
	begin(&one, FOUND, "example.org", DNS_TYPE_MX, 2, 0);
	add_mx(&one, "example.org", 10, "mx.example.org");
	add_mx(&one, "example.org", 20, "mx2.example.org");
	begin(&other, FOUND, "example.org", DNS_TYPE_MX, 2, 0);
	add_mx(&other, "example.org", 20, "mx2.example.org");
	add_short_mx(&other, "example.org", 10);
	assert_int_equal(sum_of(&one), sum_of(&other));
	begin(&other, FOUND, "example.org", DNS_TYPE_MX, 2, 0);
	add_mx(&other, "example.org", 20, "mx2.example.org");
	add_short_mx(&other, "example.org", 11);
	assert_int_not_equal(sum_of(&one), sum_of(&other));
	other.len--;
	assert_int_equal(sum_of(&other), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(servers_that_say_the_same_agree),
		TEST(who_denies_what_others_have_is_wrong),
		TEST(what_all_deny_is_not_there),
		TEST(of_three_the_one_that_differs_is_wrong),
		TEST(addresses_may_differ_from_server_to_server),
		TEST(an_answer_that_was_cut_is_compared_with_nothing),
		TEST(servers_of_another_zone_have_no_say),
		TEST(where_a_whole_family_is_silent_it_is_the_network_here),
		TEST(the_worst_of_several_answers_is_told),
		TEST(neither_order_nor_compression_makes_a_difference_but_each_record_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

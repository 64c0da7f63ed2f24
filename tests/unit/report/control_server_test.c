/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/control_server.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { ASKED_MAX = 16, GROUP = 4242, STRANGER = 4243 };

/* A server at an abstract address, and what it was asked. */
struct booth {
	struct event_base *base;
	struct control_server *server;
	struct sockaddr_un address;
	socklen_t address_len;
	int listener;
	size_t asked;
	uint64_t clients[ASKED_MAX];
	struct control_request requests[ASKED_MAX];
	bool answers_at_once;
};

static const struct control_result good = { 0 };

static void on_request(void *owner, uint64_t client, const struct control_request *request)
{
	struct booth *place = owner;

	assert_true(place->asked < ASKED_MAX);
	place->clients[place->asked] = client;
	place->requests[place->asked++] = *request;
	if (place->answers_at_once) {
		control_server_reply(place->server, client, "{\"n\":1}");
		control_server_finish(place->server, client, &good);
	}
}

static int set_up(void **state)
{
	struct booth *place = calloc(1, sizeof(*place));
	struct control_server_options options = { .group = GROUP,
		                                  .on_request = on_request,
		                                  .owner = place };

	assert_non_null(place);
	place->base = event_base_new();
	place->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	place->address.sun_family = AF_UNIX;
	place->address_len = sizeof(place->address);
	/* The kernel chooses an abstract name. */
	assert_int_equal(
		bind(place->listener, (struct sockaddr *)&place->address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(place->listener, (struct sockaddr *)&place->address,
	                             &place->address_len),
	                 0);
	assert_int_equal(listen(place->listener, 64), 0);
	options.listener = place->listener;
	place->server = control_server_new(place->base, &options);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct booth *place = *state;

	control_server_free(place->server);
	event_base_free(place->base);
	close(place->listener);
	free(place);
	return 0;
}

static void turn(struct booth *place)
{
	int i;

	for (i = 0; i < 8; i++)
		event_base_loop(place->base, EVLOOP_NONBLOCK);
}

static int dial(struct booth *place)
{
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(client, (struct sockaddr *)&place->address, place->address_len),
	                 0);
	turn(place);
	return client;
}

/* As somebody of that group who is not root. */
static int dial_as(struct booth *place, gid_t group)
{
	int client;

	assert_int_equal(setegid(group), 0);
	assert_int_equal(seteuid(STRANGER), 0);
	client = dial(place);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	return client;
}

static void say(struct booth *place, int client, const char *text)
{
	assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn(place);
}

/* What has come for the client until now; "<end>" when it was dropped. */
static const char *hear(int client)
{
	static char text[65536];
	ssize_t len = recv(client, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (len == 0 || (len < 0 && errno == ECONNRESET))
		return "<end>";
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void a_request_is_answered_line_by_line(void **state)
{
	struct booth *place = *state;
	int client = dial(place);

	say(place, client, "{\"command\":\"flush\",\"name\":\"a.example\"}\n");
	assert_int_equal(place->asked, 1);
	assert_int_equal(place->requests[0].command, CONTROL_FLUSH);
	assert_string_equal(place->requests[0].name, "a.example");
	assert_string_equal(hear(client), "");
	assert_true(control_server_reply(place->server, place->clients[0], "{\"forgotten\":1}"));
	control_server_finish(place->server, place->clients[0], &good);
	turn(place);
	assert_string_equal(hear(client), "{\"forgotten\":1}\n{\"result\":\"ok\",\"exit\":0}\n");
	close(client);
}

static void a_request_in_single_octets_is_the_same_request(void **state)
{
	static const char text[] = "{\"command\":\"status\"}\n";
	struct booth *place = *state;
	int client = dial(place);
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		char octet[2] = { text[i], '\0' };

		assert_int_equal(place->asked, 0);
		say(place, client, octet);
	}
	assert_int_equal(place->asked, 1);
	close(client);
}

static void the_next_request_waits_for_the_answer_to_the_last(void **state)
{
	struct booth *place = *state;
	int client = dial(place);

	say(place, client, "{\"command\":\"flows\"}\n{\"command\":\"status\"}\n");
	assert_int_equal(place->asked, 1);
	control_server_finish(place->server, place->clients[0], &good);
	turn(place);
	assert_int_equal(place->asked, 2);
	assert_int_equal(place->requests[1].command, CONTROL_STATUS);
	close(client);
}

static void who_has_said_all_still_gets_his_answer(void **state)
{
	struct booth *place = *state;
	int client = dial(place);

	say(place, client, "{\"command\":\"flows\"}\n");
	shutdown(client, SHUT_WR);
	turn(place);
	control_server_finish(place->server, place->clients[0], &good);
	turn(place);
	assert_string_equal(hear(client), "{\"result\":\"ok\",\"exit\":0}\n");
	turn(place);
	assert_string_equal(hear(client), "<end>");
	assert_false(control_server_has(place->server, place->clients[0]));
	close(client);
}

static void an_answer_to_one_who_left_goes_nowhere(void **state)
{
	struct booth *place = *state;
	int client = dial(place), other;

	say(place, client, "{\"command\":\"events\",\"follow\":true}\n");
	close(client);
	turn(place);
	assert_false(control_server_reply(place->server, place->clients[0], "{}"));
	/* Nor to the next one in his place. */
	other = dial(place);
	assert_false(control_server_reply(place->server, place->clients[0], "{}"));
	turn(place);
	assert_string_equal(hear(other), "");
	close(other);
}

static void nonsense_is_answered_and_the_client_may_try_again(void **state)
{
	struct booth *place = *state;
	int client = dial(place);

	say(place, client, "status\n");
	assert_non_null(strstr(hear(client), "\"result\":\"error\",\"exit\":2"));
	say(place, client, "{\"command\":\"status\"}\n");
	assert_int_equal(place->asked, 1);
	close(client);
}

static void a_line_beyond_the_bound_ends_the_connection(void **state)
{
	struct booth *place = *state;
	char *text = malloc(CONTROL_REQUEST_MAX + 1);
	int client = dial(place);

	memset(text, 'x', CONTROL_REQUEST_MAX);
	text[CONTROL_REQUEST_MAX] = '\0';
	say(place, client, text);
	assert_string_equal(hear(client), "<end>");
	close(client);

	/* One octet below, it is a line like others. */
	client = dial(place);
	text[CONTROL_REQUEST_MAX - 1] = '\n';
	say(place, client, text);
	assert_non_null(strstr(hear(client), "\"exit\":2"));
	close(client);
	free(text);
}

static void more_clients_than_there_is_room_for_are_turned_away(void **state)
{
	struct booth *place = *state;
	int clients[CONTROL_CLIENTS_MAX], one;
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		clients[i] = dial(place);
	one = dial(place);
	assert_non_null(strstr(hear(one), "too many"));
	close(one);
	close(clients[7]);
	turn(place);
	one = dial(place);
	assert_string_equal(hear(one), "");
	say(place, one, "{\"command\":\"status\"}\n");
	assert_int_equal(place->asked, 1);
	close(one);
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (i != 7)
			close(clients[i]);
}

static void who_does_not_read_his_answers_is_dropped(void **state)
{
	struct booth *place = *state;
	char line[1024];
	size_t lines = 0;
	int client = dial(place);

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(place, client, "{\"command\":\"events\"}\n");
	while (lines < 100000 && control_server_reply(place->server, place->clients[0], line))
		lines++;
	assert_in_range(lines, CONTROL_PENDING_MAX / sizeof(line),
	                CONTROL_PENDING_MAX / sizeof(line) + 2);
	assert_false(control_server_has(place->server, place->clients[0]));
	close(client);
}

static void who_reads_nothing_is_dropped_though_he_talks_nonsense(void **state)
{
	static const char nonsense[] = "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n";
	struct booth *place = *state;
	const size_t answers_len_min = sizeof(nonsense) / 2 * sizeof("{\"result\":\"error\"}");
	size_t i, rounds = 4 * CONTROL_PENDING_MAX / answers_len_min;
	int client = dial(place);

	for (i = 0; i < rounds; i++) {
		if (send(client, nonsense, sizeof(nonsense) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		event_base_loop(place->base, EVLOOP_NONBLOCK);
	}
	assert_true(i < rounds);
	close(client);
}

static void strangers_may_not_ask_and_members_may_not_change(void **state)
{
	struct booth *place = *state;
	int stranger, member;

	if (geteuid() != 0)
		skip();
	stranger = dial_as(place, STRANGER);
	assert_non_null(strstr(hear(stranger), "permission denied"));
	assert_string_equal(hear(stranger), "<end>");
	close(stranger);
	member = dial_as(place, GROUP);
	say(place, member,
	    "{\"command\":\"reload\"}\n{\"command\":\"flush\",\"name\":\"a.example\"}\n");
	assert_int_equal(place->asked, 0);
	assert_non_null(strstr(hear(member), "only root may change"));
	say(place, member, "{\"command\":\"status\"}\n");
	assert_int_equal(place->asked, 1);
	close(member);
}

static void members_leave_places_to_root(void **state)
{
	enum { MEMBERS_MAX = CONTROL_CLIENTS_MAX - CONTROL_ROOTS_PLACES };
	struct booth *place = *state;
	int members[MEMBERS_MAX], one;
	size_t i;

	if (geteuid() != 0)
		skip();
	for (i = 0; i < MEMBERS_MAX; i++)
		members[i] = dial_as(place, GROUP);
	assert_string_equal(hear(members[MEMBERS_MAX - 1]), "");
	one = dial_as(place, GROUP);
	assert_non_null(strstr(hear(one), "too many"));
	close(one);
	one = dial(place);
	say(place, one, "{\"command\":\"reload\"}\n");
	assert_int_equal(place->asked, 1);
	close(one);
	for (i = 0; i < MEMBERS_MAX; i++)
		close(members[i]);
}

static void many_requests_at_once_are_answered_in_turn(void **state)
{
	struct booth *place = *state;
	int client = dial(place);
	const char *heard;
	size_t count = 0;

	place->answers_at_once = true;
	say(place, client,
	    "{\"command\":\"status\"}\n{\"command\":\"status\"}\n{\"command\":\"status\"}\n");
	for (heard = hear(client); (heard = strstr(heard, "\"result\"")) != NULL; heard++)
		count++;
	assert_int_equal(count, 3);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_is_answered_line_by_line, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_request_in_single_octets_is_the_same_request,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_request_waits_for_the_answer_to_the_last,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_said_all_still_gets_his_answer, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(an_answer_to_one_who_left_goes_nowhere, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(nonsense_is_answered_and_the_client_may_try_again,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_beyond_the_bound_ends_the_connection, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(more_clients_than_there_is_room_for_are_turned_away,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_read_his_answers_is_dropped, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(
			who_reads_nothing_is_dropped_though_he_talks_nonsense, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strangers_may_not_ask_and_members_may_not_change,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(members_leave_places_to_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_requests_at_once_are_answered_in_turn, set_up,
		                                tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

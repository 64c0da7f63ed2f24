/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "row_batch.h"
#include "scout_state.h"
#include "unit/scout_fixture.h"

/* Who stands at an address; without a network there is no reverse zone, and memory alone has names. */

static void ask_address(struct fixture *fixture, int guard, const char *address)
{
	struct message_question question = { .type = MESSAGE_QUESTION, .kind = QUESTION_ADDRESS };

	text_copy(question.name, sizeof(question.name), address);
	assert_int_equal(channel_send(fixture->guards[guard], &question, sizeof(question)), 0);
}

static void remember(struct fixture *fixture, const char *host, const char *address)
{
	struct row_batch *batch = calloc(1, sizeof(*batch));
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(batch);
	assert_non_null(row);
	row->kind = ROW_PLACE;
	text_copy(row->place.host, sizeof(row->place.host), host);
	assert_true(address_parse(&row->place.address, address));
	row->place.first_ms = row->place.last_ms = process_time_ms();
	assert_true(row_batch_add(batch, row));
	assert_int_equal(channel_send(fixture->ledger, &batch->message, batch->len), 0);
	free(row);
	free(batch);
}

static void whoever_memory_names_there_is_answered_as_host_to_who_asked(void **state)
{
	struct fixture *fixture = *state;
	const struct message_destination *answer;

	remember(fixture, "mx.example.org", "192.0.2.1");
	end_rows(fixture, true);
	ask_address(fixture, 0, "192.0.2.1");
	answer = next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS);
	assert_non_null(answer);
	assert_string_equal(answer->destination.name, "mx.example.org");
	assert_int_equal(answer->destination.mx_state, MX_HOST);
	/* It was seen there; our own look-up does not lead there, so that it has no place. */
	assert_int_equal(answer->destination.place_count, 0);
	assert_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, QUIET_MS));
}

static void of_an_address_that_nobody_names_nothing_is_answered(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture, "mx.example.org", "192.0.2.1");
	end_rows(fixture, true);
	ask_address(fixture, 0, "192.0.2.2");
	ask_address(fixture, 0, "2001:db8::2");
	assert_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 2500));
}

static void more_addresses_than_there_is_room_for_hold_up_no_other_question(void **state)
{
	struct fixture *fixture = *state;
	const struct message_destination *answer;
	char text[32];

	end_rows(fixture, true);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "198.51.%d.%d", i / 250, i % 250);
		ask_address(fixture, 0, text);
	}
	ask(fixture, 1, "example.org");
	answer = next(fixture, fixture->guards[1], MESSAGE_DESTINATION, WAIT_MS);
	assert_non_null(answer);
	assert_string_equal(answer->destination.name, "example.org");
}

static void ask_for_client(struct fixture *fixture, const char *client, int third_octet, int count)
{
	struct message_question question = { .type = MESSAGE_QUESTION, .kind = QUESTION_ADDRESS };

	assert_true(address_parse(&question.client, client));
	for (int i = 0; i < count; i++) {
		snprintf(question.name, sizeof(question.name), "198.51.%d.%d", third_octet, i);
		assert_int_equal(channel_send(fixture->guards[0], &question, sizeof(question)), 0);
	}
}

/* A name server that takes questions and never answers. */
static int open_silent_server(char *forward, size_t room)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(descriptor >= 0);
	assert_int_equal(bind(descriptor, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &len), 0);
	snprintf(forward, room, "dns { timeout-seconds = 30 forward = { \"127.0.0.1@%u\" } }",
	         ntohs(address.sin_port));
	return descriptor;
}

static void a_client_of_many_places_leaves_room_for_those_of_others(void **state)
{
	enum { ALL = 256, FIRST = ALL / 2, SECOND = (ALL - FIRST) / 2 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct message_counters *counters;
	char forward[128];
	int silent;

	assert_non_null(fixture);
	*state = fixture;
	fixture->is_in_network = true;
	silent = open_silent_server(forward, sizeof(forward));
	start_scout(fixture, forward);
	end_rows(fixture, true);
	ask_for_client(fixture, "192.0.2.1", 0, 200);
	ask_for_client(fixture, "192.0.2.2", 1, 100);
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.questions_put_off < 300 - FIRST - SECOND);
	assert_int_equal(counters->counters.questions_put_off, 300 - FIRST - SECOND);
	close(silent);
}

static void what_is_no_address_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const struct message_counters *counters;

	end_rows(fixture, true);
	ask_address(fixture, 0, "example.org");
	ask_address(fixture, 0, "");
	ask_address(fixture, 0, "192.0.2.1 ");
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.messages_refused < 3);
	assert_int_equal(counters->counters.messages_refused, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(whoever_memory_names_there_is_answered_as_host_to_who_asked),
		TEST(of_an_address_that_nobody_names_nothing_is_answered),
		TEST(more_addresses_than_there_is_room_for_hold_up_no_other_question),
		cmocka_unit_test_teardown(a_client_of_many_places_leaves_room_for_those_of_others,
		                          tear_down),
		TEST(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

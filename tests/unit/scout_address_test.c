/* SPDX-License-Identifier: GPL-2.0-or-later */
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
		TEST(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sealed.h"
#include "scout_fixture.h"

static const char LIST[] = "/etc/list.json";
static const char WATCH[] = "/etc/watch";

static const char GOOD[] =
	"{\"version\":\"0.1\",\"timestamp\":2000,\"expires\":9000000000,\"policy-aliases\":{},"
	"\"policies\":{\"example.org\":{\"mode\":\"enforce\",\"mxs\":[\"mx.example.org\"]}}}";
static const char OLDER[] =
	"{\"version\":\"0.1\",\"timestamp\":1000,\"expires\":9000000000,\"policy-aliases\":{},"
	"\"policies\":{}}";
static const char PAST[] = "{\"version\":\"0.1\",\"timestamp\":3000,\"expires\":4000,\"policy-"
			   "aliases\":{},\"policies\":{}}";

static int set_up_with_files(void **state)
{
	return set_up_with(state, "watch = \"/etc/watch\"\npolicy-list \"/etc/list.json\" {}\n");
}

static struct message_file file_message(enum file_kind kind)
{
	struct message_file message = { .type = MESSAGE_FILE, .kind = kind };

	text_copy(message.path, sizeof(message.path), kind == FILE_WATCH ? WATCH : LIST);
	return message;
}

static void send_copy(struct fixture *fixture, const struct message_file *message, int copy)
{
	assert_int_equal(channel_send_descriptors(fixture->supervisor, message, sizeof(*message),
	                                          &copy, copy >= 0),
	                 0);
}

static void send_file(struct fixture *fixture, enum file_kind kind, const char *text)
{
	struct message_file message = file_message(kind);
	int copy;

	assert_int_equal(sealed_keep(&copy, bytes_of_string(text)), 0);
	send_copy(fixture, &message, copy);
	close(copy);
}

/* The next event about one of the files. */
static const struct event *next_event(struct fixture *fixture)
{
	const struct message_event *message;

	do {
		message = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
		assert_non_null(message);
	} while (!strstr(message->event.text, "list"));
	return &message->event;
}

static void assert_event(struct fixture *fixture, enum event_kind kind, const char *text)
{
	const struct event *event = next_event(fixture);

	assert_int_equal(event->kind, kind);
	/* With its path, as there may be several. */
	assert_non_null(strstr(event->subject, " /etc/"));
	assert_string_equal(event->text, text);
}

static void a_list_that_is_not_good_is_told_and_so_is_its_end(void **state)
{
	struct fixture *fixture = *state;

	send_file(fixture, FILE_POLICY_LIST, "{");
	assert_int_equal(next_event(fixture)->kind, EVENT_DEGRADED);
	send_file(fixture, FILE_POLICY_LIST, GOOD);
	assert_event(fixture, EVENT_RECOVERED, "policy list /etc/list.json is good again");
	send_file(fixture, FILE_POLICY_LIST, "[]");
	assert_event(fixture, EVENT_DEGRADED,
	             "policy list not taken, the one before stays: /etc/list.json: the list: not a "
	             "JSON object");
	send_file(fixture, FILE_POLICY_LIST, OLDER);
	assert_event(fixture, EVENT_DEGRADED,
	             "policy list not taken, the one before stays: /etc/list.json: timestamp: "
	             "1970-01-01T00:16:40Z is older than 1970-01-01T00:33:20Z, which was taken "
	             "from here before");
}

static void a_list_that_has_expired_is_told(void **state)
{
	struct fixture *fixture = *state;

	send_file(fixture, FILE_POLICY_LIST, PAST);
	assert_event(fixture, EVENT_DEGRADED,
	             "policy list /etc/list.json has expired: what breaks it is told, and no "
	             "longer refused");
}

/* A row sent earlier might take the place of a newer one. No rows come in this test. */
static void nothing_is_saved_before_the_rows_are_known(void **state)
{
	struct fixture *fixture = *state;

	send_file(fixture, FILE_POLICY_LIST, GOOD);
	assert_null(next(fixture, fixture->ledger, MESSAGE_ROWS, 1500));
}

static void guards_forget_what_was_made_of_the_list_before(void **state)
{
	struct fixture *fixture = *state;
	const struct message_forget *forget;

	send_file(fixture, FILE_POLICY_LIST, GOOD);
	for (int i = 0; i < 2; i++) {
		forget = next(fixture, fixture->guards[i], MESSAGE_FORGET, WAIT_MS);
		assert_non_null(forget);
		assert_string_equal(forget->name, "");
	}
	send_file(fixture, FILE_POLICY_LIST, "{");
	assert_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, QUIET_MS));
}

static void watched_domains_are_looked_up_though_nobody_asks(void **state)
{
	struct fixture *fixture = *state;
	const struct message_counters *counters;

	send_file(fixture, FILE_WATCH, "example.org\nexample.net\nno name\n");
	assert_event(fixture, EVENT_DEGRADED,
	             "watch list /etc/watch has faults, all else is watched: line 3: not a domain "
	             "name");
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.lookups < 2);
	assert_int_equal(counters->counters.lookups, 2);
	/* Whichever guard the mail comes to knows it. */
	for (int i = 0; i < 2; i++)
		assert_non_null(next(fixture, fixture->guards[i], MESSAGE_DESTINATION, WAIT_MS));
}

static void look_ups_ahead_are_only_so_many_a_second(void **state)
{
	struct fixture *fixture = *state;
	const struct message_counters *counters;
	char text[200 * 16];
	size_t len = 0;

	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "d%d.example\n", i);
	send_file(fixture, FILE_WATCH, text);
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.lookups == 0);
	assert_in_range(counters->counters.lookups, 1, WATCH_RATE);
	counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
	assert_non_null(counters);
	assert_in_range(counters->counters.lookups, WATCH_RATE, 2 * WATCH_RATE);
}

/* GOOD names one domain: its MX is asked for, and nobody else's. */
static void domains_of_a_list_are_looked_up_ahead(void **state)
{
	struct fixture *fixture = *state;
	const struct message_destination *answer;

	send_file(fixture, FILE_POLICY_LIST, GOOD);
	answer = next(fixture, fixture->guards[1], MESSAGE_DESTINATION, WAIT_MS);
	assert_non_null(answer);
	assert_string_equal(answer->destination.name, "example.org");
	assert_true(answer->destination.is_established);
}

static uint64_t send_misfits(struct fixture *fixture)
{
	struct message_file message = file_message(FILE_POLICY_LIST);
	int open_file = memfd_create("unsealed", MFD_CLOEXEC);
	int copy;

	assert_int_equal(sealed_keep(&copy, bytes_of_string(GOOD)), 0);
	/* Neither a copy nor a reason, a copy that might change, no such file, a guard's. */
	send_copy(fixture, &message, -1);
	send_copy(fixture, &message, open_file);
	message.kind = FILE_WATCH;
	send_copy(fixture, &message, copy);
	message.kind = FILE_KIND_COUNT;
	send_copy(fixture, &message, copy);
	message = file_message(FILE_POLICY_LIST);
	memset(message.path, 'a', sizeof(message.path));
	send_copy(fixture, &message, copy);
	message = file_message(FILE_POLICY_LIST);
	memset(message.signer, 'a', sizeof(message.signer));
	send_copy(fixture, &message, copy);
	message = file_message(FILE_POLICY_LIST);
	assert_int_equal(
		channel_send_descriptors(fixture->guards[0], &message, sizeof(message), &copy, 1),
		0);
	close(open_file);
	close(copy);
	return 7;
}

static void what_does_not_fit_is_refused_and_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t sent = send_misfits(fixture);
	const struct message_counters *counters;

	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.messages_refused < sent);
	assert_int_equal(counters->counters.messages_refused, sent);
	assert_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, QUIET_MS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_files, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_list_that_is_not_good_is_told_and_so_is_its_end),
		TEST(a_list_that_has_expired_is_told),
		TEST(nothing_is_saved_before_the_rows_are_known),
		TEST(guards_forget_what_was_made_of_the_list_before),
		TEST(watched_domains_are_looked_up_though_nobody_asks),
		TEST(look_ups_ahead_are_only_so_many_a_second),
		TEST(domains_of_a_list_are_looked_up_ahead),
		TEST(what_does_not_fit_is_refused_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

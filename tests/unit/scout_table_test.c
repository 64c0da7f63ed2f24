/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_table.h"

#include <time.h>

#include "base/sealed.h"
#include "messages.h"
#include "unit/scout_fixture.h"

static const char POSTFIX[] = "/etc/postfix/tls_policy";
static const char CONFIG[] = "destination \"example.org\" { level = encrypt }\n"
			     "next-hop \"relay.example\" { level = encrypt }\n"
			     "next-hop \"192.0.2.77\" { level = encrypt }\n"
			     "postfix-policy \"/etc/postfix/tls_policy\" {}\n";

static int set_up_with_table(void **state)
{
	return set_up_with(state, CONFIG);
}

/* Entries that end tomorrow, after longer than anybody is warned before, and some time ago. */
static void write_ends(char *text, size_t room)
{
	static const int days[] = { 1, 30, -2 };
	size_t len = 0;

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		time_t end = time(NULL) + days[i] * 24 * 60 * 60;
		char day[16];
		struct tm utc;

		assert_non_null(gmtime_r(&end, &utc));
		assert_true(strftime(day, sizeof(day), "%Y-%m-%d", &utc) > 0);
		len += (size_t)snprintf(text + len, room - len,
		                        "destination \"%c.example\" { level = may until = \"%s\" "
		                        "reason = \"works\" }\n",
		                        'a' + (int)i, day);
	}
}

static int set_up_with_ends(void **state)
{
	char text[512];

	write_ends(text, sizeof(text));
	return set_up_with(state, text);
}

static void send_table(struct fixture *fixture, const char *text)
{
	struct message_file message = { .type = MESSAGE_FILE, .kind = FILE_POSTFIX_POLICY };
	int copy;

	text_copy(message.path, sizeof(message.path), POSTFIX);
	assert_int_equal(sealed_keep(&copy, bytes_of_string(text)), 0);
	assert_int_equal(
		channel_send_descriptors(fixture->supervisor, &message, sizeof(message), &copy, 1),
		0);
	close(copy);
	/* The guards hear of it, and ask from then on. */
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, WAIT_MS));
}

static void reconfigure(struct fixture *fixture, const char *more)
{
	struct message_config *config = calloc(1, sizeof(*config));

	assert_non_null(config);
	config->type = MESSAGE_CONFIG;
	snprintf(config->text, sizeof(config->text),
	         "state-directory = \"/nonexistent\"\ndns { timeout-seconds = 1 }\nmta-sts { "
	         "enabled = false }\n%s",
	         more);
	assert_int_equal(
		channel_send(fixture->supervisor, config,
	                     offsetof(struct message_config, text) + strlen(config->text) + 1),
		0);
	free(config);
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, WAIT_MS));
}

/* The next answer about that name. */
static const struct destination *answer_of(struct fixture *fixture, int guard, const char *name)
{
	const struct message_destination *answer;

	do {
		answer = next(fixture, fixture->guards[guard], MESSAGE_DESTINATION, WAIT_MS);
		assert_non_null(answer);
		if (!answer)
			abort();
	} while (strcmp(answer->destination.name, name) != 0);
	return &answer->destination;
}

/* What the scout says to `hopguard explain NAME`. */
static const struct message_explanation *explanation_of(struct fixture *fixture, const char *name)
{
	struct message_explain question = { .type = MESSAGE_EXPLAIN, .request = 9 };
	const struct message_explanation *explanation;

	text_copy(question.name, sizeof(question.name), name);
	assert_int_equal(channel_send(fixture->ledger, &question, sizeof(question)), 0);
	explanation = next(fixture, fixture->ledger, MESSAGE_EXPLANATION, WAIT_MS);
	assert_non_null(explanation);
	if (!explanation)
		abort();
	return explanation;
}

static enum promise_source source_of(struct fixture *fixture, const char *name)
{
	ask(fixture, 0, name);
	return answer_of(fixture, 0, name)->promise.source;
}

static void names_of_the_configuration_are_told_to_every_guard_though_nobody_asks(void **state)
{
	struct fixture *fixture = *state;
	const struct destination *destination;

	end_rows(fixture, true);
	for (int i = 0; i < 2; i++) {
		bool has_domain = false, has_host = false;

		while (!has_domain || !has_host) {
			const struct message_destination *answer =
				next(fixture, fixture->guards[i], MESSAGE_DESTINATION, WAIT_MS);

			assert_non_null(answer);
			destination = &answer->destination;
			has_domain |= strcmp(destination->name, "example.org") == 0 &&
			              destination->promise.source == SOURCE_LOCAL &&
			              destination->promise.state == PROMISE_TLS &&
			              destination->is_established;
			has_host |= strcmp(destination->name, "relay.example") == 0 &&
			            destination->mx_state == MX_HOST && destination->is_next_hop;
		}
	}
}

/* Else an answer would be one without the policies that memory keeps, and stay for its TTL. */
static void they_wait_for_what_was_remembered(void **state)
{
	struct fixture *fixture = *state;

	assert_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 2000));
	end_rows(fixture, true);
	(void)answer_of(fixture, 0, "example.org");
}

static void a_guard_that_starts_anew_is_told_before_it_asks(void **state)
{
	struct fixture *fixture = *state;

	end_rows(fixture, true);
	(void)answer_of(fixture, 0, "example.org");
	close(fixture->guards[0]);
	fixture->guards[0] = introduce(fixture, ROLE_GUARD, 0);
	(void)answer_of(fixture, 0, "relay.example");
	close(fixture->guards[0]);
	fixture->guards[0] = introduce(fixture, ROLE_GUARD, 0);
	assert_int_equal(answer_of(fixture, 0, "example.org")->promise.source, SOURCE_LOCAL);
}

static void a_table_of_postfix_counts_until_another_takes_its_place(void **state)
{
	struct fixture *fixture = *state;

	end_rows(fixture, true);
	send_table(fixture, "a.example encrypt\n");
	assert_int_equal(source_of(fixture, "a.example"), SOURCE_LOCAL);
	send_table(fixture, "b.example may\n");
	assert_int_equal(source_of(fixture, "a.example"), SOURCE_NONE);
	assert_int_equal(source_of(fixture, "b.example"), SOURCE_LOCAL);
	/* The configuration's own entries stay. */
	assert_int_equal(source_of(fixture, "example.org"), SOURCE_LOCAL);
	send_table(fixture, "");
	assert_int_equal(source_of(fixture, "b.example"), SOURCE_NONE);
}

static void a_table_is_dropped_with_its_name_and_no_sooner(void **state)
{
	struct fixture *fixture = *state;

	end_rows(fixture, true);
	send_table(fixture, "a.example encrypt\n");
	reconfigure(fixture, "postfix-policy \"/etc/postfix/tls_policy\" {}\n");
	assert_int_equal(source_of(fixture, "a.example"), SOURCE_LOCAL);
	assert_int_equal(source_of(fixture, "example.org"), SOURCE_NONE);
	reconfigure(fixture, CONFIG);
	reconfigure(fixture, "");
	assert_int_equal(source_of(fixture, "a.example"), SOURCE_NONE);
}

static const struct event *next_event(struct fixture *fixture, enum event_kind kind)
{
	const struct message_event *message;

	do {
		message = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
		assert_non_null(message);
	} while (message->event.kind != kind);
	return &message->event;
}

static void lines_that_cannot_be_honoured_are_told(void **state)
{
	struct fixture *fixture = *state;
	const struct event *event;

	send_table(fixture, "a.example nonsense\nb.example nonsense\n");
	do {
		event = next_event(fixture, EVENT_DEGRADED);
	} while (!strstr(event->text, "Postfix table"));
	assert_non_null(strstr(event->text, "tls_policy:1"));
	assert_non_null(strstr(event->text, "and 1 more"));
}

static void the_end_of_an_entry_is_told_before_and_when_it_has_come(void **state)
{
	struct fixture *fixture = *state;
	const struct event *event = next_event(fixture, EVENT_POLICY);

	assert_non_null(strstr(event->text, "the entry for a.example (level may) ends on"));
	assert_string_equal(event->domain, "a.example");
	assert_int_equal(event->promise.source, SOURCE_LOCAL);
	assert_int_equal(event->promise.state, PROMISE_UNKNOWN);
	assert_int_equal(event->reason, REASON_NONE);
	assert_int_equal(event->action, ACTION_ALERT);
	event = next_event(fixture, EVENT_POLICY);
	assert_non_null(strstr(event->text, "the entry for c.example (level may) ended on"));
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, WAIT_MS));
	end_rows(fixture, true);
	assert_int_equal(source_of(fixture, "a.example"), SOURCE_LOCAL);
	assert_int_equal(source_of(fixture, "b.example"), SOURCE_LOCAL);
	assert_int_equal(source_of(fixture, "c.example"), SOURCE_NONE);
}

static void what_was_told_of_an_end_is_not_told_again_after_a_reload(void **state)
{
	struct fixture *fixture = *state;
	const struct message_event *message;
	char text[1024];

	(void)next_event(fixture, EVENT_POLICY);
	(void)next_event(fixture, EVENT_POLICY);
	write_ends(text, sizeof(text));
	strcat(text, "destination \"z.example\" { level = encrypt until = \"2020-02-29\" }\n");
	reconfigure(fixture, text);
	assert_string_equal(next_event(fixture, EVENT_POLICY)->domain, "z.example");
	/* Of all that were due they came in one second. */
	do {
		message = next(fixture, fixture->ledger, MESSAGE_EVENT, 2500);
	} while (message && message->event.kind != EVENT_POLICY);
	assert_null(message);
}

/* Before any look-up: what the table says of it does not wait for one. */
static void a_smart_host_is_explained_as_one_from_the_first_moment_on(void **state)
{
	static const char *const names[] = { "relay.example", "192.0.2.77", "[192.0.2.77]" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct message_explanation *explanation = explanation_of(fixture, names[i]);

		assert_int_equal(explanation->destination.mx_state, MX_HOST);
		assert_true(explanation->destination.is_next_hop);
		assert_int_equal(explanation->destination.hosts[0].promise.source, SOURCE_LOCAL);
		assert_int_equal(explanation->evidence[0].state, EVIDENCE_BINDS);
		assert_int_equal(explanation->follows, 0);
	}
}

/* Mail for its recipients goes by what the domain promised, wherever it comes by. */
static void a_smart_host_that_is_a_mail_domain_too_is_explained_as_both(void **state)
{
	struct fixture *fixture = *state;
	const struct message_explanation *explanation;

	ask(fixture, 0, "relay.example");
	assert_int_equal(answer_of(fixture, 0, "relay.example")->mx_state, MX_UNAVAILABLE);
	explanation = explanation_of(fixture, "relay.example");
	assert_int_equal(explanation->destination.mx_state, MX_UNAVAILABLE);
	assert_int_equal(explanation->follows, 1);
	explanation = next(fixture, fixture->ledger, MESSAGE_EXPLANATION, WAIT_MS);
	assert_non_null(explanation);
	assert_true(explanation->destination.is_next_hop);
	assert_int_equal(explanation->follows, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_table, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_of_the_configuration_are_told_to_every_guard_though_nobody_asks),
		TEST(they_wait_for_what_was_remembered),
		TEST(a_guard_that_starts_anew_is_told_before_it_asks),
		TEST(a_table_of_postfix_counts_until_another_takes_its_place),
		TEST(a_table_is_dropped_with_its_name_and_no_sooner),
		TEST(lines_that_cannot_be_honoured_are_told),
		TEST(a_smart_host_is_explained_as_one_from_the_first_moment_on),
		TEST(a_smart_host_that_is_a_mail_domain_too_is_explained_as_both),
		cmocka_unit_test_setup_teardown(
			the_end_of_an_entry_is_told_before_and_when_it_has_come, set_up_with_ends,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_told_of_an_end_is_not_told_again_after_a_reload, set_up_with_ends,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/scout_answers.h"

/* More candidates than are told in a second: each address of the host is one for each of its domains. */
enum { DOMAINS = 300, ADDRESSES = 48, FLOOD_WAIT_MS = 5000 };

static int set_up_with_a_table(void **state)
{
	int result = set_up_with(state, "destination \"bank.example\" { level = encrypt }\n");

	end_rows(*state, true);
	return result;
}

/* A channel that is full is read by nobody yet: what does not fit is lost, as it would be at a guard that hangs. */
static void flood(struct fixture *fixture)
{
	unsigned i;

	for (i = 0; i < DOMAINS; i++) {
		char domain[32];

		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		tell_answer_in_time(fixture, mx_answer(domain, "mx.busy.example"));
	}
	for (i = 0; i < ADDRESSES; i++) {
		struct message_dns_answer *answer = a_answer("mx.busy.example");

		answer->message[answer->len - 1] = (uint8_t)i;
		tell_answer_in_time(fixture, answer);
	}
}

static bool is_told(struct fixture *fixture, const char *domain)
{
	const struct message_candidate *candidate;

	do {
		candidate = next(fixture, fixture->guards[1], MESSAGE_CANDIDATE, FLOOD_WAIT_MS);
	} while (candidate && strcmp(candidate->domain, domain) != 0);
	return candidate;
}

static void a_flood_of_candidates_hides_none_of_a_domain_that_binds(void **state)
{
	struct fixture *fixture = *state;

	flood(fixture);
	tell_answer_in_time(fixture, mx_answer("bank.example", "mx.evil.example"));
	tell_answer_in_time(fixture, a_answer("mx.evil.example"));
	assert_true(is_told(fixture, "bank.example"));
}

/* By then its channel is full, and the scout has long gone on. */
static void a_guard_that_was_busy_is_told_later_what_binds(void **state)
{
	struct fixture *fixture = *state;

	flood(fixture);
	tell_answer_in_time(fixture, mx_answer("bank.example", "mx.evil.example"));
	tell_answer_in_time(fixture, a_answer("mx.evil.example"));
	assert_null(next(fixture, fixture->ledger, MESSAGE_FLUSHED, 3 * QUIET_MS));
	assert_true(is_told(fixture, "bank.example"));
}

static void what_a_bound_leaves_out_is_told_as_degraded(void **state)
{
	struct fixture *fixture = *state;
	const struct message_event *message;

	flood(fixture);
	do {
		message = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
		assert_non_null(message);
	} while (message->event.kind != EVENT_DEGRADED ||
	         !strstr(message->event.text, "not listened to"));
	assert_non_null(strstr(message->event.text, "the last to 192.0.2.1:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_flood_of_candidates_hides_none_of_a_domain_that_binds,
			set_up_with_a_table, tear_down),
		cmocka_unit_test_setup_teardown(a_guard_that_was_busy_is_told_later_what_binds,
		                                set_up_with_a_table, tear_down),
		cmocka_unit_test_setup_teardown(what_a_bound_leaves_out_is_told_as_degraded,
		                                set_up_with_a_table, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

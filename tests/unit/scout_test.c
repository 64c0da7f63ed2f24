/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/scout_answers.h"

/* Names that are told within a second: more than a channel has room for. */
enum { NAMES_TOLD = 8192 };

static int exit_status(struct fixture *fixture)
{
	int status;

	assert_int_equal(waitpid(fixture->pid, &status, 0), fixture->pid);
	fixture->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void it_reports_to_the_supervisor(void **state)
{
	struct fixture *fixture = *state;

	assert_non_null(next(fixture, fixture->supervisor, MESSAGE_READY, WAIT_MS));
	assert_non_null(next(fixture, fixture->supervisor, MESSAGE_HEARTBEAT, WAIT_MS));
}

static void it_ends_well_when_told_to(void **state)
{
	struct fixture *fixture = *state;
	struct message stop = { .type = MESSAGE_STOP };

	ask(fixture, 0, "example.org");
	assert_int_equal(channel_send(fixture->supervisor, &stop, sizeof(stop)), 0);
	assert_int_equal(exit_status(fixture), 0);
}

static void it_does_not_outlive_the_supervisor(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->supervisor);
	fixture->supervisor = -1;
	assert_int_equal(exit_status(fixture), PROCESS_ORPHANED);
}

static void an_answer_goes_to_whoever_asked(void **state)
{
	struct fixture *fixture = *state;
	const struct message_destination *answer;

	ask(fixture, 0, "example.org");
	answer = next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS);
	assert_non_null(answer);
	assert_string_equal(answer->destination.name, "example.org");
	assert_int_equal(answer->destination.mx_state, MX_UNAVAILABLE);
	assert_int_equal(answer->destination.mx_security, DNS_FAILED);
	assert_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, QUIET_MS));
}

static void one_look_up_serves_all_who_ask_meanwhile(void **state)
{
	struct fixture *fixture = *state;
	const struct message_counters *counters;

	/* Of three questions for one name, one MX look-up. */
	ask(fixture, 0, "example.org");
	ask(fixture, 1, "example.org");
	ask(fixture, 1, "example.org");
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	assert_non_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, WAIT_MS));
	counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
	assert_non_null(counters);
	assert_int_equal(counters->counters.lookups, 1);
}

static void a_broken_handshake_is_told_to_all_other_guards(void **state)
{
	struct fixture *fixture = *state;
	struct message_broken broken = { .type = MESSAGE_BROKEN, .id = "0123456789abcdef" };
	const struct message_broken *heard;

	assert_true(address_parse(&broken.client, "192.0.2.1"));
	assert_true(address_parse(&broken.server, "2001:db8::1"));
	assert_int_equal(channel_send(fixture->guards[0], &broken, sizeof(broken)), 0);
	heard = next(fixture, fixture->guards[1], MESSAGE_BROKEN, WAIT_MS);
	assert_non_null(heard);
	assert_memory_equal(heard, &broken, sizeof(broken));
	assert_null(next(fixture, fixture->guards[0], MESSAGE_BROKEN, QUIET_MS));
	/* And to one that takes the place of the first. */
	close(fixture->guards[0]);
	fixture->guards[0] = introduce(fixture, ROLE_GUARD, 0);
	heard = next(fixture, fixture->guards[0], MESSAGE_BROKEN, WAIT_MS);
	assert_non_null(heard);
	assert_string_equal(heard->id, broken.id);
	assert_true(heard->age_ms >= QUIET_MS && heard->age_ms < QUIET_MS + WAIT_MS);
}

static void names_of_sessions_go_from_guard_to_guard(void **state)
{
	struct fixture *fixture = *state;
	struct message_names names = {
		.type = MESSAGE_NAMES,
		.word = NAMES_GIVEN,
		.giver = 63,
		.names = { 1, 2 },
		.beginning = 3,
		.opened_ms = 4,
	};
	const struct message_names *heard;

	assert_int_equal(channel_send(fixture->guards[0], &names, sizeof(names)), 0);
	heard = next(fixture, fixture->guards[1], MESSAGE_NAMES, WAIT_MS);
	assert_non_null(heard);
	names.giver = 0;
	assert_memory_equal(heard, &names, sizeof(names));
	names.word = NAMES_DISPUTED;
	assert_int_equal(channel_send(fixture->guards[1], &names, sizeof(names)), 0);
	heard = next(fixture, fixture->guards[0], MESSAGE_NAMES, WAIT_MS);
	assert_non_null(heard);
	assert_memory_equal(heard, &names, sizeof(names));
}

static void a_guard_that_did_not_read_what_others_gave_hears_that_it_missed_some(void **state)
{
	const struct message_names given = { .type = MESSAGE_NAMES, .names = { 1, 2 } };
	struct fixture *fixture = *state;
	const struct message_names *heard;
	int err;

	for (unsigned i = 0; i < NAMES_TOLD; i++) {
		do {
			err = channel_send(fixture->guards[0], &given, sizeof(given));
			if (err == -EAGAIN)
				(void)usleep(1000);
		} while (err == -EAGAIN);
		assert_int_equal(err, 0);
	}
	do {
		heard = next(fixture, fixture->guards[1], MESSAGE_NAMES, WAIT_MS);
		assert_non_null(heard);
	} while (heard->word != NAMES_LOST);
}

static void a_domain_that_was_heard_of_is_looked_up_for_all_guards(void **state)
{
	struct fixture *fixture = *state;
	const struct message_destination *answer;
	const struct message_counters *counters;
	int i;

	tell_answer(fixture, mx_answer("example.org", "mx.example.net"));
	tell_answer(fixture, mx_answer("example.org", "mx.example.net"));
	/* The root is nobody's mail. */
	tell_answer(fixture, mx_answer("", "mx.example.net"));
	for (i = 0; i < 2; i++) {
		answer = next(fixture, fixture->guards[i], MESSAGE_DESTINATION, WAIT_MS);
		assert_non_null(answer);
		assert_string_equal(answer->destination.name, "example.org");
	}
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.prefetches == 0);
	assert_int_equal(counters->counters.prefetches, 1);
}

static int set_up_with_a_table(void **state)
{
	int result = set_up_with(state, "destination \"example.org\" { level = encrypt }\n");

	end_rows(*state, true);
	return result;
}

static void a_known_domain_that_is_heard_of_is_told_to_all_guards_again(void **state)
{
	struct fixture *fixture = *state;

	assert_non_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, WAIT_MS));
	tell_answer(fixture, mx_answer("example.org", "mx.example.net"));
	assert_non_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, 3000));
}

static void a_domain_and_an_address_make_a_candidate_for_all_guards(void **state)
{
	struct fixture *fixture = *state;
	const struct message_candidate *candidate;
	char address[ADDRESS_TEXT_MAX];
	int i;

	tell_answer(fixture, mx_answer("example.org", "mx.example.net"));
	tell_answer(fixture, a_answer("mx.example.net"));
	for (i = 0; i < 2; i++) {
		candidate = next(fixture, fixture->guards[i], MESSAGE_CANDIDATE, WAIT_MS);
		assert_non_null(candidate);
		assert_string_equal(candidate->domain, "example.org");
		assert_string_equal(address_format(address, &candidate->server), "198.51.100.25");
		assert_string_equal(candidate->host, "mx.example.net");
		assert_int_equal(candidate->is_excluded, 0);
		assert_in_range(candidate->life_s, 290, 300);
	}
}

/* No look-up of it has come to an end: what the operator says is at hand. */
static void a_candidate_says_how_well_its_domain_is_known(void **state)
{
	struct fixture *fixture = *state;
	const struct message_candidate *candidate;

	tell_answer(fixture, a_answer("mx.example.net"));
	tell_answer(fixture, mx_answer("example.org", "mx.example.net"));
	candidate = next(fixture, fixture->guards[0], MESSAGE_CANDIDATE, WAIT_MS);
	assert_non_null(candidate);
	assert_true(candidate->standing > 0);
	tell_answer(fixture, mx_answer("stranger.example", "mx.example.net"));
	do {
		candidate = next(fixture, fixture->guards[0], MESSAGE_CANDIDATE, WAIT_MS);
		assert_non_null(candidate);
	} while (strcmp(candidate->domain, "stranger.example") != 0);
	assert_int_equal(candidate->standing, 0);
}

static void an_answer_that_waits_gets_its_verdict(void **state)
{
	struct fixture *fixture = *state;
	struct message_dns_answer *answer = mx_answer("example.org", "mx.example.net");
	const struct message_dns_verdict *verdict;

	answer->request = 77;
	tell_answer(fixture, answer);
	verdict = next(fixture, fixture->guards[0], MESSAGE_DNS_VERDICT, WAIT_MS);
	assert_non_null(verdict);
	assert_int_equal(verdict->request, 77);
	assert_int_equal(verdict->is_forged, 0);
	/* Octets that are no DNS message pass, too. */
	answer = mx_answer("example.org", "mx.example.net");
	answer->request = 78;
	answer->len = 5;
	tell_answer(fixture, answer);
	verdict = next(fixture, fixture->guards[0], MESSAGE_DNS_VERDICT, WAIT_MS);
	assert_non_null(verdict);
	assert_int_equal(verdict->request, 78);
	assert_int_equal(verdict->is_forged, 0);
}

/* Sends what a scout must refuse; how many messages that were. */
static uint64_t send_misfits(struct fixture *fixture)
{
	struct message_question question = { .type = MESSAGE_QUESTION, .name = "example.org" };
	struct message_broken broken = { .type = MESSAGE_BROKEN };
	struct message_explain explain = { .type = MESSAGE_EXPLAIN };
	struct message_flush flush = { .type = MESSAGE_FLUSH };
	struct message_dns_answer *answer = mx_answer("example.org", "mx.example.net");
	size_t answer_len = offsetof(struct message_dns_answer, message) + answer->len;
	int guard = fixture->guards[0];
	uint64_t sent = 0;

#define SEND(channel, message, len) sent += channel_send(channel, message, len) == 0
	SEND(guard, &question, sizeof(question) - 1);
	SEND(guard, &question, sizeof(struct message));
	question.kind = QUESTION_HOST + 1;
	SEND(guard, &question, sizeof(question));
	question.kind = QUESTION_DOMAIN;
	question.is_refresh = 2;
	SEND(guard, &question, sizeof(question));
	question.is_refresh = 0;
	text_copy(question.name, sizeof(question.name), "Example.org");
	SEND(guard, &question, sizeof(question));
	text_copy(question.name, sizeof(question.name), "");
	SEND(guard, &question, sizeof(question));
	memset(question.name, 'a', sizeof(question.name));
	SEND(guard, &question, sizeof(question));
	SEND(guard, &broken, sizeof(broken)); /* no addresses */
	broken.client.family = broken.server.family = 4;
	memset(broken.id, 'a', sizeof(broken.id));
	SEND(guard, &broken, sizeof(broken));
	memset(broken.id, 0, sizeof(broken.id));
	memset(broken.how, 'a', sizeof(broken.how));
	SEND(guard, &broken, sizeof(broken));
	memset(explain.name, 'a', sizeof(explain.name));
	SEND(fixture->ledger, &explain, sizeof(explain));
	memset(flush.name, 'a', sizeof(flush.name));
	SEND(fixture->ledger, &flush, sizeof(flush));
	/* Good ones, but not theirs to send. */
	text_copy(explain.name, sizeof(explain.name), "example.org");
	text_copy(flush.name, sizeof(flush.name), "example.org");
	text_copy(question.name, sizeof(question.name), "example.org");
	SEND(guard, &explain, sizeof(explain));
	SEND(guard, &flush, sizeof(flush));
	SEND(fixture->ledger, &question, sizeof(question));
	SEND(fixture->ledger, answer, answer_len);
	SEND(guard, answer, answer_len - 1);
	SEND(guard, answer, offsetof(struct message_dns_answer, message));
	answer->client.family = 0;
	SEND(guard, answer, answer_len);
	answer->client.family = answer->server.family = 5;
	SEND(guard, answer, answer_len);
	free(answer);
#undef SEND
	return sent;
}

static void what_does_not_fit_is_refused_and_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t sent = send_misfits(fixture);
	const struct message_counters *counters;

	assert_int_equal(sent, 20);
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.messages_refused < sent);
	assert_int_equal(counters->counters.messages_refused, sent);
	assert_int_equal(counters->counters.lookups, 0);
	assert_null(next(fixture, fixture->guards[1], MESSAGE_BROKEN, QUIET_MS));
}

static void a_flush_reaches_every_guard(void **state)
{
	struct fixture *fixture = *state;
	struct message_flush flush = { .type = MESSAGE_FLUSH, .request = 7 };
	const struct message_flushed *flushed;
	int i;

	ask(fixture, 0, "example.org");
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	text_copy(flush.name, sizeof(flush.name), "Example.ORG.");
	assert_int_equal(channel_send(fixture->ledger, &flush, sizeof(flush)), 0);
	flushed = next(fixture, fixture->ledger, MESSAGE_FLUSHED, WAIT_MS);
	assert_non_null(flushed);
	assert_int_equal(flushed->request, 7);
	assert_int_equal(flushed->count, 1);
	for (i = 0; i < 2; i++) {
		const struct message_forget *forget =
			next(fixture, fixture->guards[i], MESSAGE_FORGET, WAIT_MS);

		assert_non_null(forget);
		assert_string_equal(forget->name, "example.org");
	}
}

static void explain(struct fixture *fixture, const char *name, enum mx_state state, const char *why)
{
	struct message_explain question = { .type = MESSAGE_EXPLAIN, .request = 9 };
	const struct message_explanation *answer;

	text_copy(question.name, sizeof(question.name), name);
	assert_int_equal(channel_send(fixture->ledger, &question, sizeof(question)), 0);
	answer = next(fixture, fixture->ledger, MESSAGE_EXPLANATION, WAIT_MS);
	assert_non_null(answer);
	assert_int_equal(answer->request, 9);
	assert_int_equal(answer->destination.mx_state, state);
	if (!strstr(answer->destination.why, why))
		fail_msg("%s: %s", name, answer->destination.why);
}

static void an_explanation_says_what_is_known_or_why_not(void **state)
{
	struct fixture *fixture = *state;

	explain(fixture, "Example.org", MX_UNAVAILABLE, "MX example.org: ");
	explain(fixture, "example.org", MX_UNAVAILABLE, "MX example.org: ");
	explain(fixture, "192.0.2.1", MX_UNKNOWN, "no destination looked up lately");
	explain(fixture, "2001:db8::1", MX_UNKNOWN, "no destination looked up lately");
	explain(fixture, "[IPv6:2001:db8::1]", MX_UNKNOWN, "no destination looked up lately");
	explain(fixture, "not a name", MX_UNKNOWN, "neither a domain name nor an address");
	explain(fixture, "", MX_UNKNOWN, "neither a domain name nor an address");
}

static void that_dns_does_not_work_is_told_to_each_ledger(void **state)
{
	struct fixture *fixture = *state;
	const struct message_event *event = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);

	assert_non_null(event);
	assert_int_equal(event->event.kind, EVENT_DEGRADED);
	assert_non_null(strstr(event->event.text, "no DNS, so no promise can be told"));
	/* The ledger died, and comes again. */
	close(fixture->ledger);
	fixture->ledger = introduce(fixture, ROLE_LEDGER, 0);
	event = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->event.kind, EVENT_DEGRADED);
}

static void questions_open_at_a_new_configuration_are_answered(void **state)
{
	struct fixture *fixture = *state;
	struct message_config *config = calloc(1, sizeof(*config));
	size_t len;

	assert_non_null(config);
	config->type = MESSAGE_CONFIG;
	snprintf(config->text, sizeof(config->text),
	         "state-directory = \"/nonexistent\"\n"
	         "dns { timeout-seconds = 2 forward = { \"192.0.2.99\" } }\n");
	len = offsetof(struct message_config, text) + strlen(config->text) + 1;
	ask(fixture, 0, "example.org");
	assert_int_equal(channel_send(fixture->supervisor, config, len), 0);
	free(config);
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	ask(fixture, 1, "example.net");
	assert_non_null(next(fixture, fixture->guards[1], MESSAGE_DESTINATION, WAIT_MS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_memory, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_reports_to_the_supervisor),
		TEST(it_ends_well_when_told_to),
		TEST(it_does_not_outlive_the_supervisor),
		TEST(an_answer_goes_to_whoever_asked),
		TEST(one_look_up_serves_all_who_ask_meanwhile),
		TEST(a_broken_handshake_is_told_to_all_other_guards),
		TEST(names_of_sessions_go_from_guard_to_guard),
		TEST(a_guard_that_did_not_read_what_others_gave_hears_that_it_missed_some),
		TEST(a_domain_that_was_heard_of_is_looked_up_for_all_guards),
		cmocka_unit_test_setup_teardown(
			a_known_domain_that_is_heard_of_is_told_to_all_guards_again,
			set_up_with_a_table, tear_down),
		TEST(a_domain_and_an_address_make_a_candidate_for_all_guards),
		cmocka_unit_test_setup_teardown(a_candidate_says_how_well_its_domain_is_known,
		                                set_up_with_a_table, tear_down),
		TEST(an_answer_that_waits_gets_its_verdict),
		TEST(what_does_not_fit_is_refused_and_counted),
		TEST(a_flush_reaches_every_guard),
		TEST(an_explanation_says_what_is_known_or_why_not),
		TEST(that_dns_does_not_work_is_told_to_each_ledger),
		TEST(questions_open_at_a_new_configuration_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

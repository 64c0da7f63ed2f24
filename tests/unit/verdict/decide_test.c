/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "decide_dialogue_cases.h"
#include "decide_hop_cases.h"
#include "decide_key_cases.h"

static const struct stance enforce = {
	.mode = MODE_ENFORCE,
	.blocks_inability = true,
	.blocks_undecided = true,
	.blocks_unknown_hop = true,
};

static const struct {
	const struct decide_case *cases;
	size_t count;
} tables[] = {
	{ dialogue_cases, sizeof(dialogue_cases) / sizeof(dialogue_cases[0]) },
	{ hop_cases, sizeof(hop_cases) / sizeof(hop_cases[0]) },
	{ key_cases, sizeof(key_cases) / sizeof(key_cases[0]) },
};

static void check_each(void (*check)(const struct decide_case *, struct verdict),
                       const struct stance *stance)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (size_t k = 0; k < tables[i].count; k++)
			check(&tables[i].cases[k], decide(&tables[i].cases[k].facts, stance));
	}
}

static void check_named(const struct decide_case *one, struct verdict verdict)
{
	if (verdict.action != one->action || verdict.reason != one->reason)
		fail_msg("%s: got %s %s (%s)", one->name, action_name(verdict.action),
		         reason_name(verdict.reason), verdict.rule);
	assert_int_equal(verdict.would, verdict.action);
}

static void each_case_ends_as_its_name_says(void **state)
{
	(void)state;
	check_each(check_named, &enforce);
}

static void check_monitored(const struct decide_case *one, struct verdict verdict)
{
	assert_int_equal(verdict.would, one->action);
	assert_int_equal(verdict.reason, one->reason);
	assert_int_not_equal(verdict.action, ACTION_BLOCK);
	assert_int_not_equal(verdict.action, ACTION_DEFER);
}

static void monitor_alerts_where_enforce_would_block(void **state)
{
	struct stance monitor = enforce;

	(void)state;
	monitor.mode = MODE_MONITOR;
	check_each(check_monitored, &monitor);
}

static void check_spared(const struct decide_case *one, struct verdict verdict)
{
	bool is_spared = (one->action == ACTION_BLOCK || one->action == ACTION_DEFER) &&
	                 reason_kind(one->reason) == KIND_INABILITY;

	assert_int_equal(verdict.action, is_spared ? ACTION_ALERT : one->action);
	assert_int_equal(verdict.reason, one->reason);
}

static void inability_is_only_told_when_the_operator_says_so(void **state)
{
	struct stance lenient = enforce;

	(void)state;
	lenient.blocks_inability = false;
	check_each(check_spared, &lenient);
}

static void undecided_passes_only_when_the_operator_says_so(void **state)
{
	struct stance lenient = enforce;
	struct facts late = { AT_RCPT, .is_hold_over = true };

	(void)state;
	lenient.blocks_undecided = false;
	assert_int_equal(decide(&late, &lenient).action, ACTION_ALERT);
	assert_int_equal(decide(&late, &lenient).reason, REASON_UNDECIDED);
}

static void what_the_operator_only_watches_is_told_when_it_cannot_be_looked_up(void **state)
{
	struct stance strict = enforce;
	struct facts facts = { AT_RCPT, .promise = PROMISE_UNAVAILABLE, .promise_only_alerts = true,
		               .starttls = STARTTLS_ABSENT };

	(void)state;
	assert_int_equal(decide(&facts, &enforce).action, ACTION_ALERT);
	assert_int_equal(decide(&facts, &enforce).reason, REASON_POLICY_UNAVAILABLE);
	strict.default_level = LEVEL_ENCRYPT;
	assert_int_equal(decide(&facts, &strict).action, ACTION_BLOCK);
	assert_int_equal(decide(&facts, &strict).reason, REASON_STARTTLS_STRIPPED);
	/* The operator's entry stands above his default. */
	facts.promise_source = SOURCE_LOCAL;
	assert_int_equal(decide(&facts, &strict).action, ACTION_ALERT);
}

static void a_look_up_without_end_stops_no_mail_in_tls(void **state)
{
	struct facts facts = { .commitment = COMMITMENT_TLS,
		               .tls = TLS_ESTABLISHED,
		               .is_answer_awaited = true };

	(void)state;
	assert_int_equal(decide(&facts, &enforce).action, ACTION_WAIT);
	facts.is_hold_over = true;
	assert_int_equal(decide(&facts, &enforce).action, ACTION_ALERT);
	assert_int_equal(decide(&facts, &enforce).reason, REASON_UNDECIDED);
	facts.injection = INJECTION_COMMAND;
	assert_int_equal(decide(&facts, &enforce).action, ACTION_DEFER);
	facts.injection = INJECTION_NONE;
	facts.is_named = true;
	assert_int_equal(decide(&facts, &enforce).action, ACTION_DEFER);
	assert_int_equal(decide(&facts, &enforce).reason, REASON_UNDECIDED);
}

static void an_unknown_hop_passes_when_the_operator_says_so(void **state)
{
	struct stance lenient = enforce;
	struct facts facts = { .commitment = COMMITMENT_TLS,
		               .promise = PROMISE_NONE,
		               .is_hop_unknown = true };

	(void)state;
	lenient.blocks_unknown_hop = false;
	assert_int_equal(decide(&facts, &lenient).action, ACTION_PASS);
}

static void a_promise_that_is_only_told_spares_nobody_the_default_level(void **state)
{
	struct stance strict = enforce;
	struct facts facts = { AT_RCPT,
		               .promise = PROMISE_KEY,
		               .promise_source = SOURCE_MTA_STS,
		               .promise_only_alerts = true,
		               .place = PLACE_EXCLUDED,
		               .starttls = STARTTLS_ABSENT };

	(void)state;
	strict.default_level = LEVEL_ENCRYPT;
	assert_int_equal(decide(&facts, &strict).action, ACTION_BLOCK);
	assert_int_equal(decide(&facts, &strict).reason, REASON_STARTTLS_STRIPPED);
	/* In TLS nothing more is asked, and the policy in testing is told. */
	facts.commitment = COMMITMENT_TLS;
	assert_int_equal(decide(&facts, &strict).action, ACTION_ALERT);
	assert_int_equal(decide(&facts, &strict).reason, REASON_MX_MISMATCH);
}

static void the_operators_exception_stands_above_the_default_level(void **state)
{
	struct stance strict = enforce;
	struct facts facts = { AT_RCPT, UNPROMISED, .promise_source = SOURCE_LOCAL,
		               .starttls = STARTTLS_ABSENT };

	(void)state;
	strict.default_level = LEVEL_VERIFY;
	assert_int_equal(decide(&facts, &strict).action, ACTION_PASS);
	facts.promise_source = SOURCE_NONE;
	assert_int_equal(decide(&facts, &strict).action, ACTION_BLOCK);
}

/* Whose exception it might be, only the recipient tells. */
static void the_default_level_is_asked_at_rcpt_and_not_before(void **state)
{
	struct facts facts = { .commitment = COMMITMENT_MAIL,
		               .ehlo = EHLO_ACCEPTED,
		               .starttls = STARTTLS_ABSENT,
		               .promise = PROMISE_NONE };
	struct stance strict = enforce;

	(void)state;
	strict.default_level = LEVEL_ENCRYPT;
	assert_int_equal(decide(&facts, &strict).action, ACTION_PASS);
	facts.commitment = COMMITMENT_RCPT;
	assert_int_equal(decide(&facts, &strict).action, ACTION_BLOCK);
	facts.promise_source = SOURCE_LOCAL;
	assert_int_equal(decide(&facts, &strict).action, ACTION_PASS);
}

static void the_default_level_asks_tls_of_everybody(void **state)
{
	struct stance strict = enforce;
	struct facts clear = { AT_RCPT, UNPROMISED, .starttls = STARTTLS_ABSENT };
	struct facts elsewhere = { AT_RCPT, .promise = PROMISE_NONE, .place = PLACE_UNRELATED,
		                   .mx_security = DNS_SECURE, .starttls = STARTTLS_ABSENT };

	(void)state;
	strict.default_level = LEVEL_ENCRYPT;
	assert_int_equal(decide(&clear, &strict).reason, REASON_STARTTLS_STRIPPED);
	assert_int_equal(decide(&clear, &strict).action, ACTION_BLOCK);
	assert_int_equal(decide(&elsewhere, &strict).reason, REASON_STARTTLS_STRIPPED);
}

static void the_default_level_asks_everybody_for_a_name_whose_hop_is_unknown(void **state)
{
	struct stance strict = enforce;
	struct facts facts = { .commitment = COMMITMENT_TLS,
		               .promise = PROMISE_NONE,
		               .is_hop_unknown = true,
		               .asks_for_key = true,
		               .key_sight = SIGHT_WIRE,
		               .key = KEY_UNTRUSTED };

	(void)state;
	strict.blocks_unknown_hop = false;
	assert_int_equal(decide(&facts, &strict).action, ACTION_PASS);
	strict.default_level = LEVEL_VERIFY;
	assert_int_equal(decide(&facts, &strict).action, ACTION_BLOCK);
	assert_int_equal(decide(&facts, &strict).reason, REASON_CERT_UNTRUSTED);
	facts.key = KEY_MET;
	assert_int_equal(decide(&facts, &strict).action, ACTION_PASS);
	strict.blocks_unknown_hop = true;
	assert_int_equal(decide(&facts, &strict).reason, REASON_UNKNOWN_HOP);
}

static bool is_case(enum reason reason)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (size_t k = 0; k < tables[i].count; k++) {
			if (tables[i].cases[k].reason == reason)
				return true;
		}
	}
	return false;
}

static bool is_inability(enum reason reason)
{
	return reason == REASON_TLS_NOT_USED || reason == REASON_SNI_MISSING ||
	       reason == REASON_CIPHER_UNAUTHENTICATED || reason == REASON_KEY_HIDDEN;
}

static void what_the_sender_can_mend_is_no_attack_and_each_reason_is_a_case(void **state)
{
	(void)state;
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		/* Those of DNS answers and probes are no verdict on a flow. */
		if (!is_case(reason) && reason != REASON_DNS_FORGED && reason != REASON_DNS_BOGUS &&
		    reason != REASON_PROBE_DIFFERS)
			fail_msg("no case ends as %s", reason_name(reason));
		assert_int_equal(reason_kind(reason),
		                 is_inability(reason) ? KIND_INABILITY : KIND_ATTACK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_its_name_says),
		cmocka_unit_test(monitor_alerts_where_enforce_would_block),
		cmocka_unit_test(inability_is_only_told_when_the_operator_says_so),
		cmocka_unit_test(undecided_passes_only_when_the_operator_says_so),
		cmocka_unit_test(
			what_the_operator_only_watches_is_told_when_it_cannot_be_looked_up),
		cmocka_unit_test(a_look_up_without_end_stops_no_mail_in_tls),
		cmocka_unit_test(an_unknown_hop_passes_when_the_operator_says_so),
		cmocka_unit_test(a_promise_that_is_only_told_spares_nobody_the_default_level),
		cmocka_unit_test(the_operators_exception_stands_above_the_default_level),
		cmocka_unit_test(the_default_level_is_asked_at_rcpt_and_not_before),
		cmocka_unit_test(the_default_level_asks_tls_of_everybody),
		cmocka_unit_test(the_default_level_asks_everybody_for_a_name_whose_hop_is_unknown),
		cmocka_unit_test(what_the_sender_can_mend_is_no_attack_and_each_reason_is_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

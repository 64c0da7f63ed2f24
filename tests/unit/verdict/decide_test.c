/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DANE                                                                                       \
	.promise = PROMISE_KEY, .promise_source = SOURCE_DANE, .place = PLACE_MX,                  \
	.mx_security = DNS_SECURE
#define AT_RCPT    .commitment = COMMITMENT_RCPT, .ehlo = EHLO_ACCEPTED
#define UNPROMISED .promise = PROMISE_NONE, .place = PLACE_MX

static const struct stance enforce = {
	.mode = MODE_ENFORCE,
	.blocks_inability = true,
	.blocks_undecided = true,
	.blocks_unknown_hop = true,
};

static const struct {
	const char *name;
	struct facts facts;
	enum action action;
	enum reason reason;
} cases[] = {
	{
		"missing STARTTLS is refused when DANE promises a key",
		{ AT_RCPT, DANE, .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"missing STARTTLS is refused when all TLSA records are unusable",
		{ AT_RCPT, .promise = PROMISE_TLS, .place = PLACE_MX, .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"missing STARTTLS passes where nothing was promised",
		{ AT_RCPT, UNPROMISED, .starttls = STARTTLS_ABSENT },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"a recipient waits while the promise is unknown",
		{ AT_RCPT, .starttls = STARTTLS_ABSENT },
		ACTION_WAIT,
		REASON_NONE,
	},
	{
		"a recipient waits while the promise is unknown though TLS was offered",
		{ AT_RCPT, .starttls = STARTTLS_OFFERED },
		ACTION_WAIT,
		REASON_NONE,
	},
	{
		"MAIL goes on to RCPT while the promise is unknown",
		{ .commitment = COMMITMENT_MAIL, .starttls = STARTTLS_ABSENT },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"MAIL is refused when the hop is known to promise a key",
		{ .commitment = COMMITMENT_MAIL,
	          .ehlo = EHLO_ACCEPTED,
	          DANE,
	          .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"MAIL goes on to RCPT when only the host's own name could not be looked up",
		{ .commitment = COMMITMENT_MAIL, .promise = PROMISE_UNAVAILABLE },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"a recipient is deferred when the promise cannot be looked up",
		{ AT_RCPT, .promise = PROMISE_UNAVAILABLE, .starttls = STARTTLS_OFFERED },
		ACTION_DEFER,
		REASON_POLICY_UNAVAILABLE,
	},
	{
		"a recipient is deferred when the hold time ends without an answer",
		{ AT_RCPT, .is_hold_over = true },
		ACTION_DEFER,
		REASON_UNDECIDED,
	},
	{
		"a masked keyword is told apart from a missing one",
		{ AT_RCPT, DANE, .starttls = STARTTLS_MASKED },
		ACTION_BLOCK,
		REASON_STARTTLS_MASKED,
	},
	{
		"a client that says HELO to an overwritten banner was made to",
		{ .commitment = COMMITMENT_RCPT,
	          .ehlo = EHLO_NOT_SENT,
	          DANE,
	          .is_banner_masked = true },
		ACTION_BLOCK,
		REASON_STARTTLS_MASKED,
	},
	{
		"a refused STARTTLS is refused",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED, .starttls_answer = STARTTLS_REFUSED,
	          .starttls_code = 454 },
		ACTION_BLOCK,
		REASON_STARTTLS_REFUSED,
	},
	{
		"an unanswered STARTTLS is a refused one",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED,
	          .starttls_answer = STARTTLS_UNANSWERED },
		ACTION_BLOCK,
		REASON_STARTTLS_REFUSED,
	},
	{
		"a STARTTLS that was refused though it was not offered names the refusal",
		{ AT_RCPT, DANE, .starttls = STARTTLS_ABSENT, .starttls_answer = STARTTLS_REFUSED,
	          .starttls_code = 502 },
		ACTION_BLOCK,
		REASON_STARTTLS_REFUSED,
	},
	{
		"a refused EHLO is refused",
		{ .commitment = COMMITMENT_RCPT, .ehlo = EHLO_REFUSED, DANE },
		ACTION_BLOCK,
		REASON_EHLO_REFUSED,
	},
	{
		"a refused EHLO passes where nothing was promised",
		{ .commitment = COMMITMENT_RCPT, .ehlo = EHLO_REFUSED, UNPROMISED },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"clear text after a broken handshake is sabotage, not inability",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED, .is_handshake_broken_before = true },
		ACTION_BLOCK,
		REASON_TLS_SABOTAGED,
	},
	{
		"clear text to a weaker MX after a broken handshake is sabotage",
		{ AT_RCPT, UNPROMISED, .another_host_promises = true, .starttls = STARTTLS_ABSENT,
	          .is_handshake_broken_before = true },
		ACTION_BLOCK,
		REASON_TLS_SABOTAGED,
	},
	{
		"clear text to a weaker MX alone is told, not blocked",
		{ AT_RCPT, UNPROMISED, .another_host_promises = true, .starttls = STARTTLS_ABSENT },
		ACTION_ALERT,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"a sender that does not ask for promised TLS is refused for inability",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED },
		ACTION_BLOCK,
		REASON_TLS_NOT_USED,
	},
	{
		"a sender that only says HELO is refused for inability",
		{ .commitment = COMMITMENT_RCPT, .ehlo = EHLO_NOT_SENT, DANE },
		ACTION_BLOCK,
		REASON_TLS_NOT_USED,
	},
	{
		"a connection that began before us is judged as if EHLO was unseen",
		{ .commitment = COMMITMENT_RCPT, .is_midstream = true, DANE },
		ACTION_BLOCK,
		REASON_TLS_NOT_USED,
	},
	{
		"a command to an unseen hop of a connection that began before us waits",
		{ .commitment = COMMITMENT_COMMAND,
	          .is_midstream = true,
	          .is_hop_unseen = true,
	          UNPROMISED },
		ACTION_DEFER,
		REASON_UNDECIDED,
	},
	{
		"a recipient without a domain waits there, too",
		{ .commitment = COMMITMENT_RCPT,
	          .is_midstream = true,
	          .is_hop_unseen = true,
	          UNPROMISED },
		ACTION_DEFER,
		REASON_UNDECIDED,
	},
	{
		"MAIL to an unseen hop is decided by its RCPT",
		{ .commitment = COMMITMENT_MAIL,
	          .is_midstream = true,
	          .is_hop_unseen = true,
	          UNPROMISED },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"TLS that began before us goes on",
		{ .commitment = COMMITMENT_TLS,
	          .is_midstream = true,
	          .is_hop_unseen = true,
	          UNPROMISED },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"an address that is none of a signed domain's is refused",
		{ AT_RCPT, .promise = PROMISE_KEY, .place = PLACE_UNRELATED,
	          .mx_security = DNS_SECURE, .starttls = STARTTLS_OFFERED },
		ACTION_BLOCK,
		REASON_MX_MISMATCH,
	},
	{
		"an address that is none of an unsigned MX RRset's is told, not blocked",
		{ AT_RCPT, .promise = PROMISE_KEY, .place = PLACE_UNRELATED,
	          .mx_security = DNS_INSECURE },
		ACTION_ALERT,
		REASON_MX_MISMATCH,
	},
	{
		"an address that is none of an unpromised domain's passes",
		{ AT_RCPT, .promise = PROMISE_NONE, .place = PLACE_UNRELATED,
	          .mx_security = DNS_SECURE },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"what the domain itself promised holds at a place of an unsigned MX RRset, too",
		{ AT_RCPT, .promise = PROMISE_KEY, .promise_source = SOURCE_MTA_STS,
	          .place = PLACE_UNRELATED, .mx_security = DNS_INSECURE,
	          .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"a host that the domain's policy does not name is refused",
		{ AT_RCPT, .promise = PROMISE_KEY, .promise_source = SOURCE_MTA_STS,
	          .place = PLACE_EXCLUDED, .mx_security = DNS_INSECURE,
	          .starttls = STARTTLS_OFFERED },
		ACTION_BLOCK,
		REASON_MX_MISMATCH,
	},
	{
		"a host that the domain's policy does not name is refused in TLS",
		{ .commitment = COMMITMENT_TLS,
	          .promise = PROMISE_KEY,
	          .promise_source = SOURCE_MTA_STS,
	          .place = PLACE_EXCLUDED,
	          .mx_security = DNS_INSECURE,
	          .tls = TLS_HELLO },
		ACTION_BLOCK,
		REASON_MX_MISMATCH,
	},
	{
		"a host that a policy in testing does not name is told, not blocked",
		{ AT_RCPT, .promise = PROMISE_KEY, .promise_source = SOURCE_MTA_STS,
	          .promise_only_alerts = true, .place = PLACE_EXCLUDED,
	          .mx_security = DNS_INSECURE },
		ACTION_ALERT,
		REASON_MX_MISMATCH,
	},
	{
		"missing STARTTLS is told, not blocked, where the policy is in testing",
		{ AT_RCPT, .promise = PROMISE_KEY, .promise_source = SOURCE_MTA_STS,
	          .promise_only_alerts = true, .place = PLACE_MX, .starttls = STARTTLS_ABSENT },
		ACTION_ALERT,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"TLS to where a forged answer of a signed domain led is refused",
		{ .commitment = COMMITMENT_TLS,
	          .promise = PROMISE_KEY,
	          .promise_source = SOURCE_DANE,
	          .place = PLACE_UNRELATED,
	          .mx_security = DNS_SECURE,
	          .is_led_astray = true,
	          .tls = TLS_HELLO },
		ACTION_BLOCK,
		REASON_MX_MISMATCH,
	},
	{
		"TLS to another address of a host that the client named is no mismatch",
		{ .commitment = COMMITMENT_TLS,
	          .promise = PROMISE_KEY,
	          .promise_source = SOURCE_DANE,
	          .place = PLACE_UNRELATED,
	          .mx_security = DNS_SECURE,
	          .tls = TLS_HELLO },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"the operator's own demand is not asked where the mail goes",
		{ AT_RCPT, .promise = PROMISE_TLS, .promise_source = SOURCE_LOCAL,
	          .place = PLACE_UNRELATED, .mx_security = DNS_SECURE,
	          .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"an offer that was there before and is gone is told",
		{ AT_RCPT, UNPROMISED, .was_offered_before = true, .starttls = STARTTLS_ABSENT },
		ACTION_ALERT,
		REASON_STARTTLS_REGRESSED,
	},
	{
		"an offer that is still there is no news",
		{ AT_RCPT, UNPROMISED, .was_offered_before = true, .starttls = STARTTLS_OFFERED },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"TLS to a place that nobody names is refused where the operator wants it",
		{ .commitment = COMMITMENT_TLS, .promise = PROMISE_NONE, .is_hop_unknown = true },
		ACTION_DEFER,
		REASON_UNKNOWN_HOP,
	},
	{
		"a host that the policy does not name is refused though its TLSA look-up fails",
		{ .commitment = COMMITMENT_TLS,
	          .promise = PROMISE_UNAVAILABLE,
	          .promise_source = SOURCE_DANE,
	          .place = PLACE_EXCLUDED,
	          .mx_security = DNS_INSECURE,
	          .tls = TLS_HELLO },
		ACTION_BLOCK,
		REASON_MX_MISMATCH,
	},
	{
		"level dane-only takes no mail in TLS either where there is no usable record",
		{ .commitment = COMMITMENT_TLS,
	          .promise = PROMISE_UNAVAILABLE,
	          .promise_source = SOURCE_LOCAL,
	          .place = PLACE_MX,
	          .tls = TLS_HELLO },
		ACTION_DEFER,
		REASON_POLICY_UNAVAILABLE,
	},
	{
		"an authenticated submission is no MX of the recipient and need not be",
		{ AT_RCPT, .promise = PROMISE_KEY, .place = PLACE_UNRELATED,
	          .mx_security = DNS_SECURE, .is_authenticated = true,
	          .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"injected octets are named before anything else of the dialogue",
		{ .commitment = COMMITMENT_COMMAND,
	          DANE,
	          .starttls = STARTTLS_OFFERED,
	          .starttls_answer = STARTTLS_PENDING,
	          .injection = INJECTION_COMMAND },
		ACTION_BLOCK,
		REASON_INJECTED,
	},
	{
		"an injected reply is refused where no name of the hop is known",
		{ .commitment = COMMITMENT_COMMAND,
	          .promise = PROMISE_NONE,
	          .place = PLACE_UNKNOWN,
	          .injection = INJECTION_RESPONSE },
		ACTION_BLOCK,
		REASON_INJECTED,
	},
	{
		"an injected reply is told where nothing was promised",
		{ .commitment = COMMITMENT_COMMAND, UNPROMISED, .injection = INJECTION_RESPONSE },
		ACTION_ALERT,
		REASON_INJECTED,
	},
	{
		"an inconsistent retransmission to a promised host is refused",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED, .is_retransmit_inconsistent = true },
		ACTION_BLOCK,
		REASON_INCONSISTENT_RETRANSMISSION,
	},
	{
		"a violated protocol is refused where TLS was promised",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED, .is_protocol_violated = true },
		ACTION_BLOCK,
		REASON_PROTOCOL_VIOLATION,
	},
	{
		"a reached bound is refused where TLS was promised",
		{ AT_RCPT, DANE, .starttls = STARTTLS_OFFERED, .is_inspection_cut_short = true },
		ACTION_BLOCK,
		REASON_INSPECTION_LIMIT,
	},
	{
		"TLS waits for no answer",
		{ .commitment = COMMITMENT_TLS,
	          .ehlo = EHLO_ACCEPTED,
	          .promise = PROMISE_UNKNOWN,
	          .starttls = STARTTLS_OFFERED,
	          .starttls_answer = STARTTLS_READY,
	          .tls = TLS_HELLO },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"TLS that somebody reached into does",
		{ .commitment = COMMITMENT_TLS,
	          .ehlo = EHLO_ACCEPTED,
	          .promise = PROMISE_UNKNOWN,
	          .starttls = STARTTLS_OFFERED,
	          .starttls_answer = STARTTLS_READY,
	          .injection = INJECTION_COMMAND },
		ACTION_WAIT,
		REASON_NONE,
	},
	{
		"TLS to a promised host passes",
		{ .commitment = COMMITMENT_TLS,
	          .ehlo = EHLO_ACCEPTED,
	          DANE,
	          .starttls = STARTTLS_OFFERED,
	          .starttls_answer = STARTTLS_READY,
	          .tls = TLS_HELLO },
		ACTION_PASS,
		REASON_NONE,
	},
	{
		"a sender that resists a stripped offer and leaves is told about",
		{ .commitment = COMMITMENT_END,
	          .ehlo = EHLO_ACCEPTED,
	          DANE,
	          .starttls = STARTTLS_ABSENT },
		ACTION_BLOCK,
		REASON_STARTTLS_STRIPPED,
	},
	{
		"a sender that leaves an honest host without a word is not told about",
		{ .commitment = COMMITMENT_END,
	          .ehlo = EHLO_ACCEPTED,
	          DANE,
	          .starttls = STARTTLS_OFFERED },
		ACTION_PASS,
		REASON_NONE,
	},
};

static void each_case_ends_as_its_name_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict verdict = decide(&cases[i].facts, &enforce);

		if (verdict.action != cases[i].action || verdict.reason != cases[i].reason)
			fail_msg("%s: got %s %s (%s)", cases[i].name, action_name(verdict.action),
			         reason_name(verdict.reason), verdict.rule);
		assert_int_equal(verdict.would, verdict.action);
	}
}

static void monitor_alerts_where_enforce_would_block(void **state)
{
	struct stance monitor = enforce;

	(void)state;
	monitor.mode = MODE_MONITOR;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict verdict = decide(&cases[i].facts, &monitor);

		assert_int_equal(verdict.would, cases[i].action);
		assert_int_equal(verdict.reason, cases[i].reason);
		assert_int_not_equal(verdict.action, ACTION_BLOCK);
		assert_int_not_equal(verdict.action, ACTION_DEFER);
	}
}

static void inability_is_only_told_when_the_operator_says_so(void **state)
{
	struct stance lenient = enforce;

	(void)state;
	lenient.blocks_inability = false;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict verdict = decide(&cases[i].facts, &lenient);
		bool is_spared = cases[i].action == ACTION_BLOCK &&
		                 reason_kind(cases[i].reason) == KIND_INABILITY;

		assert_int_equal(verdict.action, is_spared ? ACTION_ALERT : cases[i].action);
		assert_int_equal(verdict.reason, cases[i].reason);
	}
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

static void all_reasons_but_one_are_attacks_and_each_is_a_case(void **state)
{
	(void)state;
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		bool is_case = false;

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			is_case = is_case || cases[i].reason == reason;
		/* Those of DNS answers are no verdict on a flow. */
		if (!is_case && reason != REASON_DNS_FORGED && reason != REASON_DNS_BOGUS)
			fail_msg("no case ends as %s", reason_name(reason));
		assert_int_equal(reason_kind(reason),
		                 reason == REASON_TLS_NOT_USED ? KIND_INABILITY : KIND_ATTACK);
	}
}

static void every_reason_has_a_name_words_and_advice(void **state)
{
	(void)state;
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		assert_true(strlen(reason_name(reason)) > 3);
		assert_true(strlen(reason_words(reason)) > 10);
		assert_true(strlen(reason_advice(reason)) > 20);
		for (enum reason other = REASON_NONE; other < reason; other++)
			assert_string_not_equal(reason_name(reason), reason_name(other));
	}
	assert_string_equal(reason_name((enum reason)999), "none");
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
		cmocka_unit_test(all_reasons_but_one_are_attacks_and_each_is_a_case),
		cmocka_unit_test(every_reason_has_a_name_words_and_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

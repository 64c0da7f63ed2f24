/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_outcome.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct starttls_result result;
static struct message_probed probed;

static const struct {
	const char *name;
	enum starttls_outcome outcome;
	enum starttls_step step;
	uint16_t code;
	const char *reply;
	uint32_t step_octets;
	enum probe_outcome want;
	const char *says;
} cases[] = {
	{ "a handshake to its end shows the key", VISIT_DONE, VISIT_AT_FINISHED, 220, "", 0,
	  PROBE_SHOWN, "came to its end" },
	{ "a server without the offer has no TLS", VISIT_NOT_OFFERED, VISIT_AT_EHLO, 250, "", 0,
	  PROBE_WITHOUT_TLS, "offers no STARTTLS" },
	{ "an offer that is overwritten is none", VISIT_MASKED, VISIT_AT_EHLO, 250, "", 0,
	  PROBE_WITHOUT_TLS, "overwritten" },
	{ "a server that has no more TLS now could not tell", VISIT_REPLIED, VISIT_AT_STARTTLS, 454,
	  "4.7.0 too many", 0, PROBE_FAILED, "answered STARTTLS with 454 (later): 4.7.0 too many" },
	{ "one that refuses its own offer for good has none", VISIT_REPLIED, VISIT_AT_STARTTLS, 502,
	  "not here", 0, PROBE_WITHOUT_TLS, "refused STARTTLS: 502 not here" },
	{ "a server that closes could not tell", VISIT_REPLIED, VISIT_AT_STARTTLS, 421, "busy", 0,
	  PROBE_FAILED, "421" },
	{ "greylisting could not tell", VISIT_REPLIED, VISIT_AT_BANNER, 450, "greylisted", 0,
	  PROBE_FAILED, "450 (later): greylisted" },
	{ "a busy server could not tell", VISIT_REPLIED, VISIT_AT_BANNER, 421, "too many", 0,
	  PROBE_FAILED, "421 (later): too many" },
	{ "who is not wanted could not tell", VISIT_REPLIED, VISIT_AT_BANNER, 554, "go away", 0,
	  PROBE_FAILED, "554: go away" },
	{ "who may not say EHLO could not tell", VISIT_REPLIED, VISIT_AT_EHLO, 550, "bad name", 0,
	  PROBE_FAILED, "EHLO with 550: bad name" },
	{ "a tarpit could not tell", VISIT_TIMEOUT, VISIT_AT_EHLO, 0, "", 5, PROBE_FAILED,
	  "tarpits" },
	{ "silence could not tell", VISIT_TIMEOUT, VISIT_AT_BANNER, 0, "", 0, PROBE_FAILED,
	  "nothing in time" },
	{ "no connection in time could not tell", VISIT_TIMEOUT, VISIT_AT_CONNECTING, 0, "", 0,
	  PROBE_FAILED, "to no connection" },
	{ "a refused connection could not tell", VISIT_REFUSED, VISIT_AT_CONNECTING, 0, "", 0,
	  PROBE_FAILED, "refused" },
	{ "a reset could not tell", VISIT_RESET, VISIT_AT_HANDSHAKE, 220, "", 0, PROBE_FAILED,
	  "reset in the TLS handshake" },
	{ "who hangs up could not tell", VISIT_CLOSED, VISIT_AT_BANNER, 0, "", 0, PROBE_FAILED,
	  "hung up before its greeting" },
	{ "no way there could not tell", VISIT_UNREACHABLE, VISIT_AT_CONNECTING, 0, "", 0,
	  PROBE_FAILED, "unreachable" },
	{ "another protocol could not tell", VISIT_NOT_SMTP, VISIT_AT_BANNER, 0, "", 0,
	  PROBE_FAILED, "SMTP" },
	{ "octets from nowhere could not tell", VISIT_INJECTED, VISIT_AT_STARTTLS, 220, "", 9,
	  PROBE_FAILED, "behind the reply" },
	{ "a handshake that breaks could not tell", VISIT_TLS_FAILED, VISIT_AT_HANDSHAKE, 220, "",
	  0, PROBE_FAILED, "no shared cipher" },
	{ "trouble of our own could not tell", VISIT_SYSTEM, VISIT_AT_CONNECTING, 0, "", 0,
	  PROBE_FAILED, "from 192.0.2.2: no connection" },
};

static void make(size_t which)
{
	memset(&result, 0, sizeof(result));
	result.outcome = cases[which].outcome;
	result.step = cases[which].step;
	result.code = cases[which].code;
	result.step_octets = cases[which].step_octets;
	result.is_masked = cases[which].outcome == VISIT_MASKED;
	if (cases[which].outcome == VISIT_UNREACHABLE)
		result.system_error = ENETUNREACH;
	text_copy(result.reply, sizeof(result.reply), cases[which].reply);
	text_copy(result.tls_why, sizeof(result.tls_why), "no shared cipher");
	result.tls_version = 0x0304;
	result.cipher_suite = 0x1302;
	result.chain_len = 500;
	memset(result.chain, 9, result.chain_len);
}

static void each_visit_says_what_it_can(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(i);
		memset(&probed, 0xff, sizeof(probed));
		probe_outcome(&probed, &result, "192.0.2.2");
		if (probed.outcome != cases[i].want || !strstr(probed.why, cases[i].says))
			print_error("%s: %u \"%s\"\n", cases[i].name, probed.outcome, probed.why);
		assert_int_equal(probed.outcome, cases[i].want);
		assert_non_null(strstr(probed.why, cases[i].says));
		assert_int_equal(probed.chain_len, cases[i].want == PROBE_SHOWN ? 500 : 0);
	}
}

static void what_was_shown_is_handed_on_whole(void **state)
{
	(void)state;
	make(0);
	result.chain_len = sizeof(result.chain);
	memset(result.chain, 9, result.chain_len);
	probe_outcome(&probed, &result, "192.0.2.2");
	assert_int_equal(probed.tls_version, 0x0304);
	assert_int_equal(probed.cipher_suite, 0x1302);
	assert_int_equal(probed.chain_len, STARTTLS_CHAIN_MAX);
	assert_memory_equal(probed.chain, result.chain, STARTTLS_CHAIN_MAX);
}

static void the_longest_words_fit(void **state)
{
	(void)state;
	make(3);
	memset(result.reply, 'x', sizeof(result.reply) - 1);
	probe_outcome(&probed, &result, "0000:0000:0000:0000:0000:ffff:255.255.255.255");
	assert_int_equal(strlen(probed.why), PROBE_WHY_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_visit_says_what_it_can),
		cmocka_unit_test(what_was_shown_is_handed_on_whole),
		cmocka_unit_test(the_longest_words_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

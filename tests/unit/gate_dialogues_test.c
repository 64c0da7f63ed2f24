/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogues/rehearse.h"

/*
 * Every dialogue of tests/dialogues through the whole gate, to a destination that promised a key: once in whole segments, then cut,
 * shuffled and doubled. The verdict must be the same, and no recipient may ever have reached the server.
 */

enum { CUTS = 1000 };

struct outcome {
	enum action action;
	enum reason reason;
	bool has_recipient_leaked;
};

static bool has_recipient(const struct simulation_peer *server)
{
	for (size_t i = 0; i + 8 <= server->got_len; i++) {
		if (strncasecmp((const char *)server->got + i, "RCPT TO:", 8) == 0)
			return true;
	}
	return false;
}

static struct outcome play(const struct dialogue *dialogue, const char *name,
                           enum simulation_cut cut, uint64_t seed)
{
	struct simulation *simulation = simulation_new(seed % 2 ? 6 : 4, cut, seed);
	const struct event *finding;
	struct outcome outcome = { 0 };

	simulation->everybody = PROMISE_KEY;
	rehearse(simulation, dialogue, name);
	finding = simulation_finding(simulation);
	if (finding) {
		outcome.action = finding->action;
		outcome.reason = finding->reason;
	}
	outcome.has_recipient_leaked = has_recipient(&simulation->server);
	simulation_free(simulation);
	return outcome;
}

static void compare(const struct dialogue *dialogue, const char *name, int cuts)
{
	struct outcome whole = play(dialogue, name, CUT_NONE, 0);

	if (whole.has_recipient_leaked)
		fail_msg("%s: a recipient reached the server", name);
	for (int seed = 0; seed < cuts; seed++) {
		enum simulation_cut cut = seed == 0  ? CUT_EVERY_OCTET
		                          : seed % 3 ? CUT_HOSTILE
		                                     : CUT_RANDOM;
		struct outcome outcome = play(dialogue, name, cut, (uint64_t)seed);

		if (outcome.has_recipient_leaked)
			fail_msg("%s: cut %d let a recipient through", name, seed);
		if (outcome.action != whole.action || outcome.reason != whole.reason)
			fail_msg("%s: whole %s %s, cut %d %s %s", name, action_name(whole.action),
			         reason_name(whole.reason), seed, action_name(outcome.action),
			         reason_name(outcome.reason));
	}
}

static void compare_cuts(void *owner, const struct dialogue *dialogue, const char *name)
{
	const char *wish = getenv("HOPGUARD_CUTS");

	(void)owner;
	if (getenv("HOPGUARD_VERBOSE")) {
		struct outcome whole = play(dialogue, name, CUT_NONE, 0);

		print_message("%-60s %s %s\n", name, action_name(whole.action),
		              reason_name(whole.reason));
	}
	compare(dialogue, name, wish ? atoi(wish) : CUTS);
}

static void cuts_disorder_and_copies_change_no_verdict_and_leak_no_recipient(void **state)
{
	(void)state;
	dialogue_each(compare_cuts, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_disorder_and_copies_change_no_verdict_and_leak_no_recipient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

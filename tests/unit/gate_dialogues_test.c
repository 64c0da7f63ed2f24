/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <dirent.h>
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

enum { CUTS = 1000, DIALOGUES_MAX = 512, NAME_LEN = 128, PATH_LEN = 512 };

static const char folder[] = "tests/dialogues";

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

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void cuts_disorder_and_copies_change_no_verdict_and_leak_no_recipient(void **state)
{
	static char names[DIALOGUES_MAX][NAME_LEN];
	static struct dialogue dialogue;
	const char *wish = getenv("HOPGUARD_CUTS");
	DIR *directory = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory)) && count < DIALOGUES_MAX) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			text_copy(names[count++], NAME_LEN, entry->d_name);
	}
	closedir(directory);
	assert_true(count > 40);
	qsort(names, count, NAME_LEN, by_name);
	for (size_t i = 0; i < count; i++) {
		char path[PATH_LEN];

		snprintf(path, sizeof(path), "%s/%.*s/dialogue.txt", folder, NAME_LEN, names[i]);
		memset(&dialogue, 0, sizeof(dialogue));
		if (!dialogue_read(&dialogue, path))
			continue;
		if (getenv("HOPGUARD_VERBOSE")) {
			struct outcome whole = play(&dialogue, names[i], CUT_NONE, 0);

			print_message("%-60s %s %s\n", names[i], action_name(whole.action),
			              reason_name(whole.reason));
		}
		compare(&dialogue, names[i], wish ? atoi(wish) : CUTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_disorder_and_copies_change_no_verdict_and_leak_no_recipient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

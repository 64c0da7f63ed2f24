/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <fcntl.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dialogues/rehearse.h"
#include "support/run_command.h"

/*
 * Every dialogue of tests/dialogues between a client and a server, once with an enforcing gate between them, once with
 * nobody but a wiretap. What the gate said of the one, `hopguard replay` must say of the capture of the other.
 */

enum { PATH_LEN = 512, SNAPSHOT_LEN = 262144 };

static const uint64_t capture_began_ms = 1795341600000; /* 2026-11-22T10:00:00Z */

struct fixture {
	char directory[64];
	char capture[PATH_LEN];
	char output[PATH_LEN];
};

/* How it was said, and who stood between the two while it was captured. */
struct way {
	enum guard_mode mode;
	enum simulation_cut cut;
	uint64_t seed;
};

static const struct way ways[] = {
	{ MODE_MONITOR, CUT_NONE, 0 },    { MODE_MONITOR, CUT_EVERY_OCTET, 1 },
	{ MODE_MONITOR, CUT_HOSTILE, 2 }, { MODE_ENFORCE, CUT_NONE, 3 },
	{ MODE_ENFORCE, CUT_HOSTILE, 4 },
};

struct finding {
	char action[16]; /* what enforce does; empty: nothing was found */
	char reason[48];
};

static int make_fixture(void **state)
{
	static struct fixture made;
	struct fixture *fixture = &made;

	text_copy(fixture->directory, sizeof(fixture->directory), "/tmp/hopguard-replay-XXXXXX");
	if (!mkdtemp(fixture->directory))
		return -1;
	snprintf(fixture->capture, PATH_LEN, "%.60s/capture.pcap", fixture->directory);
	snprintf(fixture->output, PATH_LEN, "%.60s/output", fixture->directory);
	*state = fixture;
	return 0;
}

static int remove_fixture(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->capture);
	unlink(fixture->output);
	rmdir(fixture->directory);
	return 0;
}

static void on_tap(void *owner, uint64_t now_ms, struct bytes packet)
{
	uint64_t time_ms = capture_began_ms + now_ms;
	const struct pcap_pkthdr header = {
		.ts = { .tv_sec = (time_t)(time_ms / 1000),
		        .tv_usec = (suseconds_t)(time_ms % 1000 * 1000) },
		.caplen = (bpf_u_int32)packet.len,
		.len = (bpf_u_int32)packet.len,
	};

	pcap_dump(owner, &header, packet.data);
}

static void note_finding(struct finding *finding, const struct simulation *simulation)
{
	const struct event *event = simulation_finding(simulation);

	memset(finding, 0, sizeof(*finding));
	if (!event)
		return;
	text_copy(finding->action, sizeof(finding->action), action_name(event->would));
	text_copy(finding->reason, sizeof(finding->reason), reason_name(event->reason));
}

/* What the gate finds; in `mode` ENFORCE it refuses, and the rest of the dialogue is never said. */
static struct finding play(const struct dialogue *dialogue, const char *name, enum guard_mode mode,
                           const struct way *way, pcap_dumper_t *capture)
{
	struct simulation *simulation = simulation_new(way->seed % 2 ? 6 : 4, way->cut, way->seed);
	struct finding finding;

	simulation->everybody = PROMISE_NONE;
	simulation->config.stance.mode = mode;
	simulation->config.fails_open = true; /* as `hopguard replay` has it by default */
	simulation->config.stance.default_level = LEVEL_ENCRYPT;
	simulation->tap = capture ? on_tap : NULL;
	simulation->tap_owner = capture;
	rehearse(simulation, dialogue, name);
	(void)simulation_end(simulation, true, false);
	(void)simulation_end(simulation, false, false);
	note_finding(&finding, simulation);
	simulation_free(simulation);
	return finding;
}

static int run_replay(const struct fixture *fixture)
{
	char words[][PATH_LEN] = { "replay",          "--json",  "--config", "/dev/null",
		                   "--default-level", "encrypt", "" };
	char *arguments[] = { words[0], words[1], words[2], words[3],
		              words[4], words[5], words[6], NULL };
	int output = open(fixture->output, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int status;

	text_copy(words[6], PATH_LEN, fixture->capture);
	assert_true(output >= 0);
	status = run_command(cli_replay, 7, arguments, output);
	close(output);
	return status;
}

static struct finding replay(const struct fixture *fixture)
{
	int status = run_replay(fixture);
	FILE *output = fopen(fixture->output, "r");
	struct finding finding = { 0 };
	json_t *event;

	assert_non_null(output);
	while (finding.action[0] == '\0' &&
	       (event = json_loadf(output, JSON_DISABLE_EOF_CHECK, NULL))) {
		const char *action = json_string_value(json_object_get(event, "action"));
		const char *would = json_string_value(json_object_get(event, "would"));

		if (strcmp(action, "pass") != 0) {
			text_copy(finding.action, sizeof(finding.action), would ? would : action);
			text_copy(finding.reason, sizeof(finding.reason),
			          json_string_value(json_object_get(event, "reason")));
		}
		json_decref(event);
	}
	fclose(output);
	assert_int_equal(status, finding.action[0] ? CLI_FINDING : CLI_GOOD);
	return finding;
}

/*
 * Of `mode` MONITOR the whole dialogue is in the capture; of ENFORCE what was said until the refusal, and that. True: something
 * was found.
 */
static bool compare(const struct fixture *fixture, const struct dialogue *dialogue,
                    const char *name, const struct way *way)
{
	struct finding want = play(dialogue, name, MODE_ENFORCE, way, NULL), got;
	pcap_t *dead = pcap_open_dead(DLT_RAW, SNAPSHOT_LEN);
	pcap_dumper_t *capture = pcap_dump_open(dead, fixture->capture);

	assert_non_null(capture);
	(void)play(dialogue, name, way->mode, way, capture);
	pcap_dump_close(capture);
	pcap_close(dead);
	got = replay(fixture);
	if (strcmp(want.action, got.action) != 0 || strcmp(want.reason, got.reason) != 0)
		fail_msg("%s: cut %d, mode %d: the gate said \"%s %s\", replay says \"%s %s\"",
		         name, way->cut, way->mode, want.action, want.reason, got.action,
		         got.reason);
	return want.action[0] != '\0';
}

struct tally {
	const struct fixture *fixture;
	size_t found;
	size_t clean;
};

static void compare_each(void *owner, const struct dialogue *dialogue, const char *name)
{
	struct tally *tally = owner;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (compare(tally->fixture, dialogue, name, &ways[i]))
			tally->found++;
		else
			tally->clean++;
	}
}

static void of_a_capture_is_said_what_the_gate_said_of_the_connection(void **state)
{
	struct tally tally = { .fixture = *state };

	dialogue_each(compare_each, &tally);
	assert_true(tally.found > 100);
	assert_true(tally.clean > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_capture_is_said_what_the_gate_said_of_the_connection),
	};

	return cmocka_run_group_tests(tests, make_fixture, remove_fixture);
}

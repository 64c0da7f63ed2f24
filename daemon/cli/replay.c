/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/replay_answers.h"
#include "cli/replay_capture.h"
#include "cli/replay_keys.h"
#include "config_keys.h"
#include "gate.h"
#include "report/event_json.h"
#include "report/event_text.h"

enum {
	SETTINGS_MAX = 64,
	FINE_TICKS_MS = 60 * 1000,
	/* Enough for every flow to expire, 1024 in each. */
	COARSE_TICKS = 64,
	/* Packets that two processors captured at the same time are out of order by less. */
	DISORDER_MAX_MS = 1000,
};

struct replay {
	struct config config;
	struct gate *gate;
	struct replay_answers *answers;
	struct replay_keys *keys;
	bool looks_up;
	bool is_json;
	bool is_coloured;
	bool has_finding;
	uint64_t now_ms;  /* of the gate's clock; 0: it has not begun */
	uint64_t time_ms; /* of the capture's */
	uint32_t next_id;
	/* Packets to or from a guarded port that the capture does not hold whole. */
	uint64_t cut_short;
	const char *settings[SETTINGS_MAX];
	size_t setting_count;
	char level[64];
};

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	(void)owner;
	(void)verdict; /* what happened has happened */
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct replay *replay = owner;

	(void)is_refresh;
	replay_answers_ask(replay->answers, kind, name);
}

static void on_tell(void *owner, const struct event *event)
{
	struct replay *replay = owner;
	char json[EVENT_JSON_MAX], text[EVENT_SENTENCE_MAX];

	/* A capture may well hold one direction alone. */
	if (event->kind == EVENT_DEGRADED || event->kind == EVENT_RECOVERED)
		return;
	if (event->would != ACTION_PASS)
		replay->has_finding = true;
	if (event_json_print(json, event) == 0)
		return;
	if (replay->is_json)
		puts(json);
	else if (event_text_print(text, json, replay->is_coloured))
		puts(text);
}

static void on_broken(void *owner, const struct message_broken *broken)
{
	(void)owner;
	(void)broken; /* the gate itself remembers it */
}

static void on_sighting(void *owner, const struct message_sighting *sighting)
{
	(void)owner;
	(void)sighting; /* a capture is no memory */
}

static void on_check(void *owner, const struct message_check *check, size_t len)
{
	struct replay *replay = owner;

	replay_keys_ask(replay->keys, check, len, (int64_t)(replay->time_ms / 1000));
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	(void)owner;
	(void)to_client;
	(void)craft;
	(void)flow;
}

static const struct gate_actions actions = {
	.verdict = on_verdict,
	.ask = on_ask,
	.tell = on_tell,
	.broken = on_broken,
	.sighting = on_sighting,
	.check =
		on_check, /* and nobody goes and looks: what is hidden is assumed, or as tls13 says */
	.send = on_send,
};

/* Questions are answered before time goes on, so that a verdict stands where its packet was. */
static void settle_questions(struct replay *replay)
{
	const struct destination *answer;
	const struct message_checked *checked;

	do {
		while ((answer = replay_answers_next(replay->answers)))
			gate_answer(replay->gate, answer, replay->now_ms, replay->time_ms);
		checked = replay_keys_next(replay->keys);
		if (checked)
			gate_checked(replay->gate, checked, replay->now_ms, replay->time_ms);
	} while (checked);
}

static void tick_until(struct replay *replay, uint64_t end_ms, uint64_t step_ms)
{
	while (replay->now_ms + step_ms <= end_ms) {
		replay->now_ms += step_ms;
		replay->time_ms += step_ms;
		gate_tick(replay->gate, replay->now_ms, replay->time_ms);
		settle_questions(replay);
	}
}

/* Ticks as in life while something may still wait, then longer ones: a capture may pause for days. */
static void pass_time(struct replay *replay, uint64_t ms)
{
	uint64_t end_ms = replay->now_ms + ms;
	uint64_t fine_ms = ms < FINE_TICKS_MS ? ms : FINE_TICKS_MS;

	tick_until(replay, replay->now_ms + fine_ms, GATE_TICK_MS);
	if (ms > fine_ms)
		tick_until(replay, end_ms,
		           (end_ms - replay->now_ms + COARSE_TICKS - 1) / COARSE_TICKS);
	replay->time_ms += end_ms - replay->now_ms;
	replay->now_ms = end_ms;
}

/* now_ms only grows, as the guard's clock does; a capture's own may be set back. */
static void follow_time(struct replay *replay, uint64_t time_ms)
{
	if (replay->now_ms == 0 || time_ms + DISORDER_MAX_MS < replay->time_ms)
		replay->time_ms = time_ms;
	if (replay->now_ms == 0)
		replay->now_ms = GATE_TICK_MS; /* to the gate 0 means never */
	if (time_ms > replay->time_ms)
		pass_time(replay, time_ms - replay->time_ms);
}

/* Whether its TCP header, as far as it was captured, has a port that is guarded. */
static bool has_guarded_port(const struct config *config, struct bytes packet)
{
	struct cursor cursor = cursor_over(packet);
	uint8_t first = cursor_u8(&cursor);
	bool is_ipv6 = first >> 4 == 6;
	uint16_t source, destination;

	cursor_skip(&cursor, is_ipv6 ? 5 : 8);
	if (cursor_u8(&cursor) != IPPROTO_TCP)
		return false;
	cursor = cursor_over(bytes_after(packet, is_ipv6 ? 40 : (first & 15u) * 4));
	source = cursor_u16(&cursor);
	destination = cursor_u16(&cursor);
	for (size_t i = 0; i < config->rules.port_count; i++) {
		if (config->rules.ports[i] == source || config->rules.ports[i] == destination)
			return true;
	}
	return false;
}

static void replay_packet(struct replay *replay, const struct replay_packet *captured)
{
	struct nfqueue_packet packet = { .netfilter_hook = UINT8_MAX };

	follow_time(replay, captured->time_ms);
	if (captured->packet.len == 0)
		return;
	if (captured->is_cut && has_guarded_port(&replay->config, captured->packet))
		replay->cut_short++;
	packet.id = ++replay->next_id;
	if (packet.id == 0)
		packet.id = ++replay->next_id;
	/* A capture on the sending host shows checksums that its network card was still to fill in. */
	packet.checksum_ready = false;
	packet.packet = captured->packet;
	gate_packet(replay->gate, &packet, replay->now_ms, captured->time_ms);
	settle_questions(replay);
}

static void usage(FILE *out)
{
	fputs("usage: hopguard replay [--default-level may|encrypt|verify] [--config FILE] [--set "
	      "KEY=VALUE]... [--json] CAPTURE...\n"
	      "  What the guard would have said of a pcap or pcapng file; several are read as\n"
	      "  one, in order of time. Promises are looked up; with --default-level nothing is\n"
	      "  looked up, and everybody is asked that level.\n",
	      out);
}

/* Like --set, but told by its own name. */
static bool take_level(struct replay *replay, const char *level)
{
	const struct config_key *key =
		config_key_find(bytes_of_string(""), bytes_of_string("default-level"));

	for (size_t i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++) {
		if (strcmp(key->words[i], level) != 0)
			continue;
		snprintf(replay->level, sizeof(replay->level), "default-level=%s", key->words[i]);
		replay->looks_up = false;
		return true;
	}
	fprintf(stderr, "hopguard: --default-level %.64s: may, encrypt or verify\n", level);
	return false;
}

static bool read_options(struct replay *replay, int argc, char **argv, const char **config_path,
                         int *status)
{
	static const struct option options[] = {
		{ "default-level", required_argument, NULL, 'l' },
		{ "set", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*status = CLI_USAGE;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			if (!take_level(replay, optarg))
				return false;
			optarg = replay->level;
			/* fall through */
		case 's':
			if (replay->setting_count == SETTINGS_MAX) {
				fprintf(stderr, "hopguard: at most %d settings\n", SETTINGS_MAX);
				return false;
			}
			replay->settings[replay->setting_count++] = optarg;
			break;
		case 'c':
			*config_path = optarg;
			break;
		case 'j':
			replay->is_json = true;
			break;
		case 'h':
			usage(stdout);
			*status = CLI_GOOD;
			return false;
		default:
			usage(stderr);
			return false;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return false;
	}
	if (argc - optind > REPLAY_CAPTURES_MAX) {
		fprintf(stderr, "hopguard: at most %d captures at a time\n", REPLAY_CAPTURES_MAX);
		return false;
	}
	return true;
}

static bool configure(struct replay *replay, const char *path)
{
	char error[CONFIG_ERROR_MAX] = "out of memory";
	char *text = malloc(CONFIG_TEXT_MAX);
	int err = text ? config_read(text, path, error) : -ENOMEM;

	/* No root is needed here: who may not read the daemon's configuration gets the defaults, and is told. */
	if ((err == -EACCES || err == -EPERM) && !path) {
		fprintf(stderr, "hopguard: %s may not be read; the defaults are taken\n",
		        config_default_path);
		text[0] = '\0';
		err = 0;
	}
	if (!err)
		err = config_parse(&replay->config, path ? path : config_default_path, text,
		                   replay->settings, replay->setting_count, error);
	free(text);
	if (err)
		fprintf(stderr, "hopguard: %s\n", error);
	/* The packets have passed: nothing can be held or refused any more, only told. */
	replay->config.stance.mode = MODE_MONITOR;
	return err == 0;
}

static int prepare(struct replay *replay, const char *config_path)
{
	uint8_t secret[TABLE_SECRET_LEN];
	enum cli_status status;

	if (!configure(replay, config_path))
		return CLI_USAGE;
	status = replay_answers_new(&replay->answers, &replay->config, replay->looks_up);
	if (status == CLI_GOOD)
		status = replay_keys_new(&replay->keys, &replay->config);
	if (status != CLI_GOOD)
		return (int)status;
	/* Else a capture could be made whose connections all collide in the table. */
	if (getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret))
		replay->gate = gate_new(&replay->config, secret, &actions, replay);
	if (!replay->gate)
		perror("hopguard");
	return replay->gate ? CLI_GOOD : CLI_SYSTEM;
}

/* What the verdicts do not show about the captures. False: there was more on the wire than could be read. */
static bool was_all_read(struct replay *replay, const struct replay_captures *captures)
{
	if (replay->cut_short > 0)
		fprintf(stderr,
		        "hopguard: %llu packets were captured only in part, and their connections "
		        "may look worse or better than they were: capture with a snapshot length "
		        "of 0\n",
		        (unsigned long long)replay->cut_short);
	if (replay->cut_short > 0 || !replay_captures_are_whole(captures))
		return false;
	if (gate_counters(replay->gate)->flows_opened == 0)
		fprintf(stderr, "hopguard: no connection to a guarded port (%u) was captured\n",
		        replay->config.rules.ports[0]);
	return true;
}

static int replay_captures(struct replay *replay, char *const *paths, size_t count)
{
	const struct config *config = &replay->config;
	struct replay_captures *captures = replay_captures_open(paths, count);
	struct replay_packet packet;
	bool was_all;

	if (!captures)
		return CLI_USAGE;
	if (!cli_confine(config->user, replay->looks_up ? config : NULL)) {
		replay_captures_close(captures);
		return CLI_SYSTEM;
	}
	if (!replay_captures_begin(captures)) {
		replay_captures_close(captures);
		return CLI_USAGE;
	}
	while (replay_captures_next(captures, &packet))
		replay_packet(replay, &packet);
	/* What is still open at the end of a capture had no more time than that. */
	pass_time(replay, replay->config.hold_ms + GATE_TICK_MS);
	was_all = was_all_read(replay, captures);
	replay_captures_close(captures);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "hopguard: standard output: %s\n", strerror(errno));
		return CLI_SYSTEM;
	}
	if (!was_all)
		return CLI_USAGE;
	return replay->has_finding ? CLI_FINDING : CLI_GOOD;
}

int cli_replay(int argc, char **argv)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	const char *config_path = NULL;
	int status;

	if (!replay) {
		fputs("hopguard: out of memory\n", stderr);
		return CLI_SYSTEM;
	}
	replay->looks_up = true;
	replay->is_coloured = isatty(STDOUT_FILENO);
	if (!read_options(replay, argc, argv, &config_path, &status)) {
		free(replay);
		return status;
	}
	status = prepare(replay, config_path);
	if (status == CLI_GOOD)
		status = replay_captures(replay, argv + optind, (size_t)(argc - optind));
	gate_free(replay->gate);
	replay_answers_free(replay->answers);
	replay_keys_free(replay->keys);
	free(replay);
	return status;
}

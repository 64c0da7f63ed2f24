/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/replay_answers.h"
#include "config.h"
#include "gate.h"
#include "report/event_json.h"
#include "report/event_text.h"

enum {
	SETTINGS_MAX = 64,
	/* A capture may pause for days: what waits is settled long before. */
	TICKS_PER_PAUSE_MAX = 1200,
};

struct replay {
	struct config config;
	struct gate *gate;
	struct replay_answers *answers;
	bool is_json;
	bool is_coloured;
	bool has_finding;
	uint64_t now_ms;
	uint32_t next_id;
	uint64_t cut_short; /* packets that the capture does not hold whole */
	uint64_t not_ip;
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
	.send = on_send,
};

/* Questions are answered before time goes on, so that a verdict stands where its packet was. */
static void settle_questions(struct replay *replay)
{
	const struct destination *answer;

	while ((answer = replay_answers_next(replay->answers)))
		gate_answer(replay->gate, answer, replay->now_ms, replay->now_ms);
}

static void pass_time(struct replay *replay, uint64_t now_ms)
{
	for (int ticks = 0; replay->now_ms + GATE_TICK_MS <= now_ms && ticks < TICKS_PER_PAUSE_MAX;
	     ticks++) {
		replay->now_ms += GATE_TICK_MS;
		gate_tick(replay->gate, replay->now_ms, replay->now_ms);
		settle_questions(replay);
	}
	if (now_ms > replay->now_ms)
		replay->now_ms = now_ms;
}

/* Octets before the IP header, by link type; -1: no IP. */
static int link_header_len(int link_type, struct bytes frame)
{
	struct cursor cursor = cursor_over(frame);
	uint16_t type;
	size_t at;

	switch (link_type) {
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return 0;
	case DLT_NULL:
	case DLT_LOOP:
		return 4;
	case DLT_EN10MB:
		at = 12;
		break;
	case DLT_LINUX_SLL:
		at = 14;
		break;
#ifdef DLT_LINUX_SLL2
	case DLT_LINUX_SLL2:
		type = cursor_u16(&cursor);
		return type == ETH_P_IP || type == ETH_P_IPV6 ? 20 : -1;
#endif
	default:
		return -1;
	}
	cursor_skip(&cursor, at);
	type = cursor_u16(&cursor);
	while (type == ETH_P_8021Q || type == ETH_P_8021AD) {
		cursor_skip(&cursor, 2);
		type = cursor_u16(&cursor);
		at += 4;
	}
	return !cursor.failed && (type == ETH_P_IP || type == ETH_P_IPV6) ? (int)at + 2 : -1;
}

static bool is_known_link(int link_type)
{
	switch (link_type) {
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
#ifdef DLT_LINUX_SLL2
	case DLT_LINUX_SLL2:
#endif
		return true;
	default:
		return false;
	}
}

static void replay_frame(struct replay *replay, int link_type, const struct pcap_pkthdr *header,
                         const u_char *data)
{
	struct bytes frame = bytes_of(data, header->caplen);
	int skip = link_header_len(link_type, frame);
	struct nfqueue_packet packet = { .netfilter_hook = UINT8_MAX };
	uint64_t now_ms = (uint64_t)header->ts.tv_sec * 1000 + (uint64_t)header->ts.tv_usec / 1000;

	if (replay->now_ms == 0)
		replay->now_ms = now_ms;
	pass_time(replay, now_ms);
	if (skip < 0) {
		replay->not_ip++;
		return;
	}
	if (header->caplen < header->len)
		replay->cut_short++;
	packet.id = ++replay->next_id;
	if (packet.id == 0)
		packet.id = ++replay->next_id;
	/* A capture on the sending host shows checksums that its network card was still to fill in. */
	packet.checksum_ready = false;
	packet.packet = bytes_after(frame, (size_t)skip);
	gate_packet(replay->gate, &packet, replay->now_ms, replay->now_ms);
	settle_questions(replay);
}

static int replay_file(struct replay *replay, const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const u_char *data;
	int link_type, result, status = CLI_GOOD;

	if (!capture) {
		fprintf(stderr, "hopguard: %s: %s\n", path, error);
		return CLI_USAGE;
	}
	link_type = pcap_datalink(capture);
	if (!is_known_link(link_type)) {
		fprintf(stderr,
		        "hopguard: %s: link type %s is not read: Ethernet, Linux cooked, raw IP or "
		        "loopback are\n",
		        path, pcap_datalink_val_to_name(link_type) ?: "unknown");
		pcap_close(capture);
		return CLI_USAGE;
	}
	while ((result = pcap_next_ex(capture, &header, &data)) == 1)
		replay_frame(replay, link_type, header, data);
	if (result == PCAP_ERROR) {
		fprintf(stderr, "hopguard: %s: %s\n", path, pcap_geterr(capture));
		status = CLI_USAGE;
	}
	pcap_close(capture);
	return status;
}

static void usage(FILE *out)
{
	fputs("usage: hopguard replay [--default-level may|encrypt] [--config FILE] [--set "
	      "KEY=VALUE]... [--json] CAPTURE...\n"
	      "  What the guard would have said of a pcap or pcapng file. Promises are looked up; "
	      "with\n"
	      "  --default-level nothing is looked up, and everybody is asked that level.\n",
	      out);
}

static bool read_options(struct replay *replay, int argc, char **argv, const char **config_path,
                         bool *looks_up, int *status)
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
			snprintf(replay->level, sizeof(replay->level), "default-level=%.40s", optarg);
			optarg = replay->level;
			*looks_up = false;
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
	return true;
}

static int prepare(struct replay *replay, const char *config_path, bool looks_up)
{
	/* Nobody chooses what collides in a table that lives for one capture, but no two runs share the secret. */
	uint8_t secret[TABLE_SECRET_LEN] = "hopguard replay";
	char error[CONFIG_ERROR_MAX];
	char *text = malloc(CONFIG_TEXT_MAX);
	int err;

	if (!text)
		return CLI_SYSTEM;
	/* An unreadable default file (no root is needed here) is as good as none. */
	err = config_read(text, config_path, error);
	if (err == -EACCES && !config_path)
		text[0] = '\0';
	else if (err)
		goto refuse;
	if (config_parse(&replay->config, config_path ? config_path : config_default_path, text,
	                 replay->settings, replay->setting_count, error) < 0)
		goto refuse;
	free(text);
	/* The packets have passed: nothing can be held or refused any more, only told. */
	replay->config.stance.mode = MODE_MONITOR;
	replay->answers = replay_answers_new(&replay->config, looks_up, error);
	if (!replay->answers) {
		fprintf(stderr, "hopguard: %s\n", error);
		return CLI_SYSTEM;
	}
	replay->gate = gate_new(&replay->config, secret, &actions, replay);
	return replay->gate ? CLI_GOOD : CLI_SYSTEM;

refuse:
	fprintf(stderr, "hopguard: %s\n", error);
	free(text);
	return CLI_USAGE;
}

int cli_replay(int argc, char **argv)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	const char *config_path = NULL;
	bool looks_up = true;
	int status;

	if (!replay)
		return CLI_SYSTEM;
	replay->is_coloured = isatty(STDOUT_FILENO);
	if (!read_options(replay, argc, argv, &config_path, &looks_up, &status)) {
		free(replay);
		return status;
	}
	status = prepare(replay, config_path, looks_up);
	for (int i = optind; status == CLI_GOOD && i < argc; i++)
		status = replay_file(replay, argv[i]);
	if (status == CLI_GOOD) {
		/* What is still open at the end of a capture had no more time than that. */
		pass_time(replay, replay->now_ms + replay->config.hold_ms + GATE_TICK_MS);
		if (replay->has_finding)
			status = CLI_FINDING;
	}
	if (replay->cut_short > 0)
		fprintf(stderr,
		        "hopguard: %llu packets were captured only in part: capture with a "
		        "snapshot length of 0\n",
		        (unsigned long long)replay->cut_short);
	gate_free(replay->gate);
	replay_answers_free(replay->answers);
	free(replay);
	return status;
}

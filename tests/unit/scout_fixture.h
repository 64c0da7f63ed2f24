/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SCOUT_FIXTURE_H
#define HOPGUARD_TESTS_SCOUT_FIXTURE_H

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "no_network.h"
#include "process.h"
#include "scout.h"

/* The scout runs as a process without any network: whatever it looks up fails, and everything else can be seen. */

enum { WAIT_MS = 10000, QUIET_MS = 300 };

struct fixture {
	pid_t pid;
	int supervisor;
	int guards[2];
	int ledger;
	uint8_t *room;
	struct config config;
	bool is_in_network; /* that of the test, however small */
};

static inline void run_scout(struct fixture *fixture, int channel)
{
	struct child child = {
		.role = ROLE_SCOUT,
		.config = &fixture->config,
		.supervisor = channel,
		.queue = -1,
		.raw = { -1, -1, -1, -1 },
		.listener = -1,
		.event_file = -1,
	};

	if (!fixture->is_in_network)
		leave_network();
	log_open("scout", LOG_LEVEL_ERROR);
	_exit(scout_run(&child));
}

static inline int introduce(struct fixture *fixture, enum role role, unsigned index)
{
	struct message_peer peer = { .type = MESSAGE_PEER, .role = role, .index = index };
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(
		channel_send_descriptors(fixture->supervisor, &peer, sizeof(peer), &ends[1], 1), 0);
	close(ends[1]);
	return ends[0];
}

/* `more`: of its configuration. */
static inline void start_scout(struct fixture *fixture, const char *more)
{
	char error[CONFIG_ERROR_MAX], text[1024];
	int ends[2];

	fixture->room = malloc(CHANNEL_MESSAGE_MAX);
	assert_non_null(fixture->room);
	snprintf(text, sizeof(text),
	         "state-directory = \"/nonexistent\"\n%s\nmta-sts { enabled = false }\n%s",
	         strstr(more, "dns {") ? "" : "dns { timeout-seconds = 1 }", more);
	assert_int_equal(config_parse(&fixture->config, "test", text, NULL, 0, error), 0);
	assert_int_equal(channel_pair(ends), 0);
	fixture->pid = fork();
	assert_true(fixture->pid >= 0);
	if (fixture->pid == 0) {
		close(ends[0]);
		run_scout(fixture, ends[1]);
	}
	close(ends[1]);
	fixture->supervisor = ends[0];
	fixture->guards[0] = introduce(fixture, ROLE_GUARD, 0);
	fixture->guards[1] = introduce(fixture, ROLE_GUARD, 1);
	fixture->ledger = introduce(fixture, ROLE_LEDGER, 0);
}

static inline int set_up_with(void **state, const char *more)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	start_scout(fixture, more);
	return 0;
}

static inline int set_up(void **state)
{
	return set_up_with(state, "");
}

/* The ledger's word that there is no more to be remembered. */
static inline void end_rows(struct fixture *fixture, bool is_whole)
{
	const struct message_rows_end end = { .type = MESSAGE_ROWS_END, .is_whole = is_whole };

	assert_int_equal(channel_send(fixture->ledger, &end, sizeof(end)), 0);
}

static inline int set_up_with_memory(void **state)
{
	int result = set_up(state);

	end_rows(*state, true);
	return result;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close(fixture->guards[0]);
	close(fixture->guards[1]);
	close(fixture->ledger);
	close(fixture->supervisor);
	if (fixture->pid > 0) {
		kill(fixture->pid, SIGKILL);
		waitpid(fixture->pid, NULL, 0);
	}
	free(fixture->room);
	free(fixture);
	return 0;
}

/* The next message of that type within the time; others are passed over. NULL: none came. */
static inline const void *next(struct fixture *fixture, int channel, uint32_t type, int wait_ms)
{
	uint64_t end_ms = process_now_ms() + (uint64_t)wait_ms;

	for (;;) {
		struct pollfd ready = { .fd = channel, .events = POLLIN };
		uint64_t now_ms = process_now_ms();
		ssize_t len;

		if (now_ms >= end_ms || poll(&ready, 1, (int)(end_ms - now_ms)) <= 0)
			return NULL;
		len = channel_receive(channel, fixture->room, CHANNEL_MESSAGE_MAX, NULL, NULL);
		if (len <= 0)
			return NULL;
		if (((const struct message *)(const void *)fixture->room)->type == type)
			return fixture->room;
	}
}

static inline void ask(struct fixture *fixture, int guard, const char *name)
{
	struct message_question question = { .type = MESSAGE_QUESTION, .kind = QUESTION_DOMAIN };

	text_copy(question.name, sizeof(question.name), name);
	assert_int_equal(channel_send(fixture->guards[guard], &question, sizeof(question)), 0);
}

#endif

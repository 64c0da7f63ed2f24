/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "messages.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/log.h"
#include "guard.h"
#include "ledger.h"
#include "no_network.h"
#include "process.h"
#include "scout.h"
#include "verifier.h"

/*
 * Each process for real, and one of its siblings taken over: it sends every type of message in every wrong way. Whatever it sends, nobody
 * dies, no descriptor stays, the supervisor hears nothing of it, and the guard says no word to its queue.
 */

enum { WAIT_MS = 10000, TYPES = MESSAGE_NAMES + 2, ROUNDS = 200, GUARD_INDEX = 1 };

#define BIT(type) (UINT64_C(1) << (type))

static const size_t sizes[TYPES] = {
	[0] = sizeof(struct message),
	[MESSAGE_PEER] = sizeof(struct message_peer),
	[MESSAGE_CONFIG] = sizeof(struct message_config),
	[MESSAGE_STOP] = sizeof(struct message),
	[MESSAGE_READY] = sizeof(struct message),
	[MESSAGE_HEARTBEAT] = sizeof(struct message),
	[MESSAGE_EVENT] = sizeof(struct message_event),
	[MESSAGE_COUNTERS] = sizeof(struct message_counters),
	[MESSAGE_QUESTION] = sizeof(struct message_question),
	[MESSAGE_DESTINATION] = sizeof(struct message_destination),
	[MESSAGE_BROKEN] = sizeof(struct message_broken),
	[MESSAGE_FORGET] = sizeof(struct message_forget),
	[MESSAGE_FLOWS] = sizeof(struct message_flows),
	[MESSAGE_FLOW] = sizeof(struct message_flow),
	[MESSAGE_EXPLAIN] = sizeof(struct message_explain),
	[MESSAGE_EXPLANATION] = sizeof(struct message_explanation),
	[MESSAGE_FLUSH] = sizeof(struct message_flush),
	[MESSAGE_FLUSHED] = sizeof(struct message_flushed),
	[MESSAGE_RELOAD] = sizeof(struct message_reload),
	[MESSAGE_RELOADED] = sizeof(struct message_reloaded),
	[MESSAGE_STATE] = sizeof(struct message_state),
	[MESSAGE_FILE] = sizeof(struct message_file),
	[MESSAGE_ROWS] = sizeof(struct message_rows),
	[MESSAGE_ROWS_END] = sizeof(struct message_rows_end),
	[MESSAGE_SIGHTING] = sizeof(struct message_sighting),
	[MESSAGE_DNS_ANSWER] = sizeof(struct message_dns_answer),
	[MESSAGE_DNS_VERDICT] = sizeof(struct message_dns_verdict),
	[MESSAGE_CANDIDATE] = sizeof(struct message_candidate),
	[MESSAGE_ECHO] = sizeof(struct message_echo),
	[MESSAGE_CHECK] = sizeof(struct message_check),
	[MESSAGE_CHECKED] = sizeof(struct message_checked),
	[MESSAGE_PROBE] = sizeof(struct message_probe),
	[MESSAGE_PROBED] = sizeof(struct message_probed),
	[MESSAGE_SOCKETS] = sizeof(struct message_sockets),
	[MESSAGE_SOCKET] = sizeof(struct message_socket),
	[MESSAGE_NAMES] = sizeof(struct message_names),
	[TYPES - 1] = sizeof(struct message),
};

/* What the one takes of the other (messages.h); all else is refused, whatever is in it. */
static uint64_t taken(enum role receiver, enum role sender)
{
	if (receiver == ROLE_GUARD && sender == ROLE_SCOUT)
		return BIT(MESSAGE_DESTINATION) | BIT(MESSAGE_BROKEN) | BIT(MESSAGE_FORGET) |
		       BIT(MESSAGE_CANDIDATE) | BIT(MESSAGE_ECHO) | BIT(MESSAGE_DNS_VERDICT) |
		       BIT(MESSAGE_PROBED) | BIT(MESSAGE_NAMES);
	if (receiver == ROLE_GUARD && sender == ROLE_VERIFIER)
		return BIT(MESSAGE_CHECKED);
	if (receiver == ROLE_GUARD && sender == ROLE_LEDGER)
		return BIT(MESSAGE_FLOWS);
	if (receiver == ROLE_SCOUT && sender == ROLE_GUARD)
		return BIT(MESSAGE_QUESTION) | BIT(MESSAGE_BROKEN) | BIT(MESSAGE_SIGHTING) |
		       BIT(MESSAGE_DNS_ANSWER) | BIT(MESSAGE_ECHO) | BIT(MESSAGE_PROBE) |
		       BIT(MESSAGE_NAMES);
	if (receiver == ROLE_SCOUT && sender == ROLE_LEDGER)
		return BIT(MESSAGE_EXPLAIN) | BIT(MESSAGE_FLUSH) | BIT(MESSAGE_ROWS) |
		       BIT(MESSAGE_ROWS_END);
	if (receiver == ROLE_VERIFIER && sender == ROLE_GUARD)
		return BIT(MESSAGE_CHECK);
	if (receiver == ROLE_LEDGER && sender == ROLE_GUARD)
		return BIT(MESSAGE_EVENT) | BIT(MESSAGE_COUNTERS) | BIT(MESSAGE_FLOW);
	if (receiver == ROLE_LEDGER && sender == ROLE_SCOUT)
		return BIT(MESSAGE_EVENT) | BIT(MESSAGE_COUNTERS) | BIT(MESSAGE_EXPLANATION) |
		       BIT(MESSAGE_FLUSHED) | BIT(MESSAGE_ROWS);
	if (receiver == ROLE_LEDGER && sender == ROLE_VERIFIER)
		return BIT(MESSAGE_EVENT) | BIT(MESSAGE_COUNTERS);
	return 0;
}

struct scene {
	enum role role;
	struct config config;
	pid_t pid;
	int supervisor;
	int siblings[ROLE_COUNT]; /* -1: itself, and the supervisor */
	int queue;                /* what the guard says to the kernel comes out here */
	int listener;
	char folder[64];
	char socket[96];
	unsigned descriptors; /* that it had before it heard the first message */
	uint64_t sent_wrong;
	uint8_t *message, *heard;
};

static int run(enum role role, const struct child *child)
{
	switch (role) {
	case ROLE_GUARD:
		return guard_run(child);
	case ROLE_SCOUT:
		return scout_run(child);
	case ROLE_LEDGER:
		return ledger_run(child);
	case ROLE_VERIFIER:
		return verifier_run(child);
	case ROLE_SUPERVISOR:
	case ROLE_COUNT:
		break;
	}
	return 4;
}

static void be_born(struct scene *scene, int channel, int queue)
{
	struct child child = {
		.role = scene->role,
		.index = scene->role == ROLE_GUARD ? GUARD_INDEX : 0,
		.config = &scene->config,
		.supervisor = channel,
		.queue = scene->role == ROLE_GUARD ? queue : -1,
		.log = -1,
		.dns_queue = -1,
		.raw = { -1, -1, -1, -1 },
		.listener = scene->role == ROLE_LEDGER ? scene->listener : -1,
		.event_file = -1,
	};

	leave_network();
	log_open("t", LOG_LEVEL_ERROR);
	/* Events are told there, too. */
	close(STDERR_FILENO);
	_exit(run(scene->role, &child));
}

static int introduce(struct scene *scene, enum role role)
{
	struct message_peer peer = { MESSAGE_PEER, role, role == ROLE_GUARD ? GUARD_INDEX : 0 };
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(
		channel_send_descriptors(scene->supervisor, &peer, sizeof(peer), &ends[1], 1), 0);
	close(ends[1]);
	return ends[0];
}

static void open_listener(struct scene *scene)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(scene->socket, sizeof(scene->socket), "%s/control", scene->folder);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", scene->socket);
	scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(scene->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(scene->listener, 4), 0);
}

static struct scene *begin(enum role role)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	char error[CONFIG_ERROR_MAX], text[256];
	int ends[2], queue[2];

	assert_non_null(scene);
	scene->role = role;
	scene->message = malloc(CHANNEL_MESSAGE_MAX);
	scene->heard = malloc(CHANNEL_MESSAGE_MAX);
	snprintf(scene->folder, sizeof(scene->folder), "/tmp/hopguard-hostile-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	assert_int_equal(chmod(scene->folder, 0777), 0);
	open_listener(scene);
	snprintf(text, sizeof(text),
	         "state-directory = \"%s\"\ndns { timeout-seconds = 1 }\nmta-sts { enabled = false "
	         "}\nevents { syslog = none }\n",
	         scene->folder);
	assert_int_equal(config_parse(&scene->config, "t", text, NULL, 0, error), 0);
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, queue), 0);
	scene->pid = fork();
	assert_true(scene->pid >= 0);
	if (scene->pid == 0) {
		close(ends[0]);
		close(queue[0]);
		be_born(scene, ends[1], queue[1]);
	}
	close(ends[1]);
	close(queue[1]);
	scene->supervisor = ends[0];
	scene->queue = queue[0];
	for (enum role other = ROLE_GUARD; other < ROLE_COUNT; other++)
		scene->siblings[other] = other == role ? -1 : introduce(scene, other);
	return scene;
}

static void end(struct scene *scene)
{
	char command[128];

	for (enum role other = ROLE_GUARD; other < ROLE_COUNT; other++) {
		if (scene->siblings[other] >= 0)
			close(scene->siblings[other]);
	}
	close(scene->supervisor);
	close(scene->queue);
	close(scene->listener);
	kill(scene->pid, SIGKILL);
	waitpid(scene->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", scene->folder);
	(void)!system(command);
	free(scene->message);
	free(scene->heard);
	free(scene);
}

/* What it says to its siblings meanwhile is read and forgotten, so that it never waits for us. */
static void drain(struct scene *scene)
{
	for (enum role other = ROLE_GUARD; other < ROLE_COUNT; other++) {
		while (scene->siblings[other] >= 0 &&
		       channel_receive(scene->siblings[other], scene->heard, CHANNEL_MESSAGE_MAX,
		                       NULL, NULL) > 0)
			;
	}
}

static void send_message(struct scene *scene, enum role from, size_t len)
{
	int gift = dup(scene->listener);
	int err;

	do {
		err = channel_send_descriptors(scene->siblings[from], scene->message, len, &gift,
		                               1);
		if (err == -EAGAIN) {
			drain(scene);
			(void)usleep(1000);
		}
	} while (err == -EAGAIN);
	assert_int_equal(err, 0);
	close(gift);
}

static void fill(struct scene *scene, uint32_t type, int octet)
{
	memset(scene->message, octet, CHANNEL_MESSAGE_MAX);
	memcpy(scene->message, &type, sizeof(type));
}

/* The next word to the supervisor within the time: only these two there may be. */
static bool hear_supervisor(struct scene *scene, uint32_t type)
{
	uint64_t end_ms = process_now_ms() + WAIT_MS;

	while (process_now_ms() < end_ms) {
		struct pollfd ready = { .fd = scene->supervisor, .events = POLLIN };
		struct message header;

		drain(scene);
		if (poll(&ready, 1, 20) <= 0)
			continue;
		if (channel_receive(scene->supervisor, scene->heard, CHANNEL_MESSAGE_MAX, NULL,
		                    NULL) != sizeof(header))
			return false;
		memcpy(&header, scene->heard, sizeof(header));
		if (header.type != MESSAGE_READY && header.type != MESSAGE_HEARTBEAT)
			return false;
		if (header.type == type)
			return true;
	}
	return false;
}

static unsigned count_descriptors(pid_t pid)
{
	char path[64];
	unsigned count = 0;
	DIR *listing;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	listing = opendir(path);
	while (listing && readdir(listing))
		count++;
	if (listing)
		closedir(listing);
	return count;
}

/* Two heartbeats behind whatever was sent, it has read all of it. */
static void assert_unimpressed(struct scene *scene)
{
	assert_true(hear_supervisor(scene, MESSAGE_HEARTBEAT));
	assert_true(hear_supervisor(scene, MESSAGE_HEARTBEAT));
	assert_int_equal(waitpid(scene->pid, NULL, WNOHANG), 0);
	assert_int_equal(recv(scene->queue, scene->heard, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(count_descriptors(scene->pid), scene->descriptors);
}

/* What is not for it, or not from there; of the right size, and shorter and longer. */
static void send_misplaced(struct scene *scene, enum role from)
{
	uint64_t right = taken(scene->role, from);

	for (uint32_t type = 0; type < TYPES; type++) {
		for (int octet = 0; octet < 0x200 && !(right & BIT(type)); octet += 0xff) {
			fill(scene, type, octet & 0xff);
			send_message(scene, from, sizes[type]);
			send_message(scene, from, sizeof(type));
			send_message(scene, from, sizeof(type) - 1);
			scene->sent_wrong += 3;
		}
	}
}

/* The same noise each time. */
static uint32_t noise(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* What it takes from there: of any length, and with anything in it. Some of it may happen to be sound. */
static void send_noise(struct scene *scene, enum role from, uint32_t seed)
{
	uint64_t right = taken(scene->role, from);

	for (uint32_t type = 0; type < TYPES; type++) {
		if (!(right & BIT(type)))
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			size_t len = sizes[type];

			fill(scene, type, round % 3 == 0 ? 0 : 0xff);
			for (size_t i = sizeof(type); round % 3 == 2 && i < len; i++)
				scene->message[i] = (uint8_t)noise(&seed);
			if (round % 2)
				len = sizeof(type) + noise(&seed) % (len - sizeof(type) + 8);
			send_message(scene, from, len);
		}
	}
}

static void settle(struct scene *scene)
{
	assert_true(hear_supervisor(scene, MESSAGE_READY));
	assert_true(hear_supervisor(scene, MESSAGE_HEARTBEAT));
	assert_true(hear_supervisor(scene, MESSAGE_HEARTBEAT));
	scene->descriptors = count_descriptors(scene->pid);
}

static uint64_t refused_by_counters(struct scene *scene)
{
	uint64_t end_ms = process_now_ms() + WAIT_MS, refused = 0;

	while (refused < scene->sent_wrong && process_now_ms() < end_ms) {
		struct pollfd ready = { .fd = scene->siblings[ROLE_LEDGER], .events = POLLIN };
		const struct message_counters *message = (const void *)scene->heard;

		if (poll(&ready, 1, 100) <= 0)
			continue;
		if (channel_receive(scene->siblings[ROLE_LEDGER], scene->heard, CHANNEL_MESSAGE_MAX,
		                    NULL, NULL) == sizeof(*message) &&
		    message->type == MESSAGE_COUNTERS)
			refused = message->counters.messages_refused;
	}
	return refused;
}

/* The ledger tells it to whoever asks. */
static uint64_t refused_by_status(struct scene *scene)
{
	static const char question[] = "{\"command\":\"status\"}\n",
			  name[] = "\"messages_refused\":";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int asking = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *text = calloc(1, 65536), *found;
	unsigned long long refused = 0;
	size_t len = 0;
	ssize_t got = 1;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", scene->socket);
	assert_int_equal(connect(asking, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(asking, question, sizeof(question) - 1), sizeof(question) - 1);
	shutdown(asking, SHUT_WR);
	while (got > 0 && len < 65535) {
		got = read(asking, text + len, 65535 - len);
		len += got > 0 ? (size_t)got : 0;
	}
	found = strstr(text, name);
	assert_non_null(found);
	refused = strtoull(found + sizeof(name) - 1, NULL, 10);
	free(text);
	close(asking);
	return refused;
}

static void every_wrong_message_is_refused_by(enum role role)
{
	struct scene *scene = begin(role);

	settle(scene);
	for (enum role from = ROLE_GUARD; from < ROLE_COUNT; from++) {
		if (from != role)
			send_misplaced(scene, from);
	}
	assert_true(scene->sent_wrong > 300);
	assert_int_equal(role == ROLE_LEDGER ? (assert_unimpressed(scene), refused_by_status(scene))
	                                     : refused_by_counters(scene),
	                 scene->sent_wrong);
	assert_unimpressed(scene);
	for (enum role from = ROLE_GUARD; from < ROLE_COUNT; from++) {
		if (from != role)
			send_noise(scene, from, (uint32_t)role * 16 + (uint32_t)from);
	}
	assert_unimpressed(scene);
	end(scene);
}

static void the_guard_is_not_moved_by_scout_verifier_or_ledger(void **state)
{
	(void)state;
	every_wrong_message_is_refused_by(ROLE_GUARD);
}

static void the_scout_is_not_moved_by_guard_verifier_or_ledger(void **state)
{
	(void)state;
	every_wrong_message_is_refused_by(ROLE_SCOUT);
}

static void the_verifier_is_not_moved_by_guard_scout_or_ledger(void **state)
{
	(void)state;
	every_wrong_message_is_refused_by(ROLE_VERIFIER);
}

static void the_ledger_is_not_moved_by_guard_scout_or_verifier(void **state)
{
	(void)state;
	every_wrong_message_is_refused_by(ROLE_LEDGER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guard_is_not_moved_by_scout_verifier_or_ledger),
		cmocka_unit_test(the_scout_is_not_moved_by_guard_verifier_or_ledger),
		cmocka_unit_test(the_verifier_is_not_moved_by_guard_scout_or_ledger),
		cmocka_unit_test(the_ledger_is_not_moved_by_guard_scout_or_verifier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

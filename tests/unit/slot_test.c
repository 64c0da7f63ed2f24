/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slot.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"
#include "birth.h"
#include "process.h"

/*
 * The supervisor's side of a child that was taken over: here the child is born as somebody who sends every type of message, of
 * every length that matters, with a descriptor, and with whatever in it.
 */

enum { TYPES = MESSAGE_NAMES + 2, LINES_MAX = 8 };

static size_t left = SIZE_MAX; /* allocations of the event loop's until memory ends */
static unsigned births;

static bool is_at_end(void)
{
	if (left != SIZE_MAX && left > 0)
		left--;
	return left == 0;
}

static void *take(size_t len)
{
	return is_at_end() ? NULL : malloc(len);
}

static void *take_again(void *old, size_t len)
{
	return is_at_end() ? NULL : realloc(old, len);
}

static const size_t lengths[] = {
	1,
	sizeof(struct message) - 1,
	sizeof(struct message),
	sizeof(struct message_reload) - 1,
	sizeof(struct message_reload),
	sizeof(struct message_reload) + 1,
	sizeof(struct message_sockets) - 1,
	sizeof(struct message_sockets),
	sizeof(struct message_sockets) + 1,
	sizeof(struct message_state),
	sizeof(struct message_event),
	CHANNEL_MESSAGE_MAX / 2,
};

/* What the supervisor was moved to. */
struct moved {
	unsigned changes, reloads, sockets, told;
	struct message_sockets last;
};

static void send_one(int channel, const uint8_t *message, size_t len)
{
	int gift = dup(STDIN_FILENO);

	while (channel_send_descriptors(channel, message, len, &gift, 1) == -EAGAIN)
		(void)usleep(500);
	close(gift);
}

/* Two that a scout may have, and one that nobody may. */
static void send_wishes(int channel)
{
	static const struct message_sockets wishes[] = {
		{ .type = MESSAGE_SOCKETS, .family = 4 },
		{ .type = MESSAGE_SOCKETS, .family = 4, .client = { .family = 6 } },
		{ .type = MESSAGE_SOCKETS, .family = 6, .client = { .family = 6 } },
	};

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		send_one(channel, (const uint8_t *)&wishes[i], sizeof(wishes[i]));
}

/* Of those there is a bound; whoever asks beyond it is told. */
static void ask_for_reloads(int channel, unsigned asked_before)
{
	enum { WISHES = 20, FIRST = 100 };
	struct message_reload wish = { .type = MESSAGE_RELOAD };
	struct message_reloaded told;
	unsigned refused = 0;

	for (wish.request = FIRST; wish.request < FIRST + WISHES; wish.request++)
		send_one(channel, (const uint8_t *)&wish, sizeof(wish));
	(void)alarm(5);
	while (refused < asked_before + WISHES - SLOT_RELOADS_MAX) {
		if (channel_receive(channel, &told, sizeof(told), NULL, NULL) != sizeof(told)) {
			(void)usleep(500);
			continue;
		}
		if (told.type != MESSAGE_RELOADED || told.result != -EAGAIN ||
		    told.request != FIRST + SLOT_RELOADS_MAX - asked_before + refused++)
			_exit(1);
	}
}

/* Stands in the place of what forks a guard: the channel, and what comes through it, are real. */
pid_t birth(const struct child *child, const char *name)
{
	uint8_t *message = malloc(CHANNEL_MESSAGE_MAX);
	pid_t pid = fork();

	(void)name;
	births++;
	if (pid != 0) {
		free(message);
		return pid;
	}
	for (uint32_t type = 0; type < TYPES; type++) {
		for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
			memset(message, i % 2 ? 0xff : 0, CHANNEL_MESSAGE_MAX);
			memcpy(message, &type, sizeof(type));
			send_one(child->supervisor, message, lengths[i / 2]);
		}
	}
	send_wishes(child->supervisor);
	if (child->role == ROLE_LEDGER)
		ask_for_reloads(child->supervisor, 2);
	_exit(0);
}

static void on_born(void *owner, enum role role)
{
	(void)owner;
	(void)role;
}

static void on_change(void *owner)
{
	struct moved *moved = owner;

	moved->changes++;
}

static void on_tell(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct moved *moved = owner;

	(void)kind;
	(void)subject;
	(void)text;
	moved->told++;
}

static void on_reload(void *owner, uint32_t request)
{
	struct moved *moved = owner;

	(void)request;
	moved->reloads++;
}

static void on_sockets(void *owner, const struct message_sockets *request)
{
	struct moved *moved = owner;

	moved->sockets++;
	moved->last = *request;
}

static const struct children_hooks hooks = {
	.on_born = on_born,
	.on_change = on_change,
	.on_tell = on_tell,
	.on_reload = on_reload,
	.on_sockets = on_sockets,
};

static void end_loop(evutil_socket_t none, short what, void *base)
{
	(void)none;
	(void)what;
	event_base_loopbreak(base);
}

static unsigned count_descriptors(void)
{
	DIR *listing = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(listing);
	while (readdir(listing))
		count++;
	closedir(listing);
	return count;
}

/* Until all that it sent is read. */
static struct moved by(enum role role)
{
	static const struct timeval patience = { .tv_usec = 300000 };
	struct moved moved = { .changes = 0 };
	struct resources resources = { .queue_count = 0 };
	struct event_base *base = event_base_new();
	const struct children_options options = {
		.base = base, .resources = &resources, .hooks = &hooks, .owner = &moved
	};
	struct slot slot = { .options = &options, .role = role, .channel = -1, .name = "hostile" };
	unsigned before = count_descriptors();
	int status;

	assert_int_equal(slot_spawn(&slot, process_now_ms()), 0);
	while (waitpid(slot.pid, &status, WNOHANG) == 0)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(status, 0);
	assert_int_equal(event_base_once(base, -1, EV_TIMEOUT, end_loop, base, &patience), 0);
	(void)event_base_dispatch(base);
	slot_close(&slot);
	/* What came along was not kept. */
	assert_int_equal(count_descriptors(), before);
	event_base_free(base);
	return moved;
}

static void a_guard_and_a_verifier_can_say_that_they_are_ready_once_and_nothing_else(void **state)
{
	static const enum role roles[] = { ROLE_GUARD, ROLE_VERIFIER };

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct moved moved = by(roles[i]);

		assert_int_equal(moved.changes, 1);
		assert_int_equal(moved.reloads, 0);
		assert_int_equal(moved.sockets, 0);
		assert_int_equal(moved.told, 0);
	}
}

static void a_ledger_can_ask_that_the_configuration_be_read_again_and_for_nothing_else(void **state)
{
	struct moved moved;

	(void)state;
	/* Well within one stretch of the bound's. */
	while (process_now_ms() % (SLOT_RELOADS_S * 1000UL) > SLOT_RELOADS_S * 500UL)
		(void)usleep(10000);
	moved = by(ROLE_LEDGER);
	assert_int_equal(moved.changes, 1);
	/* Two of all lengths and contents, then as many as it may. */
	assert_int_equal(moved.reloads, SLOT_RELOADS_MAX);
	assert_int_equal(moved.sockets, 0);
	assert_int_equal(moved.told, 0);
}

/* Neither zeros nor ones are a family. */
static void a_scout_gets_the_sockets_it_may_have_and_nothing_else(void **state)
{
	struct moved moved = by(ROLE_SCOUT);

	(void)state;
	assert_int_equal(moved.changes, 1);
	assert_int_equal(moved.reloads, 0);
	assert_int_equal(moved.sockets, 2);
	assert_int_equal(moved.last.client.family, 6);
	assert_int_equal(moved.told, 0);
}

static void nobody_is_born_for_whom_there_is_no_memory(void **state)
{
	struct moved moved = { .changes = 0 };
	struct resources resources = { .queue_count = 0 };
	struct event_base *base = event_base_new();
	const struct children_options options = {
		.base = base, .resources = &resources, .hooks = &hooks, .owner = &moved
	};
	struct slot slot = {
		.options = &options, .role = ROLE_GUARD, .channel = -1, .name = "hungry"
	};
	unsigned before = count_descriptors(), refused = 0;
	int err;

	(void)state;
	births = 0;
	for (size_t allowed = 1;; allowed++, refused++) {
		left = allowed;
		err = slot_spawn(&slot, process_now_ms());
		left = SIZE_MAX;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(births, 0);
		assert_int_equal(slot.pid, 0);
		assert_null(slot.readable);
		assert_int_equal(count_descriptors(), before);
	}
	assert_true(refused > 0);
	assert_int_equal(births, 1);
	(void)kill(slot.pid, SIGKILL);
	assert_int_equal(waitpid(slot.pid, NULL, 0), slot.pid);
	slot_close(&slot);
	event_base_free(base);
}

/* Somebody who hears nothing. far: his end of the channel, which nobody reads. */
static void stand_in(struct slot *slot, enum role role, int *far)
{
	int ends[2];

	*slot = (struct slot){ .role = role, .name = "silent" };
	assert_int_equal(channel_pair(ends), 0);
	slot->channel = ends[0];
	*far = ends[1];
	slot->pid = fork();
	assert_true(slot->pid >= 0);
	if (slot->pid > 0)
		return;
	for (;;)
		(void)pause();
}

static bool has_ended(const struct slot *slot)
{
	int status = 0, tries = 0;
	pid_t pid;

	do {
		(void)usleep(10000);
		pid = waitpid(slot->pid, &status, WNOHANG);
	} while (pid == 0 && ++tries < 20);
	if (pid == 0) {
		(void)kill(slot->pid, SIGKILL);
		(void)waitpid(slot->pid, NULL, 0);
	}
	return pid == slot->pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* He would live on without the other, and nobody would know. */
static void whose_channel_is_full_is_ended_and_nobody_else(void **state)
{
	struct slot guard, scout;
	int guard_end, scout_end;
	static const uint8_t noise[1024] = { 1 };

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		stand_in(&guard, ROLE_GUARD, &guard_end);
		stand_in(&scout, ROLE_SCOUT, &scout_end);
		while (channel_send(scout.channel, noise, sizeof(noise)) == 0)
			;
		if (turn == 0)
			slot_connect(&guard, &scout);
		else
			slot_connect(&scout, &guard);
		assert_true(has_ended(&scout));
		assert_false(has_ended(&guard));
		close(guard.channel);
		close(scout.channel);
		close(guard_end);
		close(scout_end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_guard_and_a_verifier_can_say_that_they_are_ready_once_and_nothing_else),
		cmocka_unit_test(
			a_ledger_can_ask_that_the_configuration_be_read_again_and_for_nothing_else),
		cmocka_unit_test(a_scout_gets_the_sockets_it_may_have_and_nothing_else),
		cmocka_unit_test(nobody_is_born_for_whom_there_is_no_memory),
		cmocka_unit_test(whose_channel_is_full_is_ended_and_nobody_else),
	};

	event_set_mem_functions(take, take_again, free);

	return cmocka_run_group_tests(tests, NULL, NULL);
}

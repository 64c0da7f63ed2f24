/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "children.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log.h"
#include "birth.h"
#include "death.h"
#include "process.h"

enum { SCOUT_SLOT, LEDGER_SLOT, GUARD_SLOTS, SLOTS_MAX = GUARD_SLOTS + CONFIG_QUEUES_MAX };

/* What a child may send us fits in this; anything longer is refused. */
enum { RECEIVED_MAX = sizeof(struct message_reload), NAME_ROOM = 16, MESSAGES_PER_TURN = 64 };

/* One child, dead or alive. */
struct slot {
	struct children *children;
	enum role role;
	unsigned index;
	char name[NAME_ROOM]; /* "guard[0]" */
	pid_t pid;            /* 0: dead */
	int channel;
	struct event *readable;
	struct event *restart; /* pending while dead */
	bool is_ready;
	bool is_overdue; /* killed by us because it was not heard */
	bool is_bypassed;
	unsigned deaths; /* since it was last healthy */
	uint32_t restarts;
	uint64_t started_ms;
	uint64_t heard_ms;
};

struct children {
	struct children_options options;
	struct slot slots[SLOTS_MAX];
	size_t count;
	uint64_t ticked_ms;
	bool is_stopping;
};

static void tell(struct children *children, enum event_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(struct children *children, enum event_kind kind, const char *format, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	children->options.hooks->on_tell(children->options.owner, kind, text);
}

static void close_channel(struct slot *slot)
{
	if (slot->readable)
		event_free(slot->readable);
	slot->readable = NULL;
	if (slot->channel >= 0)
		close(slot->channel);
	slot->channel = -1;
}

static bool take_message(struct slot *slot, const void *message, size_t len)
{
	struct children *children = slot->children;
	struct message header;
	struct message_reload reload;

	if (len < sizeof(header))
		return false;
	memcpy(&header, message, sizeof(header));
	switch (header.type) {
	case MESSAGE_READY:
		if (len != sizeof(header) || slot->is_ready)
			return false;
		slot->is_ready = true;
		children->options.hooks->on_change(children->options.owner);
		return true;
	case MESSAGE_HEARTBEAT:
		return len == sizeof(header);
	case MESSAGE_RELOAD:
		if (len != sizeof(reload) || slot->role != ROLE_LEDGER)
			return false;
		memcpy(&reload, message, sizeof(reload));
		children->options.hooks->on_reload(children->options.owner, reload.request);
		return true;
	default:
		return false;
	}
}

static void on_readable(evutil_socket_t channel, short what, void *argument)
{
	struct slot *slot = argument;
	unsigned char message[RECEIVED_MAX];
	int turn;

	(void)what;
	for (turn = 0; turn < MESSAGES_PER_TURN && slot->channel == channel; turn++) {
		ssize_t len = channel_receive(channel, message, sizeof(message), NULL, NULL);

		if (len == -EAGAIN)
			return;
		if (len == 0 || (len < 0 && len != -EMSGSIZE)) {
			/* It will die, or be missed: its end of the channel says nothing about why. */
			event_del(slot->readable);
			return;
		}
		slot->heard_ms = process_now_ms();
		if (len < 0 || !take_message(slot, message, (size_t)len))
			log_debug("message refused from=%s", slot->name);
	}
}

static struct child child_of(const struct slot *slot, int channel)
{
	const struct children_options *options = &slot->children->options;
	const struct resources *resources = options->resources;
	struct child child = {
		.role = slot->role,
		.index = slot->index,
		.config = options->config,
		.set = options->set,
		.set_count = options->set_count,
		.supervisor = channel,
		.queue = -1,
		.listener = -1,
		.event_file = -1,
		.narrates = options->narrates,
		.state_directory = -1,
	};
	size_t i;

	for (i = 0; i < RAWSEND_COUNT; i++)
		child.raw[i] = slot->role == ROLE_GUARD ? resources->raw[i] : -1;
	if (slot->role == ROLE_GUARD)
		child.queue = resources->queues[slot->index];
	else
		child.state_directory = resources->state_directory;
	if (slot->role == ROLE_LEDGER) {
		child.listener = resources->listener;
		child.event_file = resources->event_file;
	}
	return child;
}

static int spawn(struct slot *slot, uint64_t now_ms)
{
	struct child child;
	int ends[2];
	int err = channel_pair(ends);
	pid_t pid;

	if (err)
		return err;
	child = child_of(slot, ends[1]);
	pid = birth(&child, slot->name);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return pid;
	}
	slot->pid = pid;
	slot->channel = ends[0];
	slot->is_ready = slot->is_overdue = false;
	slot->started_ms = slot->heard_ms = now_ms;
	slot->readable = event_new(slot->children->options.base, ends[0], EV_READ | EV_PERSIST,
	                           on_readable, slot);
	if (!slot->readable || event_add(slot->readable, NULL) != 0)
		return -ENOMEM;
	return 0;
}

/* A dead or hung one is connected when its successor lives: so errors here need no answer. */
static void connect_pair(struct slot *a, struct slot *b)
{
	struct message_peer to_a = { MESSAGE_PEER, b->role, b->index };
	struct message_peer to_b = { MESSAGE_PEER, a->role, a->index };
	int ends[2];

	if (a->pid == 0 || b->pid == 0 || (a->role == ROLE_GUARD && b->role == ROLE_GUARD) ||
	    channel_pair(ends) != 0)
		return;
	(void)channel_send_descriptors(a->channel, &to_a, sizeof(to_a), &ends[0], 1);
	(void)channel_send_descriptors(b->channel, &to_b, sizeof(to_b), &ends[1], 1);
	close(ends[0]);
	close(ends[1]);
}

static void restart_later(struct slot *slot, uint64_t delay_ms)
{
	struct timeval delay = {
		.tv_sec = (time_t)(delay_ms / 1000),
		.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000),
	};

	(void)event_add(slot->restart, &delay);
}

static int take_queue_back(struct slot *slot)
{
	const struct children_options *options = &slot->children->options;
	char error[CONFIG_ERROR_MAX];
	int err;

	if (slot->role != ROLE_GUARD || options->resources->queues[slot->index] >= 0)
		return 0;
	err = resources_open_queue(options->resources, options->config, slot->index, error);
	if (err)
		log_warn("%s", error);
	return err;
}

static void on_restart(evutil_socket_t none, short what, void *argument)
{
	struct slot *slot = argument;
	struct children *children = slot->children;
	size_t i;
	int err = take_queue_back(slot);

	(void)none;
	(void)what;
	if (!err)
		err = spawn(slot, process_now_ms());
	if (err) {
		log_error("%s not started error=\"%s\"", slot->name, strerror(-err));
		restart_later(slot, DEATH_DELAY_MAX_MS);
		return;
	}
	slot->restarts++;
	for (i = 0; i < children->count; i++) {
		if (&children->slots[i] != slot)
			connect_pair(slot, &children->slots[i]);
	}
	children->options.hooks->on_change(children->options.owner);
}

/* The guard's queue stays open over its death, so nothing queued is lost; but not for long where mail shall pass. */
static void give_queue_back(struct slot *slot, uint64_t delay_ms)
{
	const struct children_options *options = &slot->children->options;
	int *queue = &options->resources->queues[slot->index];

	if (slot->role != ROLE_GUARD || !options->config->fails_open ||
	    delay_ms < CHILD_DELAY_BYPASS_MS || *queue < 0)
		return;
	close(*queue);
	*queue = -1;
	if (!slot->is_bypassed)
		tell(slot->children, EVENT_DEGRADED,
		     "%s keeps dying: its share of the mail passes unjudged until it lives "
		     "(on-failure = open)",
		     slot->name);
	slot->is_bypassed = true;
}

static void bury(struct slot *slot, int status)
{
	struct children *children = slot->children;
	char how[128], when[48] = "at once";
	pid_t pid = slot->pid;
	uint64_t delay_ms;

	close_channel(slot);
	slot->pid = 0;
	slot->deaths++;
	delay_ms = death_delay_ms(slot->deaths);
	if (slot->is_overdue)
		snprintf(how, sizeof(how), "was not heard for %d s and was killed",
		         HEARTBEAT_MISSED_MS / 1000);
	else
		death_describe(how, sizeof(how), status);
	slot->is_ready = false;
	if (children->is_stopping)
		return;
	if (delay_ms > 0)
		snprintf(when, sizeof(when), "in %u ms", (unsigned)delay_ms);
	tell(children, EVENT_CHILD_DIED, "%s (pid %d) %s; it is started again %s", slot->name,
	     (int)pid, how, when);
	give_queue_back(slot, delay_ms);
	restart_later(slot, delay_ms);
	children->options.hooks->on_change(children->options.owner);
}

void children_reap(struct children *children, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < children->count; i++) {
		struct slot *slot = &children->slots[i];
		int status;

		if (slot->pid == 0 || waitpid(slot->pid, &status, WNOHANG) != slot->pid)
			continue;
		if (now_ms - slot->started_ms >= CHILD_HEALTHY_MS && !slot->is_overdue)
			slot->deaths = 0;
		bury(slot, status);
	}
}

static void forgive(struct slot *slot)
{
	slot->deaths = 0;
	if (!slot->is_bypassed)
		return;
	slot->is_bypassed = false;
	tell(slot->children, EVENT_RECOVERED, "%s lives again and judges its share of the mail",
	     slot->name);
}

void children_tick(struct children *children, uint64_t now_ms)
{
	/* We ourselves were stopped or busy meanwhile: what the children said is still unread. */
	bool was_away = now_ms - children->ticked_ms > HEARTBEAT_MISSED_MS / 2;
	size_t i;

	children->ticked_ms = now_ms;
	for (i = 0; i < children->count; i++) {
		struct slot *slot = &children->slots[i];

		if (slot->pid == 0)
			continue;
		if (was_away)
			slot->heard_ms = now_ms;
		if (now_ms - slot->heard_ms >= HEARTBEAT_MISSED_MS && !slot->is_overdue) {
			slot->is_overdue = true;
			(void)kill(slot->pid, SIGKILL);
		} else if (slot->is_ready && now_ms - slot->started_ms >= CHILD_HEALTHY_MS) {
			forgive(slot);
		}
	}
}

static void init_slot(struct children *children, enum role role, unsigned index)
{
	struct slot *slot = &children->slots[children->count++];

	*slot = (struct slot){ .children = children, .role = role, .index = index, .channel = -1 };
	if (role == ROLE_GUARD)
		snprintf(slot->name, sizeof(slot->name), "guard[%u]", index % CONFIG_QUEUES_MAX);
	else
		snprintf(slot->name, sizeof(slot->name), role == ROLE_SCOUT ? "scout" : "ledger");
	slot->restart = event_new(children->options.base, -1, 0, on_restart, slot);
}

struct children *children_new(const struct children_options *options)
{
	struct children *children = calloc(1, sizeof(*children));
	unsigned i;

	if (!children)
		return NULL;
	children->options = *options;
	children->ticked_ms = process_now_ms();
	init_slot(children, ROLE_SCOUT, 0);
	init_slot(children, ROLE_LEDGER, 0);
	for (i = 0; i < options->resources->queue_count; i++)
		init_slot(children, ROLE_GUARD, i);
	for (i = 0; i < children->count; i++) {
		if (!children->slots[i].restart) {
			children_free(children);
			return NULL;
		}
	}
	return children;
}

void children_free(struct children *children)
{
	size_t i;

	if (!children)
		return;
	for (i = 0; i < children->count; i++) {
		close_channel(&children->slots[i]);
		if (children->slots[i].restart)
			event_free(children->slots[i].restart);
	}
	free(children);
}

int children_start(struct children *children)
{
	size_t i, j;

	for (i = 0; i < children->count; i++) {
		int err = spawn(&children->slots[i], process_now_ms());

		if (err)
			return err;
	}
	for (i = 0; i < children->count; i++) {
		for (j = 0; j < i; j++)
			connect_pair(&children->slots[i], &children->slots[j]);
	}
	return 0;
}

static void ask_to_stop(struct slot *slot)
{
	static const struct message stop = { .type = MESSAGE_STOP };

	if (slot->pid != 0 && channel_send(slot->channel, &stop, sizeof(stop)) != 0)
		(void)kill(slot->pid, SIGKILL);
}

/* Waits for those of the slots from..until that live; kills what is left in the end. */
static void await_end(struct children *children, size_t from, size_t until)
{
	static const struct timespec pause = { .tv_nsec = 5 * 1000000L };
	uint64_t deadline_ms = process_now_ms() + CHILD_STOP_MS;
	bool is_killed = false;

	for (;;) {
		size_t left = 0, i;

		for (i = from; i < until; i++) {
			struct slot *slot = &children->slots[i];
			int status;

			if (slot->pid != 0 && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
				bury(slot, status);
			left += slot->pid != 0;
		}
		if (left == 0)
			return;
		if (!is_killed && process_now_ms() >= deadline_ms) {
			for (i = from; i < until; i++) {
				if (children->slots[i].pid != 0)
					(void)kill(children->slots[i].pid, SIGKILL);
			}
			is_killed = true;
		}
		(void)nanosleep(&pause, NULL);
	}
}

void children_stop(struct children *children)
{
	size_t i;

	children->is_stopping = true;
	for (i = 0; i < children->count; i++) {
		event_del(children->slots[i].restart);
		if (i != LEDGER_SLOT)
			ask_to_stop(&children->slots[i]);
	}
	await_end(children, SCOUT_SLOT, SCOUT_SLOT + 1);
	await_end(children, GUARD_SLOTS, children->count);
	ask_to_stop(&children->slots[LEDGER_SLOT]);
	await_end(children, LEDGER_SLOT, LEDGER_SLOT + 1);
}

bool children_are_ready(const struct children *children)
{
	size_t i;

	for (i = 0; i < children->count; i++) {
		if (!children->slots[i].is_ready)
			return false;
	}
	return true;
}

static const struct slot *find_slot(const struct children *children, enum role role, unsigned index)
{
	size_t i;

	for (i = 0; i < children->count; i++) {
		if (children->slots[i].role == role && children->slots[i].index == index)
			return &children->slots[i];
	}
	return NULL;
}

bool children_is_ready(const struct children *children, enum role role, unsigned index)
{
	const struct slot *slot = find_slot(children, role, index);

	return slot && slot->is_ready;
}

int children_send(struct children *children, enum role role, unsigned index, const void *message,
                  size_t len, int descriptor)
{
	const struct slot *slot = find_slot(children, role, index);

	if (!slot || slot->pid == 0)
		return -ENOTCONN;
	if (descriptor < 0)
		return channel_send(slot->channel, message, len);
	return channel_send_descriptors(slot->channel, message, len, &descriptor, 1);
}

void children_fill_state(const struct children *children, struct message_state *state)
{
	size_t i;

	state->child_count = 0;
	for (i = 0; i < children->count && i < MESSAGE_CHILDREN_MAX; i++) {
		const struct slot *slot = &children->slots[i];

		state->children[state->child_count++] = (struct child_state){
			.role = slot->role,
			.index = slot->index,
			.pid = slot->pid,
			.is_ready = slot->is_ready,
			.restarts = slot->restarts,
		};
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "children.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log.h"
#include "death.h"
#include "process.h"
#include "slot.h"

enum {
	SCOUT_SLOT,
	LEDGER_SLOT,
	VERIFIER_SLOT,
	GUARD_SLOTS,
	SLOTS_MAX = GUARD_SLOTS + CONFIG_QUEUES_MAX,
};

struct children {
	struct children_options options;
	struct slot slots[SLOTS_MAX];
	size_t count;
	uint64_t ticked_ms;
	bool is_stopping;
};

static void restart_later(struct slot *slot, uint64_t delay_ms)
{
	struct timeval delay = {
		.tv_sec = (time_t)(delay_ms / 1000),
		.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000),
	};

	(void)event_add(slot->restart, &delay);
}

static void on_restart(evutil_socket_t none, short what, void *argument)
{
	struct slot *slot = argument;
	struct children *children = slot->children;
	size_t i;
	int err = slot_take_queue_back(slot);

	(void)none;
	(void)what;
	if (!err)
		err = slot_spawn(slot, process_now_ms());
	if (err) {
		log_error("%s not started error=\"%s\"", slot->name, strerror(-err));
		slot_give_queue_back(slot, DEATH_DELAY_MAX_MS);
		restart_later(slot, DEATH_DELAY_MAX_MS);
		return;
	}
	slot->restarts++;
	children->options.hooks->on_born(children->options.owner, slot->role);
	for (i = 0; i < children->count; i++) {
		if (&children->slots[i] != slot)
			slot_connect(slot, &children->slots[i]);
	}
	children->options.hooks->on_change(children->options.owner);
}

static void bury(struct slot *slot, int status)
{
	struct children *children = slot->children;
	char how[128], when[48] = "at once";
	pid_t pid = slot->pid;
	uint64_t delay_ms;

	slot_close(slot);
	slot->pid = 0;
	if (slot->is_renewed && !children->is_stopping) {
		log_info("%s ended for its successor", slot->name);
		slot->is_ready = false;
		restart_later(slot, 0);
		children->options.hooks->on_change(children->options.owner);
		return;
	}
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
	slot_tell(slot, EVENT_CHILD_DIED, "%s (pid %d) %s; it is started again %s", slot->name,
	          (int)pid, how, when);
	slot_give_queue_back(slot, delay_ms);
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

void children_tick(struct children *children, uint64_t now_ms)
{
	/* We ourselves were stopped or busy meanwhile: what the children said is still unread. */
	bool was_away = now_ms - children->ticked_ms > HEARTBEAT_MISSED_MS / 2;
	size_t i;

	children->ticked_ms = now_ms;
	for (i = 0; i < children->count; i++) {
		struct slot *slot = &children->slots[i];

		if (slot->pid == 0) {
			/* There was no memory for the appointment. */
			if (!children->is_stopping &&
			    !event_pending(slot->restart, EV_TIMEOUT, NULL))
				restart_later(slot, 0);
			continue;
		}
		if (was_away)
			slot->heard_ms = now_ms;
		if (now_ms - slot->heard_ms >= HEARTBEAT_MISSED_MS && !slot->is_overdue) {
			slot->is_overdue = true;
			(void)kill(slot->pid, SIGKILL);
		} else if (slot->is_ready && now_ms - slot->started_ms >= CHILD_HEALTHY_MS) {
			slot_forgive(slot);
		}
	}
}

static const char *name_of(enum role role)
{
	return role == ROLE_SCOUT ? "scout" : role == ROLE_LEDGER ? "ledger" : "verifier";
}

static void init_slot(struct children *children, enum role role, unsigned index)
{
	struct slot *slot = &children->slots[children->count++];

	*slot = (struct slot){
		.children = children,
		.options = &children->options,
		.role = role,
		.index = index,
		.channel = -1,
	};
	if (role == ROLE_GUARD)
		snprintf(slot->name, sizeof(slot->name), "guard[%u]", index % CONFIG_QUEUES_MAX);
	else
		snprintf(slot->name, sizeof(slot->name), "%s", name_of(role));
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
	init_slot(children, ROLE_VERIFIER, 0);
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
		slot_close(&children->slots[i]);
		if (children->slots[i].restart)
			event_free(children->slots[i].restart);
	}
	free(children);
}

int children_start(struct children *children)
{
	size_t i, j;

	for (i = 0; i < children->count; i++) {
		int err = slot_spawn(&children->slots[i], process_now_ms());

		if (err)
			return err;
		children->options.hooks->on_born(children->options.owner, children->slots[i].role);
	}
	for (i = 0; i < children->count; i++) {
		for (j = 0; j < i; j++)
			slot_connect(&children->slots[i], &children->slots[j]);
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
	await_end(children, VERIFIER_SLOT, children->count);
	ask_to_stop(&children->slots[LEDGER_SLOT]);
	await_end(children, LEDGER_SLOT, LEDGER_SLOT + 1);
}

void children_renew(struct children *children, enum role role)
{
	for (size_t i = 0; i < children->count; i++) {
		struct slot *slot = &children->slots[i];

		if (slot->role != role || slot->pid == 0)
			continue;
		slot->is_renewed = true;
		ask_to_stop(slot);
	}
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

unsigned children_life(const struct children *children, enum role role, unsigned index)
{
	const struct slot *slot = find_slot(children, role, index);

	return slot && slot->pid != 0 ? slot->restarts + 1 : 0;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slot.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log.h"
#include "birth.h"
#include "process.h"

/* What a child may send us fits in this; anything longer is refused. */
enum { RECEIVED_MAX = sizeof(struct message_sockets), MESSAGES_PER_TURN = 64 };

_Static_assert((int)RECEIVED_MAX >= (int)sizeof(struct message_reload), "the longest of them");

void slot_close(struct slot *slot)
{
	if (slot->readable)
		event_free(slot->readable);
	slot->readable = NULL;
	if (slot->channel >= 0)
		close(slot->channel);
	slot->channel = -1;
}

void slot_tell(const struct slot *slot, enum event_kind kind, const char *format, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	slot->options->hooks->on_tell(slot->options->owner, kind, slot->name, text);
}

static bool take_sockets(const struct slot *slot, const void *message, size_t len)
{
	const struct children_options *options = slot->options;
	struct message_sockets sockets;

	if (len != sizeof(sockets) || slot->role != ROLE_SCOUT || !options->hooks->on_sockets)
		return false;
	memcpy(&sockets, message, sizeof(sockets));
	if ((sockets.family != 4 && sockets.family != 6) ||
	    (sockets.client.family != 0 && sockets.client.family != sockets.family))
		return false;
	options->hooks->on_sockets(options->owner, &sockets);
	return true;
}

/* A reload reads files and tells all children, in the time in which we hear the others: who was taken over does not have it all. */
static bool take_reload(struct slot *slot, const void *message, size_t len)
{
	const struct children_options *options = slot->options;
	struct message_reloaded refusal = { .type = MESSAGE_RELOADED, .result = -EAGAIN };
	struct message_reload reload;

	if (len != sizeof(reload) || slot->role != ROLE_LEDGER)
		return false;
	memcpy(&reload, message, sizeof(reload));
	if (rate_take(&slot->reloads, SLOT_RELOADS_MAX, SLOT_RELOADS_S * 1000, process_now_ms())) {
		options->hooks->on_reload(options->owner, reload.request);
		return true;
	}
	refusal.request = reload.request;
	snprintf(refusal.error, sizeof(refusal.error),
	         "asked for more than %d times in %d seconds: try again", SLOT_RELOADS_MAX,
	         SLOT_RELOADS_S);
	(void)channel_send(slot->channel, &refusal, sizeof(refusal));
	return true;
}

static bool take_message(struct slot *slot, const void *message, size_t len)
{
	const struct children_options *options = slot->options;
	struct message header;

	if (len < sizeof(header))
		return false;
	memcpy(&header, message, sizeof(header));
	switch (header.type) {
	case MESSAGE_READY:
		if (len != sizeof(header) || slot->is_ready)
			return false;
		slot->is_ready = true;
		options->hooks->on_change(options->owner);
		return true;
	case MESSAGE_HEARTBEAT:
		return len == sizeof(header);
	case MESSAGE_RELOAD:
		return take_reload(slot, message, len);
	case MESSAGE_SOCKETS:
		return take_sockets(slot, message, len);
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
	const struct children_options *options = slot->options;
	const struct resources *resources = options->resources;
	struct child child = {
		.role = slot->role,
		.index = slot->index,
		.config = options->config,
		.set = options->set,
		.set_count = options->set_count,
		.supervisor = channel,
		.queue = -1,
		.log = -1,
		.dns_queue = -1,
		.listener = -1,
		.event_file = -1,
		.narrates = options->narrates,
	};
	size_t i;

	for (i = 0; i < RAWSEND_COUNT; i++)
		child.raw[i] = slot->role == ROLE_GUARD ? resources->raw[i] : -1;
	if (slot->role == ROLE_GUARD && slot->index == 0) {
		child.log = resources->log;
		child.dns_queue = resources->dns_queue;
	}
	for (i = 0; i < PASSAGE_DESCRIPTORS_MAX; i++)
		child.passage.descriptors[i] = -1;
	if (slot->role == ROLE_GUARD) {
		child.queue = resources->queues[slot->index];
		memcpy(child.names_secret, options->names_secret, sizeof(child.names_secret));
		child.passage =
			passage_choice_ticket(&resources->passage, options->config, slot->index);
	}
	if (slot->role == ROLE_LEDGER) {
		child.listener = resources->listener;
		child.event_file = resources->event_file;
	}
	return child;
}

/* Whoever cannot be heard is not born: he would live on, with the queue of his successor. */
int slot_spawn(struct slot *slot, uint64_t now_ms)
{
	struct event *readable;
	struct child child;
	int ends[2];
	int err = channel_pair(ends);
	pid_t pid;

	if (err)
		return err;
	readable = event_new(slot->options->base, ends[0], EV_READ | EV_PERSIST, on_readable, slot);
	if (!readable || event_add(readable, NULL) != 0) {
		err = -ENOMEM;
		goto close_ends;
	}
	child = child_of(slot, ends[1]);
	pid = birth(&child, slot->name);
	if (pid < 0) {
		err = pid;
		goto close_ends;
	}
	close(ends[1]);
	slot->pid = pid;
	slot->channel = ends[0];
	slot->readable = readable;
	slot->is_ready = slot->is_overdue = slot->is_renewed = false;
	slot->started_ms = slot->heard_ms = now_ms;
	return 0;

close_ends:
	if (readable)
		event_free(readable);
	close(ends[0]);
	close(ends[1]);
	return err;
}

static void give_up(const struct slot *slot, const struct slot *peer, int err)
{
	/* It has ended already, and is buried soon. */
	if (err != -EPIPE && err != -ECONNRESET)
		log_error("%s ended, it could not be connected with %s error=\"%s\"", slot->name,
		          peer->name, strerror(-err));
	(void)kill(slot->pid, SIGKILL);
}

static int introduce(const struct slot *slot, const struct slot *peer, int end)
{
	const struct message_peer message = { MESSAGE_PEER, peer->role, peer->index };

	return channel_send_descriptors(slot->channel, &message, sizeof(message), &end, 1);
}

void slot_connect(struct slot *a, struct slot *b)
{
	int ends[2];
	int err;

	if (a->pid == 0 || b->pid == 0 || (a->role == ROLE_GUARD && b->role == ROLE_GUARD))
		return;
	err = channel_pair(ends);
	if (err) {
		give_up(a, b, err);
		return;
	}
	err = introduce(a, b, ends[0]);
	if (err) {
		give_up(a, b, err);
	} else {
		err = introduce(b, a, ends[1]);
		if (err)
			give_up(b, a, err);
	}
	close(ends[0]);
	close(ends[1]);
}

int slot_take_queue_back(struct slot *slot)
{
	const struct children_options *options = slot->options;
	char error[CONFIG_ERROR_MAX];
	int err;

	if (slot->role == ROLE_GUARD && slot->index == 0)
		resources_open_dns_queue(options->resources, options->config);
	if (slot->role != ROLE_GUARD || options->resources->queues[slot->index] >= 0)
		return 0;
	err = resources_open_queue(options->resources, options->config, slot->index, error);
	if (err)
		log_warn("%s", error);
	return err;
}

void slot_give_queue_back(struct slot *slot, uint64_t delay_ms)
{
	const struct children_options *options = slot->options;
	int *queue = &options->resources->queues[slot->index];

	/* DNS waits for nobody. */
	if (slot->role == ROLE_GUARD && slot->index == 0)
		resources_close_dns_queue(options->resources);
	if (slot->role != ROLE_GUARD || !options->config->fails_open ||
	    delay_ms < CHILD_DELAY_BYPASS_MS || *queue < 0)
		return;
	close(*queue);
	*queue = -1;
	if (!slot->is_bypassed)
		slot_tell(slot, EVENT_DEGRADED,
		          "%s keeps dying: its share of the mail passes unjudged until it lives "
		          "(on-failure = open)",
		          slot->name);
	slot->is_bypassed = true;
}

void slot_forgive(struct slot *slot)
{
	slot->deaths = 0;
	if (!slot->is_bypassed)
		return;
	slot->is_bypassed = false;
	slot_tell(slot, EVENT_RECOVERED, "%s lives again and judges its share of the mail",
	          slot->name);
}

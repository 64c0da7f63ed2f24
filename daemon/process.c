/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "busy_poll.h"
#include "message_sound.h"

/* Peers by slot: the other roles, then the guards. */
enum { SLOT_GUARDS = ROLE_COUNT, SLOTS_MAX = SLOT_GUARDS + CONFIG_QUEUES_MAX };

/* Messages read from one channel before others get their turn. */
enum { MESSAGES_PER_TURN = 64 };

struct peer {
	struct process *process;
	enum role role;
	unsigned index;
	int channel;
	struct event *readable; /* NULL: no such peer */
	struct event *writable; /* NULL: never awaited */
};

struct process {
	const struct child *child;
	struct process_hooks hooks;
	void *owner;
	struct event_base *base;
	struct event *second;
	struct busy_poll busy_poll;
	bool may_poll; /* on one processor nobody could send meanwhile */
	struct peer peers[SLOTS_MAX];
	const struct config *config;
	struct config *own_config; /* after a reload */
	uint64_t refused;
	int status;
	uint8_t *message;
	int *descriptor; /* of the message at hand; NULL outside of on_message */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t process_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t process_time_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000;
}

static struct peer *peer_of(struct process *process, enum role role, unsigned index)
{
	if (role == ROLE_GUARD)
		return index < CONFIG_QUEUES_MAX ? &process->peers[SLOT_GUARDS + index] : NULL;
	return (unsigned)role < ROLE_COUNT && index == 0 ? &process->peers[role] : NULL;
}

static void forget_peer(struct peer *peer)
{
	if (!peer->readable)
		return;
	event_free(peer->readable);
	peer->readable = NULL;
	if (peer->writable)
		event_free(peer->writable);
	peer->writable = NULL;
	close(peer->channel);
}

static void end(struct process *process, int status)
{
	process->status = status;
	event_base_loopbreak(process->base);
}

static void on_readable(evutil_socket_t descriptor, short what, void *argument);

/* Takes the channel over, also when it fails. */
static int add_peer(struct process *process, enum role role, unsigned index, int channel)
{
	struct peer *peer = peer_of(process, role, index);

	if (!peer) {
		close(channel);
		return -EINVAL;
	}
	forget_peer(peer);
	peer->process = process;
	peer->role = role;
	peer->index = index;
	peer->channel = channel;
	peer->readable = event_new(process->base, channel, EV_READ | EV_PERSIST, on_readable, peer);
	if (!peer->readable || event_add(peer->readable, NULL) < 0) {
		if (peer->readable)
			event_free(peer->readable);
		peer->readable = NULL;
		close(channel);
		return -ENOMEM;
	}
	return 0;
}

/* *channel becomes -1 when it was taken. */
static void take_peer(struct process *process, const void *message, size_t len, int *channel)
{
	const struct message_peer *peer = message;
	int end = *channel;

	if (len != sizeof(*peer) || end < 0 || peer->role == ROLE_SUPERVISOR ||
	    peer->role >= ROLE_COUNT || peer->index >= CONFIG_QUEUES_MAX) {
		process->refused++;
		return;
	}
	*channel = -1;
	if (add_peer(process, (enum role)peer->role, peer->index, end) == 0 &&
	    process->hooks.on_peer)
		process->hooks.on_peer(process->owner, (enum role)peer->role, peer->index);
}

/* *descriptor becomes -1 when it was taken. */
static void take_config(struct process *process, const void *message, size_t len, int *descriptor)
{
	const struct message_config *news = message;
	size_t text_room = len - offsetof(struct message_config, text);
	struct config *config, *old;
	char error[CONFIG_ERROR_MAX];

	if (len <= offsetof(struct message_config, text) || len > sizeof(*news) ||
	    strnlen(news->text, text_room) == text_room) {
		process->refused++;
		return;
	}
	config = calloc(1, sizeof(*config));
	if (!config)
		return;
	if (config_parse(config, process->config->file_name, news->text, process->child->set,
	                 process->child->set_count, error) < 0) {
		log_error("configuration refused error=\"%s\"", error);
		free(config);
		return;
	}
	old = process->own_config;
	process->own_config = config;
	process->config = config;
	log_set_level(config->log_level);
	if (process->hooks.on_descriptor) {
		process->hooks.on_descriptor(process->owner, *descriptor);
		*descriptor = -1;
	}
	if (process->hooks.on_config)
		process->hooks.on_config(process->owner, config);
	free(old);
}

static void take_message(struct peer *from, size_t len, int *descriptor)
{
	struct process *process = from->process;
	struct message header;

	if (len < sizeof(header)) {
		process->refused++;
		return;
	}
	memcpy(&header, process->message, sizeof(header));
	if (from->role == ROLE_SUPERVISOR) {
		switch (header.type) {
		case MESSAGE_PEER:
			take_peer(process, process->message, len, descriptor);
			return;
		case MESSAGE_CONFIG:
			take_config(process, process->message, len, descriptor);
			return;
		case MESSAGE_STOP:
			end(process, 0);
			return;
		}
	}
	if (!process->hooks.on_message)
		return;
	if (!message_is_sound(process->message, len)) {
		process->refused++;
		return;
	}
	process->descriptor = descriptor;
	process->hooks.on_message(process->owner, from->role, from->index, process->message, len);
	process->descriptor = NULL;
}

static void on_readable(evutil_socket_t descriptor, short what, void *argument)
{
	struct peer *peer = argument;
	struct process *process = peer->process;

	(void)what;
	for (int turn = 0; turn < MESSAGES_PER_TURN; turn++) {
		int descriptors[CHANNEL_DESCRIPTORS_MAX];
		size_t count = 0;
		ssize_t len = channel_receive(descriptor, process->message, CHANNEL_MESSAGE_MAX,
		                              descriptors, &count);

		if (len == -EAGAIN || len == -EINTR)
			return;
		if (len == -EMSGSIZE) {
			process->refused++;
			continue;
		}
		if (len <= 0) {
			/* Nobody lives on without the supervisor: it alone restarts and removes rules. */
			if (peer->role == ROLE_SUPERVISOR)
				end(process, PROCESS_ORPHANED);
			forget_peer(peer);
			if (process->hooks.on_lost)
				process->hooks.on_lost(process->owner, peer->role, peer->index);
			return;
		}
		if (count == 0)
			descriptors[0] = -1;
		take_message(peer, (size_t)len, &descriptors[0]);
		for (size_t i = 0; i < count; i++) {
			if (descriptors[i] >= 0)
				close(descriptors[i]);
		}
		if (!peer->readable || peer->channel != descriptor)
			return;
	}
}

static void on_second(evutil_socket_t descriptor, short what, void *argument)
{
	static const struct message heartbeat = { .type = MESSAGE_HEARTBEAT };
	struct process *process = argument;

	(void)descriptor;
	(void)what;
	(void)process_send(process, ROLE_SUPERVISOR, 0, &heartbeat, sizeof(heartbeat));
	if (process->hooks.on_second)
		process->hooks.on_second(process->owner);
}

static struct event_base *new_base(void)
{
	struct event_config *options = event_config_new();
	struct event_base *base = NULL;

	if (!options)
		return NULL;
	event_config_set_flag(options, EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(options);
	event_config_free(options);
	return base;
}

int process_open(struct process **opened, const struct child *child,
                 const struct process_hooks *hooks, void *owner)
{
	static const struct timeval one_second = { .tv_sec = 1 };
	struct process *process = calloc(1, sizeof(*process));
	int err = -ENOMEM;

	if (!process)
		return -ENOMEM;
	process->child = child;
	process->config = child->config;
	process->hooks = *hooks;
	process->owner = owner;
	process->may_poll = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	process->message = malloc(CHANNEL_MESSAGE_MAX);
	process->base = new_base();
	if (!process->message || !process->base)
		goto close_process;
	process->second = event_new(process->base, -1, EV_PERSIST, on_second, process);
	if (!process->second || event_add(process->second, &one_second) < 0)
		goto close_process;
	err = add_peer(process, ROLE_SUPERVISOR, 0, child->supervisor);
	if (err)
		goto close_process;
	*opened = process;
	return 0;

close_process:
	process_close(process);
	return err;
}

void process_close(struct process *process)
{
	if (!process)
		return;
	for (size_t i = 0; i < SLOTS_MAX; i++)
		forget_peer(&process->peers[i]);
	if (process->second)
		event_free(process->second);
	if (process->base)
		event_base_free(process->base);
	free(process->own_config);
	free(process->message);
	free(process);
}

int process_run(struct process *process)
{
	static const struct message ready = { .type = MESSAGE_READY };
	int err = 0;

	(void)process_send(process, ROLE_SUPERVISOR, 0, &ready, sizeof(ready));
	while (err == 0 && !event_base_got_break(process->base)) {
		bool waits = busy_poll_is_over(&process->busy_poll, clock_ns(CLOCK_MONOTONIC));

		err = event_base_loop(process->base, EVLOOP_ONCE | (waits ? 0 : EVLOOP_NONBLOCK));
	}
	return err < 0 ? 4 : process->status;
}

void process_expect_more(struct process *process)
{
	if (process->may_poll)
		busy_poll_note(&process->busy_poll, clock_ns(CLOCK_MONOTONIC));
}

void process_drain(struct process *process)
{
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		struct peer *peer = &process->peers[i];

		if (peer->readable && peer->role != ROLE_SUPERVISOR)
			on_readable(peer->channel, EV_READ, peer);
	}
}

struct event_base *process_base(const struct process *process)
{
	return process->base;
}

const struct config *process_config(const struct process *process)
{
	return process->config;
}

int process_send(struct process *process, enum role role, unsigned index, const void *message,
                 size_t len)
{
	const struct peer *peer = peer_of(process, role, index);

	if (!peer || !peer->readable)
		return -ENOTCONN;
	return channel_send(peer->channel, message, len);
}

static void on_writable(evutil_socket_t descriptor, short what, void *argument)
{
	struct peer *peer = argument;
	struct process *process = peer->process;

	(void)descriptor;
	(void)what;
	if (process->hooks.on_writable)
		process->hooks.on_writable(process->owner, peer->role, peer->index);
}

int process_await_writable(struct process *process, enum role role, unsigned index)
{
	struct peer *peer = peer_of(process, role, index);

	if (!peer || !peer->readable)
		return -ENOTCONN;
	if (!peer->writable)
		peer->writable =
			event_new(process->base, peer->channel, EV_WRITE, on_writable, peer);
	return peer->writable && event_add(peer->writable, NULL) == 0 ? 0 : -ENOMEM;
}

unsigned process_send_guards(struct process *process, const void *message, size_t len,
                             int except_index)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if ((int)i != except_index &&
		    process_send(process, ROLE_GUARD, i, message, len) == 0)
			sent++;
	}
	return sent;
}

int process_take_descriptor(struct process *process)
{
	int taken = process->descriptor ? *process->descriptor : -1;

	if (taken >= 0)
		*process->descriptor = -1;
	return taken;
}

void process_count_refused(struct process *process)
{
	process->refused++;
}

uint64_t process_refused(const struct process *process)
{
	return process->refused;
}

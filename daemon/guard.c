/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "confine.h"
#include "gate.h"
#include "guard_dns.h"
#include "guard_flows.h"
#include "guard_names.h"
#include "passage_choice.h"
#include "process.h"
#include "shortfall.h"

enum {
	RECEIVES_PER_TURN = 16,   /* batches read before timers and answers get their turn */
	EVENTS_WAITING_MAX = 256, /* findings kept while the ledger is away */
};

struct guard {
	const struct child *child;
	struct process *process;
	struct gate *gate;
	struct body_passage *passage;
	struct guard_dns *dns; /* of the first guard only */
	struct guard_names names;
	struct nfqueue *queue;
	struct event *queue_readable;
	struct event *tick;
	struct marks marks;
	struct counters told;
	bool is_told; /* to this ledger */
	bool has_received;
	struct message_event *waiting; /* a ring */
	size_t waiting_first;
	size_t waiting_count;
	uint64_t events_lost; /* for which there was no room to wait */
	struct guard_flows flows;
	uint64_t driven_out;        /* connections, as far as told */
	struct shortfall shortfall; /* of connections */
};

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct guard *guard = owner;
	/* The hook's rules see a passed packet again, so that others' rules behind ours do too (enforce/rules.h). */
	const struct nfqueue_verdict out = {
		.id = verdict->packet_id,
		.is_accepted = verdict->is_accepted,
		.repeats = verdict->is_accepted,
		.has_mark = verdict->is_accepted,
		.mark = (verdict->mark & ~guard->marks.mask) | guard->marks.to_server |
		        (verdict->is_offloaded ? guard->marks.offload : 0),
		.packet = verdict->packet,
	};

	(void)nfqueue_verdict(guard->queue, &out); /* counted there */
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct guard *guard = owner;
	struct message_question question = {
		.type = MESSAGE_QUESTION,
		.kind = kind,
		.is_refresh = is_refresh,
		.client = *gate_asks_for(guard->gate),
	};

	text_copy(question.name, sizeof(question.name), name);
	/* A scout that is away is asked again by the gate. */
	(void)process_send(guard->process, ROLE_SCOUT, 0, &question, sizeof(question));
}

static void send_waiting(struct guard *guard)
{
	while (guard->waiting_count > 0) {
		const struct message_event *oldest = &guard->waiting[guard->waiting_first];

		if (process_send(guard->process, ROLE_LEDGER, 0, oldest, sizeof(*oldest)) != 0)
			return;
		guard->waiting_first = (guard->waiting_first + 1) % EVENTS_WAITING_MAX;
		guard->waiting_count--;
	}
}

/* In order, and through a restart of the ledger; beyond the bound the oldest is lost, and said so. */
static void on_tell(void *owner, const struct event *event)
{
	struct guard *guard = owner;
	struct message_event *place;

	if (guard->waiting_count == EVENTS_WAITING_MAX) {
		guard->events_lost++;
		log_warn("finding lost reason=%s client is waiting for the ledger",
		         reason_name(guard->waiting[guard->waiting_first].event.reason));
		guard->waiting_first = (guard->waiting_first + 1) % EVENTS_WAITING_MAX;
		guard->waiting_count--;
	}
	place = &guard->waiting[(guard->waiting_first + guard->waiting_count) % EVENTS_WAITING_MAX];
	guard->waiting_count++;
	place->type = MESSAGE_EVENT;
	place->event = *event;
	place->event.queue =
		(uint16_t)(process_config(guard->process)->rules.queue_first + guard->child->index);
	place->event.pid = getpid();
	send_waiting(guard);
}

static void on_broken(void *owner, const struct message_broken *broken)
{
	struct guard *guard = owner;

	(void)process_send(guard->process, ROLE_SCOUT, 0, broken, sizeof(*broken));
}

static void on_sighting(void *owner, const struct message_sighting *sighting)
{
	struct guard *guard = owner;

	(void)process_send(guard->process, ROLE_SCOUT, 0, sighting, sizeof(*sighting));
}

static bool on_names(void *owner, const struct message_names *names)
{
	return guard_names_tell(&((struct guard *)owner)->names, names);
}

static void on_check(void *owner, const struct message_check *check, size_t len)
{
	struct guard *guard = owner;

	(void)process_send(guard->process, ROLE_VERIFIER, 0, check, len);
}

static void on_probe(void *owner, const struct message_probe *probe, size_t len)
{
	struct guard *guard = owner;

	(void)process_send(guard->process, ROLE_SCOUT, 0, probe, len);
}

static int send_framed(struct guard *guard, bool to_client, struct bytes packet,
                       const struct flow *flow)
{
	const struct flow_side *near = to_client ? &flow->from_client : &flow->from_server;
	const struct flow_side *far = to_client ? &flow->from_server : &flow->from_client;

	if (!near->has_hardware_address || !far->has_hardware_address)
		return -ENODATA;
	return rawsend_framed(guard->child->raw, near->ingress, far->hardware_address,
	                      near->hardware_address, packet);
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	struct guard *guard = owner;
	uint8_t packet[CRAFT_HEADERS_MAX + 1500];
	struct bytes out = bytes_of(packet, craft_segment(packet, sizeof(packet), craft));
	bool is_4 = craft->destination.address.family == 4;
	enum rawsend_socket which = to_client ? is_4 ? RAWSEND_CLIENT4 : RAWSEND_CLIENT6
	                            : is_4    ? RAWSEND_SERVER4
	                                      : RAWSEND_SERVER6;
	int err;

	if (out.len == 0)
		return;
	/* On a bridge the routing table knows nothing of these hosts, or leads somewhere else. */
	if (flow->is_bridged)
		err = send_framed(guard, to_client, out, flow);
	else
		err = rawsend_routed(guard->child->raw, which, out, &craft->destination.address);
	if (err)
		log_debug("segment not sent error=\"%s\"", strerror(-err));
}

/* By the first guard behind all that it has heard. What does not leave is asked again. */
static void ask_scout(struct guard *guard, const struct message_echo *asked)
{
	struct message_echo echo = *asked;

	echo.is_heard = guard->dns != NULL;
	if (!guard->dns || guard_dns_catch_up(guard->dns))
		(void)process_send(guard->process, ROLE_SCOUT, 0, &echo, sizeof(echo));
}

static void on_echo(void *owner, uint32_t number)
{
	struct guard *guard = owner;
	const struct message_echo echo = { MESSAGE_ECHO, number, guard->child->index, false };

	ask_scout(guard, &echo);
}

static const struct gate_actions actions = {
	.verdict = on_verdict,
	.ask = on_ask,
	.tell = on_tell,
	.broken = on_broken,
	.sighting = on_sighting,
	.names = on_names,
	.echo = on_echo,
	.check = on_check,
	.probe = on_probe,
	.send = on_send,
};

static void on_packet(void *owner, const struct nfqueue_packet *packet)
{
	struct guard *guard = owner;

	/* What a predecessor had read is still held by the kernel: dropped, TCP sends it again. */
	if (!guard->has_received && packet->id > 1)
		(void)nfqueue_drop_up_to(guard->queue, packet->id - 1);
	guard->has_received = true;
	gate_packet(guard->gate, packet, process_now_ms(), process_time_ms());
}

static void on_queue(evutil_socket_t descriptor, short what, void *argument)
{
	struct guard *guard = argument;
	int err = 0;

	(void)descriptor;
	(void)what;
	for (int turn = 0; turn < RECEIVES_PER_TURN && !err; turn++) {
		err = nfqueue_receive(guard->queue, on_packet, guard);
		if (err && err != -EAGAIN && err != -EINTR)
			log_warn("queue not read error=\"%s\"", strerror(-err));
	}
	/* Behind what waits yet nothing could go on in the kernel. */
	if (err == -EAGAIN)
		gate_arm(guard->gate);
	(void)nfqueue_flush(guard->queue);
	process_expect_more(guard->process);
}

/* Whoever drives others out is told once. */
static void watch_room(struct guard *guard)
{
	struct address client;
	uint64_t driven_out = gate_driven_out(guard->gate, &client);

	if (driven_out != guard->driven_out)
		shortfall_note_many(&guard->shortfall, SHORTFALL_FLOWS, &client,
		                    driven_out - guard->driven_out, process_now_ms());
	guard->driven_out = driven_out;
	shortfall_send(&guard->shortfall, guard->process);
}

static void on_tick(evutil_socket_t descriptor, short what, void *argument)
{
	struct guard *guard = argument;

	(void)descriptor;
	(void)what;
	gate_tick(guard->gate, process_now_ms(), process_time_ms());
	watch_room(guard);
	guard_names_tick(&guard->names);
	if (guard->dns)
		guard_dns_tick(guard->dns, process_now_ms());
	(void)nfqueue_flush(guard->queue);
	send_waiting(guard);
}

static void tell_counters(struct guard *guard)
{
	struct message_counters message;

	/* An initialiser would leave the octets behind the type as they are on the stack. */
	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_COUNTERS;
	message.counters = *gate_counters(guard->gate);
	if (guard->dns)
		guard_dns_count(guard->dns, &message.counters);
	message.counters.queue_overruns = nfqueue_counters(guard->queue)->overruns;
	message.counters.events_left_out = guard->events_lost;
	message.counters.messages_refused = process_refused(guard->process);
	if (guard->is_told && memcmp(&message.counters, &guard->told, sizeof(guard->told)) == 0)
		return;
	guard->is_told =
		process_send(guard->process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0;
	guard->told = message.counters;
}

/* False: only the first guard is asked for others. */
static bool take_echo(struct guard *guard, const struct message_echo *echo)
{
	if (echo->is_heard)
		gate_echoed(guard->gate, echo->number, process_now_ms(), process_time_ms());
	else if (guard->dns)
		ask_scout(guard, echo);
	return echo->is_heard || guard->dns;
}

static bool take_from_scout(struct guard *guard, uint32_t type, const void *message)
{
	uint64_t now_ms = process_now_ms();

	switch (type) {
	case MESSAGE_DESTINATION:
		gate_answer(guard->gate,
		            &((const struct message_destination *)message)->destination, now_ms,
		            process_time_ms());
		break;
	case MESSAGE_BROKEN:
		gate_broken(guard->gate, message, now_ms);
		break;
	case MESSAGE_NAMES:
		gate_hear_names(guard->gate, message, now_ms, process_time_ms());
		break;
	case MESSAGE_CANDIDATE:
		gate_candidate(guard->gate, message, now_ms);
		break;
	case MESSAGE_ECHO:
		if (!take_echo(guard, message))
			return false;
		break;
	case MESSAGE_FORGET:
		gate_forget(guard->gate, ((const struct message_forget *)message)->name);
		break;
	case MESSAGE_DNS_VERDICT:
		if (!guard->dns)
			return false;
		guard_dns_take_verdict(guard->dns, message);
		break;
	case MESSAGE_PROBED:
		gate_probed(guard->gate, message, now_ms, process_time_ms());
		break;
	default:
		return false;
	}
	(void)nfqueue_flush(guard->queue);
	return true;
}

/* False: it is not his to send. */
static bool take_message(struct guard *guard, enum role from, const void *message)
{
	uint32_t type = ((const struct message *)message)->type;

	if (from == ROLE_SCOUT)
		return take_from_scout(guard, type, message);
	if (from == ROLE_VERIFIER && type == MESSAGE_CHECKED) {
		gate_checked(guard->gate, message, process_now_ms(), process_time_ms());
		(void)nfqueue_flush(guard->queue);
		return true;
	}
	return from == ROLE_LEDGER && type == MESSAGE_FLOWS &&
	       guard_flows_tell(&guard->flows, guard->process, guard->gate, message);
}

static void on_message(void *owner, enum role from, unsigned index, const void *message, size_t len)
{
	struct guard *guard = owner;

	(void)index;
	(void)len;
	if (!take_message(guard, from, message))
		process_count_refused(guard->process);
}

/* A ledger that starts anew knows none of our sums, and they may not change for long. */
static void on_peer(void *owner, enum role role, unsigned index)
{
	struct guard *guard = owner;

	(void)index;
	if (role == ROLE_SCOUT)
		gate_lose_names(guard->gate, process_now_ms());
	if (role != ROLE_LEDGER)
		return;
	guard->is_told = false;
	shortfall_repeat(&guard->shortfall);
	if (guard->dns)
		guard_dns_repeat(guard->dns);
}

static void on_lost(void *owner, enum role role, unsigned index)
{
	(void)index;
	/* With what was under way. */
	if (role == ROLE_SCOUT)
		gate_lose_names(((struct guard *)owner)->gate, process_now_ms());
}

static void on_config(void *owner, const struct config *config)
{
	struct guard *guard = owner;

	guard->marks = config->rules.marks;
	gate_configure(guard->gate, config);
}

static void on_second(void *owner)
{
	tell_counters(owner);
}

static int start(struct guard *guard)
{
	static const struct timeval tick = { .tv_usec = GATE_TICK_MS * 1000 };
	static const struct process_hooks hooks = {
		.on_message = on_message,
		.on_peer = on_peer,
		.on_lost = on_lost,
		.on_config = on_config,
		.on_second = on_second,
	};
	uint8_t secret[TABLE_SECRET_LEN];
	struct event_base *base;
	int err = process_open(&guard->process, guard->child, &hooks, guard);

	if (err)
		return err;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	base = process_base(guard->process);
	guard->queue = nfqueue_adopt(
		guard->child->queue,
		(uint16_t)(guard->child->config->rules.queue_first + guard->child->index));
	guard->gate = gate_new(guard->child->config, secret, &actions, guard);
	guard->waiting = calloc(EVENTS_WAITING_MAX, sizeof(*guard->waiting));
	if (!guard->queue || !guard->gate || !guard->waiting)
		return -ENOMEM;
	guard_names_open(&guard->names, guard->process, guard->gate, guard->child);
	guard->passage = passage_choice_adopt(&guard->child->passage);
	gate_use_passage(guard->gate, guard->passage);
	guard->queue_readable = event_new(base, nfqueue_descriptor(guard->queue),
	                                  EV_READ | EV_PERSIST, on_queue, guard);
	guard->tick = event_new(base, -1, EV_PERSIST, on_tick, guard);
	if (!guard->queue_readable || !guard->tick || event_add(guard->queue_readable, NULL) < 0 ||
	    event_add(guard->tick, &tick) < 0)
		return -ENOMEM;
	if (guard->child->index == 0)
		err = guard_dns_new(&guard->dns, guard->process, guard->gate, guard->child);
	return err;
}

static void stop(struct guard *guard)
{
	guard_dns_free(guard->dns);
	/* Held packets get their verdict with the gate; then the queue goes. */
	gate_free(guard->gate);
	body_passage_free(guard->passage);
	if (guard->queue)
		(void)nfqueue_flush(guard->queue);
	if (guard->queue_readable)
		event_free(guard->queue_readable);
	if (guard->tick)
		event_free(guard->tick);
	nfqueue_free(guard->queue);
	free(guard->waiting);
	process_close(guard->process);
}

int guard_run(const struct child *child)
{
	struct guard guard = { .child = child, .marks = child->config->rules.marks };
	const char *became;
	int err = start(&guard);
	int status = 4;

	if (!err)
		err = confine(&became, ROLE_GUARD, child->config);
	if (err)
		log_error("guard not started error=\"%s\"", strerror(-err));
	else
		status = process_run(guard.process);
	stop(&guard);
	return status;
}

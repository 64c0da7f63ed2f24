/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_dns.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "flow/dns_streams.h"
#include "guard_hearing.h"
#include "net/nflog.h"
#include "net/nfqueue.h"
#include "wire/udp.h"

enum {
	RECEIVES_PER_TURN = 8,
	/* Of copies, before answers that wait are looked at: what a second's burst leaves in the socket. */
	RECEIVES_TO_CATCH_UP = 512,
};

struct held {
	uint32_t request; /* 0: free */
	uint32_t packet_id;
	uint32_t mark;
	uint64_t until_ms;
};

struct guard_dns {
	struct process *process;
	struct nflog *log;
	struct nfqueue *queue;
	struct event *log_readable;
	struct event *queue_readable;
	struct dns_streams *streams;
	struct guard_hearing *hearing;
	bool has_caught_up; /* the copies of what was asked for before the answers at hand are read */
	struct held held[GUARD_DNS_HELD_MAX];
	size_t held_count;
	uint32_t last_request;
	uint64_t forged;
};

static void on_stream_message(void *owner, const struct segment *segment, struct bytes message)
{
	struct guard_dns *dns = owner;

	(void)guard_hearing_take(dns->hearing, &segment->source, &segment->destination, true,
	                         message, 0);
}

static void on_copy(void *owner, struct bytes packet)
{
	struct guard_dns *dns = owner;
	struct datagram datagram;
	struct segment segment;

	if (udp_parse(&datagram, packet) == PACKET_OK)
		(void)guard_hearing_take(dns->hearing, &datagram.source, &datagram.destination,
		                         false, datagram.payload, 0);
	else if (packet_parse(&segment, packet, false) == PACKET_OK)
		dns_streams_push(dns->streams, &segment);
}

static void read_copies(struct guard_dns *dns, int receives)
{
	while (receives-- > 0 && nflog_receive(dns->log, on_copy, dns) == 0)
		;
	guard_hearing_note_overruns(dns->hearing, nflog_counters(dns->log)->overruns);
}

bool guard_dns_catch_up(struct guard_dns *dns)
{
	if (dns->log)
		read_copies(dns, RECEIVES_TO_CATCH_UP);
	return guard_hearing_is_through(dns->hearing);
}

static void on_log(evutil_socket_t descriptor, short what, void *argument)
{
	struct guard_dns *dns = argument;

	(void)descriptor;
	(void)what;
	read_copies(dns, RECEIVES_PER_TURN);
}

/* A packet that passes walks the hook again, so that others' rules behind ours see it (enforce/rules.h). */
static void give_verdict(struct guard_dns *dns, uint32_t packet_id, uint32_t mark, bool passes)
{
	const struct marks *marks = &process_config(dns->process)->rules.marks;
	const struct nfqueue_verdict verdict = {
		.id = packet_id,
		.is_accepted = passes,
		.repeats = passes,
		.has_mark = passes,
		.mark = (mark & ~marks->mask) | marks->to_server,
	};

	(void)nfqueue_verdict(dns->queue, &verdict); /* counted there */
}

static void release(struct guard_dns *dns, struct held *held, bool passes)
{
	give_verdict(dns, held->packet_id, held->mark, passes);
	held->request = 0;
	dns->held_count--;
}

static uint32_t next_request(struct guard_dns *dns)
{
	dns->last_request++;
	dns->last_request += dns->last_request == 0;
	return dns->last_request;
}

static void on_packet(void *owner, const struct nfqueue_packet *packet)
{
	struct guard_dns *dns = owner;
	uint32_t request = next_request(dns);
	struct datagram datagram;
	struct held *held = dns->held;

	/* The question left before its answer came: its copy is there, and may not have been read yet. */
	if (!dns->has_caught_up)
		(void)guard_dns_catch_up(dns);
	dns->has_caught_up = true;
	if (dns->held_count == GUARD_DNS_HELD_MAX ||
	    udp_parse(&datagram, packet->packet) != PACKET_OK ||
	    !guard_hearing_take(dns->hearing, &datagram.source, &datagram.destination, false,
	                        datagram.payload, request)) {
		give_verdict(dns, packet->id, packet->mark, true);
		return;
	}
	while (held->request != 0)
		held++;
	*held = (struct held){
		.request = request,
		.packet_id = packet->id,
		.mark = packet->mark,
		.until_ms = process_now_ms() + GUARD_DNS_HOLD_MS,
	};
	dns->held_count++;
}

static void on_queue(evutil_socket_t descriptor, short what, void *argument)
{
	struct guard_dns *dns = argument;

	(void)descriptor;
	(void)what;
	for (int turn = 0; turn < RECEIVES_PER_TURN; turn++) {
		dns->has_caught_up = false;
		if (nfqueue_receive(dns->queue, on_packet, dns) != 0)
			break;
	}
	(void)nfqueue_flush(dns->queue);
}

void guard_dns_take_verdict(struct guard_dns *dns, const struct message_dns_verdict *verdict)
{
	size_t i;

	for (i = 0; i < GUARD_DNS_HELD_MAX; i++) {
		if (dns->held[i].request != verdict->request)
			continue;
		dns->forged += verdict->is_forged;
		release(dns, &dns->held[i], !verdict->is_forged);
		(void)nfqueue_flush(dns->queue);
		break;
	}
}

static void release_until(struct guard_dns *dns, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < GUARD_DNS_HELD_MAX && dns->held_count > 0; i++) {
		if (dns->held[i].request != 0 && dns->held[i].until_ms <= now_ms)
			release(dns, &dns->held[i], true);
	}
	if (dns->queue)
		(void)nfqueue_flush(dns->queue);
}

void guard_dns_tick(struct guard_dns *dns, uint64_t now_ms)
{
	release_until(dns, now_ms);
	guard_hearing_tick(dns->hearing);
}

void guard_dns_repeat(struct guard_dns *dns)
{
	guard_hearing_repeat(dns->hearing);
}

void guard_dns_count(const struct guard_dns *dns, struct counters *counters)
{
	guard_hearing_count(dns->hearing, counters);
	counters->heard_dropped += dns_streams_lost(dns->streams);
	counters->answers_forged += dns->forged;
}

static int listen_to(struct event **made, struct process *process, int descriptor,
                     event_callback_fn fn, void *owner)
{
	*made = event_new(process_base(process), descriptor, EV_READ | EV_PERSIST, fn, owner);
	return *made && event_add(*made, NULL) == 0 ? 0 : -ENOMEM;
}

static int open_ears(struct guard_dns *dns, const struct child *child)
{
	const struct rules *rules = &child->config->rules;
	int err = 0;

	if (child->log >= 0) {
		dns->log = nflog_adopt(child->log);
		err = dns->log
		              ? listen_to(&dns->log_readable, dns->process, child->log, on_log, dns)
		              : -ENOMEM;
	}
	if (!err && child->dns_queue >= 0) {
		dns->queue = nfqueue_adopt(child->dns_queue, rules_dns_queue(rules));
		err = dns->queue ? listen_to(&dns->queue_readable, dns->process, child->dns_queue,
		                             on_queue, dns)
		                 : -ENOMEM;
	}
	return err;
}

int guard_dns_new(struct guard_dns **made, struct process *process, const struct gate *gate,
                  const struct child *child)
{
	struct guard_dns *dns = calloc(1, sizeof(*dns));
	uint8_t secret[TABLE_SECRET_LEN];
	int err = -ENOMEM;

	if (!dns)
		return -ENOMEM;
	dns->process = process;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		err = -EIO;
		goto free_dns;
	}
	dns->hearing = guard_hearing_new(process, gate, secret);
	dns->streams = dns_streams_new(secret, on_stream_message, dns);
	if (!dns->hearing || !dns->streams)
		goto free_dns;
	err = open_ears(dns, child);
	if (err)
		goto free_dns;
	*made = dns;
	return 0;

free_dns:
	guard_dns_free(dns);
	return err;
}

void guard_dns_free(struct guard_dns *dns)
{
	if (!dns)
		return;
	release_until(dns, UINT64_MAX);
	if (dns->log_readable)
		event_free(dns->log_readable);
	if (dns->queue_readable)
		event_free(dns->queue_readable);
	nflog_free(dns->log);
	nfqueue_free(dns->queue);
	dns_streams_free(dns->streams);
	guard_hearing_free(dns->hearing);
	free(dns);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_dns.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "flow/dns_streams.h"
#include "net/nflog.h"
#include "net/nfqueue.h"
#include "wire/dns_message.h"
#include "wire/udp.h"

enum {
	RECEIVES_PER_TURN = 8,
	CLIENTS_MAX = 256, /* whose share of a second is counted */
	PORT_DNS = 53,
	CLASS_IN = 1,
	OPCODE_QUERY = 0,
};

/* How many answers went to the scout in this second. */
struct share {
	uint64_t second;
	uint32_t mail;
	uint32_t addresses;
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
	struct table *clients; /* struct address → struct share */
	struct share all;
	struct held held[GUARD_DNS_HELD_MAX];
	size_t held_count;
	uint32_t last_request;
	uint64_t heard, dropped, forged;
	struct message_dns_answer message; /* room, as it is large */
};

static bool is_about_mail(uint16_t type)
{
	return type == DNS_TYPE_MX || type == DNS_TYPE_TLSA;
}

/* Whether the scout may learn something from it. No more of a message is read here. */
static bool is_interesting(bool *about_mail, struct bytes octets)
{
	struct dns_message message;

	if (octets.len > DNS_MESSAGE_MAX || dns_message_parse(&message, octets) != PARSE_OK ||
	    !message.is_response || message.opcode != OPCODE_QUERY || message.is_truncated ||
	    message.class != CLASS_IN)
		return false;
	if (message.rcode != DNS_RCODE_NOERROR && message.rcode != DNS_RCODE_NXDOMAIN)
		return false;
	*about_mail = is_about_mail(message.type);
	/* That there is no address is said too often, and leads nobody astray. */
	return *about_mail || ((message.type == DNS_TYPE_A || message.type == DNS_TYPE_AAAA) &&
	                       message.counts[DNS_ANSWER_SECTION] > 0);
}

static bool charge(struct share *share, bool about_mail, uint64_t second, uint32_t parts)
{
	if (share->second != second)
		*share = (struct share){ .second = second };
	if (about_mail)
		return share->mail++ < GUARD_DNS_MAIL_RATE / parts;
	return share->addresses++ < GUARD_DNS_ADDRESS_RATE / parts;
}

/* A client that asks without end leaves room for the others. */
static bool is_within_rates(struct guard_dns *dns, const struct address *client, bool about_mail)
{
	uint64_t second = process_now_ms() / 1000;
	struct share *share = table_find(dns->clients, client);

	if (!share)
		share = table_insert(dns->clients, client);
	return share && charge(share, about_mail, second, 2) &&
	       charge(&dns->all, about_mail, second, 1);
}

/* False: not told, nothing will come back. request: 0, or what the verdict is to name. */
static bool tell_scout(struct guard_dns *dns, const struct endpoint *server,
                       const struct endpoint *client, struct bytes octets, uint32_t request)
{
	struct message_dns_answer *message = &dns->message;
	bool about_mail;

	if (server->port != PORT_DNS || !is_interesting(&about_mail, octets))
		return false;
	if (!is_within_rates(dns, &client->address, about_mail)) {
		dns->dropped++;
		return false;
	}
	message->type = MESSAGE_DNS_ANSWER;
	message->request = request;
	message->client = client->address;
	message->server = server->address;
	message->len = (uint32_t)octets.len;
	memcpy(message->message, octets.data, octets.len);
	if (process_send(dns->process, ROLE_SCOUT, 0, message,
	                 offsetof(struct message_dns_answer, message) + octets.len) != 0) {
		dns->dropped++;
		return false;
	}
	dns->heard++;
	return true;
}

static void on_stream_message(void *owner, const struct segment *segment, struct bytes message)
{
	(void)tell_scout(owner, &segment->source, &segment->destination, message, 0);
}

static void on_copy(void *owner, struct bytes packet)
{
	struct guard_dns *dns = owner;
	struct datagram datagram;
	struct segment segment;

	if (udp_parse(&datagram, packet) == PACKET_OK)
		(void)tell_scout(dns, &datagram.source, &datagram.destination, datagram.payload, 0);
	else if (packet_parse(&segment, packet, false) == PACKET_OK &&
	         segment.source.port == PORT_DNS)
		dns_streams_push(dns->streams, &segment);
}

static void on_log(evutil_socket_t descriptor, short what, void *argument)
{
	struct guard_dns *dns = argument;

	(void)descriptor;
	(void)what;
	for (int turn = 0; turn < RECEIVES_PER_TURN; turn++) {
		if (nflog_receive(dns->log, on_copy, dns) != 0)
			return;
	}
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

	if (dns->held_count == GUARD_DNS_HELD_MAX ||
	    udp_parse(&datagram, packet->packet) != PACKET_OK ||
	    !tell_scout(dns, &datagram.source, &datagram.destination, datagram.payload, request)) {
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
		if (nfqueue_receive(dns->queue, on_packet, dns) != 0)
			break;
	}
	(void)nfqueue_flush(dns->queue);
}

bool guard_dns_take_verdict(struct guard_dns *dns, const void *message, size_t len)
{
	const struct message_dns_verdict *verdict = message;
	size_t i;

	if (len != sizeof(*verdict) || verdict->request == 0 || verdict->is_forged > 1)
		return false;
	for (i = 0; i < GUARD_DNS_HELD_MAX; i++) {
		if (dns->held[i].request != verdict->request)
			continue;
		dns->forged += verdict->is_forged;
		release(dns, &dns->held[i], !verdict->is_forged);
		(void)nfqueue_flush(dns->queue);
		break;
	}
	return true;
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
}

void guard_dns_count(const struct guard_dns *dns, struct counters *counters)
{
	counters->heard_answers += dns->heard;
	counters->heard_dropped += dns->dropped + dns_streams_lost(dns->streams);
	counters->answers_forged += dns->forged;
	if (dns->log)
		counters->heard_dropped += nflog_counters(dns->log)->overruns;
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

int guard_dns_new(struct guard_dns **made, struct process *process, const struct child *child)
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
	dns->clients = table_new(CLIENTS_MAX, sizeof(struct address), sizeof(struct share), secret,
	                         NULL, NULL);
	dns->streams = dns_streams_new(secret, on_stream_message, dns);
	if (!dns->clients || !dns->streams)
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
	table_free(dns->clients);
	free(dns);
}

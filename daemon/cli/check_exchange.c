/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_exchange.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "active/starttls_connect.h"
#include "wire/dns_message.h"

enum {
	PORT = 53,
	CLASS_IN = 1,
	EDNS_DO = 0x8000,
	LABEL_LEN_MAX = 63,
	QUESTION_MAX = DNS_HEADER_LEN + DOMAIN_NAME_MAX + 4 + 11,
	ANSWER_MAX = 4096,
	STREAM_HEAD_LEN = 2, /* before each message by TCP (RFC 1035 section 4.2.2) */
	STREAM_MAX = STREAM_HEAD_LEN + UINT16_MAX,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_FORMERR = 1,
};

struct check_exchange {
	struct event_base *base;
	struct endpoint server;
	check_exchange_fn fn;
	void *owner;
	struct check_question question;
	int descriptor;
	int send_error;
	unsigned tries;
	struct event *ready; /* the socket: readable, or writable while it connects */
	struct event *timer;
	uint8_t *stream; /* by TCP, since the answer was cut; NULL: by UDP */
	size_t stream_len;
	uint16_t id;
	size_t len;
	uint8_t octets[QUESTION_MAX];
};

static void free_exchange(struct check_exchange *exchange)
{
	if (exchange->ready)
		event_free(exchange->ready);
	if (exchange->timer)
		event_free(exchange->timer);
	if (exchange->descriptor >= 0)
		close(exchange->descriptor);
	free(exchange->stream);
	free(exchange);
}

static void end(struct check_exchange *exchange, const struct check_reply *reply)
{
	exchange->fn(exchange->owner, reply);
	free_exchange(exchange);
}

static bool await(struct check_exchange *exchange, short events, event_callback_fn fn)
{
	if (exchange->ready)
		event_free(exchange->ready);
	exchange->ready = event_new(exchange->base, exchange->descriptor,
	                            (short)(events | EV_PERSIST), fn, exchange);
	return exchange->ready && event_add(exchange->ready, NULL) == 0;
}

/* Its answer did not fit into a datagram, and there is no other way to it (RFC 7766 section 5). */
static void end_without_tcp(struct check_exchange *exchange, const char *why)
{
	struct check_reply reply = { .outcome = CHECK_REPLY_WRONG };

	snprintf(reply.why, sizeof(reply.why),
	         "its answer for %s is cut, and by TCP there is none: %s",
	         check_question_type(exchange->question.type), why);
	end(exchange, &reply);
}

/* Labels behind their lengths. False: no name. */
static bool put_name(struct check_exchange *exchange, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > LABEL_LEN_MAX ||
		    exchange->len + len + 2 > DNS_HEADER_LEN + DOMAIN_NAME_MAX)
			return false;
		exchange->octets[exchange->len++] = (uint8_t)len;
		memcpy(exchange->octets + exchange->len, name, len);
		exchange->len += len;
		name += len + (name[len] == '.');
	}
	exchange->octets[exchange->len++] = 0;
	return true;
}

static void put_number(struct check_exchange *exchange, uint16_t number)
{
	put_u16(exchange->octets + exchange->len, number);
	exchange->len += 2;
}

/* RFC 1035 section 4.1, with an OPT record (RFC 6891 section 6.1). */
static bool write_question(struct check_exchange *exchange)
{
	put_number(exchange, exchange->id);
	put_number(exchange, 0);
	put_number(exchange, 1);
	put_number(exchange, 0);
	put_number(exchange, 0);
	put_number(exchange, 1);
	if (!put_name(exchange, exchange->question.name))
		return false;
	put_number(exchange, (uint16_t)exchange->question.type);
	put_number(exchange, CLASS_IN);
	exchange->octets[exchange->len++] = 0;
	put_number(exchange, DNS_TYPE_OPT);
	put_number(exchange, CHECK_EXCHANGE_SIZE);
	put_number(exchange, 0);
	put_number(exchange, EDNS_DO);
	put_number(exchange, 0);
	return true;
}

static void try_once(struct check_exchange *exchange)
{
	const struct timeval wait = { .tv_sec = CHECK_EXCHANGE_WAIT_MS / 1000,
		                      .tv_usec = CHECK_EXCHANGE_WAIT_MS % 1000 * 1000 };
	const struct timeval now = { 0 };

	exchange->tries++;
	exchange->send_error =
		send(exchange->descriptor, exchange->octets, exchange->len, 0) < 0 ? errno : 0;
	event_add(exchange->timer, exchange->send_error ? &now : &wait);
}

static void on_timer(evutil_socket_t unused, short events, void *data)
{
	struct check_exchange *exchange = data;
	struct check_reply reply = { .outcome = CHECK_REPLY_NONE };

	(void)unused;
	(void)events;
	if (exchange->stream) {
		end_without_tcp(exchange, exchange->send_error ? strerror(exchange->send_error)
		                                               : "it does not answer");
		return;
	}
	if (!exchange->send_error && exchange->tries < CHECK_EXCHANGE_TRIES) {
		try_once(exchange);
		return;
	}
	if (exchange->send_error == ENETUNREACH || exchange->send_error == EADDRNOTAVAIL ||
	    exchange->send_error == EPERM || exchange->send_error == EACCES)
		reply.outcome = CHECK_REPLY_NO_ROUTE;
	else if (exchange->send_error)
		snprintf(reply.why, sizeof(reply.why), "it cannot be asked: %s",
		         strerror(exchange->send_error));
	else
		snprintf(reply.why, sizeof(reply.why), "it does not answer within %d s",
		         (CHECK_EXCHANGE_TRIES * CHECK_EXCHANGE_WAIT_MS + 500) / 1000);
	end(exchange, &reply);
}

static const char *rcode_name(uint8_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_SERVFAIL:
		return "SERVFAIL";
	case DNS_RCODE_REFUSED:
		return "REFUSED: it does not serve the zone";
	case DNS_RCODE_FORMERR:
		return "FORMERR: it does not know EDNS";
	default:
		return "an error";
	}
}

const char *check_question_type(enum dns_type type)
{
	switch (type) {
	case DNS_TYPE_MX:
		return "MX";
	case DNS_TYPE_TLSA:
		return "TLSA";
	default:
		return "A";
	}
}

static void take(struct check_exchange *exchange, const struct dns_message *message)
{
	struct check_reply reply = { .outcome = CHECK_REPLY_WRONG };

	if (message->rcode != DNS_RCODE_NOERROR && message->rcode != DNS_RCODE_NXDOMAIN)
		snprintf(reply.why, sizeof(reply.why), "asked for %s it says %s",
		         check_question_type(exchange->question.type), rcode_name(message->rcode));
	else if (!message->is_authoritative)
		snprintf(reply.why, sizeof(reply.why), "it answers without authority for the zone");
	else
		reply.outcome = CHECK_REPLY_GOOD;
	reply.is_truncated = message->is_truncated;
	reply.is_empty = message->counts[DNS_ANSWER_SECTION] == 0 && !message->is_truncated;
	reply.octets = message->octets;
	end(exchange, &reply);
}

/* What answers another question is somebody else's. */
static bool is_answer(struct dns_message *message, const struct check_exchange *exchange,
                      struct bytes octets)
{
	return dns_message_parse(message, octets) == PARSE_OK && message->id == exchange->id &&
	       message->is_response && message->type == (uint16_t)exchange->question.type &&
	       strcmp(message->name, exchange->question.name) == 0;
}

static void on_stream(evutil_socket_t unused, short events, void *data)
{
	struct check_exchange *exchange = data;
	uint8_t *stream = exchange->stream;
	ssize_t len = recv(exchange->descriptor, stream + exchange->stream_len,
	                   STREAM_MAX - exchange->stream_len, 0);
	struct dns_message message;
	size_t whole;

	(void)unused;
	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		end_without_tcp(exchange, len < 0 ? strerror(errno) : "the connection is closed");
		return;
	}
	exchange->stream_len += (size_t)len;
	if (exchange->stream_len < STREAM_HEAD_LEN)
		return;
	whole = STREAM_HEAD_LEN + ((size_t)stream[0] << 8 | stream[1]);
	if (exchange->stream_len < whole)
		return;
	if (is_answer(&message, exchange,
	              bytes_of(stream + STREAM_HEAD_LEN, whole - STREAM_HEAD_LEN)))
		take(exchange, &message);
	else
		end_without_tcp(exchange, "it answers another question");
}

static void on_connected(evutil_socket_t unused, short events, void *data)
{
	struct check_exchange *exchange = data;
	uint8_t question[STREAM_HEAD_LEN + QUESTION_MAX];
	int number = 0;
	socklen_t len = sizeof(number);

	(void)unused;
	(void)events;
	if (getsockopt(exchange->descriptor, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
		number = errno;
	put_u16(question, (uint16_t)exchange->len);
	memcpy(question + STREAM_HEAD_LEN, exchange->octets, exchange->len);
	/* Far below any send buffer. */
	if (!number &&
	    send(exchange->descriptor, question, STREAM_HEAD_LEN + exchange->len, MSG_NOSIGNAL) < 0)
		number = errno;
	if (!number && !await(exchange, EV_READ, on_stream))
		number = ENOMEM;
	if (number)
		end_without_tcp(exchange, strerror(number));
}

static void ask_by_tcp(struct check_exchange *exchange)
{
	const int all_ms = CHECK_EXCHANGE_TRIES * CHECK_EXCHANGE_WAIT_MS;
	const struct timeval wait = { .tv_sec = all_ms / 1000, .tv_usec = all_ms % 1000 * 1000 };
	const struct address any = { 0 };

	event_free(exchange->ready);
	exchange->ready = NULL;
	close(exchange->descriptor);
	exchange->descriptor = -1;
	exchange->stream = malloc(STREAM_MAX);
	if (!exchange->stream) {
		end_without_tcp(exchange, strerror(ENOMEM));
		return;
	}
	exchange->send_error = starttls_connect(&exchange->descriptor, &exchange->server, &any);
	if (!exchange->send_error && !await(exchange, EV_WRITE, on_connected))
		exchange->send_error = ENOMEM;
	if (exchange->send_error)
		end_without_tcp(exchange, strerror(exchange->send_error));
	else
		event_add(exchange->timer, &wait);
}

static void on_readable(evutil_socket_t unused, short events, void *data)
{
	struct check_exchange *exchange = data;
	uint8_t octets[ANSWER_MAX];
	ssize_t len = recv(exchange->descriptor, octets, sizeof(octets), 0);
	struct dns_message message;
	struct check_reply reply = { .outcome = CHECK_REPLY_NONE };

	(void)unused;
	(void)events;
	if (len < 0 && errno == ECONNREFUSED) {
		snprintf(reply.why, sizeof(reply.why), "nobody answers on port 53 there");
		end(exchange, &reply);
		return;
	}
	if (len <= 0 || !is_answer(&message, exchange, bytes_of(octets, (size_t)len)))
		return;
	if (message.is_truncated)
		ask_by_tcp(exchange);
	else
		take(exchange, &message);
}

/* False: the exchange is to be freed. */
static bool open_socket(struct check_exchange *exchange, const struct address *server)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	bool is_v4 = server->family == 4;
	const void *address = is_v4 ? (const void *)&v4 : (const void *)&v6;

	memcpy(&v4.sin_addr, server->octets, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, server->octets, sizeof(v6.sin6_addr));
	exchange->descriptor =
		socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (exchange->descriptor < 0)
		return false;
	if (connect(exchange->descriptor, address, is_v4 ? sizeof(v4) : sizeof(v6)) != 0)
		exchange->send_error = errno;
	return true;
}

struct check_exchange *check_exchange_start(struct event_base *base, const struct address *server,
                                            const struct check_question *question,
                                            check_exchange_fn fn, void *owner)
{
	const struct timeval now = { 0 };
	struct check_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->base = base;
	exchange->server = (struct endpoint){ .address = *server, .port = PORT };
	exchange->fn = fn;
	exchange->owner = owner;
	exchange->question = *question;
	exchange->descriptor = -1;
	if (getrandom(&exchange->id, sizeof(exchange->id), 0) != sizeof(exchange->id) ||
	    !write_question(exchange) || !open_socket(exchange, server))
		goto free_exchange;
	exchange->timer = evtimer_new(base, on_timer, exchange);
	if (!exchange->timer || !await(exchange, EV_READ, on_readable))
		goto free_exchange;
	if (exchange->send_error)
		event_add(exchange->timer, &now);
	else
		try_once(exchange);
	return exchange;

free_exchange:
	free_exchange(exchange);
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the gate costs, without kernel and wire: packets of whole connections go through it as fast as it
 * takes them. Prints one line for each kind of connection, for a decision whose promise is known, and for sessions beside ever more
 * connections that stand.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "config.h"
#include "gate.h"
#include "unit/hellos.h"
#include "wire/craft.h"
#include "wire/packet.h"

enum { PACKETS_MAX = 512, PACKET_ROOM = 65536, SEGMENT_LEN = 1448, UNSEGMENTED_LEN = 60 * 1024 };

struct side {
	struct endpoint endpoint;
	uint32_t seq;
};

/* The packets of one connection, made before the clock runs. */
struct connection {
	struct side client, server;
	size_t segment_len;
	uint8_t *packets[PACKETS_MAX];
	size_t lens[PACKETS_MAX];
	size_t count;
	size_t octets;
};

struct bench {
	struct gate *gate;
	struct config config;
	char asked[DOMAIN_NAME_MAX];
	bool is_asked;
	uint64_t accepted;
	uint64_t offloaded;
};

enum { DECISIONS = 20000, BESIDE_ROUNDS = 9, BESIDE_SESSIONS = 400 };

static void on_verdict(void *owner, const struct gate_verdict *verdict)
{
	struct bench *bench = owner;

	bench->accepted += verdict->is_accepted;
	bench->offloaded += verdict->is_offloaded;
}

static void on_ask(void *owner, enum question_kind kind, const char *name, bool is_refresh)
{
	struct bench *bench = owner;

	(void)kind;
	(void)is_refresh;
	snprintf(bench->asked, sizeof(bench->asked), "%s", name);
	bench->is_asked = true;
}

static void on_tell(void *owner, const struct event *event)
{
	(void)owner;
	(void)event;
}

static void on_broken(void *owner, const struct message_broken *broken)
{
	(void)owner;
	(void)broken;
}

static void on_send(void *owner, bool to_client, const struct craft *craft, const struct flow *flow)
{
	(void)owner;
	(void)to_client;
	(void)craft;
	(void)flow;
}

static void add_packet(struct connection *connection, bool is_client, uint8_t flags,
                       struct bytes payload)
{
	struct side *self = is_client ? &connection->client : &connection->server;
	const struct side *other = is_client ? &connection->server : &connection->client;
	struct craft craft = {
		.source = self->endpoint,
		.destination = other->endpoint,
		.seq = self->seq,
		.ack = flags & TCP_ACK ? other->seq : 0,
		.window = 64240,
		.flags = flags,
		.payload = payload,
	};
	uint8_t *packet;

	if (connection->count == PACKETS_MAX)
		abort();
	packet = malloc(payload.len + CRAFT_HEADERS_MAX);
	if (!packet)
		abort();
	connection->packets[connection->count] = packet;
	connection->lens[connection->count] =
		craft_segment(packet, payload.len + CRAFT_HEADERS_MAX, &craft);
	connection->octets += connection->lens[connection->count++];
	self->seq += (uint32_t)payload.len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static void say(struct connection *connection, bool is_client, const char *text, size_t len)
{
	size_t at, part;

	for (at = 0; at < len; at += part) {
		part = len - at < connection->segment_len ? len - at : connection->segment_len;
		add_packet(connection, is_client, TCP_ACK | TCP_PSH, bytes_of(text + at, part));
		add_packet(connection, !is_client, TCP_ACK, (struct bytes){ 0 });
	}
}

static void say_line(struct connection *connection, bool is_client, const char *line)
{
	say(connection, is_client, line, strlen(line));
}

static void begin(struct connection *connection, uint16_t port, size_t segment_len)
{
	memset(connection, 0, sizeof(*connection));
	if (!address_parse(&connection->client.endpoint.address, "192.0.2.2") ||
	    !address_parse(&connection->server.endpoint.address, "198.51.100.25"))
		abort();
	connection->client.endpoint.port = port;
	connection->server.endpoint.port = 25;
	connection->segment_len = segment_len;
	add_packet(connection, true, TCP_SYN, (struct bytes){ 0 });
	add_packet(connection, false, TCP_SYN | TCP_ACK, (struct bytes){ 0 });
	add_packet(connection, true, TCP_ACK, (struct bytes){ 0 });
	say_line(connection, false, "220 mx.example.org ESMTP\r\n");
	say_line(connection, true, "EHLO mail.example.net\r\n");
}

static void end(struct connection *connection)
{
	add_packet(connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	add_packet(connection, false, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	add_packet(connection, true, TCP_ACK, (struct bytes){ 0 });
}

static void write_letter(struct connection *connection, size_t body_len)
{
	static const char line[] = "All happy families are alike; each unhappy family is not.\r\n";
	char *body = malloc(body_len + sizeof(line) + 8);
	size_t len = 0;

	if (!body)
		abort();
	while (len < body_len) {
		memcpy(body + len, line, sizeof(line) - 1);
		len += sizeof(line) - 1;
	}
	say_line(connection, false, "250-mx.example.org\r\n250 PIPELINING\r\n");
	say_line(connection, true, "MAIL FROM:<a@example.net>\r\n");
	say_line(connection, false, "250 ok\r\n");
	say_line(connection, true, "RCPT TO:<b@example.org>\r\n");
	say_line(connection, false, "250 ok\r\n");
	say_line(connection, true, "DATA\r\n");
	say_line(connection, false, "354 go on\r\n");
	say(connection, true, body, len);
	say_line(connection, true, ".\r\n");
	say_line(connection, false, "250 queued\r\n");
	say_line(connection, true, "QUIT\r\n");
	say_line(connection, false, "221 bye\r\n");
	free(body);
	end(connection);
}

static void write_tls(struct connection *connection)
{
	static const char hello[] = SMALL_CLIENT_HELLO;
	static const char answer[] = SMALL_SERVER_HELLO;
	static const char data[] = "\x17\x03\x03\x00\x04\x00\x00\x00\x00";

	say_line(connection, false, "250-mx.example.org\r\n250 STARTTLS\r\n");
	say_line(connection, true, "STARTTLS\r\n");
	say_line(connection, false, "220 go on\r\n");
	say(connection, true, hello, sizeof(hello) - 1);
	say(connection, false, answer, sizeof(answer) - 1);
	say(connection, true, data, sizeof(data) - 1);
	end(connection);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The answer that every question gets: the name exists and promised nothing. */
static void answer(struct bench *bench, uint64_t now_ms)
{
	struct destination nothing = { .mx_state = MX_NXDOMAIN,
		                       .mx_security = DNS_SECURE,
		                       .ttl_s = 3600 };

	bench->is_asked = false;
	memcpy(nothing.name, bench->asked, sizeof(nothing.name));
	gate_answer(bench->gate, &nothing, now_ms, now_ms);
	nothing.mx_state = MX_HOST;
	gate_answer(bench->gate, &nothing, now_ms, now_ms);
}

static uint64_t play(struct bench *bench, const struct connection *connection, uint64_t now_ms)
{
	struct nfqueue_packet queued = { .netfilter_hook = 2 };
	uint64_t start = now_ns();
	size_t i;

	for (i = 0; i < connection->count; i++) {
		queued.id++;
		queued.packet = bytes_of(connection->packets[i], connection->lens[i]);
		gate_packet(bench->gate, &queued, now_ms, now_ms);
		if (bench->is_asked)
			answer(bench, now_ms);
	}
	return now_ns() - start;
}

static const struct scene {
	const char *name;
	size_t body_len; /* 0: changes to TLS */
	size_t segment_len;
	unsigned connections;
} scenes[] = {
	{ "letter of 10 KB in clear", 10 * 1024, SEGMENT_LEN, 4000 },
	{ "letter of 10 MB, unsegmented", 10 * 1024 * 1024, UNSEGMENTED_LEN, 20 },
	{ "connection that changes to TLS", 0, SEGMENT_LEN, 8000 },
};

static void run(struct bench *bench, const struct scene *scene)
{
	static struct connection connection;
	uint64_t packets = 0, octets = 0, spent_ns = 0;
	unsigned i;
	size_t j;

	bench->accepted = 0;
	bench->offloaded = 0;
	for (i = 0; i < scene->connections; i++) {
		begin(&connection, (uint16_t)(20000 + i), scene->segment_len);
		if (scene->body_len > 0)
			write_letter(&connection, scene->body_len);
		else
			write_tls(&connection);
		spent_ns += play(bench, &connection, 1000 + i);
		packets += connection.count;
		octets += connection.octets;
		for (j = 0; j < connection.count; j++)
			free(connection.packets[j]);
	}
	printf("%-31s %7llu packets %7.0f ns each, %6.0f MB/s; %5.1f us a connection; "
	       "%3.0f%% accepted, %llu offloaded\n",
	       scene->name, (unsigned long long)packets, (double)spent_ns / (double)packets,
	       (double)octets * 1000 / (double)spent_ns,
	       (double)spent_ns / 1000 / scene->connections,
	       100 * (double)bench->accepted / (double)packets,
	       (unsigned long long)bench->offloaded);
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void free_packets(struct connection *connection)
{
	for (size_t i = 0; i < connection->count; i++)
		free(connection->packets[i]);
}

/* The packet that completes a recipient, of whose domain all is known. */
static void decide_known(struct bench *bench)
{
	static struct connection connection;
	static uint64_t took[DECISIONS];

	for (unsigned n = 0; n < DECISIONS; n++) {
		struct nfqueue_packet queued = { .netfilter_hook = 2 };
		size_t decision;
		uint64_t start;

		begin(&connection, (uint16_t)(20000 + n % 40000), SEGMENT_LEN);
		say_line(&connection, false, "250-mx.example.org\r\n250 PIPELINING\r\n");
		say_line(&connection, true, "MAIL FROM:<a@example.net>\r\n");
		say_line(&connection, false, "250 ok\r\n");
		decision = connection.count;
		say_line(&connection, true, "RCPT TO:<b@example.org>\r\n");
		for (size_t i = 0; i < connection.count; i++) {
			queued.id++;
			queued.packet = bytes_of(connection.packets[i], connection.lens[i]);
			start = cpu_ns();
			gate_packet(bench->gate, &queued, 1000 + n, 1000 + n);
			if (i == decision)
				took[n] = cpu_ns() - start;
			if (bench->is_asked)
				answer(bench, 1000 + n);
		}
		free_packets(&connection);
	}
	qsort(took, DECISIONS, sizeof(took[0]), compare);
	printf("decision with a known promise: median %.1f us, 99 %% %.1f us, 99.9 %% %.1f us of "
	       "processor time\n",
	       (double)took[DECISIONS / 2] / 1000, (double)took[DECISIONS * 99 / 100] / 1000,
	       (double)took[(size_t)DECISIONS * 999 / 1000] / 1000);
}

/* So many more connections that have greeted each other, and say nothing. */
static void stand(struct bench *bench, unsigned from, unsigned to)
{
	static struct connection connection;

	for (unsigned i = from; i < to; i++) {
		begin(&connection, (uint16_t)(1024 + i % 50000), SEGMENT_LEN);
		for (size_t k = 0; k < connection.count; k++) {
			struct nfqueue_packet queued = {
				.netfilter_hook = 2,
				.id = 1,
				.packet = bytes_of(connection.packets[k], connection.lens[k]),
			};

			gate_packet(bench->gate, &queued, 1000, 1000);
			if (bench->is_asked)
				answer(bench, 1000);
		}
		free_packets(&connection);
	}
}

static void beside_standing(struct bench *bench)
{
	static const unsigned counts[] = { 1, 100, 1000, 10000, 50000 };
	static struct connection connection;
	uint64_t rounds[BESIDE_ROUNDS];
	unsigned standing = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		stand(bench, standing, counts[i]);
		standing = counts[i];
		for (size_t round = 0; round < BESIDE_ROUNDS; round++) {
			rounds[round] = 0;
			for (unsigned n = 0; n < BESIDE_SESSIONS; n++) {
				uint64_t start;

				begin(&connection, (uint16_t)(52000 + n), SEGMENT_LEN);
				write_letter(&connection, 1024);
				start = cpu_ns();
				(void)play(bench, &connection, 2000);
				rounds[round] += cpu_ns() - start;
				free_packets(&connection);
			}
		}
		qsort(rounds, BESIDE_ROUNDS, sizeof(rounds[0]), compare);
		printf("session of a letter of 1 KB beside %5u connections: %5.1f us of processor "
		       "time (%.1f to %.1f)\n",
		       standing, (double)rounds[BESIDE_ROUNDS / 2] / 1000 / BESIDE_SESSIONS,
		       (double)rounds[0] / 1000 / BESIDE_SESSIONS,
		       (double)rounds[BESIDE_ROUNDS - 1] / 1000 / BESIDE_SESSIONS);
	}
}

int main(void)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "benchmark secret";
	static const struct gate_actions actions = {
		.verdict = on_verdict,
		.ask = on_ask,
		.tell = on_tell,
		.broken = on_broken,
		.send = on_send,
	};
	static const char *const set[] = { "mode=enforce" };
	struct bench bench = { 0 };
	char error[CONFIG_ERROR_MAX];
	size_t i;

	log_open("bench", LOG_LEVEL_ERROR);
	if (config_parse(&bench.config, "bench", "", set, 1, error) != 0) {
		fprintf(stderr, "%s\n", error);
		return 2;
	}
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		bench.gate = gate_new(&bench.config, secret, &actions, &bench);
		if (!bench.gate)
			return 4;
		run(&bench, &scenes[i]);
		gate_free(bench.gate);
	}
	for (i = 0; i < 2; i++) {
		bench.gate = gate_new(&bench.config, secret, &actions, &bench);
		if (!bench.gate)
			return 4;
		(i == 0 ? decide_known : beside_standing)(&bench);
		gate_free(bench.gate);
	}
	return 0;
}

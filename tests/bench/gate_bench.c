/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the gate costs, without kernel and wire: packets of whole connections go through it as fast as it
 * takes them. Prints one line for each kind of connection.
 */

#include <stdio.h>

#include "bench/parts/connection.h"
#include "bench/parts/figures.h"
#include "bench/parts/gate_owner.h"

enum { SEGMENT_LEN = 1448, UNSEGMENTED_LEN = 60 * 1024 };

static uint64_t play(struct gate_owner *owner, const struct connection *connection, uint64_t now_ms)
{
	struct nfqueue_packet queued = { .netfilter_hook = 2 };
	uint64_t start = figures_cpu_ns();

	for (size_t i = 0; i < connection->count; i++) {
		queued.id++;
		queued.packet = bytes_of(connection->packets[i], connection->lens[i]);
		gate_owner_packet(owner, &queued, now_ms);
	}
	return figures_cpu_ns() - start;
}

static const struct scene {
	const char *name;
	struct connection_kind kind;
	unsigned connections;
} scenes[] = {
	{ "letter of 10 KB in clear", { 10 * 1024, SEGMENT_LEN, true, NULL }, 4000 },
	{ "letter of 10 MB, unsegmented", { 10 * 1024 * 1024, UNSEGMENTED_LEN, true, NULL }, 20 },
	{ "connection that changes to TLS", { 0, SEGMENT_LEN, true, NULL }, 8000 },
	{ "TLS 1.2 with a certificate", { 0, SEGMENT_LEN, true, &flights_tls12 }, 8000 },
	{ "TLS 1.3", { 0, SEGMENT_LEN, true, &flights_tls13 }, 8000 },
};

static void run(struct gate_owner *owner, const struct scene *scene)
{
	static struct connection connection;
	uint64_t packets = 0, octets = 0, spent_ns = 0;

	gate_owner_renew(owner);
	for (unsigned i = 0; i < scene->connections; i++) {
		connection_begin(&connection, &scene->kind, i, "example.org");
		connection_write(&connection, &scene->kind);
		spent_ns += play(owner, &connection, 1000 + i);
		packets += connection.count;
		octets += connection.octets;
		connection_free(&connection);
	}
	printf("%-31s %7llu packets %7.0f ns each, %6.0f MB/s; %5.1f us a connection; "
	       "%3.0f%% accepted, %llu offloaded\n",
	       scene->name, (unsigned long long)packets, (double)spent_ns / (double)packets,
	       (double)octets * 1000 / (double)spent_ns,
	       (double)spent_ns / 1000 / scene->connections,
	       100 * (double)owner->accepted / (double)packets,
	       (unsigned long long)owner->offloaded);
}

int main(void)
{
	static struct gate_owner owner;

	gate_owner_init(&owner);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		run(&owner, &scenes[i]);
	gate_owner_free(&owner);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * decision_bench [quick]
 *
 * What the packet that is decided takes of the guard's processor time, where the promise is known already: the one that
 * completes RCPT TO in clear, and the client's first application data in TLS. Prints JSON: microseconds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/parts/connection.h"
#include "bench/parts/figures.h"
#include "bench/parts/gate_owner.h"

enum {
	DOMAINS = 1000,
	SESSIONS = 20000,
	SESSIONS_QUICK = 3000,
	SEGMENT_LEN = 1448,
	NAME_ROOM = 64
};

/* Places in the connection: SYN, SYN, ACK, 220, EHLO, 250, MAIL, 250, then it; from the end: the last. */
enum { RCPT_PLACE = 8 };

static const struct kind {
	const char *prefix;
	struct connection_kind kind;
} kinds[] = {
	{ "", { 1024, SEGMENT_LEN, false, NULL } },
	{ "tls12_", { 0, SEGMENT_LEN, false, &flights_tls12 } },
	{ "tls13_", { 0, SEGMENT_LEN, false, &flights_tls13 } },
};

static void name_domain(char name[NAME_ROOM], unsigned number)
{
	snprintf(name, NAME_ROOM, "d%u.example.org", number % DOMAINS);
}

static void play(struct gate_owner *owner, struct figures *figures,
                 const struct connection_kind *kind, uint32_t number)
{
	static struct connection connection;
	struct nfqueue_packet queued = { .netfilter_hook = 2 };
	char name[NAME_ROOM];

	name_domain(name, number);
	connection_begin(&connection, kind, number, name);
	connection_write(&connection, kind);
	for (size_t i = 0; i < connection.count; i++) {
		uint64_t start_ns = figures_cpu_ns();

		queued.id++;
		queued.packet = bytes_of(connection.packets[i], connection.lens[i]);
		gate_owner_packet(owner, &queued, 1000 + number);
		if (i == (kind->body_len > 0 ? RCPT_PLACE : connection.count - 1))
			figures_note(figures, figures_cpu_ns() - start_ns);
	}
	connection_free(&connection);
}

int main(int argc, char **argv)
{
	static struct gate_owner owner;
	unsigned sessions = argc > 1 && strcmp(argv[1], "quick") == 0 ? SESSIONS_QUICK : SESSIONS;
	struct figures figures;
	char name[NAME_ROOM];

	if (!figures_init(&figures))
		return 4;
	gate_owner_init(&owner);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		gate_owner_renew(&owner);
		for (unsigned number = 0; number < DOMAINS; number++) {
			name_domain(name, number);
			gate_owner_answer(&owner, QUESTION_DOMAIN, name, 1000);
		}
		for (uint32_t number = 0; number < DOMAINS; number++)
			play(&owner, &figures, &kinds[i].kind, number);
		figures_start(&figures);
		for (uint32_t number = 0; number < sessions; number++)
			play(&owner, &figures, &kinds[i].kind, number);
		printf("%s\"%sp50_us\": %.1f, \"%sp99_us\": %.1f", i == 0 ? "{" : ", ",
		       kinds[i].prefix, figures_share_us(&figures, 0.5), kinds[i].prefix,
		       figures_share_us(&figures, 0.99));
	}
	puts("}");
	gate_owner_free(&owner);
	return 0;
}

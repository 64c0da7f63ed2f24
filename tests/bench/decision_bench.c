/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * decision_bench [quick]
 *
 * What the packet that is decided takes of the guard's processor time, where it is known already what was promised. Nothing: the one
 * that completes RCPT TO in clear, and the client's first application data in TLS. A key ("promised"): clear text to a host of whom
 * that is known is refused at MAIL; TLS passes with the same packet as ever, the verifier's answer included. Prints JSON: microseconds.
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

/* Places in the connection: SYN, SYN, ACK, 220, EHLO, 250, then MAIL, 250, and RCPT. */
enum { MAIL_PLACE = 6, RCPT_PLACE = 8, LAST_PLACE = 0 };

static const struct kind {
	const char *prefix;
	struct connection_kind kind;
	size_t place; /* of what is decided */
	bool is_promised;
} kinds[] = {
	{ "", { 1024, SEGMENT_LEN, false, NULL }, RCPT_PLACE, false },
	{ "tls12_", { 0, SEGMENT_LEN, false, &flights_tls12 }, LAST_PLACE, false },
	{ "tls13_", { 0, SEGMENT_LEN, false, &flights_tls13 }, LAST_PLACE, false },
	{ "promised_", { 1024, SEGMENT_LEN, false, NULL }, MAIL_PLACE, true },
	{ "promised_tls12_", { 0, SEGMENT_LEN, false, &flights_tls12 }, LAST_PLACE, true },
	{ "promised_tls13_", { 0, SEGMENT_LEN, false, &flights_tls13 }, LAST_PLACE, true },
};

static void name_domain(char name[NAME_ROOM], unsigned number)
{
	snprintf(name, NAME_ROOM, "d%u.example.org", number % DOMAINS);
}

/* Whether that packet was what is decided: all up to it passed, it perhaps as another one, and of the rest what broke no promise. */
static bool play(struct gate_owner *owner, struct figures *figures, const struct kind *kind,
                 uint32_t number)
{
	static struct connection connection;
	struct nfqueue_packet queued = { .netfilter_hook = 2 };
	bool is_refused = kind->is_promised && kind->kind.body_len > 0, is_decided = true;
	char name[NAME_ROOM];
	size_t place;

	name_domain(name, number);
	connection_begin(&connection, &kind->kind, number, name);
	connection_write(&connection, &kind->kind);
	place = kind->place == LAST_PLACE ? connection.count - 1 : kind->place;
	for (size_t i = 0; i < connection.count; i++) {
		uint64_t accepted = owner->accepted, start_ns = figures_cpu_ns();

		queued.id++;
		queued.packet = bytes_of(connection.packets[i], connection.lens[i]);
		gate_owner_packet(owner, &queued, 1000 + number);
		if (i == place)
			figures_note(figures, figures_cpu_ns() - start_ns);
		if (owner->accepted - accepted != (i <= place || !is_refused))
			is_decided = false;
	}
	connection_free(&connection);
	return is_decided;
}

static void know_domains(struct gate_owner *owner)
{
	char name[NAME_ROOM];

	for (unsigned number = 0; number < DOMAINS; number++) {
		name_domain(name, number);
		gate_owner_answer(owner, QUESTION_DOMAIN, name, 1000);
	}
}

int main(int argc, char **argv)
{
	static struct gate_owner owner;
	unsigned sessions = argc > 1 && strcmp(argv[1], "quick") == 0 ? SESSIONS_QUICK : SESSIONS;
	struct figures figures;

	if (!figures_init(&figures))
		return 4;
	gate_owner_init(&owner);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		owner.has_promises = kinds[i].is_promised;
		gate_owner_renew(&owner);
		know_domains(&owner);
		for (uint32_t number = 0; number < DOMAINS; number++)
			(void)play(&owner, &figures, &kinds[i], number);
		figures_start(&figures);
		for (uint32_t number = 0; number < sessions; number++) {
			if (!play(&owner, &figures, &kinds[i], number)) {
				fprintf(stderr, "decision_bench: %snot decided there\n",
				        kinds[i].prefix);
				return 1;
			}
		}
		printf("%s\"%sp50_us\": %.1f, \"%sp99_us\": %.1f", i == 0 ? "{" : ", ",
		       kinds[i].prefix, figures_share_us(&figures, 0.5), kinds[i].prefix,
		       figures_share_us(&figures, 0.99));
	}
	puts("}");
	gate_owner_free(&owner);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * growth_bench [quick]
 *
 * Whether a session costs the guard more when many connections stand, or many domains are known. Processor time without
 * kernel and wire, the least of many batches in several rounds in which all numbers take their turn: neighbours on the
 * machine can only add to it. Prints JSON: microseconds.
 * With room for all of them (dns.names-max).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/parts/connection.h"
#include "bench/parts/figures.h"
#include "bench/parts/gate_owner.h"

enum {
	ROUNDS = 9,
	BATCH = 200,
	BATCHES = 20,
	SEGMENT_LEN = 1448,
	NAME_ROOM = 64,
	FIRST_NUMBER =
		1000000, /* of sessions that are measured: other ports and clients than those that stand */
	COUNTS_MAX = 6,
	NAMES_MAX = 1048576, /* the most that may be set */
};

static const struct connection_kind LETTER = { 1024, SEGMENT_LEN, false, NULL };

struct subject {
	const char *name;
	size_t counts_len;
	uint32_t counts[COUNTS_MAX];
	/* Makes that many of it. */
	void (*prepare)(struct gate_owner *owner, uint32_t count);
	uint32_t domains_of_session; /* 0: as many as are known */
};

static void name_domain(char name[NAME_ROOM], uint32_t number)
{
	snprintf(name, NAME_ROOM, "d%u.example.org", number);
}

static void play(struct gate_owner *owner, const struct connection *connection)
{
	struct nfqueue_packet queued = { .netfilter_hook = 2 };

	for (size_t i = 0; i < connection->count; i++) {
		queued.id++;
		queued.packet = bytes_of(connection->packets[i], connection->lens[i]);
		gate_owner_packet(owner, &queued, 1000);
	}
}

static void stand(struct gate_owner *owner, uint32_t count)
{
	static struct connection connection;

	for (uint32_t number = 0; number < count; number++) {
		connection_begin(&connection, &LETTER, number, "");
		play(owner, &connection);
		connection_free(&connection);
	}
}

static void know(struct gate_owner *owner, uint32_t count)
{
	char name[NAME_ROOM];

	for (uint32_t number = 0; number < count; number++) {
		name_domain(name, number);
		gate_owner_answer(owner, QUESTION_DOMAIN, name, 1000);
	}
}

/* One batch of sessions: nanoseconds for each. */
static double play_batch(struct gate_owner *owner, uint32_t *number, uint32_t domains)
{
	static struct connection connections[BATCH];
	char names[BATCH][NAME_ROOM];
	uint64_t start_ns;

	for (int i = 0; i < BATCH; i++, ++*number) {
		/* In no order that a cache could follow. */
		name_domain(names[i], (uint32_t)((uint64_t)*number * 2654435761U % domains));
		connection_begin(&connections[i], &LETTER, *number, names[i]);
		connection_write(&connections[i], &LETTER);
	}
	start_ns = figures_cpu_ns();
	for (int i = 0; i < BATCH; i++)
		play(owner, &connections[i]);
	start_ns = figures_cpu_ns() - start_ns;
	for (int i = 0; i < BATCH; i++)
		connection_free(&connections[i]);
	return (double)start_ns / BATCH;
}

static double measure(struct gate_owner *owner, const struct subject *subject, uint32_t count)
{
	double least = 0;
	uint32_t number = FIRST_NUMBER;
	uint32_t domains = subject->domains_of_session ? subject->domains_of_session : count;

	subject->prepare(owner, count);
	(void)play_batch(owner, &number, domains);
	for (int i = 0; i < BATCHES; i++) {
		double each = play_batch(owner, &number, domains);

		least = i == 0 || each < least ? each : least;
	}
	return least;
}

/* In a process of its own: a heap that a million domains left in pieces is no guard's with ten. */
static double measure_apart(struct gate_owner *owner, const struct subject *subject, uint32_t count)
{
	double found = 0;
	int ends[2], status = 0;
	pid_t child;

	if (pipe(ends) < 0 || (child = fork()) < 0) {
		perror("growth_bench");
		exit(1);
	}
	if (child == 0) {
		found = measure(owner, subject, count);
		_exit(write(ends[1], &found, sizeof(found)) == sizeof(found) ? 0 : 1);
	}
	if (read(ends[0], &found, sizeof(found)) != sizeof(found) ||
	    waitpid(child, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "growth_bench: %s, %u: no figure\n", subject->name, count);
		exit(1);
	}
	close(ends[0]);
	close(ends[1]);
	return found;
}

static void report(const struct subject *subject, const double found[COUNTS_MAX])
{
	printf("\"%s\": [", subject->name);
	for (size_t i = 0; i < subject->counts_len; i++) {
		printf("%s{\"count\": %u, \"us\": %.3f}", i == 0 ? "" : ", ", subject->counts[i],
		       found[i] / 1000);
	}
	printf("]");
}

int main(int argc, char **argv)
{
	static const struct subject subjects[] = {
		{ "flows", 6, { 1, 10, 100, 1000, 10000, 50000 }, stand, 1 },
		{ "domains", 6, { 10, 100, 1000, 10000, 100000, 1000000 }, know, 0 },
	};
	static struct gate_owner owner;
	int rounds = argc > 1 && strcmp(argv[1], "quick") == 0 ? 1 : ROUNDS;
	double found[COUNTS_MAX] = { 0 };

	gate_owner_init(&owner);
	owner.config.dns_names_max = NAMES_MAX;
	gate_owner_renew(&owner);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		for (int round = 0; round < rounds; round++) {
			for (size_t j = 0; j < subjects[i].counts_len; j++) {
				double each =
					measure_apart(&owner, &subjects[i], subjects[i].counts[j]);

				found[j] = round == 0 || each < found[j] ? each : found[j];
			}
		}
		printf("%s", i == 0 ? "{" : ", ");
		report(&subjects[i], found);
	}
	puts("}");
	gate_owner_free(&owner);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What memory costs: rows into the database of a directory, and from there over a channel into another process, as the ledger brings
 * them to a scout that starts. Prints sizes and times. Usage: store_bench [ROWS OF EACH KIND [DIRECTORY]]
 */

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/channel.h"
#include "ledger_rows.h"
#include "policy/seen.h"
#include "row_batch.h"

static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };
static const uint64_t start_ms = 1790000000000; /* in 2026 */

/* A typical policy of 150 octets. */
static const char policy_text[] =
	"version: STSv1\r\nmode: enforce\r\nmx: mx1.mail.example.org\r\nmx: mx2.mail.example.org"
	"\r\nmx: *.backup.mail.example.org\r\nmax_age: 604800\r\n...................";
enum { POLICY_LEN = sizeof(policy_text) - 1 };
_Static_assert(POLICY_LEN == 150, "a typical length");

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What this process used of the processor: other load on the machine counts less in it. */
static double processor_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fill(struct row *row, enum row_kind kind, unsigned i)
{
	memset(row, 0, offsetof(struct row, policy.text));
	row->kind = kind;
	if (kind == ROW_POLICY) {
		snprintf(row->policy.domain, sizeof(row->policy.domain), "domain%u.example.org", i);
		snprintf(row->policy.id, sizeof(row->policy.id), "20261122T%06u", i);
		row->policy.fetched_ms = row->policy.saved_ms = start_ms;
		row->policy.left_s = 604800;
		row->policy.text_len = POLICY_LEN;
		memcpy(row->policy.text, policy_text, POLICY_LEN);
	} else if (kind == ROW_PLACE) {
		memset(&row->place, 0, sizeof(row->place));
		snprintf(row->place.host, sizeof(row->place.host), "mx.domain%u.example.org", i);
		row->place.address =
			address_of(4, (const uint8_t[]){ 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
		                                         (uint8_t)i });
		row->place.first_ms = start_ms;
		row->place.last_ms = start_ms + 86400000ULL * (1 + i % 7);
		row->place.tls_version = 0x0304;
		row->place.has_key = 1;
		memcpy(row->place.key, &i, sizeof(i));
	} else {
		snprintf(row->met.domain, sizeof(row->met.domain), "domain%u.example.org", i);
		row->met.first_ms = row->met.last_ms = start_ms;
		row->met.days = 2;
	}
}

static void on_row(void *owner, const struct row *row)
{
	(void)owner;
	(void)row;
}

struct taker {
	struct seen *seen;
	size_t policies;
};

static void take_row(void *owner, const struct row *row)
{
	struct taker *taker = owner;

	taker->policies += row->kind == ROW_POLICY;
	seen_load(taker->seen, row);
}

/* The scout's side: takes all rows, then says when it had the last. */
static void take_rows(int channel, int told)
{
	struct taker taker = { .seen = seen_new(SEEN_HOSTS_MAX, secret, on_row, NULL) };
	struct message_rows *message = malloc(CHANNEL_MESSAGE_MAX);
	size_t before, after;
	struct seen_figures figures;
	double begin_cpu_s, end_s;

	if (!taker.seen || !message)
		_exit(1);
	before = mallinfo2().uordblks;
	begin_cpu_s = processor_seconds();
	for (;;) {
		ssize_t len = channel_receive(channel, message, CHANNEL_MESSAGE_MAX, NULL, NULL);

		if (len == -EAGAIN) {
			struct pollfd ready = { .fd = channel, .events = POLLIN };

			(void)poll(&ready, 1, -1);
			continue;
		}
		if (len <= 0)
			_exit(1);
		if (message->type == MESSAGE_ROWS_END)
			break;
		if (!row_batch_read(message, (size_t)len, take_row, &taker))
			_exit(1);
	}
	end_s = seconds();
	after = mallinfo2().uordblks;
	seen_figures(&figures, taker.seen);
	printf("  the scout's processor time: %.2f s\n", processor_seconds() - begin_cpu_s);
	printf("  in the scout: %zu policies, %llu places, %llu domains; memory of hosts and "
	       "domains "
	       "%.0f octets a row (own account: %.0f)\n",
	       taker.policies, (unsigned long long)figures.places,
	       (unsigned long long)figures.domains,
	       (double)(after - before) / (double)(figures.places + figures.domains),
	       (double)figures.octets / (double)(figures.places + figures.domains));
	fflush(stdout);
	_exit(write(told, &end_s, sizeof(end_s)) == sizeof(end_s) ? 0 : 1);
}

struct side {
	int channel;
	bool awaits;
};

static int on_send(void *owner, const void *message, size_t len)
{
	const struct side *side = owner;

	return channel_send(side->channel, message, len);
}

static void on_await(void *owner)
{
	struct side *side = owner;

	side->awaits = true;
}

static void on_problem(void *owner, const char *problem)
{
	(void)owner;
	if (problem[0])
		printf("%s\n", problem);
}

static struct ledger_rows *open_rows(struct side *side, const char *directory)
{
	const struct ledger_rows_options options = {
		.directory = directory,
		.send = on_send,
		.await = on_await,
		.on_problem = on_problem,
		.owner = side,
	};

	return ledger_rows_new(&options);
}

static void print_size(const char *directory)
{
	char path[4096];
	struct stat status;

	snprintf(path, sizeof(path), "%s/hopguard.db", directory);
	if (stat(path, &status) == 0)
		printf("  database: %.1f MiB\n", (double)status.st_size / 1048576);
}

static void write_rows(const char *directory, unsigned count)
{
	struct row_batch *batch = calloc(1, sizeof(*batch));
	struct row *row = calloc(1, sizeof(*row));
	struct side side = { .channel = -1 };
	struct ledger_rows *rows = open_rows(&side, directory);
	double begin_s = seconds(), begin_cpu_s = processor_seconds();

	if (!rows || !batch || !row)
		exit(1);
	for (unsigned kind = ROW_POLICY; kind <= ROW_MET; kind++) {
		for (unsigned i = 0; i < count; i++) {
			fill(row, (enum row_kind)kind, i);
			row_batch_clear(batch);
			if (!row_batch_add(batch, row) ||
			    !ledger_rows_take(rows, &batch->message, batch->len))
				exit(1);
		}
	}
	ledger_rows_free(rows);
	printf("  written in %.2f s, processor time %.2f s\n", seconds() - begin_s,
	       processor_seconds() - begin_cpu_s);
	free(batch);
	free(row);
}

static void stream_rows(const char *directory)
{
	struct side side = { .awaits = false };
	struct ledger_rows *rows;
	int ends[2], told[2];
	double begin_s, begin_cpu_s, opened_s, end_s;
	pid_t scout;

	if (channel_pair(ends) != 0 || pipe(told) != 0)
		exit(1);
	fflush(stdout);
	scout = fork();
	if (scout == 0) {
		close(ends[0]);
		take_rows(ends[1], told[1]);
	}
	close(ends[1]);
	close(told[1]);
	side.channel = ends[0];
	begin_s = seconds();
	begin_cpu_s = processor_seconds();
	rows = open_rows(&side, directory);
	if (!rows)
		exit(1);
	opened_s = seconds();
	ledger_rows_scout(rows);
	while (side.awaits) {
		struct pollfd ready = { .fd = side.channel, .events = POLLOUT };

		side.awaits = false;
		(void)poll(&ready, 1, -1);
		ledger_rows_go_on(rows);
	}
	if (read(told[0], &end_s, sizeof(end_s)) != sizeof(end_s))
		exit(1);
	(void)waitpid(scout, NULL, 0);
	printf("  the ledger's processor time: %.2f s\n", processor_seconds() - begin_cpu_s);
	printf("  opened and checked in %.2f s; the scout had all %.2f s after the start\n",
	       opened_s - begin_s, end_s - begin_s);
	ledger_rows_free(rows);
	close(ends[0]);
	close(told[0]);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
	char made[] = "/tmp/hopguard-store-bench-XXXXXX";
	const char *directory = argc > 2 ? argv[2] : mkdtemp(made);
	char path[4200];

	if (!directory)
		return 1;
	printf("store: %u policies of 150 octets, %u places, %u met\n", count, count, count);
	write_rows(directory, count);
	print_size(directory);
	stream_rows(directory);
	for (const char *const *suffix = (const char *const[]){ "", "-wal", "-shm", NULL }; *suffix;
	     suffix++) {
		snprintf(path, sizeof(path), "%s/hopguard.db%s", directory, *suffix);
		(void)unlink(path);
	}
	return directory == made ? rmdir(made) : 0;
}

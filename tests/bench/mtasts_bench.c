/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a full cache of MTA-STS policies costs: memory for each domain, loading after a restart, an answer, a second of its agenda. The policies
 * are of the size of those in the field: a few mx, 150 to 250 octets.
 *
 *     mtasts_bench [DOMAINS]
 */

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/mtasts.h"

enum { RECALLS = 1000000, SECONDS = 3600 };

static uint64_t moved_ms;
static size_t row_count;

static double clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t now_ms(void)
{
	return 1000000 + moved_ms;
}

static uint64_t wall_ms(void)
{
	return 1767225600000 + moved_ms;
}

static void on_row(void *owner, const struct row *row)
{
	(void)owner;
	(void)row;
	row_count++;
}

static void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	(void)owner;
	(void)domain;
	(void)reason;
	(void)text;
}

static bool is_established(void *owner, const char *domain)
{
	(void)owner;
	(void)domain;
	return true;
}

static size_t resident(void)
{
	unsigned long total = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu %lu", &total, &pages) != 2)
		exit(4);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void put_domain(char domain[DOMAIN_NAME_MAX], size_t number)
{
	snprintf(domain, DOMAIN_NAME_MAX, "customer-%zu.example.org", number);
}

static void load_all(struct mtasts *mtasts, size_t count)
{
	struct row_policy *row = calloc(1, sizeof(*row));
	size_t i;

	if (!row)
		exit(4);
	for (i = 0; i < count; i++) {
		put_domain(row->domain, i);
		snprintf(row->id, sizeof(row->id), "20260101T%06zu", i % 1000000);
		row->fetched_ms = row->saved_ms = wall_ms();
		row->left_s = 30 * 86400;
		row->text_len = (uint32_t)snprintf(
			row->text, sizeof(row->text),
			"version: STSv1\r\nmode: enforce\r\nmx: mx1.%s\r\nmx: mx2.%s\r\n"
			"mx: *.mail.provider.example\r\nmax_age: 2592000\r\n",
			row->domain, row->domain);
		if (!mtasts_load(mtasts, row))
			exit(4);
	}
	free(row);
}

static void measure(struct mtasts *mtasts, size_t count)
{
	struct mtasts_answer answer;
	char domain[DOMAIN_NAME_MAX];
	size_t before = resident();
	double start = clock_s();
	double longest_s = 0;
	size_t i;

	load_all(mtasts, count);
	printf("%zu policies loaded in %.2f s\n", count, clock_s() - start);
	printf("memory: %zu octets a policy with its texts, %zu with the table and malloc's own\n",
	       mtasts_octets(mtasts) / count, (resident() - before) / count);
	start = clock_s();
	for (i = 0; i < RECALLS; i++) {
		put_domain(domain, i * 7919 % count);
		mtasts_recall(&answer, mtasts, domain);
		if (answer.state != MTASTS_POLICY ||
		    !mtasts_answer_allows(&answer, "x.mail.provider.example"))
			exit(4);
	}
	printf("what is known of a domain, and whether it names a host: %.2f us\n",
	       (clock_s() - start) / RECALLS * 1e6);
	start = clock_s();
	for (i = 0; i < SECONDS; i++) {
		double tick = clock_s();

		moved_ms += 1000;
		mtasts_tick(mtasts);
		tick = clock_s() - tick;
		longest_s = tick > longest_s ? tick : longest_s;
	}
	printf("agenda of an hour: %zu rows, %.0f us a second, at most %.0f us\n", row_count,
	       (clock_s() - start) / SECONDS * 1e6, longest_s * 1e6);
}

int main(int argc, char **argv)
{
	static const struct mtasts_hooks hooks = {
		.on_row = on_row,
		.tell = on_tell,
		.is_established = is_established,
		.now_ms = now_ms,
		.wall_ms = wall_ms,
	};
	struct mtasts_options options = { .is_enabled = true, .https_port = 443 };
	struct resolver_options resolver_options = { .timeout_ms = 1000 };
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct event_base *base = event_base_new();
	struct resolver *resolver;
	struct mtasts *mtasts;

	if (count == 0 || count > MTASTS_DOMAINS_MAX / 4 * 3)
		return 2;
	if (!base || resolver_new(&resolver, base, &resolver_options) < 0 ||
	    mtasts_new(&mtasts, base, resolver, &options, &hooks, NULL) < 0)
		return 4;
	measure(mtasts, count);
	mtasts_free(mtasts);
	resolver_free(resolver);
	event_base_free(base);
	return 0;
}

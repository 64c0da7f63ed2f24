/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cache of promises costs that scout and guards keep: octets of a domain, and the time of a put, a find, news of a host's key and
 * a flush at 10, at 1,000 and at as many domains as are asked for. A domain has two hosts with TLSA records and two to four addresses; half of all are customers
 * of a few large providers, and share the addresses of those. Times are of the processor, with the reading of
 * its clock in them.
 *
 *     promise_bench [DOMAINS]
 */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/promise_cache.h"
#include "verdict/key_rule.h"

enum { FINDS = 200000, FLUSHES = 50, PROVIDERS = 20, NOW_MS = 1000 };

static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };

/* The domain of the next put or find. */
struct world {
	struct promise_cache *cache;
	struct destination destination;
};

struct timing {
	double sum_us;
	double longest_us;
	size_t count;
};

static double clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t octets_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static bool has_provider(size_t number)
{
	return number % 2 == 1;
}

static struct address address_at(size_t number, size_t place)
{
	size_t owner = has_provider(number) ? number % (2 * PROVIDERS) : PROVIDERS * 2 + number;
	uint8_t octets[] = { (uint8_t)(10 + place), (uint8_t)(owner >> 16), (uint8_t)(owner >> 8),
		             (uint8_t)owner };

	return address_of(4, octets);
}

/* What a record 3 1 1 asks: the names that the scout sends with it are those of the host and, as the MX RRset is signed, of the domain. */
static void add_keys(struct destination *destination, struct mx_host *host)
{
	static const uint8_t digest[32] = { 0 };
	struct key_rules rules = { .count = 0 };
	char names[2 * DOMAIN_NAME_MAX];
	const struct key_rule rule = {
		.kind = KEY_RULE_TLSA,
		.source = SOURCE_DANE,
		.names =
			bytes_of((uint8_t *)names, (size_t)snprintf(names, sizeof(names), "%s:%s",
		                                                    host->name, destination->name)),
		.record_count = 1,
		.records = { { 3, 1, 1, bytes_of(digest, sizeof(digest)) } },
	};

	if (!key_rules_add(&rules, &rule))
		exit(1);
	memcpy(destination->keys + destination->keys_len, rules.octets, rules.len);
	host->keys = (struct key_slice){ destination->keys_len, (uint16_t)rules.len };
	destination->keys_len = (uint16_t)(destination->keys_len + rules.len);
}

static void fill(struct destination *destination, size_t number)
{
	size_t owner = has_provider(number) ? number % (2 * PROVIDERS) : number;
	const char *label = has_provider(number) ? "provider" : "mail.customer";

	snprintf(destination->name, sizeof(destination->name), "customer-%zu.example.org", number);
	destination->mx_state = MX_FOUND;
	destination->mx_security = DNS_SECURE;
	destination->ttl_s = 3600;
	destination->host_count = 2;
	destination->keys_len = 0;
	destination->place_count = (uint8_t)(2 + number / 2 % 3);
	for (size_t i = 0; i < destination->host_count; i++) {
		struct mx_host *host = &destination->hosts[i];

		host->preference = (uint16_t)(10 * (i + 1));
		host->address_security = DNS_SECURE;
		host->promise.state = PROMISE_KEY;
		host->promise.source = SOURCE_DANE;
		snprintf(host->name, sizeof(host->name), "mx%zu.%s-%zu.example.net", i + 1, label,
		         owner);
		snprintf(host->promise.detail, sizeof(host->promise.detail),
		         "_25._tcp.%.60s 3 1 1 %064zx", host->name, owner);
		add_keys(destination, host);
	}
	for (size_t i = 0; i < destination->place_count; i++)
		destination->places[i] =
			(struct mx_place){ address_at(number, i), (uint8_t)(i % 2) };
}

static void count_in(struct timing *timing, double begin_us)
{
	double used_us = clock_us() - begin_us;

	timing->sum_us += used_us;
	timing->count++;
	if (used_us > timing->longest_us)
		timing->longest_us = used_us;
}

static void report(const char *what, const struct timing *timing)
{
	printf("  %-28s %8.2f us, longest %8.0f us\n", what, timing->sum_us / (double)timing->count,
	       timing->longest_us);
}

static void put(struct world *world, struct timing *timing, size_t number)
{
	double begin;

	fill(&world->destination, number);
	begin = clock_us();
	if (promise_cache_put(world->cache, &world->destination, NOW_MS) < 0)
		exit(4);
	count_in(timing, begin);
}

static void find_all(struct world *world, size_t count)
{
	struct timing timing = { .count = 0 };
	char name[DOMAIN_NAME_MAX];
	struct hop hop;

	for (size_t i = 0; i < FINDS; i++) {
		size_t number = i * 7919 % count;
		struct address address = address_at(number, 0);
		double begin;

		snprintf(name, sizeof(name), "customer-%zu.example.org", number);
		begin = clock_us();
		if (promise_cache_find(&hop, world->cache, name, &address, NOW_MS) != CACHE_FRESH)
			exit(4);
		count_in(&timing, begin);
	}
	report("find", &timing);
}

static void ask_addresses(struct world *world, size_t count)
{
	struct timing timing = { .count = 0 };
	struct hop hops[PROMISE_CACHE_MENTIONS_MAX];

	for (size_t i = 0; i < FINDS; i++) {
		struct address address = address_at(i * 7919 % count, 0);
		double begin = clock_us();

		(void)promise_cache_at(hops, world->cache, &address, NOW_MS);
		count_in(&timing, begin);
	}
	report("all that is said of an address", &timing);
}

/* Of domains with addresses of their own, or of customers of the large. */
static void flush(struct world *world, size_t count, bool of_provider)
{
	struct timing timing = { .count = 0 }, again = { .count = 0 };
	char name[DOMAIN_NAME_MAX];

	for (size_t i = 0; i < FLUSHES && 2 * i + 1 < count; i++) {
		size_t number = 2 * i + of_provider;
		double begin;

		snprintf(name, sizeof(name), "customer-%zu.example.org", number);
		begin = clock_us();
		if (promise_cache_forget(world->cache, name) != 1)
			exit(4);
		count_in(&timing, begin);
		put(world, &again, number);
	}
	report(of_provider ? "flush, shared addresses" : "flush, own addresses", &timing);
}

/* Another key of hosts of its own, or of those of a large provider. */
static void outdate(struct world *world, size_t count, bool of_provider)
{
	struct timing timing = { .count = 0 };

	for (size_t number = of_provider; number < FLUSHES * 2 && number < count; number += 2) {
		double begin;

		fill(&world->destination, number);
		world->destination.keys[world->destination.keys_len - 1] ^= 1;
		begin = clock_us();
		if (!promise_cache_outdate(world->cache, &world->destination))
			exit(4);
		count_in(&timing, begin);
	}
	report(of_provider ? "news of a provider's host" : "news of a host", &timing);
}

static void measure(size_t count, size_t capacity)
{
	struct world world = { .cache = NULL };
	struct timing first = { .count = 0 }, again = { .count = 0 }, clear = { .count = 0 };
	size_t before;
	double begin;

	world.cache = promise_cache_new(capacity, secret);
	if (!world.cache)
		exit(4);
	before = octets_in_use();
	for (size_t i = 0; i < count; i++)
		put(&world, &first, i);
	printf("%zu domains: %zu octets each, %.1f MiB\n", promise_cache_count(world.cache),
	       (octets_in_use() - before) / count, (double)(octets_in_use() - before) / 1048576);
	report("put", &first);
	for (size_t i = 0; i < count; i++)
		put(&world, &again, i * 7919 % count);
	report("put anew", &again);
	find_all(&world, count);
	ask_addresses(&world, count);
	outdate(&world, count, false);
	outdate(&world, count, true);
	flush(&world, count, false);
	flush(&world, count, true);
	begin = clock_us();
	promise_cache_clear(world.cache);
	count_in(&clear, begin);
	report("flush of all", &clear);
	promise_cache_free(world.cache);
}

int main(int argc, char **argv)
{
	size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	size_t room = 2 * most; /* these need a little more each than there is for a name */
	size_t before = octets_in_use();
	struct promise_cache *cache = promise_cache_new(room + 1, secret);

	if (most == 0 || !cache)
		return 2;
	printf("empty, with room for %zu domains: %zu octets\n", room + 1,
	       octets_in_use() - before);
	promise_cache_free(cache);
	measure(10, room + 1);
	measure(1000, room + 1);
	measure(most, room + 1);
	return 0;
}

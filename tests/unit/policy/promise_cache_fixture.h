/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_POLICY_PROMISE_CACHE_FIXTURE_H
#define HOPGUARD_TESTS_UNIT_POLICY_PROMISE_CACHE_FIXTURE_H

/* A cache of few names, destinations to put there, and what it says of them. Behind cmocka.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/promise_cache.h"

enum { NOW = 1000000, CACHE_NAMES = 64 };

struct fixture {
	struct promise_cache *cache;
	struct destination destination; /* the one that was begun last */
	struct hop hop;
	struct hop hops[PROMISE_CACHE_MENTIONS_MAX];
};

static inline int set_up(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->cache = promise_cache_new(CACHE_NAMES, secret);
	assert_non_null(fixture->cache);
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	promise_cache_free(fixture->cache);
	free(fixture);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline struct address at(const char *text)
{
	struct address address;

	assert_true(address_parse(&address, text));
	return address;
}

/* A signed domain whose hosts are yet to be added. */
static inline struct destination *begin(struct fixture *fixture, const char *name, uint32_t ttl_s)
{
	struct destination *destination = &fixture->destination;

	memset(destination, 0, sizeof(*destination));
	snprintf(destination->name, sizeof(destination->name), "%s", name);
	destination->mx_state = MX_FOUND;
	destination->mx_security = DNS_SECURE;
	destination->ttl_s = ttl_s;
	return destination;
}

/* The address may be NULL. */
static inline struct mx_host *add_mx(struct destination *destination, const char *name,
                                     struct promise promise, const char *address)
{
	struct mx_host *host = &destination->hosts[destination->host_count];

	snprintf(host->name, sizeof(host->name), "%s", name);
	host->preference = (uint16_t)(10 * destination->host_count);
	host->address_security = DNS_SECURE;
	host->promise = promise;
	if (address) {
		destination->places[destination->place_count].address = at(address);
		destination->places[destination->place_count++].host = destination->host_count;
	}
	destination->host_count++;
	return host;
}

/* Who promises anything does so by DANE. */
static inline void add_host(struct destination *destination, const char *name,
                            enum promise_state state, const char *address)
{
	struct promise promise = {
		.state = state,
		.source = state == PROMISE_NONE ? SOURCE_NONE : SOURCE_DANE,
	};

	if (state == PROMISE_KEY)
		snprintf(promise.detail, sizeof(promise.detail), "_25._tcp.%.200s 3 1 1 60b8",
		         name);
	add_mx(destination, name, promise, address);
}

static inline void put(struct fixture *fixture, uint64_t now_ms)
{
	assert_int_equal(promise_cache_put(fixture->cache, &fixture->destination, now_ms), 0);
}

/* A domain of one host. */
static inline void put_simple(struct fixture *fixture, const char *name, const char *host,
                              enum promise_state promise, const char *address, uint32_t ttl_s)
{
	add_host(begin(fixture, name, ttl_s), host, promise, address);
	put(fixture, NOW);
}

static inline enum cache_answer find(struct fixture *fixture, const char *name, const char *address,
                                     uint64_t now_ms)
{
	struct address place = at(address);

	memset(&fixture->hop, 0xee, sizeof(fixture->hop));
	return promise_cache_find(&fixture->hop, fixture->cache, name, &place, now_ms);
}

static inline bool strongest(struct fixture *fixture, const char *address, uint64_t now_ms)
{
	struct address place = at(address);

	return promise_cache_strongest(&fixture->hop, fixture->cache, &place, now_ms);
}

#endif

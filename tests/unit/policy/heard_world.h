/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_POLICY_HEARD_WORLD_H
#define HOPGUARD_TESTS_UNIT_POLICY_HEARD_WORLD_H

/* Answers for a struct heard, and what it told of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../wire/dns_message.h"
#include "policy/heard.h"

enum { ADDITIONAL_COUNT_AT = 10, NOW_MS = 1000000, TOLD_MAX = 2048 };

struct told {
	char domain[DNS_NAME_TEXT_MAX];
	char host[DNS_NAME_TEXT_MAX];
	struct address server;
	uint32_t life_s;
};

struct fixture {
	struct heard *heard;
	bool matters; /* the domains that are heard of */
	size_t count;
	struct told told[TOLD_MAX];
};

static inline void on_candidate(void *owner, const struct heard_candidate *candidate)
{
	struct fixture *fixture = owner;
	struct told *told = &fixture->told[fixture->count++];

	assert_true(fixture->count < TOLD_MAX);
	text_copy(told->domain, sizeof(told->domain), candidate->domain);
	text_copy(told->host, sizeof(told->host), candidate->host);
	told->server = candidate->server;
	told->life_s = candidate->life_s;
}

static inline int set_up(void **state)
{
	static struct fixture fixture;
	static const uint8_t secret[TABLE_SECRET_LEN];

	fixture.count = 0;
	fixture.matters = false;
	fixture.heard = heard_new(secret, on_candidate, &fixture);
	*state = &fixture;
	return fixture.heard ? 0 : -1;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	heard_free(fixture->heard);
	return 0;
}

static inline bool hear_for(struct fixture *fixture, const char *client,
                            const struct message *message, uint64_t now_ms)
{
	struct dns_message parsed;
	struct address address;

	assert_true(address_parse(&address, client));
	assert_int_equal(dns_message_parse(&parsed, bytes_of(message->octets, message->len)),
	                 PARSE_OK);
	return heard_answer(fixture->heard, &address, &parsed, fixture->matters, now_ms);
}

static inline bool hear(struct fixture *fixture, const struct message *message, uint64_t now_ms)
{
	return hear_for(fixture, "192.0.2.2", message, now_ms);
}

static inline struct message mx_of(const char *domain, const char *host)
{
	struct message message;

	begin(&message, FOUND, domain, DNS_TYPE_MX, 1, 0);
	add_mx(&message, domain, 10, host);
	return message;
}

static inline struct message a_of(const char *host, unsigned last, uint32_t ttl)
{
	struct message message;

	begin(&message, FOUND, host, DNS_TYPE_A, 1, 0);
	add_a(&message, host, 0xc6336400 | last, ttl);
	return message;
}

/* 198.51.100.last for that domain was told as the index-th. */
static inline void assert_told(const struct fixture *fixture, size_t index, const char *domain,
                               unsigned last)
{
	assert_true(index < fixture->count);
	assert_string_equal(fixture->told[index].domain, domain);
	assert_int_equal(fixture->told[index].server.family, 4);
	assert_int_equal(fixture->told[index].server.octets[3], last);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_POLICY_SCRIPTED_RESOLVER_H
#define HOPGUARD_TESTS_UNIT_POLICY_SCRIPTED_RESOLVER_H

/*
 * In the place of policy/resolver.c: questions stay open until the test answers them, with any word of the validator's on the answer. For
 * the one file of a program.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/resolver.h"
#include "unit/wire/dns_message.h"

enum { SCRIPT_QUERIES_MAX = 256 };

struct query {
	bool is_open;
	char name[DNS_NAME_TEXT_MAX];
	enum dns_type type;
	lookup_fn fn;
	void *owner;
};

struct resolver {
	struct party party;
	size_t left; /* questions that there is memory for */
	size_t asked;
	struct query queries[SCRIPT_QUERIES_MAX];
};

static struct resolver script;

static inline int begin_script(void **state)
{
	(void)state;
	memset(&script, 0, sizeof(script));
	script.left = SIZE_MAX;
	return 0;
}

static inline size_t open_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < script.asked; i++)
		count += script.queries[i].is_open;
	return count;
}

static inline int end_script(void **state)
{
	(void)state;
	return open_count() == 0 ? 0 : -1; /* nobody waits for an answer any more */
}

const struct party *resolver_asks_for(const struct resolver *resolver)
{
	return &resolver->party;
}

struct query *resolver_ask(struct resolver *resolver, const char *name, enum dns_type type,
                           lookup_fn fn, void *owner)
{
	struct query *query;

	assert_true(resolver->asked < SCRIPT_QUERIES_MAX && strlen(name) < DNS_NAME_TEXT_MAX);
	if (resolver->left == 0)
		return NULL;
	resolver->left--;
	query = &resolver->queries[resolver->asked++];
	*query = (struct query){ .is_open = true, .type = type, .fn = fn, .owner = owner };
	text_copy(query->name, sizeof(query->name), name);
	return query;
}

void resolver_cancel(struct query *query)
{
	assert_true(query->is_open);
	query->is_open = false;
}

static inline bool is_asked(const char *name, enum dns_type type)
{
	for (size_t i = 0; i < script.asked; i++) {
		const struct query *query = &script.queries[i];

		if (query->is_open && query->type == type && strcmp(query->name, name) == 0)
			return true;
	}
	return false;
}

static inline void end_query(const char *name, enum dns_type type, const struct lookup *lookup)
{
	for (size_t i = 0; i < script.asked; i++) {
		struct query *query = &script.queries[i];

		if (!query->is_open || query->type != type || strcmp(query->name, name) != 0)
			continue;
		query->is_open = false;
		query->fn(query->owner, lookup);
		return;
	}
	fail_msg("nobody asks for type %d of %s", type, name);
}

/* Neither secure nor insecure. */
static inline void fail_query(const char *name, enum dns_type type, enum dns_security security,
                              const char *why)
{
	end_query(name, type, &(struct lookup){ .security = security, .why = why });
}

/* The answer to what its question says, read as policy/resolver.c reads it. */
static inline void answer(const struct message *message, enum dns_security security)
{
	struct lookup lookup = { .security = security, .why = "" };

	assert_int_equal(dns_answer_parse(&lookup.answer, against_the_end(message, message->len)),
	                 PARSE_OK);
	lookup.outcome = lookup.answer.rcode == DNS_RCODE_NXDOMAIN ? LOOKUP_NXDOMAIN
	                 : lookup.answer.record_count > 0          ? LOOKUP_FOUND
	                                                           : LOOKUP_NODATA;
	end_query(lookup.answer.name, (enum dns_type)lookup.answer.type, &lookup);
}

/* flags: FOUND for a name without that type, ABSENT for no such name. */
static inline void deny(const char *name, enum dns_type type, unsigned flags,
                        enum dns_security security)
{
	struct message message;

	begin(&message, flags, name, type, 0, 1);
	add_soa(&message, 300, 300);
	answer(&message, security);
}

static inline void add_octets(struct message *message, const char *owner, unsigned type,
                              struct bytes data)
{
	size_t at = begin_record(message, owner, type, 60);

	memcpy(message->octets + message->len, data.data, data.len);
	message->len += data.len;
	end_record(message, at);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mentions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

enum { NOW = 1000, TTL_S = 60 };

/* A domain whose only host stands at 192.0.2.1; the caller holds it. */
static struct record *answer(const char *domain, const char *host, enum promise_state state)
{
	static const uint8_t octets[4] = { 192, 0, 2, 1 };
	struct destination *destination = calloc(1, sizeof(*destination));
	struct record *record;

	assert_non_null(destination);
	text_copy(destination->name, sizeof(destination->name), domain);
	text_copy(destination->hosts[0].name, sizeof(destination->hosts[0].name), host);
	destination->mx_state = MX_FOUND;
	destination->ttl_s = TTL_S;
	destination->host_count = destination->place_count = 1;
	destination->hosts[0].promise.state = state;
	destination->hosts[0].promise.source = state == PROMISE_NONE ? SOURCE_NONE : SOURCE_DANE;
	destination->places[0].address = address_of(4, octets);
	record = record_new(destination, NULL, NOW);
	free(destination);
	assert_non_null(record);
	return record;
}

/* Held by the mentions alone from then on, if they took it. */
static size_t add(struct mentions *mentions, const char *domain, const char *host,
                  enum promise_state state)
{
	struct record *record = answer(domain, host, state);
	size_t released = mentions_add(mentions, record, 0, NOW);

	return released + record_release(record);
}

static const char *strongest(const struct mentions *mentions, uint64_t now_ms)
{
	const struct mention *best = mentions_strongest(mentions, now_ms);

	return best ? record_name(best->record) : "";
}

static void many_names_drive_no_promise_out(void **state)
{
	struct mentions mentions = { 0 };
	char domain[32], host[32];

	(void)state;
	assert_int_equal(add(&mentions, "bank.example", "mx.bank.example", PROMISE_KEY), 0);
	assert_string_equal(strongest(&mentions, NOW), "bank.example");
	for (unsigned i = 0; i < 3 * MENTIONS_MAX; i++) {
		snprintf(domain, sizeof(domain), "stranger%u.example", i);
		snprintf(host, sizeof(host), "mx.stranger%u.example", i);
		add(&mentions, domain, host, PROMISE_NONE);
	}
	assert_true(mentions.is_crowded);
	assert_string_equal(strongest(&mentions, NOW), "bank.example");
	assert_true(mentions_remove(&mentions, NULL) > 0);
	assert_string_equal(strongest(&mentions, NOW), "");
}

static void a_host_that_promises_no_more_does_so_whoever_named_it_before(void **state)
{
	struct mentions mentions = { 0 };

	(void)state;
	add(&mentions, "a.example", "mx.example", PROMISE_KEY);
	assert_true(add(&mentions, "b.example", "mx.example", PROMISE_NONE) > 0);
	assert_string_equal(strongest(&mentions, NOW), "b.example");
	assert_true(mentions.is_crowded);
	mentions_remove(&mentions, NULL);
}

static void what_has_run_out_is_none(void **state)
{
	struct mentions mentions = { 0 };

	(void)state;
	add(&mentions, "a.example", "mx.example", PROMISE_KEY);
	assert_true(mention_is_fresh(&mentions.mention[0], NOW));
	assert_false(mention_is_fresh(&mentions.mention[0], NOW + (TTL_S + 1) * 1000));
	assert_false(mention_is_fresh(&mentions.mention[1], NOW));
	assert_string_equal(strongest(&mentions, NOW + (TTL_S + 1) * 1000), "");
	mentions_remove(&mentions, NULL);
}

static void only_what_one_answer_said_is_removed_with_it(void **state)
{
	struct mentions mentions = { 0 };
	struct record *record = answer("a.example", "mx.a.example", PROMISE_KEY);

	(void)state;
	mentions_add(&mentions, record, 0, NOW);
	add(&mentions, "b.example", "mx.b.example", PROMISE_TLS);
	assert_int_equal(mentions_remove(&mentions, record), 0); /* we hold it still */
	assert_true(record_release(record) > 0);
	assert_string_equal(strongest(&mentions, NOW), "b.example");
	mentions_remove(&mentions, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_names_drive_no_promise_out),
		cmocka_unit_test(a_host_that_promises_no_more_does_so_whoever_named_it_before),
		cmocka_unit_test(what_has_run_out_is_none),
		cmocka_unit_test(only_what_one_answer_said_is_removed_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

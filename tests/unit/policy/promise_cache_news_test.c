/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What news of hosts costs that many answers name, and what a flush of all: both hold a guard's packets, and strangers choose the names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/policy/promise_cache_fixture.h"

enum { DOMAINS = 8 };

static size_t compared;
static size_t looked_up;

/* The program's: they count. A table compares keys when one is looked up. */
int memcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *octets = a, *others = b;
	size_t i = 0;

	looked_up++;
	while (i < len && octets[i] == others[i])
		i++;
	return i < len ? octets[i] - others[i] : 0;
}

int strcmp(const char *a, const char *b)
{
	compared++;
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

/* Of MX_HOSTS_MAX hosts, of which the last has that promise. */
static void begin_many_hosts(struct fixture *fixture, const char *name, enum promise_state state)
{
	struct destination *destination = begin(fixture, name, 600);
	char host[DOMAIN_NAME_MAX];

	for (unsigned i = 0; i < MX_HOSTS_MAX; i++) {
		snprintf(host, sizeof(host), "mx%u.example.org", i);
		add_host(destination, host, i + 1 < MX_HOSTS_MAX ? PROMISE_NONE : state, NULL);
	}
}

static void put_domains(struct fixture *fixture)
{
	char name[DOMAIN_NAME_MAX];

	for (unsigned i = 0; i < DOMAINS; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		begin_many_hosts(fixture, name, PROMISE_NONE);
		put(fixture, NOW);
	}
	assert_int_equal(promise_cache_count(fixture->cache), DOMAINS);
}

/* Each host of the news is looked for among those of an answer once, however many of them led to it. */
static void an_answer_that_many_hosts_lead_to_is_compared_with_each_once(void **state)
{
	struct fixture *fixture = *state;

	put_domains(fixture);
	for (enum promise_state news = PROMISE_NONE; news <= PROMISE_TLS; news++) {
		begin_many_hosts(fixture, "news.example", news);
		compared = 0;
		assert_true(promise_cache_outdate(fixture->cache, &fixture->destination));
		assert_in_range(compared, DOMAINS * MX_HOSTS_MAX,
		                (size_t)DOMAINS * MX_HOSTS_MAX * MX_HOSTS_MAX);
	}
}

static void news_of_the_last_host_outdates_all_that_name_it(void **state)
{
	struct fixture *fixture = *state;
	char name[DOMAIN_NAME_MAX];

	for (enum promise_state news = PROMISE_NONE; news <= PROMISE_TLS; news++) {
		put_domains(fixture);
		begin_many_hosts(fixture, "news.example", news);
		assert_true(promise_cache_outdate(fixture->cache, &fixture->destination));
		for (unsigned i = 0; i < DOMAINS; i++) {
			snprintf(name, sizeof(name), "d%u.example", i);
			assert_int_equal(find(fixture, name, "192.0.2.1", NOW),
			                 news == PROMISE_NONE ? CACHE_FRESH : CACHE_STALE);
		}
	}
}

static void a_flush_of_all_looks_for_nobody_and_leaves_nobody_to_be_found(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 2; round++) {
		put_domains(fixture);
		looked_up = 0;
		promise_cache_clear(fixture->cache);
		assert_int_equal(looked_up, 0);
		assert_int_equal(promise_cache_count(fixture->cache), 0);
		begin_many_hosts(fixture, "news.example", PROMISE_TLS);
		assert_true(promise_cache_outdate(fixture->cache, &fixture->destination));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_that_many_hosts_lead_to_is_compared_with_each_once),
		TEST(news_of_the_last_host_outdates_all_that_name_it),
		TEST(a_flush_of_all_looks_for_nobody_and_leaves_nobody_to_be_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

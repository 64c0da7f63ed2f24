/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/host_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/ending_memory.h"

enum { RECORDS = 48, HOSTS = 6, ROUNDS = 20000 };

static const uint8_t secret[TABLE_SECRET_LEN] = "of the test";

/* An answer whose mail goes to the hosts of those bits. */
static struct record *record_to(unsigned hosts)
{
	static struct destination destination;
	struct record *record;

	memset(&destination, 0, sizeof(destination));
	strcpy(destination.name, "example.org");
	destination.mx_state = MX_FOUND;
	destination.ttl_s = 60;
	for (unsigned i = 0; i < HOSTS; i++) {
		if (hosts >> i & 1)
			sprintf(destination.hosts[destination.host_count++].name,
			        "mx%u.example.org", i);
	}
	record = record_new(&destination, NULL, 1000);
	assert_non_null(record);
	return record;
}

static size_t count_of(const struct host_index *index, unsigned host, const struct record *wanted)
{
	char name[DOMAIN_NAME_MAX];
	size_t count = 0;

	snprintf(name, sizeof(name), "mx%u.example.org", host);
	for (const struct naming *naming = host_index_find(index, name); naming;
	     naming = naming->next)
		count += !wanted || naming->record == wanted;
	return count;
}

static void a_host_that_nobody_names_is_found_nowhere(void **state)
{
	struct host_index *index = host_index_new(RECORDS, secret);
	struct record *record = record_to(1);
	struct naming *namings = host_index_add(index, record);

	(void)state;
	assert_ptr_equal(host_index_find(index, "mx0.example.org"), namings);
	assert_null(host_index_find(index, "mx1.example.org"));
	assert_null(host_index_find(index, ""));
	host_index_remove(index, namings, 1);
	assert_null(host_index_find(index, "mx0.example.org"));
	(void)record_release(record);
	host_index_free(index);
}

static void after_a_clear_nobody_is_found_and_all_may_come_again(void **state)
{
	struct host_index *index = host_index_new(RECORDS, secret);
	struct record *records[] = { record_to(0x3), record_to(0x6) };
	struct naming *namings[2];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 2; i++)
			namings[i] = host_index_add(index, records[i]);
		assert_int_equal(count_of(index, 1, NULL), 2);
		host_index_clear(index);
		for (unsigned host = 0; host < HOSTS; host++)
			assert_int_equal(count_of(index, host, NULL), 0);
		for (size_t i = 0; i < 2; i++)
			host_index_remove(index, namings[i], record_host_count(records[i]));
	}
	for (size_t i = 0; i < 2; i++)
		(void)record_release(records[i]);
	host_index_free(index);
}

static void an_answer_without_hosts_has_no_namings(void **state)
{
	struct host_index *index = host_index_new(RECORDS, secret);
	struct record *record = record_to(0);

	(void)state;
	assert_null(host_index_add(index, record));
	host_index_remove(index, NULL, 0);
	(void)record_release(record);
	host_index_free(index);
}

/* The model: which of RECORDS are in it, and what they name. */
static void compare(const struct host_index *index, struct record *const records[RECORDS],
                    const unsigned hosts[RECORDS])
{
	for (unsigned host = 0; host < HOSTS; host++) {
		size_t wanted = 0;

		for (size_t i = 0; i < RECORDS; i++) {
			bool names_it = records[i] && (hosts[i] >> host & 1);

			wanted += names_it;
			if (records[i])
				assert_int_equal(count_of(index, host, records[i]), names_it);
		}
		assert_int_equal(count_of(index, host, NULL), wanted);
	}
}

static void whoever_comes_and_goes_each_host_has_those_that_name_it(void **state)
{
	struct host_index *index = host_index_new(RECORDS, secret);
	struct record *records[RECORDS] = { NULL };
	struct naming *namings[RECORDS] = { NULL };
	unsigned hosts[RECORDS] = { 0 };
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t i;

		random = random * 6364136223846793005U + 1442695040888963407U;
		i = (random >> 33) % RECORDS;
		if (records[i]) {
			host_index_remove(index, namings[i], record_host_count(records[i]));
			(void)record_release(records[i]);
			records[i] = NULL;
		} else {
			hosts[i] = random >> 50 & ((1 << HOSTS) - 1);
			records[i] = record_to(hosts[i]);
			namings[i] = host_index_add(index, records[i]);
		}
		if (round % 64 == 0)
			compare(index, records, hosts);
	}
	for (size_t i = 0; i < RECORDS; i++) {
		if (!records[i])
			continue;
		host_index_remove(index, namings[i], record_host_count(records[i]));
		(void)record_release(records[i]);
		records[i] = NULL;
	}
	compare(index, records, hosts);
	host_index_free(index);
}

static void without_memory_a_record_is_in_it_by_no_host(void **state)
{
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	struct host_index *index = host_index_new(RECORDS, secret);
	struct record *record = record_to(0x7);
	struct naming *namings = NULL;

	(void)state;
	for (size_t count = 0; !namings; count++) {
		assert_true(count < RECORDS);
		memory_left = count;
		namings = host_index_add(index, record);
		memory_left = SIZE_MAX;
		for (unsigned host = 0; host < 3; host++)
			assert_int_equal(count_of(index, host, NULL), namings ? 1 : 0);
	}
	host_index_remove(index, namings, record_host_count(record));
	(void)record_release(record);
	host_index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_nobody_names_is_found_nowhere),
		cmocka_unit_test(an_answer_without_hosts_has_no_namings),
		cmocka_unit_test(after_a_clear_nobody_is_found_and_all_may_come_again),
		cmocka_unit_test(without_memory_a_record_is_in_it_by_no_host),
		cmocka_unit_test(whoever_comes_and_goes_each_host_has_those_that_name_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/local_read.h"

enum { NOW_MS = 1000 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

static const uint8_t secret[SIPHASH_KEY_LEN] = { 1, 2, 3 };

static int set_up(void **state)
{
	*state = local_new(secret);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	local_free(*state);
	return 0;
}

static struct local_entry entry_of(const char *name, enum local_level level)
{
	struct local_entry entry = { .level = level };
	char why[LOCAL_WHY_MAX];

	if (!local_read_name(&entry, name, why))
		fail_msg("%s", why);
	return entry;
}

static void must_add(struct local *local, enum local_rank rank, const char *name,
                     enum local_level level)
{
	const struct local_entry entry = entry_of(name, level);

	assert_int_equal(local_add(local, rank, &entry), 0);
}

/* LOCAL_UNSET: none is found. */
static enum local_level level_for(const struct local *local, const char *domain)
{
	struct local_entry entry;

	return local_find(local, &entry, domain, NOW_MS) ? entry.level : LOCAL_UNSET;
}

static void the_domain_itself_comes_before_the_longest_parent(void **state)
{
	must_add(*state, LOCAL_FROM_CONFIG, "example.org", LOCAL_ENCRYPT);
	must_add(*state, LOCAL_FROM_CONFIG, ".org", LOCAL_NONE);
	must_add(*state, LOCAL_FROM_CONFIG, ".example.org", LOCAL_SECURE);
	must_add(*state, LOCAL_FROM_CONFIG, "a.b.example.org", LOCAL_DANE);
	assert_int_equal(level_for(*state, "a.b.example.org"), LOCAL_DANE);
	assert_int_equal(level_for(*state, "x.a.b.example.org"), LOCAL_SECURE);
	assert_int_equal(level_for(*state, "b.example.org"), LOCAL_SECURE);
	assert_int_equal(level_for(*state, "example.org"), LOCAL_ENCRYPT);
	assert_int_equal(level_for(*state, "other.org"), LOCAL_NONE);
	assert_int_equal(level_for(*state, "org"), LOCAL_UNSET);
	assert_int_equal(level_for(*state, "myexample.com"), LOCAL_UNSET);
}

static void a_dot_in_front_names_those_below_and_not_the_domain(void **state)
{
	must_add(*state, LOCAL_FROM_CONFIG, ".example.org", LOCAL_SECURE);
	assert_int_equal(level_for(*state, "example.org"), LOCAL_UNSET);
	assert_int_equal(level_for(*state, "badexample.org"), LOCAL_UNSET);
	assert_int_equal(level_for(*state, "a.example.org"), LOCAL_SECURE);
	assert_int_equal(level_for(*state, "a.b.c.example.org"), LOCAL_SECURE);
}

static void the_configuration_comes_before_the_tables_even_by_a_parent(void **state)
{
	must_add(*state, LOCAL_FROM_POSTFIX, "a.example.org", LOCAL_NONE);
	must_add(*state, LOCAL_FROM_POSTFIX, "example.org", LOCAL_MAY);
	must_add(*state, LOCAL_FROM_CONFIG, ".example.org", LOCAL_SECURE);
	assert_int_equal(level_for(*state, "a.example.org"), LOCAL_SECURE);
	assert_int_equal(level_for(*state, "example.org"), LOCAL_MAY);
}

static void the_first_entry_of_a_name_stays(void **state)
{
	const struct local_entry again = entry_of("Example.org.", LOCAL_NONE);

	must_add(*state, LOCAL_FROM_POSTFIX, "example.org", LOCAL_SECURE);
	assert_int_equal(local_add(*state, LOCAL_FROM_POSTFIX, &again), -EEXIST);
	assert_int_equal(level_for(*state, "example.org"), LOCAL_SECURE);
	assert_int_equal(local_count(*state), 1);
	must_add(*state, LOCAL_FROM_POSTFIX, ".example.org", LOCAL_NONE);
	must_add(*state, LOCAL_FROM_POSTFIX, "[example.org]", LOCAL_NONE);
	assert_int_equal(local_count(*state), 3);
}

static void a_bracketed_host_is_found_as_host_and_as_nothing_else(void **state)
{
	struct local_entry entry;

	must_add(*state, LOCAL_FROM_POSTFIX, "[mail.example.org]:25", LOCAL_SECURE);
	must_add(*state, LOCAL_FROM_CONFIG, "[2001:db8::1]", LOCAL_VERIFY);
	must_add(*state, LOCAL_FROM_CONFIG, "relay.example.org", LOCAL_ENCRYPT);
	assert_true(local_find_host(*state, &entry, "mail.example.org", NOW_MS));
	assert_int_equal(entry.level, LOCAL_SECURE);
	assert_true(local_find_host(*state, &entry, "2001:db8::1", NOW_MS));
	assert_false(local_find_host(*state, &entry, "a.mail.example.org", NOW_MS));
	assert_false(local_find_host(*state, &entry, "relay.example.org", NOW_MS));
	assert_int_equal(level_for(*state, "mail.example.org"), LOCAL_UNSET);
}

static void an_entry_comes_back_as_it_was_put_in(void **state)
{
	struct local_entry entry, found;

	memset(&entry, 0, sizeof(entry));
	entry.scope = LOCAL_DOMAIN;
	entry.level = LOCAL_FINGERPRINT;
	strcpy(entry.name, "example.org");
	strcpy(entry.match, "nexthop");
	entry.fingerprint_count = LOCAL_FINGERPRINTS_MAX;
	memset(entry.fingerprints, 0, sizeof(entry.fingerprints));
	entry.fingerprints[15][31] = 7;
	memset(entry.next_hop, 'h', sizeof(entry.next_hop) - 1);
	entry.only_alerts = true;
	entry.until_ms = NOW_MS + 1;
	memset(entry.reason, 'r', sizeof(entry.reason) - 1);
	strcpy(entry.origin, "t:1");
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), 0);
	assert_true(local_find(*state, &found, "example.org", NOW_MS));
	assert_memory_equal(&found, &entry, sizeof(entry));
	assert_true(local_at(*state, &found, 0));
	assert_memory_equal(&found, &entry, sizeof(entry));
	assert_false(local_at(*state, &found, 1));
}

static void what_has_ended_is_as_if_it_were_not_there(void **state)
{
	struct local_entry ended = entry_of("a.example.org", LOCAL_NONE);

	ended.until_ms = NOW_MS + 1;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &ended), 0);
	must_add(*state, LOCAL_FROM_POSTFIX, ".example.org", LOCAL_SECURE);
	assert_int_equal(level_for(*state, "a.example.org"), LOCAL_NONE);
	assert_true(local_find(*state, &ended, "a.example.org", NOW_MS + 1));
	assert_int_equal(ended.level, LOCAL_SECURE);
}

/* Else what goes there would be taken for mail that was led astray. */
static void a_smart_host_whose_settings_have_ended_is_still_one(void **state)
{
	struct local_entry host = entry_of("[a.example.org]", LOCAL_VERIFY), found;

	strcpy(host.match, "hostname");
	strcpy(host.reason, "until their new key is there");
	host.only_alerts = true;
	host.until_ms = NOW_MS + 1;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &host), 0);
	assert_true(local_find_host(*state, &found, "a.example.org", NOW_MS));
	assert_memory_equal(&found, &host, sizeof(host));
	assert_true(local_find_host(*state, &found, "a.example.org", NOW_MS + 1));
	assert_string_equal(found.name, "a.example.org");
	assert_int_equal(found.level, LOCAL_UNSET);
	assert_false(found.only_alerts);
	assert_string_equal(found.match, "");
	assert_string_equal(found.reason, "");
	assert_true(found.until_ms == 0);
	/* What the table of Postfix says of it counts then. */
	must_add(*state, LOCAL_FROM_POSTFIX, "[a.example.org]", LOCAL_ENCRYPT);
	assert_true(local_find_host(*state, &found, "a.example.org", NOW_MS + 1));
	assert_int_equal(found.level, LOCAL_ENCRYPT);
}

static void what_has_ended_is_found_by_who_asks_for_it(void **state)
{
	struct local_entry entry = entry_of(".example.org", LOCAL_NONE), found;

	entry.until_ms = NOW_MS;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), 0);
	entry = entry_of("[relay.example]", LOCAL_MAY);
	entry.until_ms = NOW_MS;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), 0);
	assert_true(local_find_ended(*state, &found, "a.example.org", false, NOW_MS));
	assert_string_equal(found.name, "example.org");
	assert_false(local_find_ended(*state, &found, "a.example.org", false, NOW_MS - 1));
	assert_false(local_find_ended(*state, &found, "example.org", false, NOW_MS));
	assert_true(local_find_ended(*state, &found, "relay.example", true, NOW_MS));
	assert_int_equal(found.level, LOCAL_MAY);
	assert_false(local_find_ended(*state, &found, "relay.example", false, NOW_MS));
	/* It never counted where another stands before it. */
	must_add(*state, LOCAL_FROM_CONFIG, "b.example.org", LOCAL_ENCRYPT);
	assert_false(local_find_ended(*state, &found, "b.example.org", false, NOW_MS));
}

struct heard {
	int soon;
	int ended;
	char name[DOMAIN_NAME_MAX];
};

static void hear(void *owner, const struct local_entry *entry, enum local_end end)
{
	struct heard *heard = owner;

	heard->soon += end == LOCAL_ENDS_SOON;
	heard->ended += end == LOCAL_ENDED;
	strcpy(heard->name, entry->name);
}

static struct heard listen_at(struct local *local, uint64_t now_ms)
{
	struct heard heard = { 0 };

	local_tell_ends(local, now_ms, DAY_MS, hear, &heard);
	return heard;
}

static void an_end_is_told_once_before_and_once_after(void **state)
{
	struct local_entry entry = entry_of("example.org", LOCAL_NONE);
	struct heard heard;

	entry.until_ms = NOW_MS + 2 * DAY_MS;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), 0);
	must_add(*state, LOCAL_FROM_CONFIG, "for.ever", LOCAL_NONE);
	heard = listen_at(*state, NOW_MS);
	assert_int_equal(heard.soon + heard.ended, 0);
	heard = listen_at(*state, NOW_MS + DAY_MS - 1);
	assert_int_equal(heard.soon + heard.ended, 0);
	heard = listen_at(*state, NOW_MS + DAY_MS);
	assert_int_equal(heard.soon, 1);
	assert_string_equal(heard.name, "example.org");
	heard = listen_at(*state, NOW_MS + 2 * DAY_MS - 1);
	assert_int_equal(heard.soon + heard.ended, 0);
	heard = listen_at(*state, NOW_MS + 2 * DAY_MS);
	assert_int_equal(heard.ended, 1);
	assert_int_equal(heard.soon, 0);
	/* Nor again when the clock is set back. */
	heard = listen_at(*state, NOW_MS + DAY_MS);
	assert_int_equal(heard.soon + heard.ended, 0);
}

static void what_ended_before_it_was_read_is_told_as_ended_alone(void **state)
{
	struct local_entry entry = entry_of("example.org", LOCAL_NONE);
	struct heard heard;

	entry.until_ms = NOW_MS;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), 0);
	heard = listen_at(*state, NOW_MS + DAY_MS);
	assert_int_equal(heard.soon, 0);
	assert_int_equal(heard.ended, 1);
}

static void a_set_that_takes_over_tells_no_end_again(void **state)
{
	static const uint8_t another[SIPHASH_KEY_LEN] = { 4, 5, 6 };
	struct local_entry ended = entry_of("a.example", LOCAL_NONE);
	struct local_entry soon = entry_of("b.example", LOCAL_NONE);
	struct local_entry later = entry_of("c.example", LOCAL_NONE);
	struct local *next = local_new(another);
	struct heard heard;

	assert_non_null(next);
	ended.until_ms = later.until_ms = NOW_MS;
	soon.until_ms = NOW_MS + DAY_MS;
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &ended), 0);
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &soon), 0);
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &later), 0);
	heard = listen_at(*state, NOW_MS);
	assert_int_equal(heard.ended, 2);
	assert_int_equal(heard.soon, 1);
	/* Somebody gave one of them more time. */
	later.until_ms = NOW_MS + 1;
	assert_int_equal(local_add(next, LOCAL_FROM_CONFIG, &later), 0);
	assert_int_equal(local_add(next, LOCAL_FROM_CONFIG, &soon), 0);
	assert_int_equal(local_add(next, LOCAL_FROM_CONFIG, &ended), 0);
	local_take_over(next, *state);
	heard = listen_at(next, NOW_MS + 1);
	assert_int_equal(heard.ended, 1);
	assert_string_equal(heard.name, "c.example");
	assert_int_equal(heard.soon, 0);
	heard = listen_at(next, NOW_MS + DAY_MS);
	assert_int_equal(heard.ended, 1);
	assert_string_equal(heard.name, "b.example");
	local_free(next);
}

static void a_hundred_thousand_entries_are_each_found(void **state)
{
	char name[DOMAIN_NAME_MAX];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%scustomer-%d.example.org", i % 3 == 0 ? "." : "", i);
		must_add(*state, LOCAL_FROM_POSTFIX, name,
		         i % 2 == 0 ? LOCAL_SECURE : LOCAL_ENCRYPT);
	}
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%scustomer-%d.example.org", i % 3 == 0 ? "mx." : "",
		         i);
		if (level_for(*state, name) != (i % 2 == 0 ? LOCAL_SECURE : LOCAL_ENCRYPT))
			fail_msg("%s", name);
	}
	assert_int_equal(level_for(*state, "customer-100000.example.org"), LOCAL_UNSET);
}

static void the_number_of_entries_is_bounded(void **state)
{
	struct local_entry entry = entry_of("example.org", LOCAL_MAY);

	for (int i = 0; i < LOCAL_ENTRIES_MAX; i++) {
		snprintf(entry.name, sizeof(entry.name), "%d.example.org", i);
		if (local_add(*state, LOCAL_FROM_POSTFIX, &entry) != 0)
			fail_msg("%d", i);
	}
	strcpy(entry.name, "one-more.example.org");
	assert_int_equal(local_add(*state, LOCAL_FROM_CONFIG, &entry), -ENOSPC);
	assert_int_equal(local_count(*state), LOCAL_ENTRIES_MAX);
	assert_int_equal(level_for(*state, "262143.example.org"), LOCAL_MAY);
}

#define WITH_LOCAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOCAL(the_domain_itself_comes_before_the_longest_parent),
		WITH_LOCAL(a_dot_in_front_names_those_below_and_not_the_domain),
		WITH_LOCAL(the_configuration_comes_before_the_tables_even_by_a_parent),
		WITH_LOCAL(the_first_entry_of_a_name_stays),
		WITH_LOCAL(a_bracketed_host_is_found_as_host_and_as_nothing_else),
		WITH_LOCAL(an_entry_comes_back_as_it_was_put_in),
		WITH_LOCAL(what_has_ended_is_as_if_it_were_not_there),
		WITH_LOCAL(a_smart_host_whose_settings_have_ended_is_still_one),
		WITH_LOCAL(what_has_ended_is_found_by_who_asks_for_it),
		WITH_LOCAL(a_set_that_takes_over_tells_no_end_again),
		WITH_LOCAL(an_end_is_told_once_before_and_once_after),
		WITH_LOCAL(what_ended_before_it_was_read_is_told_as_ended_alone),
		WITH_LOCAL(a_hundred_thousand_entries_are_each_found),
		WITH_LOCAL(the_number_of_entries_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

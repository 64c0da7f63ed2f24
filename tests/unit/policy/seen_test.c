/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/tenure.h"

enum { CAPACITY = 64, SECOND_MS = 1000 };

static const uint8_t secret[TABLE_SECRET_LEN] = { 5 };
static const uint64_t day_ms = 24 * 3600 * 1000ULL;
static const uint64_t march_ms = 1772323200000; /* 2026-03-01 */
static const uint8_t a_key[ROW_KEY_LEN] = { 1 }, another_key[ROW_KEY_LEN] = { 2 };

struct fixture {
	struct seen *seen;
	unsigned rows, removed;
	struct row last;
};

static void on_row(void *owner, const struct row *row)
{
	struct fixture *fixture = owner;

	assert_true(row_is_sound(row, row_len(row)));
	fixture->rows++;
	fixture->removed += row->is_removed;
	memcpy(&fixture->last, row, row_len(row));
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->seen = seen_new(CAPACITY, secret, on_row, fixture);
	*state = fixture;
	return fixture->seen ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	seen_free(fixture->seen);
	free(fixture);
	return 0;
}

static struct address address_at(const char *text)
{
	struct address address;

	assert_true(address_parse(&address, text));
	return address;
}

static void see(struct fixture *fixture, const char *host, const char *address, uint64_t now_ms)
{
	const struct seen_sighting sighting = {
		.host = host,
		.address = address_at(address),
		.offers_starttls = true,
	};

	seen_sighting(fixture->seen, &sighting, now_ms);
}

static void meet(struct fixture *fixture, const char *domain, uint64_t now_ms)
{
	const struct seen_sighting sighting = {
		.host = "mx.example",
		.address = address_at("192.0.2.1"),
		.domain = domain,
		.met = true,
	};

	seen_sighting(fixture->seen, &sighting, now_ms);
}

static void must_be_offered(const struct fixture *fixture, const char *host, uint64_t now_ms,
                            const char *expected)
{
	char text[OFFERED_BEFORE_MAX] = "unset";

	assert_int_equal(seen_offered_before(text, fixture->seen, host, now_ms),
	                 expected[0] != '\0');
	assert_string_equal(text, expected);
}

static void it_says_since_when_and_until_when_starttls_was_offered(void **state)
{
	struct fixture *fixture = *state;

	must_be_offered(fixture, "mx.example", march_ms, "");
	see(fixture, "mx.example", "192.0.2.1", march_ms);
	must_be_offered(fixture, "mx.example", march_ms, "2026-03-01 to 2026-03-01");
	see(fixture, "mx.example", "192.0.2.2", march_ms + 9 * day_ms);
	see(fixture, "mx.example", "192.0.2.1", march_ms + 4 * day_ms);
	must_be_offered(fixture, "mx.example", march_ms + 20 * day_ms, "2026-03-01 to 2026-03-10");
	must_be_offered(fixture, "mx2.example", march_ms, "");
}

static void what_was_offered_too_long_ago_counts_no_more(void **state)
{
	struct fixture *fixture = *state;

	see(fixture, "mx.example", "192.0.2.1", march_ms);
	must_be_offered(fixture, "mx.example", march_ms + SEEN_PLACE_DAYS * day_ms,
	                "2026-03-01 to 2026-03-01");
	must_be_offered(fixture, "mx.example", march_ms + SEEN_PLACE_DAYS * day_ms + 1, "");
}

static void who_strips_starttls_has_nothing_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct seen_sighting sighting = { .host = "mx.example",
		                          .address = address_at("192.0.2.1") };

	see(fixture, "mx.example", "192.0.2.1", march_ms);
	fixture->rows = 0;
	seen_sighting(fixture->seen, &sighting, march_ms + day_ms);
	assert_int_equal(fixture->rows, 0);
	must_be_offered(fixture, "mx.example", march_ms + day_ms, "2026-03-01 to 2026-03-01");
}

static void a_row_is_given_on_once_a_day_or_with_news(void **state)
{
	struct fixture *fixture = *state;
	struct seen_sighting sighting = {
		.host = "mx.example",
		.address = address_at("192.0.2.1"),
		.offers_starttls = true,
		.tls_version = 0x0303,
	};
	static const struct {
		uint64_t after_ms;
		uint16_t tls_version;
		const uint8_t *key;
		unsigned rows;
	} sightings[] = {
		{ 0, 0x0303, NULL, 1 },       { 1000, 0x0303, NULL, 1 },
		{ 2000, 0x0304, NULL, 2 },    { 3000, 0x0303, NULL, 2 }, /* the highest counts */
		{ 4000, 0, a_key, 3 },        { 5000, 0, a_key, 3 },
		{ 6000, 0, another_key, 4 },  { 7000, 0, NULL, 4 }, /* not known is no news */
		{ 86400000 - 1, 0, NULL, 4 }, { 86400000, 0, NULL, 5 },
	};

	for (size_t i = 0; i < sizeof(sightings) / sizeof(sightings[0]); i++) {
		sighting.tls_version = sightings[i].tls_version;
		sighting.key = sightings[i].key;
		seen_sighting(fixture->seen, &sighting, march_ms + sightings[i].after_ms);
		if (fixture->rows != sightings[i].rows)
			fail_msg("sighting %zu: %u rows", i, fixture->rows);
	}
	assert_int_equal(fixture->last.kind, ROW_PLACE);
	assert_string_equal(fixture->last.place.host, "mx.example");
	assert_int_equal(fixture->last.place.first_ms, march_ms);
	assert_int_equal(fixture->last.place.last_ms, march_ms + day_ms);
	assert_int_equal(fixture->last.place.tls_version, 0x0304);
	assert_int_equal(fixture->last.place.has_key, 1);
	assert_memory_equal(fixture->last.place.key, another_key, ROW_KEY_LEN);
}

static void a_domain_is_met_once_a_day_at_most(void **state)
{
	struct fixture *fixture = *state;

	meet(fixture, "met.example", march_ms);
	meet(fixture, "met.example", march_ms + day_ms - 1);
	assert_int_equal(fixture->rows, 1);
	assert_int_equal(seen_days_met(fixture->seen, "met.example", march_ms), 1);
	meet(fixture, "met.example", march_ms + day_ms);
	assert_int_equal(fixture->rows, 2);
	assert_int_equal(fixture->last.kind, ROW_MET);
	assert_int_equal(fixture->last.met.days, 2);
	assert_int_equal(seen_days_met(fixture->seen, "met.example", march_ms + day_ms), 2);
	assert_int_equal(seen_days_met(fixture->seen, "other.example", march_ms), 0);
	assert_int_equal(seen_days_met(fixture->seen, "met.example",
	                               march_ms + (SEEN_MET_DAYS + 2) * day_ms),
	                 0);
}

static void rows_that_were_kept_are_remembered_and_take_nothing_back(void **state)
{
	struct fixture *fixture = *state;
	struct fixture *other;
	void *another = NULL;

	see(fixture, "mx.example", "192.0.2.1", march_ms);
	see(fixture, "mx.example", "192.0.2.1", march_ms + day_ms);
	assert_int_equal(set_up(&another), 0);
	other = another;
	see(other, "mx.example", "192.0.2.1", march_ms + 5 * day_ms);
	other->rows = 0;
	seen_load(other->seen, &fixture->last);
	must_be_offered(other, "mx.example", march_ms + 6 * day_ms, "2026-03-01 to 2026-03-06");
	meet(fixture, "met.example", march_ms);
	meet(fixture, "met.example", march_ms + day_ms);
	seen_load(other->seen, &fixture->last);
	assert_int_equal(seen_days_met(other->seen, "met.example", march_ms + day_ms), 2);
	/* One that waited behind the others, and says that it was forgotten. */
	assert_int_equal(seen_forget(fixture->seen, "met.example"), 1);
	seen_load(other->seen, &fixture->last);
	assert_int_equal(seen_days_met(other->seen, "met.example", march_ms + day_ms), 0);
	assert_int_equal(seen_forget(fixture->seen, "mx.example"), 1);
	seen_load(other->seen, &fixture->last);
	must_be_offered(other, "mx.example", march_ms + 6 * day_ms, "");
	assert_int_equal(other->rows, 0);
	tear_down(&another);
}

static void forgetting_says_so_in_rows(void **state)
{
	struct fixture *fixture = *state;

	see(fixture, "mx.example", "192.0.2.1", march_ms);
	see(fixture, "mx.example", "2001:db8::1", march_ms);
	meet(fixture, "mx.example", march_ms);
	fixture->rows = 0;
	assert_int_equal(seen_forget(fixture->seen, "mx.example"), 3);
	assert_int_equal(fixture->removed, 3);
	assert_int_equal(fixture->rows, 3);
	must_be_offered(fixture, "mx.example", march_ms, "");
	assert_int_equal(seen_forget(fixture->seen, "mx.example"), 0);
}

static void a_host_of_many_addresses_keeps_the_latest(void **state)
{
	struct fixture *fixture = *state;
	struct seen_figures figures;
	char address[32];

	for (unsigned i = 0; i < SEEN_ADDRESSES_MAX + 3; i++) {
		snprintf(address, sizeof(address), "192.0.2.%u", i + 1);
		see(fixture, "mx.example", address, march_ms + i * SECOND_MS);
	}
	seen_figures(&figures, fixture->seen);
	assert_int_equal(figures.hosts, 1);
	assert_int_equal(figures.places, SEEN_ADDRESSES_MAX);
	assert_int_equal(fixture->removed, 3);
}

static size_t names_at(const struct fixture *fixture, const char *text, uint64_t now_ms,
                       char names[SEEN_NAMES_MAX][DOMAIN_NAME_MAX])
{
	struct address address = address_at(text);

	return seen_names_at(names, SEEN_NAMES_MAX, fixture->seen, &address, now_ms);
}

static void hosts_are_found_by_their_address(void **state)
{
	struct fixture *fixture = *state;
	char names[SEEN_NAMES_MAX][DOMAIN_NAME_MAX];

	see(fixture, "a.example", "192.0.2.1", march_ms);
	see(fixture, "b.example", "192.0.2.1", march_ms);
	see(fixture, "b.example", "192.0.2.2", march_ms);
	assert_int_equal(names_at(fixture, "192.0.2.1", march_ms, names), 2);
	assert_int_equal(names_at(fixture, "192.0.2.2", march_ms, names), 1);
	assert_string_equal(names[0], "b.example");
	assert_int_equal(names_at(fixture, "192.0.2.3", march_ms, names), 0);
	seen_forget(fixture->seen, "b.example");
	assert_int_equal(names_at(fixture, "192.0.2.1", march_ms, names), 1);
	assert_string_equal(names[0], "a.example");
	assert_int_equal(names_at(fixture, "192.0.2.1", march_ms + 181 * day_ms, names), 0);
}

static void strangers_names_hide_nobody_at_an_address(void **state)
{
	struct fixture *fixture = *state;
	char names[SEEN_NAMES_MAX][DOMAIN_NAME_MAX];
	char name[32];

	for (unsigned i = 0; i < SEEN_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "stranger%u.example", i);
		see(fixture, name, "192.0.2.1", march_ms);
	}
	/* One that came before, elsewhere, and now is here. */
	see(fixture, "mx.example", "192.0.2.2", march_ms);
	see(fixture, "mx.example", "192.0.2.1", march_ms + day_ms);
	assert_int_equal(names_at(fixture, "192.0.2.1", march_ms + day_ms, names), SEEN_NAMES_MAX);
	assert_string_equal(names[0], "mx.example");
	for (unsigned i = 10; i < 20; i++) {
		snprintf(name, sizeof(name), "stranger%u.example", i);
		see(fixture, name, "192.0.2.1", march_ms + day_ms);
	}
	assert_int_equal(names_at(fixture, "192.0.2.1", march_ms + day_ms, names), SEEN_NAMES_MAX);
	assert_string_equal(names[0], "mx.example");
}

static void a_flood_of_new_hosts_pushes_out_none_that_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct seen_figures figures;
	char name[32], address[32];

	see(fixture, "mx.example", "192.0.2.1", march_ms);
	see(fixture, "mx.example", "192.0.2.1", march_ms + day_ms);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "stranger%u.example", i / 8);
		snprintf(address, sizeof(address), "2001:db8::%x", i + 1);
		see(fixture, name, address, march_ms + day_ms);
	}
	must_be_offered(fixture, "mx.example", march_ms + day_ms, "2026-03-01 to 2026-03-02");
	seen_figures(&figures, fixture->seen);
	assert_true(figures.places <= CAPACITY * (SEEN_PLACES_MAX / SEEN_HOSTS_MAX));
	assert_true(figures.hosts <= 1 + CAPACITY / TENURE_NEWCOMER_SHARE);
}

static void evidence_says_what_is_remembered_and_for_how_long(void **state)
{
	struct fixture *fixture = *state;
	struct seen_sighting sighting = {
		.host = "mx.example",
		.address = address_at("192.0.2.1"),
		.offers_starttls = true,
		.tls_version = 0x0304,
		.key = a_key,
	};
	struct evidence evidence;

	assert_false(seen_evidence(&evidence, fixture->seen, "mx.example", march_ms));
	seen_sighting(fixture->seen, &sighting, march_ms);
	assert_true(seen_evidence(&evidence, fixture->seen, "mx.example", march_ms + day_ms));
	assert_int_equal(evidence.source, SOURCE_SEEN);
	assert_int_equal(evidence.state, EVIDENCE_ALERTS);
	assert_int_equal(evidence.age_s, 86400);
	assert_int_equal(evidence.left_s, (SEEN_PLACE_DAYS - 1) * 86400);
	assert_string_equal(evidence.detail, "offered STARTTLS 2026-03-01 to 2026-03-01 at 1 "
	                                     "address, up to TLS 1.3, its key is known");
	assert_false(
		seen_evidence(&evidence, fixture->seen, "mx.example", march_ms + 181 * day_ms));
}

static void a_clock_that_is_set_back_makes_nothing_old_and_nothing_of_the_future(void **state)
{
	struct fixture *fixture = *state;

	see(fixture, "mx.example", "192.0.2.1", march_ms + 4000 * day_ms);
	must_be_offered(fixture, "mx.example", march_ms, "2037-02-11 to 2037-02-11");
	see(fixture, "mx.example", "192.0.2.1", march_ms);
	must_be_offered(fixture, "mx.example", march_ms, "2026-03-01 to 2026-03-01");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_says_since_when_and_until_when_starttls_was_offered),
		TEST(what_was_offered_too_long_ago_counts_no_more),
		TEST(who_strips_starttls_has_nothing_forgotten),
		TEST(a_row_is_given_on_once_a_day_or_with_news),
		TEST(a_domain_is_met_once_a_day_at_most),
		TEST(rows_that_were_kept_are_remembered_and_take_nothing_back),
		TEST(forgetting_says_so_in_rows),
		TEST(a_host_of_many_addresses_keeps_the_latest),
		TEST(hosts_are_found_by_their_address),
		TEST(strangers_names_hide_nobody_at_an_address),
		TEST(a_flood_of_new_hosts_pushes_out_none_that_is_known),
		TEST(evidence_says_what_is_remembered_and_for_how_long),
		TEST(a_clock_that_is_set_back_makes_nothing_old_and_nothing_of_the_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

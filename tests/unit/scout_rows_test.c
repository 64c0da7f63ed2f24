/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_rows.h"

#include "row_batch.h"
#include "scout_state.h"
#include "unit/scout_fixture.h"

static struct row_batch *a_batch(void)
{
	struct row_batch *batch = calloc(1, sizeof(*batch));
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(batch);
	assert_non_null(row);
	row->kind = ROW_PLACE;
	snprintf(row->place.host, sizeof(row->place.host), "mx.example.org");
	assert_true(address_parse(&row->place.address, "192.0.2.1"));
	row->place.first_ms = row->place.last_ms = process_time_ms();
	assert_true(row_batch_add(batch, row));
	memset(row, 0, sizeof(*row));
	row->kind = ROW_MET;
	snprintf(row->met.domain, sizeof(row->met.domain), "example.org");
	row->met.days = 3;
	row->met.first_ms = row->met.last_ms = process_time_ms();
	assert_true(row_batch_add(batch, row));
	free(row);
	return batch;
}

static void send_batch(struct fixture *fixture, int channel)
{
	struct row_batch *batch = a_batch();

	(void)fixture;
	assert_int_equal(channel_send(channel, &batch->message, batch->len), 0);
	free(batch);
}

/* Counters come until they say so. */
static void must_remember(struct fixture *fixture, uint64_t hosts, uint64_t domains)
{
	const struct message_counters *counters;

	while ((counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS))) {
		if (counters->counters.memory_hosts == hosts &&
		    counters->counters.memory_domains == domains)
			return;
	}
	fail_msg("not %u hosts and %u domains", (unsigned)hosts, (unsigned)domains);
}

static void questions_wait_until_memory_is_there(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, 0, "example.org");
	/* Without a network the look-up would end at once. */
	assert_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 1500));
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 2000));
	must_remember(fixture, 1, 1);
}

static void a_ledger_that_cannot_read_its_database_holds_nobody_up(void **state)
{
	struct fixture *fixture = *state;

	ask(fixture, 0, "example.org");
	end_rows(fixture, false);
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 2000));
	/* It can, later. */
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	must_remember(fixture, 1, 1);
}

static void without_a_ledger_it_goes_on_after_a_while(void **state)
{
	struct fixture *fixture = *state;
	const struct message_event *event;
	uint64_t begin_ms = process_now_ms();

	close(fixture->ledger);
	ask(fixture, 0, "example.org");
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	assert_in_range(process_now_ms() - begin_ms, SCOUT_ROWS_WAIT_MS - 200,
	                SCOUT_ROWS_WAIT_MS + 3000);
	/* Said to the ledger that comes, as what comes is. */
	fixture->ledger = introduce(fixture, ROLE_LEDGER, 0);
	do {
		event = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
		assert_non_null(event);
	} while (!strstr(event->event.text, "the ledger did not bring"));
	assert_int_equal(event->event.kind, EVENT_DEGRADED);
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	do {
		event = next(fixture, fixture->ledger, MESSAGE_EVENT, WAIT_MS);
		assert_non_null(event);
	} while (!strstr(event->event.text, "what was remembered is there"));
	assert_int_equal(event->event.kind, EVENT_RECOVERED);
}

static void rows_that_keep_coming_are_waited_for(void **state)
{
	struct fixture *fixture = *state;
	uint64_t begin_ms = process_now_ms();

	ask(fixture, 0, "example.org");
	while (process_now_ms() - begin_ms < SCOUT_ROWS_WAIT_MS + 1500) {
		send_batch(fixture, fixture->ledger);
		assert_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 500));
	}
	end_rows(fixture, true);
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, 2000));
	must_remember(fixture, 1, 1);
}

static uint32_t flush_count(struct fixture *fixture, const char *name)
{
	struct message_flush flush = { .type = MESSAGE_FLUSH };
	const struct message_flushed *flushed;

	text_copy(flush.name, sizeof(flush.name), name);
	assert_int_equal(channel_send(fixture->ledger, &flush, sizeof(flush)), 0);
	flushed = next(fixture, fixture->ledger, MESSAGE_FLUSHED, WAIT_MS);
	assert_non_null(flushed);
	return flushed->count;
}

static void what_a_successor_of_the_ledger_brings_again_is_not_taken(void **state)
{
	struct fixture *fixture = *state;

	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	assert_int_equal(flush_count(fixture, "example.org"), 1);
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	assert_int_equal(flush_count(fixture, "example.org"), 0);
	assert_int_equal(flush_count(fixture, "mx.example.org"), 1);
}

static void a_policy_is_forgotten_with_its_domain(void **state)
{
	static const char text[] =
		"version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";
	struct fixture *fixture = *state;
	struct row_batch *batch = calloc(1, sizeof(*batch));
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(batch);
	assert_non_null(row);
	row->kind = ROW_POLICY;
	snprintf(row->policy.domain, sizeof(row->policy.domain), "example.org");
	snprintf(row->policy.id, sizeof(row->policy.id), "1");
	row->policy.fetched_ms = row->policy.saved_ms = process_time_ms();
	row->policy.left_s = 86400;
	row->policy.text_len = sizeof(text) - 1;
	memcpy(row->policy.text, text, sizeof(text) - 1);
	assert_true(row_batch_add(batch, row));
	assert_int_equal(channel_send(fixture->ledger, &batch->message, batch->len), 0);
	end_rows(fixture, true);
	assert_int_equal(flush_count(fixture, "example.org"), 1);
	assert_int_equal(flush_count(fixture, "example.org"), 0);
	free(row);
	free(batch);
}

static void take_row(void *owner, const struct row *row)
{
	memcpy(owner, row, row_len(row));
}

static void what_is_forgotten_is_told_to_the_ledger_even_to_one_that_comes_later(void **state)
{
	struct fixture *fixture = *state;
	struct message_flush flush = { .type = MESSAGE_FLUSH, .name = "mx.example.org" };
	struct row *row = calloc(1, sizeof(*row));
	const struct message_rows *rows;
	size_t len;

	assert_non_null(row);
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	assert_int_equal(channel_send(fixture->ledger, &flush, sizeof(flush)), 0);
	assert_non_null(next(fixture, fixture->ledger, MESSAGE_FLUSHED, WAIT_MS));
	rows = next(fixture, fixture->ledger, MESSAGE_ROWS, WAIT_MS);
	assert_non_null(rows);
	/* One row: a head, kind and is_removed, its name and what is behind that. */
	len = 2 * sizeof(uint64_t) + strlen(flush.name) + sizeof(row->place) - DOMAIN_NAME_MAX;
	assert_true(row_batch_read(rows, offsetof(struct message_rows, octets) + (len + 7) / 8 * 8,
	                           take_row, row));
	assert_int_equal(row->kind, ROW_PLACE);
	assert_int_equal(row->is_removed, 1);
	assert_string_equal(row->place.host, "mx.example.org");
	/* The ledger dies, and rows wait. */
	snprintf(flush.name, sizeof(flush.name), "example.org");
	assert_int_equal(channel_send(fixture->ledger, &flush, sizeof(flush)), 0);
	close(fixture->ledger);
	(void)poll(NULL, 0, 1500);
	fixture->ledger = introduce(fixture, ROLE_LEDGER, 0);
	assert_non_null(next(fixture, fixture->ledger, MESSAGE_ROWS, WAIT_MS));
	free(row);
}

static uint64_t send_misfits(struct fixture *fixture)
{
	struct message_sighting sighting = { .type = MESSAGE_SIGHTING, .host = "mx.example.org" };
	struct message_rows_end end = { .type = MESSAGE_ROWS_END };
	struct row_batch *batch = a_batch();
	int guard = fixture->guards[0], ledger = fixture->ledger;
	uint64_t sent = 0;

#define SEND(channel, message, len) sent += channel_send(channel, message, len) == 0
	SEND(guard, &sighting, sizeof(sighting)); /* no address */
	assert_true(address_parse(&sighting.server, "192.0.2.1"));
	SEND(guard, &sighting, sizeof(sighting) - 1);
	SEND(ledger, &sighting, sizeof(sighting));
	sighting.met = 2;
	SEND(guard, &sighting, sizeof(sighting));
	sighting.met = 0;
	sighting.offers_starttls = 2;
	SEND(guard, &sighting, sizeof(sighting));
	sighting.offers_starttls = 1;
	sighting.tls_version = 0x10000;
	SEND(guard, &sighting, sizeof(sighting));
	sighting.tls_version = 0;
	sighting.key_sight = SIGHT_HIDDEN;
	SEND(guard, &sighting, sizeof(sighting));
	sighting.key_sight = SIGHT_WIRE;
	memset(sighting.key.seen.names, 'a', sizeof(sighting.key.seen.names));
	SEND(guard, &sighting, sizeof(sighting));
	memset(&sighting.key, 0, sizeof(sighting.key));
	snprintf(sighting.domain, sizeof(sighting.domain), "Example.org");
	SEND(guard, &sighting, sizeof(sighting));
	memset(sighting.domain, 'a', sizeof(sighting.domain));
	SEND(guard, &sighting, sizeof(sighting));
	memset(sighting.domain, 0, sizeof(sighting.domain));
	sighting.host[0] = '\0';
	SEND(guard, &sighting, sizeof(sighting));
	SEND(guard, &end, sizeof(end));
	SEND(ledger, &end, sizeof(end) - 1);
	end.is_whole = 2;
	SEND(ledger, &end, sizeof(end));
	SEND(guard, &batch->message, batch->len);
	SEND(ledger, &batch->message, batch->len - 8);
	SEND(ledger, &batch->message, sizeof(struct message));
#undef SEND
	free(batch);
	return sent;
}

static void what_does_not_fit_is_refused_and_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t sent = send_misfits(fixture);
	const struct message_counters *counters;

	assert_int_equal(sent, 17);
	do {
		counters = next(fixture, fixture->ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
	} while (counters->counters.messages_refused < sent);
	assert_int_equal(counters->counters.messages_refused, sent);
	assert_int_equal(counters->counters.memory_hosts, 0);
}

/* Nothing was looked up here, so whatever a guard says of a host is not believed. */
static void a_sighting_that_no_look_up_led_to_is_not_remembered(void **state)
{
	struct fixture *fixture = *state;
	struct message_sighting sighting = {
		.type = MESSAGE_SIGHTING,
		.host = "mx.example.org",
		.domain = "example.org",
		.offers_starttls = 1,
		.met = 1,
	};

	end_rows(fixture, true);
	assert_true(address_parse(&sighting.server, "192.0.2.1"));
	assert_int_equal(channel_send(fixture->guards[0], &sighting, sizeof(sighting)), 0);
	memset(sighting.domain, 0, sizeof(sighting.domain));
	assert_int_equal(channel_send(fixture->guards[0], &sighting, sizeof(sighting)), 0);
	ask(fixture, 0, "example.org");
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	assert_null(next(fixture, fixture->ledger, MESSAGE_ROWS, 1500));
}

/* A scout without its process: what its cache says is up to the test. */
static struct scout *a_scout(int channel, const struct config *config)
{
	static const struct process_hooks hooks;
	static struct child child;
	static const uint8_t secret[TABLE_SECRET_LEN];
	struct scout *scout = calloc(1, sizeof(*scout));
	struct destination *answer = calloc(1, sizeof(*answer));

	assert_non_null(scout);
	assert_non_null(answer);
	child = (struct child){ .role = ROLE_SCOUT, .config = config, .supervisor = channel };
	assert_int_equal(process_open(&scout->process, &child, &hooks, scout), 0);
	scout->cache = promise_cache_new(16, secret);
	scout->rows = scout_rows_new(scout);
	assert_non_null(scout->cache);
	assert_non_null(scout->rows);
	snprintf(answer->name, sizeof(answer->name), "example.org");
	answer->mx_state = MX_FOUND;
	answer->mx_security = DNS_SECURE;
	answer->ttl_s = 3600;
	answer->host_count = answer->place_count = 1;
	snprintf(answer->hosts[0].name, sizeof(answer->hosts[0].name), "mx.example.org");
	assert_true(address_parse(&answer->places[0].address, "192.0.2.1"));
	assert_int_equal(promise_cache_put(scout->cache, answer, process_now_ms()), 0);
	free(answer);
	return scout;
}

static void a_sighting_counts_where_our_own_look_up_led_to_that_host_there(void **state)
{
	static const struct {
		const char *host, *domain, *server;
		bool counts;
	} cases[] = {
		{ "mx.example.org", "example.org", "192.0.2.2", false },
		{ "mx2.example.org", "example.org", "192.0.2.1", false },
		{ "mx.example.org", "example.com", "192.0.2.1", false },
		{ "mx.example.org", "", "192.0.2.1", false },
		{ "mx.example.org", "example.org", "192.0.2.1", true },
	};
	struct config config;
	struct scout *scout;
	int ends[2];

	(void)state;
	memset(&config, 0, sizeof(config));
	assert_int_equal(channel_pair(ends), 0);
	scout = a_scout(ends[1], &config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message_sighting sighting = { .offers_starttls = 1, .met = 1 };
		char text[OFFERED_BEFORE_MAX];

		text_copy(sighting.host, sizeof(sighting.host), cases[i].host);
		text_copy(sighting.domain, sizeof(sighting.domain), cases[i].domain);
		assert_true(address_parse(&sighting.server, cases[i].server));
		scout_rows_take_sighting(scout->rows, &sighting);
		assert_int_equal(seen_offered_before(text, scout_rows_seen(scout->rows),
		                                     cases[i].host, process_time_ms()),
		                 cases[i].counts);
	}
	scout_rows_free(scout->rows);
	promise_cache_free(scout->cache);
	process_close(scout->process);
	free(scout);
	close(ends[0]);
}

static struct message_sighting a_sighting(enum key_outcome outcome)
{
	struct message_sighting sighting = {
		.type = MESSAGE_SIGHTING,
		.host = "mx.example.org",
		.domain = "example.org",
		.offers_starttls = 1,
		.tls_version = 0x0303,
		.key_sight = SIGHT_WIRE,
		.key = { .outcome = outcome, .seen = { .has_leaf = true, .leaf_digest = { 7 } } },
	};

	assert_true(address_parse(&sighting.server, "192.0.2.1"));
	return sighting;
}

static void a_key_is_remembered_of_its_host_where_it_is_a_right_one(void **state)
{
	struct message_sighting wrong = a_sighting(KEY_MISMATCH), right = a_sighting(KEY_MET);
	struct destination destination = { .host_count = 1,
		                           .hosts = { { .name = "mx.example.org" } } };
	struct last_key keys[MX_HOSTS_MAX];
	struct evidence evidence;
	struct config config;
	struct scout *scout;
	int ends[2];

	(void)state;
	memset(&config, 0, sizeof(config));
	assert_int_equal(channel_pair(ends), 0);
	scout = a_scout(ends[1], &config);
	scout_rows_take_sighting(scout->rows, &wrong);
	assert_true(seen_evidence(&evidence, scout_rows_seen(scout->rows), "mx.example.org",
	                          process_time_ms()));
	assert_null(strstr(evidence.detail, "its key is known"));
	/* For people who ask it is the one last seen all the same. */
	scout_rows_last_keys(keys, scout->rows, &destination);
	assert_int_equal(keys[0].finding.outcome, KEY_MISMATCH);
	assert_true(address_equal(&keys[0].server, &wrong.server));
	assert_int_equal(keys[1].sight, SIGHT_NONE);
	scout_rows_take_sighting(scout->rows, &right);
	assert_true(seen_evidence(&evidence, scout_rows_seen(scout->rows), "mx.example.org",
	                          process_time_ms()));
	assert_non_null(strstr(evidence.detail, "its key is known"));
	scout_rows_last_keys(keys, scout->rows, &destination);
	assert_int_equal(keys[0].finding.outcome, KEY_MET);
	assert_true(scout_rows_forget(scout->rows, "mx.example.org") > 0);
	scout_rows_last_keys(keys, scout->rows, &destination);
	assert_int_equal(keys[0].sight, SIGHT_NONE);
	scout_rows_free(scout->rows);
	promise_cache_free(scout->cache);
	process_close(scout->process);
	free(scout);
	close(ends[0]);
}

static void what_was_answered_without_memory_is_forgotten_when_it_comes(void **state)
{
	struct fixture *fixture = *state;
	const struct message_forget *forget;

	end_rows(fixture, false);
	ask(fixture, 0, "example.org");
	assert_non_null(next(fixture, fixture->guards[0], MESSAGE_DESTINATION, WAIT_MS));
	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	forget = next(fixture, fixture->guards[0], MESSAGE_FORGET, WAIT_MS);
	assert_non_null(forget);
	assert_string_equal(forget->name, "");
}

static void guards_keep_what_they_know_when_memory_comes_in_time(void **state)
{
	struct fixture *fixture = *state;

	send_batch(fixture, fixture->ledger);
	end_rows(fixture, true);
	assert_null(next(fixture, fixture->guards[0], MESSAGE_FORGET, 1500));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(questions_wait_until_memory_is_there),
		TEST(a_ledger_that_cannot_read_its_database_holds_nobody_up),
		TEST(without_a_ledger_it_goes_on_after_a_while),
		TEST(rows_that_keep_coming_are_waited_for),
		TEST(what_a_successor_of_the_ledger_brings_again_is_not_taken),
		TEST(a_policy_is_forgotten_with_its_domain),
		TEST(what_is_forgotten_is_told_to_the_ledger_even_to_one_that_comes_later),
		TEST(what_does_not_fit_is_refused_and_counted),
		TEST(a_sighting_that_no_look_up_led_to_is_not_remembered),
		cmocka_unit_test(a_sighting_counts_where_our_own_look_up_led_to_that_host_there),
		cmocka_unit_test(a_key_is_remembered_of_its_host_where_it_is_a_right_one),
		TEST(what_was_answered_without_memory_is_forgotten_when_it_comes),
		TEST(guards_keep_what_they_know_when_memory_comes_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

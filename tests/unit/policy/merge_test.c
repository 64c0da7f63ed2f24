/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "policy/local.h"
#include "policy/mtasts.h"
#include "policy/policy_lists.h"
#include "policy/seen.h"
#include "policy/watch_list.h"
#include "process.h"
#include "unit/no_network.h"

/* Every source in one process and without any network: what is at hand counts, and each look-up fails. */

static const uint8_t secret[TABLE_SECRET_LEN] = "sixteen octets.";
static const char POLICY[] = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";
static const char LIST[] =
	"{\"version\":\"0.1\",\"timestamp\":2000,\"expires\":9000000000,\"policy-aliases\":{},"
	"\"policies\":{\"listed.example\":{\"mode\":\"enforce\",\"mxs\":[\"mx.listed.example\"]},"
	"\"tried.example\":{\"mode\":\"testing\",\"mxs\":[\"mx.tried.example\"]}}}";

struct fixture {
	struct event_base *base;
	struct resolver *resolver;
	struct local *local;
	struct mtasts *mtasts;
	struct policy_lists *lists;
	struct watch_list *watch;
	struct seen *seen;
	struct merge_sources sources;
	bool is_answered;
	struct destination destination;
	struct evidence evidence[EVIDENCE_MAX];
	size_t evidence_count;
};

static void on_row(void *owner, const struct row *row)
{
	(void)owner;
	(void)row;
}

static void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	(void)owner;
	(void)domain;
	(void)reason;
	(void)text;
}

static bool is_established(void *owner, const char *domain)
{
	(void)owner;
	(void)domain;
	return false;
}

static void open_policies(struct fixture *fixture)
{
	static const struct mtasts_hooks hooks = { .on_row = on_row,
		                                   .tell = on_tell,
		                                   .is_established = is_established,
		                                   .now_ms = process_now_ms,
		                                   .wall_ms = process_time_ms };
	const struct mtasts_options options = { .is_enabled = true, .https_port = 443 };
	struct row *row = calloc(1, sizeof(*row));

	assert_non_null(row);
	assert_int_equal(mtasts_new(&fixture->mtasts, fixture->base, fixture->resolver, &options,
	                            &hooks, fixture),
	                 0);
	row->kind = ROW_POLICY;
	strcpy(row->policy.domain, "example.org");
	strcpy(row->policy.id, "1");
	row->policy.fetched_ms = row->policy.saved_ms = process_time_ms();
	row->policy.left_s = 604800;
	row->policy.text_len = sizeof(POLICY) - 1;
	memcpy(row->policy.text, POLICY, sizeof(POLICY) - 1);
	assert_true(mtasts_load(fixture->mtasts, &row->policy));
	free(row);
}

static void open_lists(struct fixture *fixture)
{
	const char *const paths[] = { "/list.json" };
	const struct policy_list_offer offer = { paths[0], bytes_of_string(LIST), true };
	const struct policy_moment moment = { process_now_ms(), process_time_ms() };
	char error[POLICY_LIST_ERROR_MAX];
	struct watch_faults faults;

	fixture->lists = policy_lists_new(secret);
	assert_non_null(fixture->lists);
	policy_lists_configure(fixture->lists, paths, 1);
	assert_int_equal(policy_lists_take(fixture->lists, &offer, moment, error), 0);
	fixture->watch = watch_list_parse(&faults, bytes_of_string("watched.example\n"));
	assert_non_null(fixture->watch);
}

static void add_entry(struct fixture *fixture, const struct local_entry *entry)
{
	assert_int_equal(local_add(fixture->local, LOCAL_FROM_CONFIG, entry), 0);
}

static int set_up(void **state)
{
	const struct resolver_options options = { .timeout_ms = 300 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	fixture->base = event_base_new();
	assert_non_null(fixture->base);
	assert_int_equal(resolver_new(&fixture->resolver, fixture->base, &options), 0);
	open_policies(fixture);
	open_lists(fixture);
	fixture->local = local_new(secret);
	fixture->seen = seen_new(64, secret, on_row, NULL);
	assert_true(fixture->local && fixture->seen);
	fixture->sources = (struct merge_sources){
		.base = fixture->base,
		.resolver = fixture->resolver,
		.mtasts = fixture->mtasts,
		.local = fixture->local,
		.lists = fixture->lists,
		.watch = fixture->watch,
		.seen = fixture->seen,
		.now_ms = process_now_ms,
		.time_ms = process_time_ms,
	};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	mtasts_free(fixture->mtasts);
	policy_lists_free(fixture->lists);
	watch_list_free(fixture->watch);
	seen_free(fixture->seen);
	local_free(fixture->local);
	resolver_free(fixture->resolver);
	event_base_free(fixture->base);
	free(fixture);
	return 0;
}

static void on_answer(void *owner, const struct destination *destination)
{
	struct fixture *fixture = owner;

	fixture->is_answered = true;
	fixture->destination = *destination;
}

static const struct destination *answer(struct fixture *fixture, enum merge_subject subject,
                                        const char *name)
{
	const struct merge_question question = { .subject = subject, .name = name };
	uint64_t end_ms = process_now_ms() + 15000;

	fixture->is_answered = false;
	assert_non_null(merge_ask(&fixture->sources, &question, on_answer, fixture));
	assert_false(fixture->is_answered);
	while (!fixture->is_answered && process_now_ms() < end_ms) {
		assert_int_equal(event_base_loop(fixture->base, EVLOOP_ONCE), 0);
		mtasts_tick(fixture->mtasts);
	}
	assert_true(fixture->is_answered);
	return &fixture->destination;
}

static void the_host_that_the_table_names_takes_the_mail(void **state)
{
	struct fixture *fixture = *state;
	const struct destination *destination;

	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_DOMAIN,
	                                          .name = "example.org",
	                                          .level = LOCAL_ENCRYPT,
	                                          .next_hop = "relay.example" });
	destination = answer(fixture, MERGE_DOMAIN, "example.org");
	assert_string_equal(destination->name, "example.org");
	assert_int_equal(destination->mx_state, MX_TABLE);
	assert_int_equal(destination->host_count, 1);
	assert_string_equal(destination->hosts[0].name, "relay.example");
	assert_int_equal(destination->hosts[0].promise.state, PROMISE_TLS);
	assert_int_equal(destination->hosts[0].promise.source, SOURCE_LOCAL);
	assert_false(destination->is_next_hop);
}

static void a_smart_host_may_be_an_address(void **state)
{
	struct fixture *fixture = *state;
	const struct destination *destination;
	char text[ADDRESS_TEXT_MAX];

	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_HOST,
	                                          .name = "192.0.2.25",
	                                          .level = LOCAL_ENCRYPT });
	destination = answer(fixture, MERGE_HOST, "192.0.2.25");
	assert_true(destination->is_next_hop);
	assert_int_equal(destination->mx_state, MX_HOST);
	assert_int_equal(destination->place_count, 1);
	assert_string_equal(address_format(text, &destination->places[0].address), "192.0.2.25");
	assert_int_equal(destination->hosts[0].promise.source, SOURCE_LOCAL);
}

static void where_the_table_says_all_no_policy_counts(void **state)
{
	struct fixture *fixture = *state;
	const struct destination *destination;

	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_DOMAIN,
	                                          .name = "example.org",
	                                          .level = LOCAL_MAY });
	destination = answer(fixture, MERGE_DOMAIN, "example.org");
	assert_int_equal(destination->promise.state, PROMISE_NONE);
	assert_int_equal(destination->promise.source, SOURCE_LOCAL);
	assert_false(merge_excludes(&fixture->sources, "example.org", "mx.evil.example"));
}

static void where_the_table_says_all_no_policy_is_asked_for(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before;

	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_DOMAIN,
	                                          .name = "silent.example",
	                                          .level = LOCAL_MAY });
	before = resolver_counts(fixture->resolver).lookups;
	(void)answer(fixture, MERGE_DOMAIN, "silent.example");
	assert_int_equal(resolver_counts(fixture->resolver).lookups, before + 1);
	/* Of a stranger MX and policy. */
	(void)answer(fixture, MERGE_DOMAIN, "stranger.example");
	assert_true(resolver_counts(fixture->resolver).lookups > before + 2);
}

static void each_kind_of_knowledge_makes_a_domain_established(void **state)
{
	static const char *const known[] = { "listed.example", "watched.example", "entry.example",
		                             "met.example" };
	struct fixture *fixture = *state;
	struct row row = { .kind = ROW_MET, .met = { .domain = "met.example", .days = 2 } };

	row.met.last_ms = process_time_ms();
	row.met.first_ms = row.met.last_ms - 3 * 24 * 60 * 60 * 1000UL;
	seen_load(fixture->seen, &row);
	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_DOMAIN, .name = "entry.example" });
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(answer(fixture, MERGE_DOMAIN, known[i])->is_established);
	assert_false(answer(fixture, MERGE_DOMAIN, "stranger.example")->is_established);
	assert_int_equal(merge_standing(&fixture->sources, "met.example"), 2);
	assert_int_equal(merge_standing(&fixture->sources, "entry.example"), MERGE_STANDING_NAMED);
	assert_int_equal(merge_standing(&fixture->sources, "stranger.example"), 0);
	/* One letter may go to anybody. */
	row.met = (struct row_met){ .domain = "once.example", .days = 1 };
	row.met.last_ms = row.met.first_ms = process_time_ms();
	seen_load(fixture->seen, &row);
	assert_int_equal(merge_standing(&fixture->sources, "once.example"), 0);
	/* Of a host nobody's domain is known. */
	assert_false(answer(fixture, MERGE_HOST, "listed.example")->is_established);
}

static void a_policy_that_is_kept_counts_when_nothing_can_be_asked(void **state)
{
	struct fixture *fixture = *state;

	(void)answer(fixture, MERGE_DOMAIN, "example.org");
	assert_int_equal(fixture->destination.mx_state, MX_UNAVAILABLE);
	assert_int_equal(fixture->destination.promise.source, SOURCE_MTA_STS);
	assert_int_equal(fixture->destination.promise.state, PROMISE_KEY);
	assert_true(fixture->destination.ttl_s > 0 && fixture->destination.ttl_s < 604800);
	/* A list that only tries out stands for nothing here. */
	(void)answer(fixture, MERGE_DOMAIN, "tried.example");
	assert_int_equal(fixture->destination.promise.state, PROMISE_UNKNOWN);
}

static void hosts_that_no_policy_of_the_domain_names_are_excluded(void **state)
{
	const struct merge_sources none = { .now_ms = process_now_ms, .time_ms = process_time_ms };
	struct fixture *fixture = *state;

	assert_true(merge_excludes(&fixture->sources, "example.org", "mx.evil.example"));
	assert_false(merge_excludes(&fixture->sources, "example.org", "mx.example.org"));
	assert_true(merge_excludes(&fixture->sources, "listed.example", "mx.evil.example"));
	assert_false(merge_excludes(&fixture->sources, "stranger.example", "mx.evil.example"));
	assert_false(merge_excludes(&none, "example.org", "mx.evil.example"));
	assert_true(merge_names(&fixture->sources, "example.org", "mx.example.org"));
	assert_false(merge_names(&fixture->sources, "example.org", "mx.evil.example"));
	assert_false(merge_names(&fixture->sources, "stranger.example", "mx.stranger.example"));
	assert_false(merge_names(&none, "example.org", "mx.example.org"));
}

static void an_ask_can_be_given_up_while_everything_is_open(void **state)
{
	struct fixture *fixture = *state;
	const struct merge_question question = { .subject = MERGE_DOMAIN,
		                                 .name = "stranger.example",
		                                 .is_refresh = true };
	struct merge *merge = merge_ask(&fixture->sources, &question, on_answer, fixture);
	const struct timeval patience = { .tv_usec = 800 * 1000 };

	assert_non_null(merge);
	merge_cancel(merge);
	assert_int_equal(event_base_loopexit(fixture->base, &patience), 0);
	assert_int_equal(event_base_dispatch(fixture->base), 0);
	assert_false(fixture->is_answered);
}

static enum evidence_state state_of(struct fixture *fixture, enum promise_source source)
{
	fixture->evidence_count =
		merge_evidence(fixture->evidence, &fixture->sources, &fixture->destination);
	assert_in_range(fixture->evidence_count, 1, EVIDENCE_MAX);
	for (size_t i = 0; i < fixture->evidence_count; i++) {
		if (fixture->evidence[i].source == source)
			return fixture->evidence[i].state;
	}
	fail_msg("no evidence of %s", promise_source_name(source));
	return EVIDENCE_NONE;
}

static void a_destination(struct fixture *fixture, const char *name, enum promise_source counts)
{
	fixture->destination = (struct destination){ .mx_state = MX_FOUND, .host_count = 1 };
	strcpy(fixture->destination.name, name);
	strcpy(fixture->destination.hosts[0].name, "mx.example.org");
	fixture->destination.hosts[0].promise.source = counts;
}

static void evidence_says_what_counts_and_what_is_overridden(void **state)
{
	struct fixture *fixture = *state;

	a_destination(fixture, "example.org", SOURCE_MTA_STS);
	assert_int_equal(state_of(fixture, SOURCE_MTA_STS), EVIDENCE_BINDS);
	assert_int_equal(state_of(fixture, SOURCE_LIST), EVIDENCE_NONE);
	assert_int_equal(state_of(fixture, SOURCE_LOCAL), EVIDENCE_NONE);
	assert_int_equal(state_of(fixture, SOURCE_SEEN), EVIDENCE_NONE);
	a_destination(fixture, "example.org", SOURCE_DANE);
	assert_int_equal(state_of(fixture, SOURCE_MTA_STS), EVIDENCE_OVERRIDDEN);
	a_destination(fixture, "listed.example", SOURCE_LIST);
	assert_int_equal(state_of(fixture, SOURCE_LIST), EVIDENCE_BINDS);
	a_destination(fixture, "tried.example", SOURCE_LIST);
	assert_int_equal(state_of(fixture, SOURCE_LIST), EVIDENCE_ALERTS);
	a_destination(fixture, "tried.example", SOURCE_LOCAL);
	assert_int_equal(state_of(fixture, SOURCE_LIST), EVIDENCE_OVERRIDDEN);
}

static void an_entry_that_has_ended_is_told_with_its_date(void **state)
{
	struct fixture *fixture = *state;

	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_SUBDOMAINS,
	                                          .name = "ended.example",
	                                          .level = LOCAL_MAY,
	                                          .reason = "their server",
	                                          .origin = "t.conf:4",
	                                          .until_ms = 1767225599000 });
	a_destination(fixture, "a.ended.example", SOURCE_NONE);
	/* That nothing counts comes first. */
	assert_int_equal(state_of(fixture, SOURCE_LOCAL), EVIDENCE_NONE);
	assert_int_equal(fixture->evidence[1].source, SOURCE_LOCAL);
	assert_int_equal(fixture->evidence[1].state, EVIDENCE_EXPIRED);
	assert_string_equal(fixture->evidence[1].detail,
	                    "t.conf:4: .ended.example: may, ended 2025-12-31T23:59:59Z, because: "
	                    "their server");
	add_entry(fixture, &(struct local_entry){ .scope = LOCAL_HOST,
	                                          .name = "relay.example",
	                                          .level = LOCAL_MAY,
	                                          .until_ms = 1767225599000 });
	a_destination(fixture, "relay.example", SOURCE_NONE);
	fixture->destination.mx_state = MX_HOST;
	(void)state_of(fixture, SOURCE_LOCAL);
	assert_int_equal(fixture->evidence[1].state, EVIDENCE_EXPIRED);
}

static void the_largest_evidence_has_its_bound(void **state)
{
	struct fixture *fixture = *state;

	a_destination(fixture, "example.org", SOURCE_DANE);
	fixture->destination.host_count = MX_HOSTS_MAX;
	for (int i = 0; i < MX_HOSTS_MAX; i++) {
		struct row row = { .kind = ROW_PLACE };

		snprintf(fixture->destination.hosts[i].name, DOMAIN_NAME_MAX, "mx%d.example.org",
		         i);
		strcpy(row.place.host, fixture->destination.hosts[i].name);
		assert_true(address_parse(&row.place.address, "192.0.2.1"));
		row.place.first_ms = row.place.last_ms = process_time_ms();
		seen_load(fixture->seen, &row);
	}
	(void)state_of(fixture, SOURCE_SEEN);
	assert_int_equal(fixture->evidence_count, EVIDENCE_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_host_that_the_table_names_takes_the_mail),
		TEST(a_smart_host_may_be_an_address),
		TEST(where_the_table_says_all_no_policy_counts),
		TEST(where_the_table_says_all_no_policy_is_asked_for),
		TEST(each_kind_of_knowledge_makes_a_domain_established),
		TEST(a_policy_that_is_kept_counts_when_nothing_can_be_asked),
		TEST(hosts_that_no_policy_of_the_domain_names_are_excluded),
		TEST(an_ask_can_be_given_up_while_everything_is_open),
		TEST(evidence_says_what_counts_and_what_is_overridden),
		TEST(an_entry_that_has_ended_is_told_with_its_date),
		TEST(the_largest_evidence_has_its_bound),
	};

	leave_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

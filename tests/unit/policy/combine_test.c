/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/combine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool allows(const void *owner, const char *host)
{
	return strcmp(owner, host) == 0;
}

static struct domain_policy policy(enum promise_source source, enum mx_policy_mode mode,
                                   const char *host)
{
	return (struct domain_policy){
		.source = source,
		.mode = mode,
		.detail = "enforce mx.example.org, id 1",
		.allows = allows,
		.owner = host,
	};
}

static struct destination one_host(enum promise_state dane, enum dns_security mx)
{
	struct destination destination = {
		.name = "example.org",
		.mx_state = MX_FOUND,
		.mx_security = mx,
		.host_count = 1,
	};
	struct mx_host *host = &destination.hosts[0];

	strcpy(host->name, "mx.example.org");
	host->promise.state = dane;
	if (dane != PROMISE_NONE) {
		host->promise.source = SOURCE_DANE;
		strcpy(host->promise.detail, "3 1 1 60b8");
	}
	return destination;
}

static const struct {
	const char *name;
	enum promise_state dane;
	enum dns_security mx;
	enum mx_policy_mode mode;
	const char *policy_host;
	enum promise_state state;
	enum promise_source source;
	bool only_alerts;
	bool is_excluded;
} cases[] = {
	{ "a policy binds where DANE says nothing", PROMISE_NONE, DNS_INSECURE, MX_POLICY_ENFORCE,
	  "mx.example.org", PROMISE_KEY, SOURCE_MTA_STS, false, false },
	{ "a host that the policy does not name is excluded", PROMISE_NONE, DNS_INSECURE,
	  MX_POLICY_ENFORCE, "other.example.org", PROMISE_KEY, SOURCE_MTA_STS, false, true },
	{ "DANE takes the place of a policy where the MX RRset is secure", PROMISE_KEY, DNS_SECURE,
	  MX_POLICY_ENFORCE, "other.example.org", PROMISE_KEY, SOURCE_DANE, false, false },
	{ "DANE of an insecure MX RRset does not: the host must be named by the policy",
	  PROMISE_KEY, DNS_INSECURE, MX_POLICY_ENFORCE, "other.example.org", PROMISE_KEY,
	  SOURCE_MTA_STS, false, true },
	{ "unusable TLSA records do not take a policy's place", PROMISE_TLS, DNS_SECURE,
	  MX_POLICY_ENFORCE, "mx.example.org", PROMISE_KEY, SOURCE_MTA_STS, false, false },
	{ "a policy does not override a failing DANE look-up", PROMISE_UNAVAILABLE, DNS_INSECURE,
	  MX_POLICY_ENFORCE, "mx.example.org", PROMISE_UNAVAILABLE, SOURCE_DANE, false, false },
	{ "a failing DANE look-up makes no host of whom the policy does not name",
	  PROMISE_UNAVAILABLE, DNS_INSECURE, MX_POLICY_ENFORCE, "other.example.org",
	  PROMISE_UNAVAILABLE, SOURCE_DANE, false, true },
	{ "a policy in testing is only told", PROMISE_NONE, DNS_INSECURE, MX_POLICY_TESTING,
	  "other.example.org", PROMISE_KEY, SOURCE_MTA_STS, true, true },
	{ "a policy in testing does not weaken DANE", PROMISE_KEY, DNS_INSECURE, MX_POLICY_TESTING,
	  "other.example.org", PROMISE_KEY, SOURCE_DANE, false, false },
	{ "a policy of mode none says nothing", PROMISE_NONE, DNS_INSECURE, MX_POLICY_NONE,
	  "mx.example.org", PROMISE_NONE, SOURCE_NONE, false, false },
};

static void each_case_ends_as_its_name_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct destination destination = one_host(cases[i].dane, cases[i].mx);
		struct domain_policy sts =
			policy(SOURCE_MTA_STS, cases[i].mode, cases[i].policy_host);
		const struct mx_host *host = &destination.hosts[0];

		combine(&destination, NULL, &sts, 1);
		if (host->promise.state != cases[i].state ||
		    host->promise.source != cases[i].source ||
		    host->promise.only_alerts != cases[i].only_alerts ||
		    host->is_excluded != cases[i].is_excluded)
			fail_msg("%s: got %s by %s, excluded %d", cases[i].name,
			         promise_state_name(host->promise.state),
			         promise_source_name(host->promise.source), host->is_excluded);
	}
}

static void with_an_insecure_mx_policy_and_tlsa_stand_side_by_side(void **state)
{
	struct destination destination = one_host(PROMISE_KEY, DNS_INSECURE);
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "mx.example.org");

	(void)state;
	combine(&destination, NULL, &sts, 1);
	assert_string_equal(destination.hosts[0].promise.detail,
	                    "enforce mx.example.org, id 1; and 3 1 1 60b8");
	assert_string_equal(destination.promise.detail, "enforce mx.example.org, id 1");
}

static void the_domain_promises_wherever_its_mail_goes(void **state)
{
	struct destination destination = one_host(PROMISE_NONE, DNS_INSECURE);
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "mx.example.org");

	(void)state;
	destination.host_count = 0;
	combine(&destination, NULL, &sts, 1);
	assert_int_equal(destination.promise.state, PROMISE_KEY);
	assert_int_equal(destination.promise.source, SOURCE_MTA_STS);
}

static void an_enforced_list_stands_before_a_policy_in_testing(void **state)
{
	struct domain_policy policies[] = {
		policy(SOURCE_MTA_STS, MX_POLICY_TESTING, "mx.example.org"),
		policy(SOURCE_LIST, MX_POLICY_ENFORCE, "mx.example.org"),
	};
	struct destination destination = one_host(PROMISE_NONE, DNS_INSECURE);

	(void)state;
	combine(&destination, NULL, policies, 2);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_LIST);
	policies[1].is_expired = true;
	destination = one_host(PROMISE_NONE, DNS_INSECURE);
	combine(&destination, NULL, policies, 2);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_MTA_STS);
	assert_true(destination.hosts[0].promise.only_alerts);
}

static void an_expired_list_is_only_told(void **state)
{
	struct domain_policy list = policy(SOURCE_LIST, MX_POLICY_ENFORCE, "mx.example.org");
	struct destination destination = one_host(PROMISE_NONE, DNS_INSECURE);

	(void)state;
	list.is_expired = true;
	combine(&destination, NULL, &list, 1);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_LIST);
	assert_true(destination.hosts[0].promise.only_alerts);
}

static void the_table_stands_above_all_others(void **state)
{
	static const enum promise_state danes[] = { PROMISE_NONE, PROMISE_TLS, PROMISE_KEY,
		                                    PROMISE_UNAVAILABLE };
	const struct local_entry may = { .level = LOCAL_MAY, .name = "example.org" };
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "other.example.org");

	(void)state;
	for (size_t i = 0; i < sizeof(danes) / sizeof(danes[0]); i++) {
		struct destination destination = one_host(danes[i], DNS_SECURE);

		combine(&destination, &may, &sts, 1);
		assert_int_equal(destination.hosts[0].promise.state, PROMISE_NONE);
		assert_int_equal(destination.hosts[0].promise.source, SOURCE_LOCAL);
		assert_false(destination.hosts[0].is_excluded);
		assert_int_equal(destination.promise.source, SOURCE_LOCAL);
	}
}

static void level_dane_takes_what_there_is(void **state)
{
	const struct local_entry dane = { .level = LOCAL_DANE, .name = "example.org" };
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "other.example.org");
	struct destination destination = one_host(PROMISE_KEY, DNS_SECURE);

	(void)state;
	combine(&destination, &dane, &sts, 1);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_DANE);
	destination = one_host(PROMISE_NONE, DNS_SECURE);
	combine(&destination, &dane, &sts, 1);
	assert_int_equal(destination.hosts[0].promise.state, PROMISE_NONE);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_LOCAL);
	assert_int_equal(destination.promise.state, PROMISE_UNKNOWN);
}

static void level_dane_only_waits_where_there_is_nothing_usable(void **state)
{
	const struct local_entry only = { .level = LOCAL_DANE_ONLY, .name = "example.org" };
	static const enum promise_state unusable[] = { PROMISE_NONE, PROMISE_TLS };
	struct destination destination = one_host(PROMISE_KEY, DNS_SECURE);

	(void)state;
	combine(&destination, &only, NULL, 0);
	assert_int_equal(destination.hosts[0].promise.state, PROMISE_KEY);
	for (size_t i = 0; i < 2; i++) {
		destination = one_host(unusable[i], DNS_SECURE);
		combine(&destination, &only, NULL, 0);
		assert_int_equal(destination.hosts[0].promise.state, PROMISE_UNAVAILABLE);
		assert_int_equal(destination.hosts[0].promise.source, SOURCE_LOCAL);
	}
}

static void an_entry_that_only_watches_leaves_the_promise_and_takes_its_force(void **state)
{
	const struct local_entry watched = { .only_alerts = true, .name = "example.org" };
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "mx.example.org");
	struct destination destination = one_host(PROMISE_NONE, DNS_INSECURE);

	(void)state;
	combine(&destination, &watched, &sts, 1);
	assert_int_equal(destination.hosts[0].promise.source, SOURCE_MTA_STS);
	assert_true(destination.hosts[0].promise.only_alerts);
	assert_true(destination.promise.only_alerts);
}

static void a_host_is_excluded_by_the_policy_that_counts_and_never_against_the_table(void **state)
{
	const struct local_entry may = { .level = LOCAL_MAY, .name = "example.org" };
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "mx.example.org");

	(void)state;
	assert_false(combine_excludes(NULL, &sts, 1, "mx.example.org"));
	assert_true(combine_excludes(NULL, &sts, 1, "mx.evil.example"));
	assert_false(combine_excludes(&may, &sts, 1, "mx.evil.example"));
	assert_false(combine_excludes(NULL, &sts, 0, "mx.evil.example"));
}

static void a_host_is_named_by_a_policy_that_is_known_and_counts(void **state)
{
	const struct local_entry may = { .level = LOCAL_MAY, .name = "example.org" };
	struct domain_policy sts = policy(SOURCE_MTA_STS, MX_POLICY_ENFORCE, "mx.example.org");

	(void)state;
	assert_true(combine_names(NULL, &sts, 1, "mx.example.org"));
	assert_false(combine_names(NULL, &sts, 1, "mx.evil.example"));
	assert_false(combine_names(&may, &sts, 1, "mx.example.org"));
	assert_false(combine_names(NULL, &sts, 0, "mx.example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_its_name_says),
		cmocka_unit_test(with_an_insecure_mx_policy_and_tlsa_stand_side_by_side),
		cmocka_unit_test(the_domain_promises_wherever_its_mail_goes),
		cmocka_unit_test(an_enforced_list_stands_before_a_policy_in_testing),
		cmocka_unit_test(an_expired_list_is_only_told),
		cmocka_unit_test(the_table_stands_above_all_others),
		cmocka_unit_test(level_dane_takes_what_there_is),
		cmocka_unit_test(an_entry_that_only_watches_leaves_the_promise_and_takes_its_force),
		cmocka_unit_test(
			a_host_is_excluded_by_the_policy_that_counts_and_never_against_the_table),
		cmocka_unit_test(a_host_is_named_by_a_policy_that_is_known_and_counts),
		cmocka_unit_test(level_dane_only_waits_where_there_is_nothing_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

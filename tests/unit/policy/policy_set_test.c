/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t secret[SIPHASH_KEY_LEN] = { 1, 2, 3 };

static struct policy_set *set_of(size_t domains_max)
{
	struct policy_set *set = policy_set_new(domains_max, secret);

	assert_non_null(set);
	return set;
}

static void a_policy_allows_the_hosts_it_names_and_no_others(void **state)
{
	struct policy_set *set = set_of(1);
	struct policy_view found;

	(void)state;
	assert_int_equal(policy_set_add(set, MX_POLICY_ENFORCE), 0);
	assert_true(policy_set_add_mx(set, "mx1.example.org"));
	assert_true(policy_set_add_mx(set, "*.mail.example.net"));
	assert_int_equal(policy_set_add_domain(set, "example.org", 0), POLICY_SET_OK);
	assert_true(policy_set_find(&found, set, "example.org"));
	assert_int_equal(found.mode, MX_POLICY_ENFORCE);
	assert_int_equal(found.mx_count, 2);
	assert_true(policy_view_allows(&found, "mx1.example.org"));
	assert_true(policy_view_allows(&found, "a.mail.example.net"));
	assert_false(policy_view_allows(&found, "a.b.mail.example.net"));
	assert_false(policy_view_allows(&found, "mail.example.net"));
	assert_false(policy_view_allows(&found, "mx2.example.org"));
	assert_false(policy_set_find(&found, set, "mail.example.net"));
	assert_false(policy_set_find(&found, set, ""));
	policy_set_free(set);
}

static void domains_may_share_a_policy(void **state)
{
	struct policy_set *set = set_of(3);
	struct policy_view a, b, c;

	(void)state;
	assert_int_equal(policy_set_add(set, MX_POLICY_ENFORCE), 0);
	assert_true(policy_set_add_mx(set, "mx.big.example"));
	assert_int_equal(policy_set_add_domain(set, "a.example", 0), POLICY_SET_OK);
	assert_int_equal(policy_set_add(set, MX_POLICY_TESTING), 1);
	assert_true(policy_set_add_mx(set, "mx.small.example"));
	assert_int_equal(policy_set_add_domain(set, "b.example", 1), POLICY_SET_OK);
	assert_int_equal(policy_set_add_domain(set, "c.example", 0), POLICY_SET_OK);
	assert_true(policy_set_find(&a, set, "a.example"));
	assert_true(policy_set_find(&b, set, "b.example"));
	assert_true(policy_set_find(&c, set, "c.example"));
	assert_ptr_equal(a.mxs, c.mxs);
	assert_string_equal(b.mxs, "mx.small.example");
	assert_int_equal(b.mode, MX_POLICY_TESTING);
	policy_set_free(set);
}

static void a_domain_is_there_once(void **state)
{
	struct policy_set *set = set_of(2);

	(void)state;
	assert_int_equal(policy_set_add(set, MX_POLICY_ENFORCE), 0);
	assert_int_equal(policy_set_add_domain(set, "example.org", 0), POLICY_SET_OK);
	assert_int_equal(policy_set_add_domain(set, "example.org", 0), POLICY_SET_REPEATED);
	assert_int_equal(policy_set_add_domain(set, "example.net", 0), POLICY_SET_OK);
	assert_int_equal(policy_set_add_domain(set, "example.com", 0), POLICY_SET_FULL);
	assert_int_equal(policy_set_count(set), 2);
	policy_set_free(set);
}

static void a_hundred_thousand_domains_are_found_in_little_room(void **state)
{
	enum { DOMAINS = 100 * 1000, NAME_LEN = 20 };
	struct policy_set *set = set_of(DOMAINS);
	struct policy_view found;
	char name[64];

	(void)state;
	assert_int_equal(policy_set_add(set, MX_POLICY_ENFORCE), 0);
	for (unsigned i = 0; i < DOMAINS; i++) {
		snprintf(name, sizeof(name), "d%011u.example", i);
		assert_int_equal(policy_set_add_domain(set, name, 0), POLICY_SET_OK);
	}
	for (unsigned i = 0; i < DOMAINS; i++) {
		snprintf(name, sizeof(name), "d%011u.example", i);
		assert_true(policy_set_find(&found, set, name));
		snprintf(name, sizeof(name), "e%011u.example", i);
		assert_false(policy_set_find(&found, set, name));
	}
	assert_int_equal(policy_set_count(set), DOMAINS);
	policy_set_trim(set);
	assert_true(policy_set_find(&found, set, "d00000099999.example"));
	assert_in_range(policy_set_memory(set), DOMAINS * (NAME_LEN + 16),
	                DOMAINS * (NAME_LEN + 24));
	policy_set_free(set);
}

static void an_empty_set_names_nobody(void **state)
{
	struct policy_set *set = set_of(0);
	struct policy_view found;

	(void)state;
	assert_false(policy_set_find(&found, set, "example.org"));
	assert_int_equal(policy_set_add_domain(set, "example.org", 0), POLICY_SET_FULL);
	policy_set_free(set);
	policy_set_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_allows_the_hosts_it_names_and_no_others),
		cmocka_unit_test(domains_may_share_a_policy),
		cmocka_unit_test(a_domain_is_there_once),
		cmocka_unit_test(a_hundred_thousand_domains_are_found_in_little_room),
		cmocka_unit_test(an_empty_set_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/key_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/guarded.h"

static const uint8_t digest[32] = { 0x60, 0xb8, 0x75 };

static struct key_rule a_rule(void)
{
	struct key_rule rule = {
		.kind = KEY_RULE_TLSA,
		.source = SOURCE_DANE,
		.group = 3,
		.names = bytes_of_string("mx1.example.org:example.org"),
		.record_count = 2,
	};

	rule.records[0] = (struct key_record){ 3, 1, 1, bytes_of(digest, sizeof(digest)) };
	rule.records[1] = (struct key_record){ 2, 0, 2, bytes_of(digest, 5) };
	return rule;
}

static struct key_rules *new_rules(void)
{
	struct key_rules *rules = calloc(1, sizeof(*rules));

	assert_non_null(rules);
	return rules;
}

static void a_rule_comes_out_as_it_went_in(void **state)
{
	struct key_rules *rules = new_rules();
	const struct key_rule rule = a_rule();
	struct key_rule read;
	struct cursor rest;

	(void)state;
	assert_true(key_rules_add(rules, &rule));
	assert_true(key_rules_add(rules, &rule));
	rest = cursor_over(bytes_of(rules->octets, rules->len));
	for (int i = 0; i < 2; i++) {
		assert_true(key_rule_next(&read, &rest));
		assert_int_equal(read.kind, KEY_RULE_TLSA);
		assert_int_equal(read.source, SOURCE_DANE);
		assert_int_equal(read.group, 3);
		assert_true(bytes_equal(read.names, rule.names));
		assert_int_equal(read.record_count, 2);
		assert_int_equal(read.records[0].usage, 3);
		assert_int_equal(read.records[1].matching, 2);
		assert_true(bytes_equal(read.records[1].data, rule.records[1].data));
	}
	assert_false(key_rule_next(&read, &rest));
	assert_true(cursor_finished(&rest));
	free(rules);
}

static void rules_that_end_too_early_are_not_sound(void **state)
{
	struct key_rules *rules = new_rules();
	const struct key_rule rule = a_rule();
	struct guarded guarded = guarded_new();

	(void)state;
	assert_true(key_rules_add(rules, &rule));
	for (size_t len = 1; len < rules->len; len++)
		assert_false(key_rules_are_sound(
			bytes_of(guarded_place(&guarded, bytes_of(rules->octets, len)), len)));
	assert_true(key_rules_are_sound(bytes_of(rules->octets, rules->len)));
	assert_true(key_rules_are_sound(bytes_of(NULL, 0)));
	guarded_free(&guarded);
	free(rules);
}

static void each_octet_out_of_its_range_is_found(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = { { 0, 0 }, { 0, 4 }, { 1, 0 }, { 1, 200 }, { 3, 0xff } };
	struct key_rules *rules = new_rules();
	const struct key_rule rule = a_rule();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(rules, 0, sizeof(*rules));
		assert_true(key_rules_add(rules, &rule));
		rules->octets[wrong[i].at] = wrong[i].value;
		assert_false(key_rules_are_sound(bytes_of(rules->octets, rules->len)));
	}
	free(rules);
}

static struct bytes pack(struct key_rules *rules, const struct key_rule *rule)
{
	memset(rules, 0, sizeof(*rules));
	assert_true(key_rules_add(rules, rule));
	return bytes_of(rules->octets, rules->len);
}

static void the_same_records_are_shared_whatever_else_differs(void **state)
{
	struct key_rules *ours = new_rules(), *theirs = new_rules();
	struct key_rule rule = a_rule();
	const struct key_record first = rule.records[0];
	struct bytes packed = pack(ours, &rule);

	(void)state;
	rule.group = 0;
	rule.names = bytes_of_string("mx1.example.org");
	rule.records[0] = rule.records[1];
	rule.records[1] = first;
	assert_true(key_rules_share_records(packed, pack(theirs, &rule)));
	rule.record_count = 1;
	assert_false(key_rules_share_records(packed, pack(theirs, &rule)));
	assert_false(key_rules_share_records(pack(theirs, &rule), packed));
	rule.record_count = 2;
	rule.records[1].usage = 2;
	assert_false(key_rules_share_records(packed, pack(theirs, &rule)));
	rule.kind = KEY_RULE_PKIX;
	assert_false(key_rules_share_records(packed, pack(theirs, &rule)));
	assert_false(key_rules_share_records(pack(theirs, &rule), packed));
	assert_true(key_rules_share_records(pack(theirs, &rule), bytes_of(NULL, 0)));
	free(ours);
	free(theirs);
}

static void of_some_rules_the_servers_own_certificate_tells_all(void **state)
{
	struct key_rules *rules = new_rules();
	struct key_rule rule = a_rule();

	(void)state;
	/* Usages 3 and 2. */
	assert_false(key_rules_ask_leaf_alone(pack(rules, &rule)));
	rule.record_count = 1;
	assert_true(key_rules_ask_leaf_alone(pack(rules, &rule)));
	rule.kind = KEY_RULE_FINGERPRINT;
	rule.record_count = 2;
	assert_true(key_rules_ask_leaf_alone(pack(rules, &rule)));
	rule.kind = KEY_RULE_PKIX;
	assert_true(key_rules_add(rules, &rule));
	assert_false(key_rules_ask_leaf_alone(bytes_of(rules->octets, rules->len)));
	free(rules);
}

static void what_is_beyond_a_bound_is_not_added(void **state)
{
	struct key_rules *rules = new_rules();
	struct key_rule rule = a_rule();
	static const uint8_t long_names[KEY_NAMES_MAX + 1];
	static uint8_t large[KEY_RULES_LEN_MAX];

	(void)state;
	rule.names = bytes_of(long_names, sizeof(long_names));
	assert_false(key_rules_add(rules, &rule));
	rule.names.len--;
	assert_true(key_rules_add(rules, &rule));
	rule.records[0].data = bytes_of(large, sizeof(large));
	assert_false(key_rules_add(rules, &rule));
	assert_int_equal(rules->count, 1);
	rule = a_rule();
	rule.names.len = rule.record_count = 0;
	for (int i = 1; i < KEY_RULES_MAX; i++)
		assert_true(key_rules_add(rules, &rule));
	assert_false(key_rules_add(rules, &rule));
	free(rules);
}

static void appended_rules_are_a_group_or_none_of_them_is(void **state)
{
	struct key_rules *rules = new_rules(), *all = new_rules();
	const struct key_rule rule = a_rule();
	struct key_rule read;
	struct cursor rest;
	size_t len;

	(void)state;
	assert_true(key_rules_add(rules, &rule));
	assert_true(key_rules_add(rules, &rule));
	assert_true(key_rules_append(all, bytes_of(rules->octets, rules->len), 7));
	assert_int_equal(all->count, 2);
	rest = cursor_over(bytes_of(all->octets, all->len));
	while (key_rule_next(&read, &rest))
		assert_int_equal(read.group, 7);
	len = all->len;
	assert_false(key_rules_append(all, bytes_of(rules->octets, rules->len - 1), 8));
	assert_int_equal(all->count, 2);
	assert_int_equal(all->len, len);
	free(rules);
	free(all);
}

static void names_are_printable(void **state)
{
	static const char *const wrong[] = { "mx example", "mx.example.org\n", "mx.example.org\x7f",
		                             "\x1b[31m", "m\xc3\xbc.example" };
	struct key_rules *rules = calloc(1, sizeof(*rules));
	struct key_rule rule = { .kind = KEY_RULE_PKIX, .source = SOURCE_LIST };

	(void)state;
	rule.names = bytes_of_string("mx_1.example.org:.xn--4ca.example:a\\032b.example");
	assert_true(key_rules_add(rules, &rule));
	assert_true(key_rules_are_sound(bytes_of(rules->octets, rules->len)));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		rules->count = rules->len = 0;
		rule.names = bytes_of_string(wrong[i]);
		assert_true(key_rules_add(rules, &rule));
		assert_false(key_rules_are_sound(bytes_of(rules->octets, rules->len)));
	}
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_comes_out_as_it_went_in),
		cmocka_unit_test(rules_that_end_too_early_are_not_sound),
		cmocka_unit_test(each_octet_out_of_its_range_is_found),
		cmocka_unit_test(the_same_records_are_shared_whatever_else_differs),
		cmocka_unit_test(of_some_rules_the_servers_own_certificate_tells_all),
		cmocka_unit_test(what_is_beyond_a_bound_is_not_added),
		cmocka_unit_test(appended_rules_are_a_group_or_none_of_them_is),
		cmocka_unit_test(names_are_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

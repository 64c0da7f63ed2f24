/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/watch_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../guarded.h"

enum {
	NOW = 1000 * 1000,
	INTERVAL_MS = WATCH_INTERVAL_S * 1000,
	ANSWER_MS = WATCH_ANSWER_S * 1000
};

static struct watch_faults faults;

static struct watch_list *parse_octets(const void *text, size_t len)
{
	struct guarded page = guarded_new();
	struct watch_list *list =
		watch_list_parse(&faults, guarded_bytes(&page, bytes_of(text, len)));

	guarded_free(&page);
	assert_non_null(list);
	return list;
}

static struct watch_list *parse(const char *text)
{
	return parse_octets(text, strlen(text));
}

static void a_line_is_a_domain(void **state)
{
	struct watch_list *list = parse("# of ours\n\nexample.org\n  Example.NET.  # twice\n"
	                                "example.net\r\n\tb\xc3\xbc"
	                                "cher.example\n#a.example\nlast.example");

	(void)state;
	assert_int_equal(faults.count, 0);
	assert_int_equal(watch_list_count(list), 4);
	assert_true(watch_list_has(list, "example.org"));
	assert_true(watch_list_has(list, "example.net"));
	assert_true(watch_list_has(list, "xn--bcher-kva.example"));
	assert_true(watch_list_has(list, "last.example"));
	assert_false(watch_list_has(list, "a.example"));
	assert_false(watch_list_has(list, "org"));
	assert_false(watch_list_has(list, ""));
	watch_list_free(list);
}

static void a_bad_line_is_said_by_number_and_the_others_hold(void **state)
{
	static const char text[] = "example.org\nnot a name\n.example.net\n"
				   "a\0b.example\nexample.net\n*.example.com\n";
	struct watch_list *list = parse_octets(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(watch_list_count(list), 2);
	assert_int_equal(faults.count, 4);
	assert_int_equal(faults.shown[0].line, 2);
	assert_string_equal(faults.shown[0].rule, "not a domain name");
	assert_int_equal(faults.shown[1].line, 3);
	assert_int_equal(faults.shown[2].line, 4);
	assert_string_equal(faults.shown[2].rule, "holds a NUL octet");
	assert_int_equal(faults.shown[3].line, 6);
	watch_list_free(list);
}

static void more_faults_than_are_shown_are_counted(void **state)
{
	struct watch_list *list = parse(".\n.\n.\n.\n.\n.\n.\n.\n.\n.\n");

	(void)state;
	assert_int_equal(faults.count, 10);
	assert_int_equal(faults.shown[WATCH_FAULTS_MAX - 1].line, WATCH_FAULTS_MAX);
	watch_list_free(list);
}

static void lines_are_only_so_long_and_domains_only_so_many(void **state)
{
	enum { LINE_LEN = 1025 };
	size_t room = WATCH_DOMAINS_MAX * 16 + LINE_LEN + 32, len = 0;
	char *text = malloc(room);
	struct watch_list *list;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i <= WATCH_DOMAINS_MAX; i++)
		len += (size_t)sprintf(text + len, "d%d.example\n", i);
	memset(text + len, 'a', LINE_LEN);
	len += LINE_LEN;
	list = parse_octets(text, len);
	assert_int_equal(watch_list_count(list), WATCH_DOMAINS_MAX);
	assert_int_equal(faults.count, 2);
	assert_int_equal(faults.shown[0].line, WATCH_DOMAINS_MAX + 1);
	assert_string_equal(faults.shown[0].rule, "more than 4096 domains");
	assert_string_equal(faults.shown[1].rule, "longer than 1024 octets");
	watch_list_free(list);
	free(text);
}

static void a_list_cut_anywhere_has_no_other_domains(void **state)
{
	static const char text[] = "a.example\nb.example # c\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct watch_list *list = parse_octets(text, len);

		assert_int_equal(watch_list_has(list, "a.example"), len >= 9);
		assert_int_equal(watch_list_has(list, "b.example"), len >= 19);
		watch_list_free(list);
	}
}

static void each_domain_is_due_once_until_it_is_answered_or_that_took_too_long(void **state)
{
	struct watch_list *list = parse("a.example\nb.example\n");
	const char *first = watch_list_due(list, NOW);

	(void)state;
	assert_non_null(first);
	assert_string_not_equal(first, watch_list_due(list, NOW));
	assert_null(watch_list_due(list, NOW));
	assert_null(watch_list_due(list, NOW + ANSWER_MS - 1));
	assert_string_equal(watch_list_due(list, NOW + ANSWER_MS), first);
	watch_list_free(list);
}

static void nothing_is_due_in_an_empty_list(void **state)
{
	struct watch_list *list = parse("# nobody\n");

	(void)state;
	assert_null(watch_list_due(list, NOW));
	watch_list_learn(list, "example.org", 60, NOW);
	watch_list_free(list);
	watch_list_free(NULL);
}

static void an_answer_is_asked_for_again_shortly_before_its_end(void **state)
{
	struct watch_list *list = parse("a.example\n");

	(void)state;
	assert_non_null(watch_list_due(list, NOW));
	watch_list_learn(list, "a.example", 10000, NOW);
	assert_null(watch_list_due(list, NOW + 9500 * 1000 - 1));
	assert_non_null(watch_list_due(list, NOW + 9500 * 1000));
	/* It came from the cache, and is fetched anew behind that: there it is a second after the end. */
	watch_list_learn(list, "a.example", 500, NOW + 9500 * 1000);
	assert_null(watch_list_due(list, NOW + 10001 * 1000 - 1));
	assert_non_null(watch_list_due(list, NOW + 10001 * 1000));
	watch_list_learn(list, "a.example", 10000, NOW + 10001 * 1000);
	assert_null(watch_list_due(list, NOW + 19000 * 1000));
	watch_list_free(list);
}

static void a_domain_with_a_short_ttl_is_not_asked_for_all_the_time(void **state)
{
	struct watch_list *list = parse("a.example\n");
	unsigned asked = 0;

	(void)state;
	for (uint64_t now_ms = NOW; now_ms < NOW + 24 * 3600 * UINT64_C(1000); now_ms += 1000) {
		if (!watch_list_due(list, now_ms))
			continue;
		asked++;
		watch_list_learn(list, "a.example", 1, now_ms);
	}
	assert_in_range(asked, 280, 288);
	watch_list_free(list);
}

static void a_new_list_goes_on_where_the_old_one_was(void **state)
{
	struct watch_list *old = parse("a.example\nb.example\n");
	struct watch_list *list = parse("b.example\nc.example\n");

	(void)state;
	assert_non_null(watch_list_due(old, NOW));
	assert_non_null(watch_list_due(old, NOW));
	watch_list_learn(old, "b.example", 3600, NOW);
	watch_list_adopt(list, old);
	watch_list_free(old);
	assert_string_equal(watch_list_due(list, NOW + INTERVAL_MS), "c.example");
	assert_null(watch_list_due(list, NOW + INTERVAL_MS));
	watch_list_free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_domain),
		cmocka_unit_test(a_bad_line_is_said_by_number_and_the_others_hold),
		cmocka_unit_test(more_faults_than_are_shown_are_counted),
		cmocka_unit_test(lines_are_only_so_long_and_domains_only_so_many),
		cmocka_unit_test(a_list_cut_anywhere_has_no_other_domains),
		cmocka_unit_test(
			each_domain_is_due_once_until_it_is_answered_or_that_took_too_long),
		cmocka_unit_test(nothing_is_due_in_an_empty_list),
		cmocka_unit_test(an_answer_is_asked_for_again_shortly_before_its_end),
		cmocka_unit_test(a_domain_with_a_short_ttl_is_not_asked_for_all_the_time),
		cmocka_unit_test(a_new_list_goes_on_where_the_old_one_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

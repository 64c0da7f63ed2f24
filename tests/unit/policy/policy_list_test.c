/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../guarded.h"

static const uint8_t secret[SIPHASH_KEY_LEN] = { 1, 2, 3 };

static char error[POLICY_LIST_ERROR_MAX];

static int parse_octets(struct policy_list **list, const void *text, size_t len)
{
	struct guarded page = guarded_new();
	int err;

	strcpy(error, "untouched");
	err = policy_list_parse(list, guarded_bytes(&page, bytes_of(text, len)), secret, error);
	guarded_free(&page);
	return err;
}

static int parse(struct policy_list **list, const char *text)
{
	return parse_octets(list, text, strlen(text));
}

#define HEAD "\"version\": \"0.1\", \"timestamp\": 1764000000, \"expires\": 1765000000, "
#define LIST(aliases, policies)                                                                    \
	"{" HEAD "\"policy-aliases\": {" aliases "}, \"policies\": {" policies "}}"
#define POLICY(mode, mxs) "{\"mode\": \"" mode "\", \"mxs\": [" mxs "]}"

static const char WHOLE[] =
	"{\"author\": \"J. Doe\", \"comment\": [1, null], \"version\": \"0.1\",\n"
	" \"timestamp\": \"2026-11-22T10:00:00Z\", \"expires\": 1800000000,\n"
	" \"policy-aliases\": {\"big\": " POLICY(
		"enforce", "\".mail.example.net\"") "},\n"
						    " \"policies\": {\"Example.ORG\": " POLICY(
							    "testing",
							    "\"MX1.example.org\", "
							    "\".example.com\"") ",\n"
										"  "
										"\"b\\u00fccher."
										"example\": "
										"{\"policy-"
										"alias\": "
										"\"big\"},\n"
										"  "
										"\"example.net\":"
										" {\"policy-"
										"alias\": "
										"\"big\"}}}";

static struct policy_view policy_of(const struct policy_list *list, const char *domain)
{
	struct policy_view found;

	if (!policy_set_find(&found, list->policies, domain))
		fail_msg("%s is not there", domain);
	return found;
}

static void a_list_is_what_it_says(void **state)
{
	struct policy_list *list;
	struct policy_view found;

	(void)state;
	assert_int_equal(parse(&list, WHOLE), 0);
	assert_int_equal(list->timestamp_s, 1795341600);
	assert_int_equal(list->expires_s, 1800000000);
	assert_int_equal(policy_set_count(list->policies), 3);
	found = policy_of(list, "example.org");
	assert_int_equal(found.mode, MX_POLICY_TESTING);
	assert_int_equal(found.mx_count, 2);
	assert_true(policy_view_allows(&found, "mx1.example.org"));
	found = policy_of(list, "xn--bcher-kva.example");
	assert_int_equal(found.mode, MX_POLICY_ENFORCE);
	assert_true(policy_view_allows(&found, "mx1.mail.example.net"));
	found = policy_of(list, "example.net");
	assert_true(policy_view_allows(&found, "mx2.mail.example.net"));
	policy_list_free(list);
}

static void a_suffix_stands_for_one_label(void **state)
{
	struct policy_list *list;
	struct policy_view found;

	(void)state;
	assert_int_equal(
		parse(&list,
	              LIST("", "\"a.example\": " POLICY(
				       "enforce", "\".a.example\"") ", "
	                                                            "\"b.example\": " POLICY(
									    "enforce",
									    "\"*.b.example\""))),
		0);
	found = policy_of(list, "a.example");
	assert_true(policy_view_allows(&found, "mx.a.example"));
	assert_false(policy_view_allows(&found, "mx.eu.a.example"));
	assert_false(policy_view_allows(&found, "a.example"));
	found = policy_of(list, "b.example");
	assert_true(policy_view_allows(&found, "mx.b.example"));
	assert_false(policy_view_allows(&found, "mx.eu.b.example"));
	policy_list_free(list);
}

static void a_list_may_be_empty(void **state)
{
	struct policy_list *list;

	(void)state;
	assert_int_equal(parse(&list, LIST("", "")), 0);
	assert_int_equal(policy_set_count(list->policies), 0);
	policy_list_free(list);
}

static const struct {
	const char *text;
	const char *error;
} malformed[] = {
	{ "", "the list: empty" },
	{ "{", "line 1, column " },
	{ "[]", "the list: not a JSON object" },
	{ LIST("", "") "x", "line 1, column " },
	{ "{\"version\": \"0.1\",\n \"version\": \"0.1\"}", "line 2, column " },
	{ "{\"a\": \"\xff\"}", "line 1, column " },
	{ "{\"a\": \"\\u0000\"}", "line 1, column " },
	{ "{\"timestamp\": 1}", "version: missing" },
	{ "{\"version\": 0.1}", "version: only \"0.1\" is understood" },
	{ "{\"version\": \"0.2\"}", "version: only \"0.1\" is understood" },
	{ "{\"version\": \"0.1\", \"author\": 1}", "author: not a string" },
	{ "{\"version\": \"0.1\"}", "timestamp: missing" },
	{ "{\"version\": \"0.1\", \"timestamp\": 1}", "expires: missing" },
	{ "{\"version\": \"0.1\", \"timestamp\": -1}",
	  "timestamp: neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z" },
	{ "{\"version\": \"0.1\", \"timestamp\": 1764000000000}",
	  "timestamp: neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z" },
	{ "{\"version\": \"0.1\", \"timestamp\": 1764000000.5}",
	  "timestamp: neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z" },
	{ "{\"version\": \"0.1\", \"timestamp\": \"1764000000\"}",
	  "timestamp: neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z" },
	{ "{\"version\": \"0.1\", \"timestamp\": 1, \"expires\": null}",
	  "expires: neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z" },
	{ "{\"version\": \"0.1\", \"timestamp\": 2, \"expires\": 1}",
	  "expires: before the timestamp" },
	{ "{" HEAD "\"policy-aliases\": {}}", "policies: missing" },
	{ "{" HEAD "\"policy-aliases\": {}, \"policies\": []}", "policies: not an object" },
	{ "{" HEAD "\"policies\": {}}", "policy-aliases: missing" },
	{ "{" HEAD "\"policies\": {}, \"policy-aliases\": []}", "policy-aliases: not an object" },
	{ LIST("\"big\": []", ""), "policy-aliases.big: not an object" },
	{ LIST("\"big\": {\"policy-alias\": \"other\"}", ""),
	  "policy-aliases.big: an alias may not name another one" },
	{ LIST("\"big\": " POLICY("none", "\"mx.example.org\""), ""),
	  "policy-aliases.big: \"mode\" must be \"testing\" or \"enforce\"" },
	{ LIST("", "\"example.org\": []"), "policies.example.org: not an object" },
	{ LIST("", "\"not a name\": " POLICY("enforce", "\"mx.example.org\"")),
	  "policies.not a name: not a domain name" },
	{ LIST("", "\".example.org\": " POLICY("enforce", "\"mx.example.org\"")),
	  "policies..example.org: not a domain name" },
	{ LIST("", "\"\": " POLICY("enforce", "\"mx.example.org\"")),
	  "policies.: not a domain name" },
	{ LIST("", "\"a\\n\\u001b[1m\": " POLICY("enforce", "\"mx.example.org\"")),
	  "policies.a??[1m: not a domain name" },
	{ LIST("", "\"example.org\": {}"),
	  "policies.example.org: \"mode\" must be \"testing\" or \"enforce\"" },
	{ LIST("", "\"example.org\": {\"mode\": 1}"),
	  "policies.example.org: \"mode\" must be \"testing\" or \"enforce\"" },
	{ LIST("", "\"example.org\": " POLICY("Enforce", "\"mx.example.org\"")),
	  "policies.example.org: \"mode\" must be \"testing\" or \"enforce\"" },
	{ LIST("", "\"example.org\": {\"mode\": \"enforce\"}"),
	  "policies.example.org: \"mxs\" must be an array of at least one host" },
	{ LIST("", "\"example.org\": {\"mode\": \"enforce\", \"mxs\": \"mx.example.org\"}"),
	  "policies.example.org: \"mxs\" must be an array of at least one host" },
	{ LIST("", "\"example.org\": " POLICY("testing", "")),
	  "policies.example.org: \"mxs\" must be an array of at least one host" },
	{ LIST("", "\"example.org\": " POLICY("enforce", "\"mx.example.org\", 1")),
	  "policies.example.org: mxs[1] is not a string" },
	{ LIST("", "\"example.org\": " POLICY("enforce", "\"mx..example.org\"")),
	  "policies.example.org: mxs[0] \"mx..example.org\" is neither a host name nor .suffix of "
	  "one" },
	{ LIST("", "\"example.org\": " POLICY("enforce", "\".\"")),
	  "policies.example.org: mxs[0] \".\" is neither a host name nor .suffix of one" },
	{ LIST("", "\"example.org\": " POLICY("enforce", "\".*.example.org\"")),
	  "policies.example.org: mxs[0] \".*.example.org\" is neither a host name nor .suffix of "
	  "one" },
	{ LIST("", "\"example.org\": " POLICY("enforce", "\"..example.org\"")),
	  "policies.example.org: mxs[0] \"..example.org\" is neither a host name nor .suffix of "
	  "one" },
	{ LIST("", "\"example.org\": {\"mode\": \"enforce\", \"mxs\": [\"mx.example.org\"], "
	           "\"pin\": 1}"),
	  "policies.example.org: \"pin\" may not stand in a policy: \"mode\" and \"mxs\", or "
	  "\"policy-alias\" alone" },
	{ LIST("", "\"example.org\": {\"policy-alias\": \"big\"}"),
	  "policies.example.org: there is no policy-alias \"big\"" },
	{ LIST("", "\"example.org\": {\"policy-alias\": 1}"),
	  "policies.example.org: \"policy-alias\" is not a string" },
	{ LIST("\"big\": " POLICY("enforce", "\"mx.example.org\""),
	       "\"example.org\": {\"policy-alias\": \"big\", \"mode\": \"testing\"}"),
	  "policies.example.org: \"policy-alias\" must stand alone" },
	{ LIST("",
	       "\"example.org\": " POLICY(
		       "enforce", "\"mx.example.org\"") ", "
	                                                "\"Example.org.\": " POLICY(
								"testing", "\"mx.example.org\"")),
	  "policies.Example.org.: the same domain twice, written in two ways" },
};

static void each_malformed_list_is_refused_by_place_and_rule(void **state)
{
	struct policy_list *const none = (struct policy_list *)&malformed;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct policy_list *list = none;

		assert_int_equal(parse(&list, malformed[i].text), -EINVAL);
		assert_ptr_equal(list, none);
		/* What is no JSON, the library says in its own words behind the place. */
		if (strncmp(malformed[i].error, "line ", 5) == 0)
			error[strlen(malformed[i].error)] = '\0';
		assert_null(strchr(error, '\n'));
		if (strcmp(error, malformed[i].error) != 0)
			fail_msg("%s\n%s\nnot: %s", malformed[i].text, error, malformed[i].error);
	}
}

static void a_list_cut_anywhere_is_refused(void **state)
{
	struct policy_list *list;

	(void)state;
	for (size_t len = 0; len < sizeof(WHOLE) - 1; len++) {
		assert_int_equal(parse_octets(&list, WHOLE, len), -EINVAL);
		assert_null(strchr(error, '\n'));
	}
}

static void a_list_that_is_too_long_is_not_read(void **state)
{
	uint8_t *text = calloc(1, (size_t)POLICY_LIST_TEXT_MAX + 1);
	struct policy_list *list;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', (size_t)POLICY_LIST_TEXT_MAX + 1);
	memcpy(text, LIST("", ""), sizeof(LIST("", "")) - 1);
	assert_int_equal(policy_list_parse(&list, bytes_of(text, (size_t)POLICY_LIST_TEXT_MAX + 1),
	                                   secret, error),
	                 -EINVAL);
	assert_string_equal(error, "the list: longer than 16 MiB");
	assert_int_equal(
		policy_list_parse(&list, bytes_of(text, POLICY_LIST_TEXT_MAX), secret, error), 0);
	policy_list_free(list);
	free(text);
}

/* A few octets each, and a hundred in memory. */
static void a_flood_of_tiny_values_is_not_read(void **state)
{
	enum { LEN = 3 * POLICY_LIST_VALUES_MAX };
	uint8_t *text = malloc(LEN);
	struct policy_list *list;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LEN; i++)
		text[i] = (uint8_t) "[],"[i % 3];
	text[0] = '[';
	assert_int_equal(policy_list_parse(&list, bytes_of(text, LEN), secret, error), -EINVAL);
	assert_string_equal(error, "the list: more than 2000000 values");
	free(text);
}

static void a_policy_names_so_many_hosts_and_no_more(void **state)
{
	static const char head[] =
		"{" HEAD "\"policy-aliases\": {}, \"policies\": {\"example.org\": "
		"{\"mode\": \"enforce\", \"mxs\": [\"mx.example.org\"";
	char text[sizeof(head) + POLICY_LIST_MXS_MAX * 16];
	struct policy_list *list;
	size_t len = sizeof(head) - 1;

	(void)state;
	memcpy(text, head, len);
	for (int i = 1; i < POLICY_LIST_MXS_MAX; i++)
		len += (size_t)sprintf(text + len, ",\"mx%d\"", i);
	strcpy(text + len, "]}}}");
	assert_int_equal(parse(&list, text), 0);
	policy_list_free(list);
	strcpy(text + len, ",\"a\"]}}}");
	assert_int_equal(parse(&list, text), -EINVAL);
	assert_string_equal(error, "policies.example.org: more than 256 \"mxs\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_what_it_says),
		cmocka_unit_test(a_suffix_stands_for_one_label),
		cmocka_unit_test(a_list_may_be_empty),
		cmocka_unit_test(each_malformed_list_is_refused_by_place_and_rule),
		cmocka_unit_test(a_list_cut_anywhere_is_refused),
		cmocka_unit_test(a_list_that_is_too_long_is_not_read),
		cmocka_unit_test(a_flood_of_tiny_values_is_not_read),
		cmocka_unit_test(a_policy_names_so_many_hosts_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

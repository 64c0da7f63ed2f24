/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"

#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* 2027-01-01T00:00:00Z */
static const uint64_t NEW_YEAR_MS = 1798761600000;

static void each_section_with_a_title_becomes_an_entry(void **state)
{
	static const char text[] =
		"policy-list \"/etc/a.json\" {}\n"
		"policy-list '/etc/b.json' { key = \"/etc/b.gpg\" }\n"
		"postfix-policy /etc/postfix/tls_policy {}\n"
		"destination example.org { level = may reason = 'their server' }\n"
		"mode = enforce\n"
		"destination \".Example.org\" { level = dane-only }\n"
		"destination \"b\xc3\xbc"
		"cher.example\" {}\n"
		"next-hop \"Relay.example.net\" { level = verify }\n"
		"next-hop \"[2001:db8::1]\" {}\n";
	struct config config;

	(void)state;
	must_parse(&config, text);
	assert_int_equal(config.policy_list_count, 2);
	assert_string_equal(config.policy_lists[0].path, "/etc/a.json");
	assert_string_equal(config.policy_lists[0].key, "");
	assert_string_equal(config.policy_lists[1].path, "/etc/b.json");
	assert_string_equal(config.policy_lists[1].key, "/etc/b.gpg");
	assert_int_equal(config.postfix_policy_count, 1);
	assert_string_equal(config.postfix_policies[0].path, "/etc/postfix/tls_policy");
	assert_int_equal(config.stance.mode, MODE_ENFORCE);
	assert_int_equal(config.destination_count, 3);
	assert_string_equal(config.destinations[0].name, "example.org");
	assert_int_equal(config.destinations[0].level, LOCAL_MAY);
	assert_string_equal(config.destinations[0].origin, "t.conf:4");
	assert_int_equal(config.destinations[1].scope, LOCAL_SUBDOMAINS);
	assert_int_equal(config.destinations[1].level, LOCAL_DANE_ONLY);
	assert_string_equal(config.destinations[1].origin, "t.conf:6");
	assert_string_equal(config.destinations[2].name, "xn--bcher-kva.example");
	assert_int_equal(config.destinations[2].level, LOCAL_UNSET);
	assert_int_equal(config.next_hop_count, 2);
	assert_int_equal(config.next_hops[0].scope, LOCAL_HOST);
	assert_string_equal(config.next_hops[0].name, "relay.example.net");
	assert_string_equal(config.next_hops[0].next_hop, "");
	assert_int_equal(config.next_hops[0].level, LOCAL_VERIFY);
	assert_string_equal(config.next_hops[1].name, "2001:db8::1");
}

static void a_destination_takes_all_its_keys(void **state)
{
	struct config config;
	const struct local_entry *entry = &config.destinations[0];

	(void)state;
	must_parse(&config, "destination \"example.org\" {\n"
	                    "level = secure\n"
	                    "match = { nexthop, \".example.net\" }\n"
	                    "next-hop = \"[192.0.2.1]\"\n"
	                    "mode = monitor\n"
	                    "reason = \"tried, until their new server is there\"\n"
	                    "until = \"2026-12-31\"\n"
	                    "}\n");
	assert_int_equal(entry->level, LOCAL_SECURE);
	assert_string_equal(entry->match, "nexthop:.example.net");
	assert_string_equal(entry->next_hop, "192.0.2.1");
	assert_true(entry->only_alerts);
	assert_string_equal(entry->reason, "tried, until their new server is there");
	assert_true(entry->until_ms == NEW_YEAR_MS - 1);
	must_parse(&config, "destination \"example.org\" {\n"
	                    "level = fingerprint fingerprint = { " SHA256 ", \"" SHA256 "\" }\n"
	                    "match = {} mode = enforce until = \"\" next-hop = \"\"\n"
	                    "}\n");
	assert_int_equal(entry->fingerprint_count, 2);
	assert_int_equal(entry->fingerprints[1][31], 0xff);
	assert_false(entry->only_alerts);
	assert_true(entry->until_ms == 0);
}

static void a_next_hop_takes_the_same_keys_but_another_hop(void **state)
{
	struct config config;
	const struct local_entry *entry = &config.next_hops[0];

	(void)state;
	must_parse(&config, "next-hop relay.example {\n"
	                    "level = verify\n"
	                    "match = { hostname }\n"
	                    "fingerprint = {}\n"
	                    "mode = monitor\n"
	                    "reason = \"their new key comes with the year\"\n"
	                    "until = \"2026-12-31\"\n"
	                    "}\n");
	assert_int_equal(entry->level, LOCAL_VERIFY);
	assert_string_equal(entry->match, "hostname");
	assert_true(entry->only_alerts);
	assert_string_equal(entry->reason, "their new key comes with the year");
	assert_true(entry->until_ms == NEW_YEAR_MS - 1);
}

static void settings_of_one_section_are_not_those_of_the_next(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, "destination a.example { level = secure match = { hostname } }\n"
	                    "destination b.example { level = secure }\n"
	                    "next-hop a.example { level = verify match = { mx.example } }\n"
	                    "next-hop b.example {}\n"
	                    "policy-list /a { key = /k }\n"
	                    "policy-list /b {}\n");
	assert_string_equal(config.destinations[0].match, "hostname");
	assert_string_equal(config.destinations[1].match, "");
	assert_string_equal(config.next_hops[0].match, "mx.example");
	assert_int_equal(config.next_hops[1].level, LOCAL_UNSET);
	assert_string_equal(config.policy_lists[0].key, "/k");
	assert_string_equal(config.policy_lists[1].key, "");
}

static void an_end_is_a_day_or_a_minute_in_utc(void **state)
{
	static const struct {
		const char *until;
		uint64_t ms;
	} ends[] = {
		{ "2026-12-31", 1798761599999 },        { "2026-12-31T17:30", 1798738200000 },
		{ "2026-12-31T17:30Z", 1798738200000 }, { "2028-02-29T00:00Z", 1835395200000 },
		{ "2199-12-31", 7258118399999 },        { "2000-01-01T00:00", 946684800000 },
	};
	static const char *const wrong[] = {
		"2026",
		"2026-12",
		"2026-12-31T",
		"2026-12-31 17:30",
		"2026-12-31T17",
		"2026-12-31T17:3",
		"2026-12-31T17:30X",
		"2026-12-31T17:30ZZ",
		"2026-12-31T24:00",
		"2026-12-31T17:60",
		"2026-13-01",
		"2026-00-01",
		"2026-01-00",
		"2026-02-29",
		"2100-02-29",
		"2026-04-31",
		"1999-12-31",
		"2200-01-01",
		"31.12.2026",
		"26-12-31",
		"+026-12-31",
		"2026-12-31-",
		"tomorrow",
		" 2026-12-31",
	};
	struct config config;
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		snprintf(text, sizeof(text), "destination a.example { until = \"%s\" }",
		         ends[i].until);
		must_parse(&config, text);
		assert_true(config.destinations[0].until_ms == ends[i].ms);
	}
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		snprintf(text, sizeof(text), "destination a.example { until = \"%s\" }", wrong[i]);
		if (parse(&config, text) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
		snprintf(text, sizeof(text),
		         "t.conf:1: destination.until: a day as 2026-12-31, or with a time as "
		         "2026-12-31T17:30, both UTC, not \"%s\"",
		         wrong[i]);
		assert_string_equal(error, text);
	}
}

static const struct {
	const char *text;
	const char *complaint;
} wrong[] = {
	{ "destination {}", "destination: a title is missing: destination \"...\" { ... }" },
	{ "destination \"\" {}", "destination: a title is missing: destination \"...\" { ... }" },
	{ "policy-list {}", "policy-list: a title is missing: policy-list \"...\" { ... }" },
	{ "tls \"x\" {}", "tls: this section has no title" },
	{ "policy-list \"list.json\" {}",
	  "policy-list: a path from / on, at most 255 octets, not \"list.json\"" },
	{ "policy-list /l { key = k }", "policy-list.key: a path from / on, at most 255 octets, or "
	                                "empty, not \"k\"" },
	{ "postfix-policy \"hash:/etc/postfix/tls_policy\" {}",
	  "postfix-policy: a path from / on, at most 255 octets, not "
	  "\"hash:/etc/postfix/tls_policy\"" },
	{ "postfix-policy /p { key = /k }", "postfix-policy.key: no such key; allowed: none" },
	{ "destination a.example { key = x }",
	  "destination.key: no such key; allowed: level, match, fingerprint, next-hop, mode, "
	  "reason, until" },
	{ "next-hop a.example { next-hop = x }",
	  "next-hop.next-hop: no such key; allowed: level, match, fingerprint, mode, reason, "
	  "until" },
	{ "next-hop a.example { until = x }",
	  "next-hop.until: a day as 2026-12-31, or with a time as 2026-12-31T17:30, both UTC, not "
	  "\"x\"" },
	{ "next-hop a.example { level = may }",
	  "next-hop: a reason is missing: this level asks for less than was promised, so reason "
	  "= \"...\" says why" },
	{ "destination \"*.Example\" {}",
	  "destination: the domains below example are written destination \".example\" { ... }" },
	{ "destination \"user@a.example\" {}",
	  "destination: a mailbox has no entry of its own: name its domain, \"a.example\"" },
	{ "destination \"*a.example\" {}",
	  "destination: a domain as example.org, or .example.org for those below it, not "
	  "\"*a.example\"" },
	{ "destination \"a b:25\" {}",
	  "destination: a domain as example.org, or .example.org for those below it, not "
	  "\"a b:25\"" },
	{ "destination a.example:26 {}", "destination: only port 25 is meant, not \"26\"" },
	{ "destination 192.0.2.1 {}", "destination: a host that mail goes to without MX is written "
	                              "next-hop \"192.0.2.1\" { ... }" },
	{ "destination 192.0.2.1:25 {}", "destination: a host that mail goes to without MX is "
	                                 "written next-hop \"192.0.2.1\" { ... }" },
	{ "destination 2001:DB8::1 {}",
	  "destination: a host that mail goes to without MX is written "
	  "next-hop \"2001:db8::1\" { ... }" },
	{ "destination \"[relay.example]\" {}",
	  "destination: a host that mail goes to without MX is written next-hop "
	  "\"relay.example\" { ... }" },
	{ "destination a.example {} destination \"a.example.\" {}",
	  "destination: a.example was already given: t.conf:1" },
	{ "next-hop a.example {} next-hop \"[a.example]\" {}",
	  "next-hop: [a.example] was already given: t.conf:1" },
	{ "next-hop \"[relay.example]:25\" {}",
	  "next-hop: a host or an address without a port, as \"[relay.example]\", not "
	  "\"[relay.example]:25\"" },
	{ "next-hop relay.example:smtp {}",
	  "next-hop: a host or an address without a port, as \"relay.example\", not "
	  "\"relay.example:smtp\"" },
	{ "next-hop \"a b:25\" {}",
	  "next-hop: a host as relay.example.org, or an address, not \"a b:25\"" },
	{ "next-hop \"a b\" {}",
	  "next-hop: a host as relay.example.org, or an address, not \"a b\"" },
	{ "destination a.example { level = strong }",
	  "destination.level: none, may, encrypt, dane, dane-only, fingerprint, verify or secure, "
	  "not \"strong\"" },
	{ "destination a.example { level = Dane }",
	  "destination.level: none, may, encrypt, dane, dane-only, fingerprint, verify or secure, "
	  "not \"Dane\"" },
	{ "destination a.example { mode = block }",
	  "destination.mode: enforce or monitor, not \"block\"" },
	{ "destination a.example { next-hop = \"a:25\" }",
	  "destination.next-hop: a host or an address without a port, as \"a\", not \"a:25\"" },
	{ "destination a.example { level = secure match = { \"*.a\" } }",
	  "destination.match: nexthop, dot-nexthop, hostname, or a name as mx.example.org or "
	  ".example.org, not \"*.a\"" },
	{ "destination a.example { level = fingerprint fingerprint = { "
	  "00112233445566778899aabbccddeeff } }",
	  "destination.fingerprint: a fingerprint is of SHA-256, and this is as long as one of "
	  "MD5" },
	{ "destination a.example { level = fingerprint }",
	  "destination: level fingerprint needs fingerprint = { ... }" },
	{ "next-hop a.example { level = fingerprint }",
	  "next-hop: level fingerprint needs fingerprint = { ... }" },
	{ "destination a.example { level = secure fingerprint = { " SHA256 " } }",
	  "destination: fingerprint is for level = fingerprint" },
	{ "destination a.example { level = dane match = { hostname } }",
	  "destination: match is for level = verify or secure" },
	{ "next-hop a.example { match = { hostname } }",
	  "next-hop: match is for level = verify or secure" },
	{ "destination a.example { level = none }",
	  "destination: a reason is missing: this level asks for less than was promised, so reason "
	  "= \"...\" says why" },
	{ "destination a.example { level = may } mode = enforce",
	  "destination: a reason is missing: this level asks for less than was promised, so reason "
	  "= \"...\" says why" },
	{ "destination a.example { mode = monitor }",
	  "destination: a reason is missing: mode monitor asks for less than was promised, so "
	  "reason = \"...\" says why" },
};

static void each_mistake_in_a_table_is_one_line(void **state)
{
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		config.hold_ms = 4711;
		if (parse(&config, wrong[i].text) != -EINVAL)
			fail_msg("taken: %s", wrong[i].text);
		assert_memory_equal(error, "t.conf:1: ", 10);
		assert_string_equal(error + 10, wrong[i].complaint);
		assert_int_equal(config.hold_ms, 4711);
	}
}

static void a_mistake_of_a_whole_section_is_where_it_begins(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "\n\ndestination a.example {\n\nlevel = none }\nmode = x"),
	                 -EINVAL);
	/* In the order of lines. */
	assert_string_equal(error, "t.conf:6: mode: monitor or enforce, not \"x\"");
	assert_int_equal(parse(&config, "\n\ndestination a.example {\n\nlevel = none }\n"),
	                 -EINVAL);
	assert_memory_equal(error, "t.conf:3: destination: a reason is missing", 42);
}

/* So many sections with titles of their own. */
static int parse_many(struct config *config, const char *section, const char *title, int count)
{
	char *text = calloc(1, CONFIG_TEXT_MAX);
	size_t len = 0;
	int result;

	assert_non_null(text);
	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, CONFIG_TEXT_MAX - len, "%s %s%d {}\n", section,
		                        title, i);
	assert_true(len < CONFIG_TEXT_MAX);
	result = parse(config, text);
	free(text);
	return result;
}

static void tables_have_their_bounds(void **state)
{
	static const struct {
		const char *section;
		const char *title;
		int most;
	} sections[] = {
		{ "destination", "a.example", CONFIG_DESTINATIONS_MAX },
		{ "next-hop", "a.example", CONFIG_NEXT_HOPS_MAX },
		{ "policy-list", "/list", CONFIG_POLICY_LISTS_MAX },
		{ "postfix-policy", "/table", CONFIG_POSTFIX_POLICIES_MAX },
	};
	struct config config;
	char complaint[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		int most = sections[i].most;

		assert_int_equal(parse_many(&config, sections[i].section, sections[i].title, most),
		                 0);
		assert_int_equal(
			parse_many(&config, sections[i].section, sections[i].title, most + 1),
			-EINVAL);
		snprintf(complaint, sizeof(complaint),
		         "t.conf:%d: %s: more than %d of these sections", most + 1,
		         sections[i].section, most);
		assert_string_equal(error, complaint);
	}
}

static void titles_and_reasons_have_their_bounds(void **state)
{
	char text[2048], filler[1200];
	struct config config;

	(void)state;
	memset(filler, 'x', sizeof(filler));
	snprintf(text, sizeof(text), "destination \"%.1023s\" {}", filler);
	assert_int_equal(parse(&config, text), -EINVAL);
	assert_non_null(strstr(error, "a domain as example.org"));
	snprintf(text, sizeof(text), "destination \"%.1024s\" {}", filler);
	assert_int_equal(parse(&config, text), -EINVAL);
	assert_string_equal(error, "t.conf:1: destination: the title is longer than 1023 octets");
	snprintf(text, sizeof(text), "destination a.example { reason = %.159s }", filler);
	must_parse(&config, text);
	snprintf(text, sizeof(text), "destination a.example { reason = %.160s }", filler);
	assert_int_equal(parse(&config, text), -EINVAL);
	assert_string_equal(error, "t.conf:1: destination.reason: at most 159 octets");
}

static void exceptions_that_have_ended_or_never_end_are_warned_of(void **state)
{
	static const char text[] =
		"destination a.example { level = dane }\n"
		"destination b.example { level = none reason = x }\n"
		"destination c.example { level = none reason = x until = \"2026-12-31\" }\n"
		"destination .d.example { level = secure until = \"2026-12-30\" }\n"
		"destination e.example { mode = monitor reason = x }\n"
		"next-hop f.example { level = may reason = x }\n"
		"next-hop g.example { level = may reason = x until = \"2026-12-30\" }\n"
		"next-hop h.example {}\n";
	char line[CONFIG_ERROR_MAX];
	struct config config;
	size_t at = 0;

	(void)state;
	must_parse(&config, text);
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	assert_string_equal(line,
	                    "t.conf:2: destination b.example: an exception without an end; until "
	                    "= 2026-12-31 would give it one");
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	assert_string_equal(line,
	                    "t.conf:4: destination .d.example: ended at 2026-12-30T23:59:59Z, it "
	                    "does not count any more");
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	assert_memory_equal(line, "t.conf:5:", 9);
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	assert_string_equal(line,
	                    "t.conf:6: next-hop [f.example]: an exception without an end; until "
	                    "= 2026-12-31 would give it one");
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	assert_string_equal(line,
	                    "t.conf:7: next-hop [g.example]: ended at 2026-12-30T23:59:59Z, its "
	                    "settings do not count any more");
	assert_false(config_table_warning(line, &at, &config, NEW_YEAR_MS - 2));
	at = 1;
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS));
	assert_true(config_table_warning(line, &at, &config, NEW_YEAR_MS));
	assert_memory_equal(line, "t.conf:3:", 9);
}

static void origins_name_the_file_without_its_folders(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(config_parse(&config, "/etc/hopguard/hopguard.conf",
	                              "\ndestination a.example {}", NULL, 0, error),
	                 0);
	assert_string_equal(config.destinations[0].origin, "hopguard.conf:2");
	assert_string_equal(config.file_name, "hopguard.conf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_section_with_a_title_becomes_an_entry),
		cmocka_unit_test(a_destination_takes_all_its_keys),
		cmocka_unit_test(a_next_hop_takes_the_same_keys_but_another_hop),
		cmocka_unit_test(settings_of_one_section_are_not_those_of_the_next),
		cmocka_unit_test(an_end_is_a_day_or_a_minute_in_utc),
		cmocka_unit_test(each_mistake_in_a_table_is_one_line),
		cmocka_unit_test(a_mistake_of_a_whole_section_is_where_it_begins),
		cmocka_unit_test(tables_have_their_bounds),
		cmocka_unit_test(titles_and_reasons_have_their_bounds),
		cmocka_unit_test(exceptions_that_have_ended_or_never_end_are_warned_of),
		cmocka_unit_test(origins_name_the_file_without_its_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

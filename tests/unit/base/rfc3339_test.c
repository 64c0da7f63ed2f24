/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void times_are_seconds_since_1970(void **state)
{
	static const struct {
		const char *text;
		uint64_t time_s;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2014-06-06T14:30:16+00:00", 1402065016 },
		{ "2026-11-22T10:00:00Z", 1795341600 },
		{ "2026-11-22t10:00:00z", 1795341600 },
		{ "2026-11-22 10:00:00Z", 1795341600 },
		{ "2026-11-22T11:30:00+01:30", 1795341600 },
		{ "2026-11-22T02:00:00-08:00", 1795341600 },
		{ "2026-11-22T10:00:00.999999Z", 1795341600 },
		{ "2016-12-31T23:59:60Z", 1483228799 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2000-02-29T00:00:00Z", 951782400 },
		{ "9999-12-31T23:59:59Z", RFC3339_TIME_MAX },
	};
	uint64_t time_s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!rfc3339_parse(&time_s, cases[i].text) || time_s != cases[i].time_s)
			fail_msg("%s is %llu", cases[i].text, (unsigned long long)time_s);
	}
}

static void what_is_no_such_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2026-11-22",
		"2026-11-22T10:00:00",
		"2026-11-22T10:00Z",
		"2026-11-22T10:00:00Z ",
		" 2026-11-22T10:00:00Z",
		"2026-13-22T10:00:00Z",
		"2026-00-22T10:00:00Z",
		"2026-11-31T10:00:00Z",
		"2026-11-00T10:00:00Z",
		"2025-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T10:60:00Z",
		"2026-11-22T10:00:61Z",
		"2026-11-22T10:00:00.Z",
		"2026-11-22T10:00:00+1:00",
		"2026-11-22T10:00:00+0100",
		"2026-11-22T10:00:00+24:00",
		"2026\r11\r22T10:00:00Z",
		"2026-11-22T10\03200:00Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"+026-11-22T10:00:00Z",
		"12026-11-22T10:00:00Z",
	};
	uint64_t time_s = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (rfc3339_parse(&time_s, texts[i]))
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(time_s, 4711);
	}
}

static void a_time_cut_anywhere_is_refused(void **state)
{
	static const char text[] = "2026-11-22T10:00:00.5+01:30";
	char cut[sizeof(text)];
	uint64_t time_s;

	(void)state;
	assert_true(rfc3339_parse(&time_s, text));
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		memcpy(cut, text, len);
		cut[len] = '\0';
		assert_false(rfc3339_parse(&time_s, cut));
	}
}

static void a_time_is_written_as_it_is_read(void **state)
{
	char text[RFC3339_TEXT_MAX];

	(void)state;
	assert_string_equal(rfc3339_format(text, 1795341600), "2026-11-22T10:00:00Z");
	assert_string_equal(rfc3339_format(text, RFC3339_TIME_MAX), "9999-12-31T23:59:59Z");
	assert_string_equal(rfc3339_format(text, UINT64_MAX), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_seconds_since_1970),
		cmocka_unit_test(what_is_no_such_time_is_refused),
		cmocka_unit_test(a_time_cut_anywhere_is_refused),
		cmocka_unit_test(a_time_is_written_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

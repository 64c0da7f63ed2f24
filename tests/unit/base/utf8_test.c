/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_character_has_one_to_four_octets(void **state)
{
	static const struct {
		const char *text;
		uint32_t character;
		size_t len;
	} texts[] = {
		{ "ab", 'a', 1 },
		{ "\x7f", 0x7f, 1 },
		{ "\xc2\x80", 0x80, 2 },
		{ "\xc3\xa4x", 0xe4, 2 },
		{ "\xdf\xbf", 0x7ff, 2 },
		{ "\xe0\xa0\x80", 0x800, 3 },
		{ "\xe2\x80\x9c", 0x201c, 3 },
		{ "\xed\x9f\xbf", 0xd7ff, 3 },
		{ "\xee\x80\x80", 0xe000, 3 },
		{ "\xef\xbb\xbfmode", 0xfeff, 3 },
		{ "\xf0\x90\x80\x80", 0x10000, 4 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t character = 0;

		assert_int_equal(utf8_read(&character, texts[i].text), texts[i].len);
		assert_int_equal(character, texts[i].character);
	}
}

static void what_is_cut_or_has_a_shorter_form_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc3",
		"\xc3(",
		"\xe2\x80",
		"\xe2\x80x",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t character = 4711;

		assert_int_equal(utf8_read(&character, texts[i]), 0);
		assert_int_equal(character, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_character_has_one_to_four_octets),
		cmocka_unit_test(what_is_cut_or_has_a_shorter_form_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <stdbool.h>

enum { SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff, CHARACTER_LAST = 0x10ffff };

/* How many octets a character has that begins so; 0: none does. */
static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return first != 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* What has a shorter form would be a second spelling of it. */
static bool is_shortest(uint32_t character, size_t len)
{
	return len < 3 || character >= (len == 3 ? 0x800u : 0x10000u);
}

size_t utf8_read(uint32_t *character, const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t len = length_of(at[0]);
	uint32_t value;

	if (len == 0)
		return 0;
	value = len == 1 ? at[0] : at[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3fu);
	}
	if (!is_shortest(value, len) || value > CHARACTER_LAST ||
	    (value >= SURROGATE_FIRST && value <= SURROGATE_LAST))
		return 0;
	*character = value;
	return len;
}

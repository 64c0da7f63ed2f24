/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text as a time: one that is taken is written and read again as the same, and no number is written otherwise than it is read. */

#include "require.h"

#include "base/rfc3339.h"

static void check_time(uint64_t time_s)
{
	char text[RFC3339_TEXT_MAX];
	uint64_t again = 0;

	REQUIRE(time_s <= RFC3339_TIME_MAX);
	REQUIRE(strlen(rfc3339_format(text, time_s)) == RFC3339_TEXT_MAX - 1);
	REQUIRE(rfc3339_parse(&again, text) && again == time_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	uint64_t time_s = 4711, number = 0;

	REQUIRE(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (rfc3339_parse(&time_s, text))
		check_time(time_s);
	else
		REQUIRE(time_s == 4711);
	for (size_t i = 0; i < len && i < sizeof(number); i++)
		number = number << 8 | data[i];
	check_time(number % (RFC3339_TIME_MAX + 1));
	free(text);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a TXT record set: records behind two octets of length each. The same twice, the order of the others does not count, and
 * what is found obeys its grammar.
 */

#include "require.h"

#include "wire/mtasts_text.h"

enum { RECORDS_MAX = 16 };

static size_t split(struct bytes records[RECORDS_MAX], struct bytes all)
{
	struct cursor cursor = cursor_over(all);
	size_t count = 0;

	while (count < RECORDS_MAX && cursor_left(&cursor) > 0) {
		struct bytes record = cursor_vector16(&cursor);

		records[count++] = cursor.failed ? bytes_of(NULL, 0) : record;
	}
	return count;
}

static void check(const struct mtasts_txt *txt)
{
	const char *why = mtasts_txt_why(txt);
	size_t len = strnlen(txt->id, sizeof(txt->id));

	REQUIRE(len <= MTASTS_ID_MAX);
	REQUIRE(strlen(why) < 120);
	switch (mtasts_txt_state(txt)) {
	case MTASTS_TXT_NONE:
		REQUIRE(txt->count == 0 && why[0]);
		break;
	case MTASTS_TXT_FOUND:
		REQUIRE(txt->count == 1 && len > 0 && !why[0]);
		REQUIRE(strspn(txt->id, "0123456789abcdefghijklmnopqrstuvwxyz"
		                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len);
		break;
	case MTASTS_TXT_INVALID:
		REQUIRE(txt->count > 0 && why[0]);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes records[RECORDS_MAX];
	size_t count = split(records, bytes_of(data, len));
	struct mtasts_txt forth, back;

	mtasts_txt_init(&forth);
	mtasts_txt_init(&back);
	for (size_t i = 0; i < count; i++) {
		struct bytes copy = exact_copy(records[i]);

		mtasts_txt_add(&forth, copy);
		exact_free(copy);
		mtasts_txt_add(&back, records[count - 1 - i]);
	}
	check(&forth);
	check(&back);
	REQUIRE(forth.count == back.count);
	REQUIRE(mtasts_txt_state(&forth) == mtasts_txt_state(&back));
	if (forth.count == 1)
		REQUIRE(strcmp(forth.id, back.id) == 0 && forth.fault == back.fault);
	return 0;
}

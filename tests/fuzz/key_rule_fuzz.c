/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed rules of keys, as one process sends them to another. Those that are sound come out as they were packed when they are packed
 * again, and cut anywhere they are sound where a rule ends and nowhere else. None is read beyond its octets, sound or not.
 */

#include "require.h"

#include "verdict/key_rule.h"

enum { CUTS_MAX = 64 };

static void within(struct bytes part, struct bytes whole)
{
	if (part.len > 0)
		REQUIRE(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* Where each rule ends that can be read. False: one is not sound. */
static bool walk(bool *ends, struct key_rules *repacked, bool *has_room, struct bytes packed)
{
	struct cursor rest = cursor_over(packed);
	struct key_rule rule;

	*has_room = true;
	ends[0] = true;
	while (key_rule_next(&rule, &rest)) {
		REQUIRE(rule.record_count <= KEY_RECORDS_MAX && rule.names.len <= KEY_NAMES_MAX);
		within(rule.names, packed);
		for (size_t i = 0; i < rule.record_count; i++)
			within(rule.records[i].data, packed);
		*has_room = *has_room && key_rules_add(repacked, &rule);
		ends[packed.len - cursor_left(&rest)] = true;
	}
	return !rest.failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct key_rules repacked, appended;
	struct bytes copy = exact_copy(bytes_of(data, len));
	bool *ends = calloc(len + 1, sizeof(*ends));
	size_t step = 1 + len / CUTS_MAX;
	bool has_room, can_be_read, is_sound = key_rules_are_sound(copy);

	REQUIRE(ends);
	repacked.count = repacked.len = 0;
	appended.count = appended.len = 0;
	can_be_read = walk(ends, &repacked, &has_room, copy);
	REQUIRE(is_sound == (can_be_read && has_room));
	if (is_sound)
		REQUIRE(bytes_equal(bytes_of(repacked.octets, repacked.len), copy));
	REQUIRE(key_rules_append(&appended, copy, 7) == is_sound);
	REQUIRE(is_sound ? appended.len == len && appended.count == repacked.count
	                 : appended.len == 0 && appended.count == 0);
	for (size_t cut = 0; cut < len; cut += step) {
		bool is_cut_sound = key_rules_are_sound(exact_cut(copy, cut));

		REQUIRE(!is_sound || is_cut_sound == ends[cut]);
	}
	free(ends);
	exact_free(copy);
	return 0;
}

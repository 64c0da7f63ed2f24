/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a policy file: the same twice, views inside, and what is accepted obeys every bound and is the same with the other kind of line
 * end.
 */

#include "require.h"

#include "wire/mtasts_text.h"

static size_t check_patterns(struct bytes text)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(text);
	const uint8_t *last = text.data;
	struct bytes pattern;
	size_t count = 0;

	while (mtasts_mx_next(&pattern, &cursor)) {
		REQUIRE(pattern.len > 0 && pattern.len <= 255);
		REQUIRE(pattern.data > last && pattern.data + pattern.len <= text.data + text.len);
		last = pattern.data;
		for (size_t i = 0; i < pattern.len; i++)
			REQUIRE(pattern.data[i] > ' ' && pattern.data[i] < 0x7f);
		count++;
	}
	return count;
}

/* Each LF that has no CR gets one. */
static struct bytes with_cr(struct bytes text)
{
	uint8_t *longer = malloc(text.len * 2 + 1);
	size_t len = 0;

	REQUIRE(longer);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r'))
			longer[len++] = '\r';
		longer[len++] = text.data[i];
	}
	return bytes_of(longer, len);
}

/* What is kept says the same, pattern by pattern, and is kept unchanged the next time. */
static void check_reduced(const struct mtasts_policy *policy, struct bytes text)
{
	uint8_t kept[MTASTS_KEPT_MAX], twice[MTASTS_KEPT_MAX];
	size_t len = mtasts_policy_reduce(kept, policy, text);
	struct bytes copy, pattern, kept_pattern;
	struct mtasts_mx_cursor cursor, kept_cursor;
	struct mtasts_policy again;
	struct mtasts_fault fault;

	REQUIRE(len <= sizeof(kept));
	copy = exact_copy(bytes_of(kept, len));
	REQUIRE(mtasts_policy_parse(&again, &fault, copy) == PARSE_OK);
	REQUIRE(again.mode == policy->mode && again.max_age_s == policy->max_age_s &&
	        again.mx_count == policy->mx_count);
	cursor = mtasts_mx_over(text);
	kept_cursor = mtasts_mx_over(copy);
	while (mtasts_mx_next(&pattern, &cursor))
		REQUIRE(mtasts_mx_next(&kept_pattern, &kept_cursor) &&
		        bytes_equal(pattern, kept_pattern));
	REQUIRE(mtasts_policy_reduce(twice, &again, copy) == len && memcmp(kept, twice, len) == 0);
	exact_free(copy);
}

static void check_policy(const struct mtasts_policy *policy, struct bytes text)
{
	struct bytes longer = with_cr(text);
	struct mtasts_policy again;
	struct mtasts_fault fault;

	REQUIRE(text.len <= MTASTS_POLICY_MAX);
	REQUIRE(policy->max_age_s <= MTASTS_AGE_MAX_S);
	REQUIRE(policy->mode == MTASTS_MODE_NONE || policy->mx_count > 0);
	REQUIRE(check_patterns(text) == policy->mx_count);
	check_reduced(policy, text);
	if (longer.len <= MTASTS_POLICY_MAX) {
		REQUIRE(mtasts_policy_parse(&again, &fault, longer) == PARSE_OK);
		REQUIRE(again.mode == policy->mode && again.max_age_s == policy->max_age_s &&
		        again.mx_count == policy->mx_count);
	}
	free((void *)(uintptr_t)longer.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes copy = exact_copy(bytes_of(data, len));
	struct mtasts_policy policy, again;
	struct mtasts_fault fault, fault_again;
	enum parse_result result = mtasts_policy_parse(&policy, &fault, copy);

	REQUIRE(result == mtasts_policy_parse(&again, &fault_again, copy));
	check_patterns(copy);
	if (result == PARSE_OK) {
		check_policy(&policy, copy);
	} else {
		REQUIRE(result == PARSE_MALFORMED && fault.rule && strlen(fault.rule) < 120);
		REQUIRE(fault.rule == fault_again.rule && fault.line == fault_again.line);
	}
	exact_free(copy);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/key_rule.h"

enum { HEAD_LEN = 3 + 2, RECORD_HEAD_LEN = 3 + 2, USAGE_DANE_EE = 3 /* RFC 7218 section 2.1 */ };

static size_t packed_len(const struct key_rule *rule)
{
	size_t len = HEAD_LEN + rule->names.len + 1;

	for (size_t i = 0; i < rule->record_count; i++)
		len += RECORD_HEAD_LEN + rule->records[i].data.len;
	return len;
}

static uint8_t *put_bytes(uint8_t *at, struct bytes bytes)
{
	put_u16(at, (uint16_t)bytes.len);
	if (bytes.len > 0)
		memcpy(at + 2, bytes.data, bytes.len);
	return at + 2 + bytes.len;
}

bool key_rules_add(struct key_rules *rules, const struct key_rule *rule)
{
	uint8_t *at = rules->octets + rules->len;
	size_t len;

	if (rules->count == KEY_RULES_MAX || rule->names.len > KEY_NAMES_MAX ||
	    rule->record_count > KEY_RECORDS_MAX)
		return false;
	len = packed_len(rule);
	if (len > sizeof(rules->octets) - rules->len)
		return false;
	*at++ = (uint8_t)rule->kind;
	*at++ = (uint8_t)rule->source;
	*at++ = rule->group;
	at = put_bytes(at, rule->names);
	*at++ = (uint8_t)rule->record_count;
	for (size_t i = 0; i < rule->record_count; i++) {
		*at++ = rule->records[i].usage;
		*at++ = rule->records[i].selector;
		*at++ = rule->records[i].matching;
		at = put_bytes(at, rule->records[i].data);
	}
	rules->len += len;
	rules->count++;
	return true;
}

bool key_rules_append(struct key_rules *rules, struct bytes packed, uint8_t group)
{
	struct cursor rest = cursor_over(packed);
	struct key_rules before = { .count = rules->count, .len = rules->len };
	struct key_rule rule;

	while (key_rule_next(&rule, &rest)) {
		rule.group = group;
		if (!key_rules_add(rules, &rule)) {
			rest.failed = true;
			break;
		}
	}
	if (rest.failed) {
		rules->count = before.count;
		rules->len = before.len;
	}
	return !rest.failed;
}

/* What DNS holds may be odd; what is told of it may not. */
static bool are_names(struct bytes names)
{
	for (size_t i = 0; i < names.len; i++) {
		if (names.data[i] <= ' ' || names.data[i] > '~')
			return false;
	}
	return names.len <= KEY_NAMES_MAX;
}

static bool is_sound(const struct key_rule *rule)
{
	return rule->kind >= KEY_RULE_TLSA && rule->kind <= KEY_RULE_FINGERPRINT &&
	       rule->source > SOURCE_NONE && rule->source <= SOURCE_SEEN && are_names(rule->names);
}

bool key_rule_next(struct key_rule *rule, struct cursor *rest)
{
	if (cursor_left(rest) == 0)
		return false;
	rule->kind = cursor_u8(rest);
	rule->source = cursor_u8(rest);
	rule->group = cursor_u8(rest);
	rule->names = cursor_vector16(rest);
	rule->record_count = cursor_u8(rest);
	if (rule->record_count > KEY_RECORDS_MAX || !is_sound(rule))
		rest->failed = true;
	for (size_t i = 0; !rest->failed && i < rule->record_count; i++) {
		struct key_record *record = &rule->records[i];

		record->usage = cursor_u8(rest);
		record->selector = cursor_u8(rest);
		record->matching = cursor_u8(rest);
		record->data = cursor_vector16(rest);
	}
	return !rest->failed;
}

/* Of packed rules the one of TLSA records; a host has one at most. False: none. */
static bool find_tlsa(struct key_rule *rule, struct bytes packed)
{
	struct cursor rest = cursor_over(packed);

	while (key_rule_next(rule, &rest)) {
		if (rule->kind == KEY_RULE_TLSA)
			return true;
	}
	return false;
}

static bool has_record(const struct key_rule *rule, const struct key_record *record)
{
	for (size_t i = 0; i < rule->record_count; i++) {
		const struct key_record *other = &rule->records[i];

		if (other->usage == record->usage && other->selector == record->selector &&
		    other->matching == record->matching && bytes_equal(other->data, record->data))
			return true;
	}
	return false;
}

static bool has_records(const struct key_rule *rule, const struct key_rule *of)
{
	for (size_t i = 0; i < of->record_count; i++) {
		if (!has_record(rule, &of->records[i]))
			return false;
	}
	return true;
}

bool key_rules_share_records(struct bytes packed, struct bytes other)
{
	struct key_rule rule, others;
	bool is_there = find_tlsa(&rule, packed);

	if (find_tlsa(&others, other) != is_there)
		return false;
	return !is_there || (has_records(&rule, &others) && has_records(&others, &rule));
}

static bool asks_leaf_alone(const struct key_rule *rule)
{
	for (size_t i = 0; rule->kind == KEY_RULE_TLSA && i < rule->record_count; i++) {
		if (rule->records[i].usage != USAGE_DANE_EE)
			return false;
	}
	return rule->kind != KEY_RULE_PKIX;
}

bool key_rules_ask_leaf_alone(struct bytes packed)
{
	struct cursor rest = cursor_over(packed);
	struct key_rule rule;

	while (key_rule_next(&rule, &rest)) {
		if (!asks_leaf_alone(&rule))
			return false;
	}
	return !rest.failed;
}

bool key_rules_are_sound(struct bytes packed)
{
	struct cursor rest = cursor_over(packed);
	struct key_rule rule;
	size_t count = 0;

	while (key_rule_next(&rule, &rest))
		count++;
	return !rest.failed && packed.len <= KEY_RULES_LEN_MAX && count <= KEY_RULES_MAX;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns_message.h"

enum {
	FLAG_RESPONSE = 0x8000,
	FLAG_AUTHORITATIVE = 0x0400,
	FLAG_TRUNCATED = 0x0200,
	EDNS_DO = 0x8000, /* in the lower half of the OPT record's TTL */
};

enum parse_result dns_message_parse(struct dns_message *message, struct bytes octets)
{
	struct dns_message parsed = { .octets = octets };
	struct cursor cursor = cursor_over(octets);
	uint16_t flags, questions;
	size_t at;

	parsed.id = cursor_u16(&cursor);
	flags = cursor_u16(&cursor);
	questions = cursor_u16(&cursor);
	for (int i = 0; i < DNS_SECTIONS; i++)
		parsed.counts[i] = cursor_u16(&cursor);
	at = cursor.at;
	if (cursor.failed || questions != 1 || dns_name_parse(parsed.name, octets, &at) != PARSE_OK)
		return PARSE_MALFORMED;
	cursor.at = at;
	parsed.type = cursor_u16(&cursor);
	parsed.class = cursor_u16(&cursor);
	if (cursor.failed)
		return PARSE_MALFORMED;
	parsed.is_response = flags & FLAG_RESPONSE;
	parsed.opcode = flags >> 11 & 0x0f;
	parsed.rcode = flags & 0x0f;
	parsed.is_authoritative = flags & FLAG_AUTHORITATIVE;
	parsed.is_truncated = flags & FLAG_TRUNCATED;
	parsed.records_at = cursor.at;
	*message = parsed;
	return PARSE_OK;
}

struct dns_walk dns_walk_over(const struct dns_message *message)
{
	struct dns_walk walk = { .message = message, .cursor = cursor_over(message->octets) };

	cursor_skip(&walk.cursor, message->records_at);
	return walk;
}

/* Behind a name, whatever its octets; its own bounds are those of dns_name_parse. */
static bool skip_name(struct cursor *cursor)
{
	uint8_t len;

	while ((len = cursor_u8(cursor)) != 0 && len < 0x40)
		cursor_skip(cursor, len);
	if (len >= 0xc0)
		cursor_skip(cursor, 1);
	return !cursor->failed && (len == 0 || len >= 0xc0);
}

static bool read_resource(struct dns_resource *resource, struct dns_walk *walk)
{
	struct cursor *cursor = &walk->cursor;
	size_t at = cursor->at;

	resource->at = at;
	if (dns_name_parse(resource->owner, walk->message->octets, &at) != PARSE_OK) {
		resource->owner[0] = ' ';
		resource->owner[1] = '\0';
	}
	if (!skip_name(cursor))
		return false;
	resource->section = (enum dns_section)walk->section;
	resource->type = cursor_u16(cursor);
	resource->class = cursor_u16(cursor);
	resource->record.ttl_s = cursor_u32(cursor);
	resource->record.at = cursor->at + 2;
	resource->record.data = cursor_vector16(cursor);
	return !cursor->failed;
}

bool dns_walk_next(struct dns_resource *resource, struct dns_walk *walk)
{
	while (walk->section < DNS_SECTIONS &&
	       walk->read_in_section == walk->message->counts[walk->section]) {
		walk->section++;
		walk->read_in_section = 0;
	}
	if (walk->section == DNS_SECTIONS || walk->is_malformed)
		return false;
	walk->is_malformed = walk->read == DNS_WALK_MAX || !read_resource(resource, walk);
	walk->read++;
	walk->read_in_section++;
	return !walk->is_malformed;
}

bool dns_message_is_dnssec(const struct dns_message *message)
{
	struct dns_walk walk = dns_walk_over(message);
	struct dns_resource resource;

	while (dns_walk_next(&resource, &walk)) {
		if (resource.section == DNS_ADDITIONAL_SECTION && resource.type == DNS_TYPE_OPT)
			return resource.record.ttl_s & EDNS_DO;
	}
	return false;
}

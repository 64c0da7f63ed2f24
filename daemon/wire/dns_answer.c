/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns_answer.h"

enum {
	NAME_OCTETS_MAX = 255, /* RFC 1035 section 2.3.4 */
	POINTER_MASK = 0xc0,
	CLASS_IN = 1,
	FLAG_RESPONSE = 0x8000,
};

struct header {
	uint16_t flags;
	uint16_t questions;
	uint16_t answers;
	uint16_t authorities;
};

struct resource {
	char owner[DNS_NAME_TEXT_MAX];
	uint16_t type;
	uint16_t class;
	struct dns_record record;
};

static bool is_plain(uint8_t octet)
{
	return octet > ' ' && octet < 0x7f && octet != '.' && octet != '\\';
}

static bool put_label(char text[DNS_NAME_TEXT_MAX], size_t *len, struct bytes label)
{
	size_t i;

	if (*len + label.len + 2 > DNS_NAME_TEXT_MAX)
		return false;
	if (*len > 0)
		text[(*len)++] = '.';
	for (i = 0; i < label.len; i++) {
		if (!is_plain(label.data[i]))
			return false;
		text[(*len)++] = (char)ascii_lower(label.data[i]);
	}
	return true;
}

/* A pointer must go back behind where it stands (RFC 1035 section 4.1.4): that ends every loop. */
static bool follow_pointer(struct cursor *cursor, uint8_t first)
{
	size_t here = cursor->at - 1;
	size_t target = (size_t)(first & ~POINTER_MASK) << 8 | cursor_u8(cursor);

	if (cursor->failed || target >= here)
		return false;
	cursor->at = target;
	return true;
}

enum parse_result dns_name_parse(char text[DNS_NAME_TEXT_MAX], struct bytes message, size_t *at)
{
	struct cursor cursor = cursor_over(message);
	size_t text_len = 0, octets = 1, behind = 0, pointers = 0;
	uint8_t len;

	cursor_skip(&cursor, *at);
	while ((len = cursor_u8(&cursor)) != 0) {
		if ((len & POINTER_MASK) == POINTER_MASK) {
			size_t end = cursor.at + 1;

			/* Else each record could have a message's length of them to follow. */
			if (pointers++ == DNS_POINTERS_MAX || !follow_pointer(&cursor, len))
				return PARSE_MALFORMED;
			if (behind == 0)
				behind = end;
			continue;
		}
		octets += 1u + len;
		if ((len & POINTER_MASK) != 0 || octets > NAME_OCTETS_MAX ||
		    !put_label(text, &text_len, cursor_bytes(&cursor, len)))
			return PARSE_MALFORMED;
	}
	if (cursor.failed)
		return PARSE_MALFORMED;
	text[text_len] = '\0';
	*at = behind ? behind : cursor.at;
	return PARSE_OK;
}

/* A name that may be anything, as owners of records that nobody asked for. */
static bool skip_name(struct cursor *cursor)
{
	uint8_t len;

	while ((len = cursor_u8(cursor)) != 0) {
		if ((len & POINTER_MASK) == POINTER_MASK) {
			cursor_skip(cursor, 1);
			break;
		}
		if ((len & POINTER_MASK) != 0)
			return false;
		cursor_skip(cursor, len);
	}
	return !cursor->failed;
}

/* Owners that are no host name read as one that no name equals. */
static bool read_resource(struct resource *resource, struct bytes message, struct cursor *cursor)
{
	size_t at = cursor->at;

	if (dns_name_parse(resource->owner, message, &at) != PARSE_OK) {
		resource->owner[0] = ' ';
		resource->owner[1] = '\0';
	}
	if (!skip_name(cursor))
		return false;
	resource->type = cursor_u16(cursor);
	resource->class = cursor_u16(cursor);
	resource->record.ttl_s = cursor_u32(cursor);
	/* RFC 2181 section 8: a set sign bit means 0. */
	if (resource->record.ttl_s > INT32_MAX)
		resource->record.ttl_s = 0;
	resource->record.at = cursor->at + 2;
	resource->record.data = cursor_vector16(cursor);
	return !cursor->failed;
}

static struct header read_header(struct cursor *cursor)
{
	struct header header;

	cursor_skip(cursor, 2);
	header.flags = cursor_u16(cursor);
	header.questions = cursor_u16(cursor);
	header.answers = cursor_u16(cursor);
	header.authorities = cursor_u16(cursor);
	cursor_skip(cursor, 2);
	return header;
}

static void note_ttl(struct dns_answer *answer, uint32_t ttl_s)
{
	if (ttl_s < answer->ttl_s)
		answer->ttl_s = ttl_s;
}

/* One step along the chain: the CNAME of the canonical name so far. MORE: there is none, the chain ends. */
static enum parse_result follow_alias(struct dns_answer *answer, struct cursor section,
                                      uint16_t count)
{
	struct resource resource;
	uint16_t i;

	for (i = 0; i < count && i < DNS_RECORDS_MAX; i++) {
		size_t at;

		if (!read_resource(&resource, answer->message, &section))
			return PARSE_MALFORMED;
		at = resource.record.at;
		if (resource.type != DNS_TYPE_CNAME || resource.class != CLASS_IN ||
		    strcmp(resource.owner, answer->canonical) != 0)
			continue;
		note_ttl(answer, resource.record.ttl_s);
		return dns_name_parse(answer->canonical, answer->message, &at);
	}
	return PARSE_MORE;
}

static enum parse_result follow_aliases(struct dns_answer *answer, struct cursor section,
                                        uint16_t count)
{
	int i;

	for (i = 0; i <= DNS_ALIASES_MAX; i++) {
		enum parse_result step = follow_alias(answer, section, count);

		if (step == PARSE_MORE)
			return PARSE_OK;
		if (step == PARSE_MALFORMED)
			break;
	}
	return PARSE_MALFORMED;
}

static bool read_records(struct dns_answer *answer, struct cursor *section, uint16_t count)
{
	struct resource resource;
	uint16_t i;

	for (i = 0; i < count; i++) {
		size_t at = section->at;

		if (!read_resource(&resource, answer->message, section))
			return false;
		if (i < DNS_RECORDS_MAX && resource.type == answer->type &&
		    resource.class == CLASS_IN && strcmp(resource.owner, answer->canonical) == 0) {
			note_ttl(answer, resource.record.ttl_s);
			answer->records_at[answer->record_count++] = (uint16_t)at;
		}
	}
	return true;
}

/* RFC 2308 section 5: the lesser of the SOA's own TTL and its last field. */
static void read_negative_ttl(struct dns_answer *answer, struct cursor *section, uint16_t count)
{
	struct resource resource;
	uint16_t i;

	for (i = 0; i < count && i < DNS_RECORDS_MAX; i++) {
		struct bytes data;
		struct cursor last;

		if (!read_resource(&resource, answer->message, section))
			break;
		data = resource.record.data;
		if (resource.type != DNS_TYPE_SOA || data.len < 20)
			continue;
		last = cursor_over(bytes_after(data, data.len - 4));
		note_ttl(answer, resource.record.ttl_s);
		note_ttl(answer, cursor_u32(&last));
		return;
	}
	/* Nothing says how long a denial without SOA holds. */
	note_ttl(answer, 0);
}

enum parse_result dns_answer_parse(struct dns_answer *answer, struct bytes message)
{
	struct dns_answer parsed = { .message = message, .ttl_s = UINT32_MAX };
	struct cursor cursor = cursor_over(message);
	struct header header = read_header(&cursor);
	size_t at = cursor.at;

	if (cursor.failed || message.len > UINT16_MAX || !(header.flags & FLAG_RESPONSE) ||
	    header.questions != 1)
		return PARSE_MALFORMED;
	if (dns_name_parse(parsed.name, message, &at) != PARSE_OK)
		return PARSE_MALFORMED;
	cursor.at = at;
	parsed.type = cursor_u16(&cursor);
	if (cursor_u16(&cursor) != CLASS_IN || cursor.failed)
		return PARSE_MALFORMED;
	parsed.rcode = header.flags & 0x0f;
	strcpy(parsed.canonical, parsed.name);
	if (parsed.type != DNS_TYPE_CNAME &&
	    follow_aliases(&parsed, cursor, header.answers) != PARSE_OK)
		return PARSE_MALFORMED;
	if (!read_records(&parsed, &cursor, header.answers))
		return PARSE_MALFORMED;
	if (parsed.record_count == 0)
		read_negative_ttl(&parsed, &cursor, header.authorities);
	*answer = parsed;
	return PARSE_OK;
}

bool dns_answer_record(struct dns_record *record, const struct dns_answer *answer, size_t index)
{
	struct cursor cursor = cursor_over(answer->message);
	struct resource resource;

	if (index >= answer->record_count)
		return false;
	cursor_skip(&cursor, answer->records_at[index]);
	if (!read_resource(&resource, answer->message, &cursor))
		return false;
	*record = resource.record;
	return true;
}

bool dns_answer_has_alias(const struct dns_answer *answer)
{
	return strcmp(answer->name, answer->canonical) != 0;
}

enum parse_result dns_mx_parse(struct dns_mx *mx, const struct dns_answer *answer,
                               const struct dns_record *record)
{
	struct cursor data = cursor_over(record->data);
	size_t at = record->at + 2;

	mx->preference = cursor_u16(&data);
	if (data.failed || dns_name_parse(mx->host, answer->message, &at) != PARSE_OK ||
	    at != record->at + record->data.len)
		return PARSE_MALFORMED;
	return PARSE_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_BYTES_H
#define HOPGUARD_BASE_BYTES_H

/*
 * Views over octets, and the cursor that every parser reads through. A cursor fails once and
 * stays failed, reads zeros after that, and is asked at the end. Numbers are big-endian on the wire.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed octets; data may be NULL only when len is 0. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

struct cursor {
	const uint8_t *data;
	size_t len;
	size_t at;
	bool failed;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ .data = data, .len = len };
}

static inline struct bytes bytes_of_string(const char *text)
{
	return bytes_of(text, strlen(text));
}

/* The octets from `from` on, at most len of them; empty when out of range. */
static inline struct bytes bytes_slice(struct bytes all, size_t from, size_t len)
{
	if (from >= all.len)
		return (struct bytes){ 0 };
	if (len > all.len - from)
		len = all.len - from;
	return bytes_of(all.data + from, len);
}

static inline struct bytes bytes_after(struct bytes all, size_t from)
{
	return bytes_slice(all, from, SIZE_MAX);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline uint8_t ascii_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

static inline bool ascii_is_line_end(uint8_t octet)
{
	return octet == '\r' || octet == '\n';
}

/* ASCII only: what SMTP keywords and domain names compare by. */
static inline bool bytes_equal_nocase(struct bytes a, const char *text)
{
	size_t i;

	for (i = 0; i < a.len; i++) {
		if (text[i] == '\0' || ascii_lower(a.data[i]) != ascii_lower((uint8_t)text[i]))
			return false;
	}
	return text[i] == '\0';
}

/* Index of the first such octet, or all.len. */
static inline size_t bytes_find(struct bytes all, uint8_t octet)
{
	const uint8_t *found = all.len ? memchr(all.data, octet, all.len) : NULL;

	return found ? (size_t)(found - all.data) : all.len;
}

static inline struct cursor cursor_over(struct bytes bytes)
{
	return (struct cursor){ .data = bytes.data, .len = bytes.len };
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return cursor->failed ? 0 : cursor->len - cursor->at;
}

/* Everything read, nothing failed. */
static inline bool cursor_finished(const struct cursor *cursor)
{
	return !cursor->failed && cursor->at == cursor->len;
}

static inline struct bytes cursor_bytes(struct cursor *cursor, size_t len)
{
	struct bytes view = { 0 };

	if (cursor->failed || len > cursor->len - cursor->at) {
		cursor->failed = true;
		return view;
	}
	view = bytes_of(cursor->data + cursor->at, len);
	cursor->at += len;
	return view;
}

static inline void cursor_skip(struct cursor *cursor, size_t len)
{
	(void)cursor_bytes(cursor, len);
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	struct bytes view = cursor_bytes(cursor, 1);

	return view.len == 1 ? view.data[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
	struct bytes view = cursor_bytes(cursor, 2);

	return (uint16_t)(view.len == 2 ? (unsigned)view.data[0] << 8 | view.data[1] : 0);
}

static inline uint32_t cursor_u24(struct cursor *cursor)
{
	struct bytes view = cursor_bytes(cursor, 3);

	return view.len == 3
	               ? (uint32_t)view.data[0] << 16 | (uint32_t)view.data[1] << 8 | view.data[2]
	               : 0;
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
	uint32_t high = cursor_u16(cursor);

	return high << 16 | cursor_u16(cursor);
}

/* A vector whose length comes before it in one, two or three octets (RFC 8446 section 3.4). */
static inline struct bytes cursor_vector8(struct cursor *cursor)
{
	return cursor_bytes(cursor, cursor_u8(cursor));
}

static inline struct bytes cursor_vector16(struct cursor *cursor)
{
	return cursor_bytes(cursor, cursor_u16(cursor));
}

static inline struct bytes cursor_vector24(struct cursor *cursor)
{
	return cursor_bytes(cursor, cursor_u24(cursor));
}

/* As much of `from` as fits, always with a NUL; the rest of the room is zeroed, so that nothing old travels along. */
static inline void text_copy(char *text, size_t room, const char *from)
{
	size_t len = strnlen(from, room - 1);

	memcpy(text, from, len);
	memset(text + len, 0, room - len);
}

static inline void put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, (uint16_t)(value >> 16));
	put_u16(at + 2, (uint16_t)value);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_WIRE_HELLO_DRAFT_H
#define HOPGUARD_TESTS_UNIT_WIRE_HELLO_DRAFT_H

/* Bodies of ClientHello and ServerHello with the extensions that a test wants, and where their lengths stand. */

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { DRAFT_ROOM = 512, DRAFT_LENGTHS_MAX = 64 };

struct draft {
	uint8_t octets[DRAFT_ROOM];
	size_t len;
	size_t lengths[DRAFT_LENGTHS_MAX]; /* every octet of a length */
	size_t length_count;
	size_t extensions_at;
};

/* An extension. */
struct draft_part {
	uint16_t type;
	const char *data;
	size_t len;
};

static inline void draft_put(struct draft *draft, const void *octets, size_t len)
{
	if (len > DRAFT_ROOM - 1 - draft->len)
		abort();
	if (len > 0)
		memcpy(draft->octets + draft->len, octets, len);
	draft->len += len;
}

static inline void draft_put_number(struct draft *draft, size_t number, size_t width)
{
	for (size_t i = width; i > 0; i--) {
		uint8_t octet = (uint8_t)(number >> 8 * (i - 1));

		draft_put(draft, &octet, 1);
	}
}

static inline void draft_put_length(struct draft *draft, size_t length, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		if (draft->length_count == DRAFT_LENGTHS_MAX)
			abort();
		draft->lengths[draft->length_count++] = draft->len + i;
	}
	draft_put_number(draft, length, width);
}

static inline void draft_put_extensions(struct draft *draft, const struct draft_part *parts,
                                        size_t count)
{
	size_t len = 0;

	draft->extensions_at = draft->len;
	for (size_t i = 0; i < count; i++)
		len += 4 + parts[i].len;
	draft_put_length(draft, len, 2);
	for (size_t i = 0; i < count; i++) {
		draft_put_number(draft, parts[i].type, 2);
		draft_put_length(draft, parts[i].len, 2);
		draft_put(draft, parts[i].data, parts[i].len);
	}
}

static inline struct draft draft_client(const struct draft_part *parts, size_t count)
{
	struct draft draft = { .len = 0 };

	draft_put(&draft, "\3\3rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", 34);
	draft_put_length(&draft, 7, 1);
	draft_put(&draft, "session", 7);
	draft_put_length(&draft, 4, 2);
	draft_put(&draft, "\x13\1\xc0\x2f", 4);
	draft_put_length(&draft, 1, 1);
	draft_put(&draft, "", 1);
	draft_put_extensions(&draft, parts, count);
	return draft;
}

static inline struct draft draft_server(const struct draft_part *parts, size_t count)
{
	struct draft draft = { .len = 0 };

	draft_put(&draft, "\3\3ssssssssssssssssssssssssssssssss", 34);
	draft_put_length(&draft, 7, 1);
	draft_put(&draft, "session", 7);
	draft_put_number(&draft, 0x1301, 2);
	draft_put(&draft, "", 1);
	draft_put_extensions(&draft, parts, count);
	return draft;
}

static inline struct bytes draft_body(const struct draft *draft)
{
	return bytes_of(draft->octets, draft->len);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contents of handshake records: the input's first octet says how much room there is, the second how they are cut. Whatever the cuts,
 * the messages are those that a walk over the whole finds.
 */

#include "require.h"

#include "wire/tls_handshake.h"

enum { ROOM_STEP = 16, ROOM_MAX = 255 * ROOM_STEP };

struct walk {
	struct bytes rest;
	size_t all_len;
	bool is_begun;
	bool is_over;
};

/* The next message as the grammar has it; what was read must be that. */
static void check_message(struct walk *walk, const struct tls_handshake *handshake)
{
	struct cursor message = cursor_over(walk->rest);
	uint8_t type = cursor_u8(&message);
	struct bytes body = cursor_vector24(&message);
	struct bytes kept = tls_handshake_kept(handshake);

	REQUIRE(!message.failed);
	REQUIRE(handshake->type == type && handshake->body_len == body.len);
	REQUIRE(kept.len == (body.len < handshake->room_len ? body.len : handshake->room_len));
	REQUIRE(bytes_equal(kept, bytes_slice(body, 0, kept.len)));
	REQUIRE(tls_handshake_is_between(handshake));
	walk->all_len += TLS_HANDSHAKE_HEADER_LEN + body.len;
	REQUIRE(walk->all_len <= TLS_HANDSHAKE_OCTETS_MAX);
	walk->rest = bytes_after(walk->rest, TLS_HANDSHAKE_HEADER_LEN + body.len);
}

static void read_content(struct walk *walk, struct tls_handshake *handshake, struct bytes content)
{
	struct bytes copy = exact_copy(content);
	struct bytes rest = copy;

	while (!walk->is_over) {
		enum tls_handshake_result result = tls_handshake_read(handshake, &rest);

		if (result == TLS_HANDSHAKE_MORE) {
			REQUIRE(rest.len == 0);
			break;
		}
		if (result == TLS_HANDSHAKE_BEGUN) {
			REQUIRE(!walk->is_begun);
			walk->is_begun = true;
		} else if (result == TLS_HANDSHAKE_MESSAGE) {
			REQUIRE(walk->is_begun);
			walk->is_begun = false;
			check_message(walk, handshake);
		} else {
			REQUIRE(walk->all_len + TLS_HANDSHAKE_HEADER_LEN + handshake->body_len >
			        TLS_HANDSHAKE_OCTETS_MAX);
			REQUIRE(tls_handshake_read(handshake, &rest) == TLS_HANDSHAKE_TOO_LONG);
			walk->is_over = true;
		}
	}
	exact_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tls_handshake handshake = { 0 };
	struct walk walk = { 0 };
	struct bytes rest;
	uint8_t *room;
	size_t step;

	if (len < 2)
		return 0;
	room = malloc((size_t)data[0] * ROOM_STEP + 1);
	REQUIRE(room);
	tls_handshake_give_room(&handshake, room, (size_t)data[0] * ROOM_STEP);
	step = (size_t)data[1] * data[1] + 1;
	rest = walk.rest = bytes_of(data + 2, len - 2);
	while (rest.len > 0) {
		read_content(&walk, &handshake, bytes_slice(rest, 0, step));
		rest = bytes_after(rest, step);
	}
	/* Of the last one not all has come. */
	if (!walk.is_over) {
		struct cursor message = cursor_over(walk.rest);

		cursor_skip(&message, 1);
		(void)cursor_vector24(&message);
		REQUIRE(message.failed);
		REQUIRE(walk.is_begun == (walk.rest.len >= TLS_HANDSHAKE_HEADER_LEN));
		REQUIRE(tls_handshake_is_between(&handshake) == (walk.rest.len == 0));
	}
	free(room);
	return 0;
}

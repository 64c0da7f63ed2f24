/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_handshake.h"

static struct bytes take(struct bytes *content, size_t len)
{
	struct bytes taken = bytes_slice(*content, 0, len);

	*content = bytes_after(*content, taken.len);
	return taken;
}

static enum tls_handshake_result read_header(struct tls_handshake *handshake, struct bytes *content)
{
	struct bytes octets =
		take(content, (size_t)(TLS_HANDSHAKE_HEADER_LEN - handshake->header_len));
	struct cursor fields;

	if (octets.len > 0)
		memcpy(handshake->header + handshake->header_len, octets.data, octets.len);
	handshake->header_len = (uint8_t)(handshake->header_len + octets.len);
	if (handshake->header_len < TLS_HANDSHAKE_HEADER_LEN)
		return TLS_HANDSHAKE_MORE;

	fields = cursor_over(bytes_of(handshake->header, TLS_HANDSHAKE_HEADER_LEN));
	handshake->type = cursor_u8(&fields);
	handshake->body_len = cursor_u24(&fields);
	handshake->read_len = 0;
	handshake->kept_len = 0;
	if (TLS_HANDSHAKE_HEADER_LEN + (size_t)handshake->body_len >
	    TLS_HANDSHAKE_OCTETS_MAX - handshake->all_len)
		return TLS_HANDSHAKE_TOO_LONG;
	handshake->all_len += TLS_HANDSHAKE_HEADER_LEN + (size_t)handshake->body_len;
	handshake->is_begun = true;
	return TLS_HANDSHAKE_BEGUN;
}

static void keep(struct tls_handshake *handshake, struct bytes octets)
{
	struct bytes kept = bytes_slice(octets, 0, handshake->room_len - handshake->kept_len);

	/* Behind a hole nothing is of use. */
	if (handshake->kept_len < handshake->read_len || kept.len == 0)
		return;
	memcpy(handshake->room + handshake->kept_len, kept.data, kept.len);
	handshake->kept_len += kept.len;
}

enum tls_handshake_result tls_handshake_read(struct tls_handshake *handshake, struct bytes *content)
{
	struct bytes octets;

	if (!handshake->is_begun)
		return read_header(handshake, content);

	octets = take(content, handshake->body_len - handshake->read_len);
	keep(handshake, octets);
	handshake->read_len += (uint32_t)octets.len;
	if (handshake->read_len < handshake->body_len)
		return TLS_HANDSHAKE_MORE;
	handshake->is_begun = false;
	handshake->header_len = 0;
	return TLS_HANDSHAKE_MESSAGE;
}

void tls_handshake_begin(struct tls_handshake *handshake, uint8_t type, uint32_t body_len)
{
	*handshake = (struct tls_handshake){
		.header_len = TLS_HANDSHAKE_HEADER_LEN,
		.is_begun = true,
		.type = type,
		.body_len = body_len,
		.all_len = body_len,
	};
}

void tls_handshake_give_room(struct tls_handshake *handshake, uint8_t *room, size_t room_len)
{
	handshake->room = room;
	handshake->room_len = room_len;
	if (handshake->kept_len > room_len)
		handshake->kept_len = room_len;
}

struct bytes tls_handshake_kept(const struct tls_handshake *handshake)
{
	return bytes_of(handshake->room, handshake->kept_len);
}

bool tls_handshake_is_between(const struct tls_handshake *handshake)
{
	return handshake->header_len == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_FLOW_HANDSHAKE_H
#define HOPGUARD_TESTS_UNIT_FLOW_HANDSHAKE_H

/* Handshake messages that a test makes up, in records, said in a play. */

#include "../../handshakes/recording.h"
#include "../wire/hello_draft.h"

enum { HANDSHAKE_RECORD_ROOM = 72 * 1024 };

/* Messages, one after the other, in a record of their own. */
struct handshake_record {
	uint8_t octets[HANDSHAKE_RECORD_ROOM];
	size_t len;
};

static inline void handshake_add(struct handshake_record *record, uint8_t type, struct bytes body)
{
	uint8_t header[4] = { type, (uint8_t)(body.len >> 16), (uint8_t)(body.len >> 8),
		              (uint8_t)body.len };

	if (record->len == 0)
		record->len = 5;
	if (body.len + sizeof(header) > HANDSHAKE_RECORD_ROOM - record->len)
		abort();
	memcpy(record->octets + record->len, header, sizeof(header));
	if (body.len > 0)
		memcpy(record->octets + record->len + sizeof(header), body.data, body.len);
	record->len += sizeof(header) + body.len;
}

/* Whatever the length, in records of 16 KiB at most. */
static inline void handshake_say_record(struct play *play, bool is_client,
                                        struct handshake_record *record)
{
	for (size_t at = 5; at < record->len; at += 16384) {
		uint8_t header[5] = { 22, 3, 3 };
		struct bytes content =
			bytes_slice(bytes_of(record->octets, record->len), at, 16384);

		put_u16(header + 3, (uint16_t)content.len);
		play_say(play, is_client, bytes_of(header, sizeof(header)), false);
		play_say(play, is_client, content, true);
	}
}

static inline void handshake_say(struct play *play, bool is_client, uint8_t type, struct bytes body)
{
	struct handshake_record record = { .len = 0 };

	handshake_add(&record, type, body);
	handshake_say_record(play, is_client, &record);
}

static const struct draft_part handshake_named[] = { { 0, "\0\x0e\0\0\x0bmx.abcd.org", 16 } };
static const struct draft_part handshake_of_1_3[] = { { 43, "\3\4", 2 } };

/* Both hellos are there, of TLS 1.2. */
static inline struct play handshake_greeted(void)
{
	struct draft client = draft_client(handshake_named, 1);
	struct draft server = draft_server(NULL, 0);
	struct play play = recording_begin();

	handshake_say(&play, true, 1, draft_body(&client));
	handshake_say(&play, false, 2, draft_body(&server));
	return play;
}

static inline const struct facts *handshake_facts(const struct play *play)
{
	return session_facts(play->session);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include "wire/tls_hello.h"

/*
 * In TLS 1.3 alerts hide among application data: two octets, their type and the tag of the cipher (RFC 8446 sections 5.2, 5.3). No
 * Finished and no word of SMTP is as short.
 */
enum {
	TLS_AES_128_CCM_8_SHA256 = 0x1305, /* RFC 6655: half a tag */
	TAG_LEN = 16,
	HALF_TAG_LEN = 8,
	ALERT_AND_TYPE_LEN = 2 + 1,
};

/*
 * How many of the first octets can be those of a record header; of the whole of it, it is filled
 * in. One octet after the other, since the sender may wait for each to be acknowledged.
 */
static size_t header_len(struct tls_record_header *header, struct bytes readable,
                         enum tls_content_type type_min, enum tls_content_type type_max)
{
	size_t len = 0;

	if (readable.data[0] < type_min || readable.data[0] > type_max)
		return 0;
	while (len < readable.len && len < TLS_RECORD_HEADER_LEN &&
	       tls_record_header_parse(header, bytes_slice(readable, 0, len + 1)) !=
	               PARSE_MALFORMED)
		len++;
	return len;
}

static struct session_step read_content(struct session *session, bool is_client,
                                        struct bytes readable)
{
	uint16_t *record_left =
		is_client ? &session->client_record_left : &session->server_record_left;
	struct bytes content = bytes_slice(readable, 0, *record_left);

	*record_left = (uint16_t)(*record_left - content.len);
	session_read_handshake(session, is_client, content);
	if (*record_left == 0)
		session_note_record_end(session, is_client);
	return (struct session_step){ content.len, content.len };
}

/*
 * In front of the client stands something else than TLS: a line in clear, of whoever took the 220 for a no, or octets that begin none
 * (some libraries answer a heartbeat in the handshake). Those are of TLS still, and what was promised of it binds.
 */
static void hold_clear(struct session *session, struct bytes readable)
{
	uint8_t first = ascii_lower(readable.data[0]);
	const struct session_commitment clear = {
		.kind = first >= 'a' && first <= 'z' ? COMMITMENT_COMMAND : COMMITMENT_TLS,
		.is_line_complete = true,
	};

	session_violated(session);
	session_hold(session, WAIT_CLEAR_IN_TLS, &clear);
}

static struct session_step begin_tls(struct session *session, size_t header, size_t content_len)
{
	session->client_record_left = (uint16_t)content_len;
	session->facts.tls = TLS_HELLO;
	session_enter(session, SESSION_TLS);
	session_begin_handshake(session);
	return (struct session_step){ header, header };
}

/* A ClientHello in SSL 2.0's framing, or something else in clear. */
static struct session_step read_old_hello(struct session *session, struct bytes readable)
{
	struct session_step step = { 0, 0 };
	enum parse_result result = PARSE_MORE;
	size_t len = 0;

	while (result == PARSE_MORE && step.passing < readable.len) {
		result = tls_v2_hello_parse(&len, bytes_slice(readable, 0, step.passing + 1));
		if (result != PARSE_MALFORMED)
			step.passing++;
	}
	if (result == PARSE_OK) {
		step = begin_tls(session, step.passing, len - step.passing);
		session_begin_old_hello(session, bytes_slice(readable, 0, step.passing), len);
		return step;
	}
	if (result == PARSE_MALFORMED)
		hold_clear(session, readable);
	return step;
}

struct session_step session_read_hello(struct session *session, struct bytes readable)
{
	struct tls_record_header header;
	struct session_step step = { 0,
		                     header_len(&header, readable, TLS_HANDSHAKE, TLS_HANDSHAKE) };

	if (step.passing == 0)
		return read_old_hello(session, readable);
	if (step.passing == TLS_RECORD_HEADER_LEN) {
		step = begin_tls(session, step.passing, header.content_len);
		session_note_record(session, true, header.type);
		return step;
	}
	if (step.passing < readable.len)
		hold_clear(session, readable);
	return step;
}

/* What was seen from its middle may be TLS 1.3. */
static bool may_be_alert(const struct session *session, const struct tls_record_header *header)
{
	uint16_t version = session_tls_version(session);
	size_t tag_len =
		session_cipher(session) == TLS_AES_128_CCM_8_SHA256 ? HALF_TAG_LEN : TAG_LEN;

	return header->content_len <= ALERT_AND_TYPE_LEN + tag_len &&
	       (version == 0 || version >= TLS_VERSION_1_3);
}

struct session_step session_read_client_records(struct session *session, struct bytes readable)
{
	struct tls_record_header header;
	const struct session_commitment data = { .kind = COMMITMENT_TLS, .is_line_complete = true };
	struct session_step step = { 0, 0 };

	if (session->client_record_left > 0)
		return read_content(session, true, readable);
	step.passing = header_len(&header, readable, TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA);
	if (step.passing == TLS_RECORD_HEADER_LEN)
		session_note_record(session, true, header.type);
	if (step.passing < readable.len && step.passing < TLS_RECORD_HEADER_LEN) {
		hold_clear(session, readable);
	} else if (step.passing == TLS_RECORD_HEADER_LEN && header.type == TLS_APPLICATION_DATA &&
	           !may_be_alert(session, &header)) {
		session_hold(session, WAIT_TLS_DATA, &data);
	} else if (step.passing == TLS_RECORD_HEADER_LEN) {
		step.consumed = step.passing;
		session->client_record_left = header.content_len;
	}
	return step;
}

/*
 * In TLS the server never speaks first: what it says before the ClientHello is meant to be read as
 * if it came through TLS.
 */
static struct session_step hold_injected(struct session *session)
{
	const struct session_commitment injected = { .kind = COMMITMENT_COMMAND,
		                                     .is_line_complete = true };

	session->facts.injection = INJECTION_RESPONSE;
	session->is_response_injected = true;
	if (session->wait == WAIT_NOTHING)
		session_hold(session, WAIT_INJECTED_RESPONSE, &injected);
	return (struct session_step){ 0, 0 };
}

struct session_step session_read_server_records(struct session *session, struct bytes readable)
{
	struct session_step step = { 0, readable.len };
	struct tls_record_header header;
	size_t len;

	if (session->is_server_opaque)
		return (struct session_step){ readable.len, readable.len };
	if (session->state == SESSION_TLS_DUE || session->is_response_injected)
		return hold_injected(session);
	if (session->server_record_left > 0)
		return read_content(session, false, readable);

	len = header_len(&header, readable, TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA);
	if (len == TLS_RECORD_HEADER_LEN) {
		step.consumed = step.passing = len;
		session->server_record_left = header.content_len;
		session_note_record(session, false, header.type);
	} else if (len < readable.len) {
		session_violated(session);
		session->is_server_opaque = true;
		step.consumed = readable.len;
	}
	return step;
}

bool session_read_midstream_record(struct session *session, struct session_step *step,
                                   struct bytes readable)
{
	const struct session_commitment undecided = { .kind = COMMITMENT_COMMAND };
	struct tls_record_header header;
	size_t len = header_len(&header, readable, TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA);

	*step = (struct session_step){ 0, 0 };
	if (len == TLS_RECORD_HEADER_LEN) {
		session->may_be_tls = session->may_be_rest = false;
		session->is_server_opaque = true;
		session->facts.tls =
			header.type == TLS_APPLICATION_DATA ? TLS_ESTABLISHED : TLS_HELLO;
		session_enter(session, SESSION_TLS);
		return true;
	}
	if (len == readable.len) {
		session_hold(session, WAIT_OPAQUE, &undecided);
		return true;
	}
	session->may_be_tls = false;
	return false;
}

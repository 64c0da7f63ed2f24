/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include "wire/tls_record.h"

enum { VERSION_MAJOR = 3, VERSION_MINOR_MAX = 4 };

/*
 * How many of the first octets can be those of a record header, one octet at a time: the sender may wait for each to
 * be acknowledged.
 */
static size_t header_len(struct bytes text, uint8_t type_min, uint8_t type_max)
{
	struct bytes header = bytes_slice(text, 0, TLS_RECORD_HEADER_LEN);
	size_t at;

	for (at = 0; at < header.len; at++) {
		uint8_t octet = header.data[at];
		bool fits = true;

		if (at == 0)
			fits = octet >= type_min && octet <= type_max;
		else if (at == 1)
			fits = octet == VERSION_MAJOR;
		else if (at == 2)
			fits = octet <= VERSION_MINOR_MAX;
		else if (at == 3)
			fits = octet <= TLS_RECORD_MAX >> 8;
		else
			fits = ((size_t)header.data[3] << 8 | octet) <= TLS_RECORD_MAX;
		if (!fits)
			break;
	}
	return at;
}

static uint16_t content_len(struct bytes header)
{
	return (uint16_t)(header.data[3] << 8 | header.data[4]);
}

static struct session_step skip_record(uint16_t *record_left, struct bytes readable)
{
	size_t len = readable.len < *record_left ? readable.len : *record_left;

	*record_left = (uint16_t)(*record_left - len);
	return (struct session_step){ len, len };
}

/* In front of the client stands something else than TLS. */
static void hold_clear(struct session *session)
{
	const struct session_commitment clear = { .kind = COMMITMENT_COMMAND,
		                                  .is_line_complete = true };

	session_violated(session);
	session_hold(session, WAIT_CLEAR_IN_TLS, &clear);
}

struct session_step session_read_hello(struct session *session, struct bytes readable)
{
	struct session_step step = { 0, header_len(readable, TLS_HANDSHAKE, TLS_HANDSHAKE) };

	if (step.passing < readable.len && step.passing < TLS_RECORD_HEADER_LEN) {
		hold_clear(session);
	} else if (step.passing == TLS_RECORD_HEADER_LEN) {
		step.consumed = step.passing;
		session->client_record_left = content_len(readable);
		session->facts.tls = TLS_HELLO;
		session_enter(session, SESSION_TLS);
	}
	return step;
}

struct session_step session_read_client_records(struct session *session, struct bytes readable)
{
	const struct session_commitment data = { .kind = COMMITMENT_TLS, .is_line_complete = true };
	struct session_step step = { 0, 0 };

	if (session->client_record_left > 0)
		return skip_record(&session->client_record_left, readable);
	if (readable.data[0] == TLS_APPLICATION_DATA) {
		session_hold(session, WAIT_TLS_DATA, &data);
		return step;
	}
	step.passing = header_len(readable, TLS_CHANGE_CIPHER_SPEC, TLS_HANDSHAKE);
	if (step.passing < readable.len && step.passing < TLS_RECORD_HEADER_LEN) {
		hold_clear(session);
	} else if (step.passing == TLS_RECORD_HEADER_LEN) {
		step.consumed = step.passing;
		session->client_record_left = content_len(readable);
	}
	return step;
}

/* In TLS the server never speaks first: what it says before the ClientHello is meant to be read as if it came through TLS. */
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
	size_t len;

	if (session->is_server_opaque)
		return (struct session_step){ readable.len, readable.len };
	if (session->state == SESSION_TLS_DUE || session->is_response_injected)
		return hold_injected(session);
	if (session->server_record_left > 0)
		return skip_record(&session->server_record_left, readable);

	len = header_len(readable, TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA);
	if (len == TLS_RECORD_HEADER_LEN) {
		step.consumed = step.passing = len;
		session->server_record_left = content_len(readable);
	} else if (len < readable.len) {
		session_violated(session);
		session->is_server_opaque = true;
	}
	return step;
}

bool session_read_midstream_record(struct session *session, struct session_step *step,
                                   struct bytes readable)
{
	const struct session_commitment undecided = { .kind = COMMITMENT_COMMAND };
	size_t len = header_len(readable, TLS_CHANGE_CIPHER_SPEC, TLS_APPLICATION_DATA);

	*step = (struct session_step){ 0, 0 };
	if (len == TLS_RECORD_HEADER_LEN) {
		session->may_be_tls = false;
		session->is_server_opaque = true;
		session->facts.tls =
			readable.data[0] == TLS_APPLICATION_DATA ? TLS_ESTABLISHED : TLS_HELLO;
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

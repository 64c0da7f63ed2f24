/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

void session_begin_body(struct session *session)
{
	/* The line end of DATA counts: a dot may come first. */
	session->body = (struct session_body){ .tail = TAIL_CRLF, .is_at_start = true };
	session->chunk_left = 0;
	session_enter(session, SESSION_BODY);
}

static enum session_tail tail_before(const struct session_body *body, struct bytes text, size_t at)
{
	bool follows_cr;

	if (at == 0)
		return body->tail;
	if (text.data[at - 1] == '\r')
		return TAIL_CR;
	if (text.data[at - 1] != '\n')
		return TAIL_OTHER;
	follows_cr = at >= 2 ? text.data[at - 2] == '\r' : body->tail == TAIL_CR;
	return follows_cr ? TAIL_CRLF : TAIL_LF;
}

/* The next octet behind a dot that began a line. True: it ends the message. */
static bool follow_dot(struct session_body *body, uint8_t octet, bool *is_smuggled)
{
	bool is_end = false;

	switch (body->dot) {
	case DOT_NONE:
		break;
	case DOT_SEEN:
		body->dot = octet == '\r' ? DOT_CR : DOT_NONE;
		if (octet == '\n' || (octet == '\r' && !body->is_dot_strict))
			*is_smuggled = true;
		break;
	case DOT_CR:
		is_end = octet == '\n' && body->is_dot_strict;
		if (!is_end)
			*is_smuggled = true;
		body->dot = DOT_NONE;
		break;
	}
	return is_end;
}

/*
 * Only <CRLF>.<CRLF> ends a message (RFC 5321 section 4.1.1.4). What some servers take for an end
 * although it is none, as LF.LF or CR.CR, is how a second message is smuggled inside the first.
 * Returns how many octets are body.
 */
static size_t scan_body(struct session_body *body, bool *is_ended, bool *is_smuggled,
                        struct bytes text)
{
	size_t at = 0;

	while (at < text.len && !*is_ended) {
		enum session_tail before;

		if (body->dot != DOT_NONE) {
			*is_ended = follow_dot(body, text.data[at], is_smuggled);
			/* A dot behind CR.CR may begin a line, too. */
			if (text.data[at] != '.')
				at++;
			continue;
		}
		at += bytes_find(bytes_after(text, at), '.');
		if (at == text.len)
			break;
		before = tail_before(body, text, at);
		if (before != TAIL_OTHER) {
			body->dot = DOT_SEEN;
			body->is_dot_strict = before == TAIL_CRLF;
		}
		at++;
	}
	body->tail = tail_before(body, text, at);
	return at;
}

enum first_line { FIRST_LINE_OPEN, FIRST_LINE_BODY, FIRST_LINE_COMMAND };

/*
 * A client that says this did not see the 354 as we did (a reply too many or too few, by the
 * attacker): its next recipient must not hide in what we take for a body. A message begins with
 * "Name:" and never so.
 */
static enum first_line first_line_kind(struct bytes text)
{
	static const char *const commands[] = { "MAIL ", "RCPT TO:", "RSET\r\n" };
	enum first_line kind = FIRST_LINE_BODY;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t at = 0;

		while (at < text.len && commands[i][at] != '\0' &&
		       ascii_lower(text.data[at]) == ascii_lower((uint8_t)commands[i][at]))
			at++;
		if (commands[i][at] == '\0')
			return FIRST_LINE_COMMAND;
		if (at == text.len)
			kind = FIRST_LINE_OPEN;
	}
	return kind;
}

struct session_step session_read_body(struct session *session, struct bytes readable)
{
	bool is_ended = false;
	bool is_smuggled = false;
	size_t len;

	if (session->body.is_at_start) {
		switch (first_line_kind(readable)) {
		case FIRST_LINE_OPEN:
			return (struct session_step){ 0, readable.len };
		case FIRST_LINE_BODY:
			session->body.is_at_start = false;
			break;
		case FIRST_LINE_COMMAND:
			session_violated(session);
			session_lose_order(session, false);
			return (struct session_step){ 0, 0 };
		}
	}

	len = scan_body(&session->body, &is_ended, &is_smuggled, readable);
	if (is_smuggled)
		session_violated(session);
	if (is_ended) {
		session->has_recipient = false;
		session_enter(session, SESSION_COMMAND);
		if (!session_expect(session, DUE_OTHER))
			session_lose_order(session, true);
	}
	return (struct session_step){ len, len };
}

bool session_may_skip(const struct session *session)
{
	/* Whoever is not where the other is, or begins a body with a command, is to be read. */
	return session->state == SESSION_BODY && !session->body.is_at_start &&
	       session->body.dot != DOT_CR && session->wait == WAIT_NOTHING &&
	       session->queue.count == 0 && !session->reply.is_early &&
	       !session->reply.is_swallowing && !session->is_order_uncertain &&
	       !session->facts.is_protocol_violated && !session->facts.is_midstream;
}

void session_skip_body(struct session *session, const uint8_t tail[2])
{
	struct session_body *body = &session->body;

	body->tail =
		tail_before(&(struct session_body){ .tail = TAIL_OTHER }, bytes_of(tail, 2), 2);
	body->is_dot_strict = tail[0] == '\n';
	body->dot = tail[1] == '.' && ascii_is_line_end(tail[0]) ? DOT_SEEN : DOT_NONE;
}

struct session_step session_read_chunk(struct session *session, struct bytes readable)
{
	size_t len = readable.len;

	if (len > session->chunk_left)
		len = (size_t)session->chunk_left;
	session->chunk_left -= len;
	if (session->chunk_left == 0)
		session_enter(session, SESSION_COMMAND);
	return (struct session_step){ len, len };
}

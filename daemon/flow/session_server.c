/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include <stdlib.h>

#include "wire/smtp_reply.h"

enum {
	CODE_READY = 220,
	CODE_AUTHENTICATED = 235,
	CODE_CHALLENGE = 334,
	CODE_BEGIN_BODY = 354,
	CODE_CLOSING = 421,
};

static bool is_good(uint16_t code)
{
	return code / 100 == 2;
}

static bool keyword_is_auth(struct bytes text)
{
	struct bytes rest = bytes_after(text, 4);

	return bytes_equal_nocase(bytes_slice(text, 0, 4), "AUTH") &&
	       (rest.len == 0 || rest.data[0] == ' ' || rest.data[0] == '=');
}

static void settle_ehlo(struct session *session, uint16_t code)
{
	const struct session_reply *reply = &session->reply;
	struct facts *facts = &session->facts;

	if (!is_good(code)) {
		facts->ehlo = EHLO_REFUSED;
		facts->starttls = STARTTLS_UNSEEN;
		return;
	}
	facts->ehlo = EHLO_ACCEPTED;
	facts->starttls = reply->is_starttls_offered  ? STARTTLS_OFFERED
	                  : reply->is_starttls_masked ? STARTTLS_MASKED
	                                              : STARTTLS_ABSENT;
	session->is_auth_offered = reply->is_auth_offered;
	if (session->state == SESSION_GREETED)
		session_enter(session, SESSION_COMMAND);
}

static void settle_starttls(struct session *session, uint16_t code)
{
	struct facts *facts = &session->facts;

	if (facts->starttls_answer != STARTTLS_PENDING)
		return;
	if (code == CODE_READY) {
		facts->starttls_answer = STARTTLS_READY;
		session_enter(session, SESSION_TLS_DUE);
		return;
	}
	facts->starttls_answer = STARTTLS_REFUSED;
	facts->starttls_code = code;
	if (session->state == SESSION_STARTTLS)
		session_enter(session, SESSION_COMMAND);
}

static void settle_data(struct session *session, uint16_t code)
{
	if (session->state != SESSION_DATA)
		return;
	if (code != CODE_BEGIN_BODY)
		session_enter(session, SESSION_COMMAND);
	else if (session->is_order_uncertain)
		session_lose_order(session, true);
	else
		session_begin_body(session);
}

/* XCLIENT was taken: all begins again as after a banner. */
static void start_over(struct session *session)
{
	struct facts *facts = &session->facts;

	facts->ehlo = EHLO_UNSEEN;
	facts->starttls = STARTTLS_UNSEEN;
	facts->starttls_answer = STARTTLS_NOT_ASKED;
	facts->starttls_code = 0;
	facts->is_authenticated = false;
	session->is_auth_offered = false;
	session->is_ehlo_sent = false;
	session->has_recipient = false;
	if (session->state == SESSION_COMMAND)
		session_enter(session, SESSION_GREETED);
}

static void settle_reply(struct session *session, enum session_due due, uint16_t code)
{
	switch (due) {
	case DUE_BANNER:
		if (session->state == SESSION_BANNER)
			session_enter(session, SESSION_GREETED);
		break;
	case DUE_EHLO:
		settle_ehlo(session, code);
		break;
	case DUE_HELO:
		if (is_good(code) && session->state == SESSION_GREETED)
			session_enter(session, SESSION_COMMAND);
		break;
	case DUE_STARTTLS:
		settle_starttls(session, code);
		break;
	case DUE_AUTH:
		if (code == CODE_AUTHENTICATED && session->is_auth_offered)
			session->facts.is_authenticated = true;
		break;
	case DUE_XCLIENT:
		if (code == CODE_READY)
			start_over(session);
		break;
	case DUE_DATA:
		settle_data(session, code);
		break;
	case DUE_UNKNOWN:
		/* The server understood more of that line than we did. */
		if (code == CODE_BEGIN_BODY)
			session_lose_order(session, false);
		break;
	case DUE_OTHER:
		break;
	}
}

/*
 * A reply that nobody asked for. A server that goes down may say so at any time (RFC 5321
 * section 3.8).
 */
static void settle_unasked(struct session *session, uint16_t code)
{
	bool is_mid_line = session->body.tail == TAIL_OTHER;

	if (code == CODE_CLOSING || session->state == SESSION_RESYNC)
		return;
	session_violated(session);
	session->is_order_uncertain = true;
	/* The client may not be where we believe it to be: in a body. */
	if (session->state == SESSION_BODY) {
		session_lose_order(session, true);
		session->rest = is_mid_line ? REST_LINE : REST_NONE;
	}
}

static void read_first_line(struct session *session, enum session_due due,
                            const struct smtp_reply_line *line)
{
	if (due == DUE_BANNER || (due == DUE_XCLIENT && line->code == CODE_READY)) {
		session_store_name(session, NAME_BANNER, line->text);
		session->facts.is_banner_masked = smtp_banner_is_mask(line->text);
	} else if ((due == DUE_EHLO || due == DUE_HELO) && is_good(line->code)) {
		session_store_name(session, NAME_EHLO, line->text);
	}
}

static void read_capability(struct session_reply *reply, struct bytes text)
{
	if (smtp_keyword_is_starttls(text))
		reply->is_starttls_offered = true;
	else if (smtp_keyword_is_mask(text))
		reply->is_starttls_masked = true;
	else if (keyword_is_auth(text))
		reply->is_auth_offered = true;
}

static void finish_reply(struct session *session, uint16_t code)
{
	bool was_unknown = session->state == SESSION_RESYNC;
	enum session_due due = session_first_due(session);

	if (due == DUE_AUTH && code == CODE_CHALLENGE) {
		session->is_challenged = true;
		return;
	}
	/* Only DATA draws it: some command before was never answered. */
	if (code == CODE_BEGIN_BODY && session->state == SESSION_DATA && due != DUE_DATA) {
		session_violated(session);
		session_lose_order(session, true);
		return;
	}
	session_drop_due(session);
	if (due == DUE_AUTH)
		session->is_challenged = false;
	settle_reply(session, due, code);
	if (was_unknown && session->state == SESSION_RESYNC) {
		session->is_order_uncertain = false;
		session_enter(session, SESSION_COMMAND);
	}
}

static void take_line(struct session *session, const struct smtp_reply_line *line)
{
	struct session_reply *reply = &session->reply;

	if (reply->is_early && line->code != CODE_CLOSING)
		session_violated(session);
	reply->is_early = false;
	if (line->ends_bare_lf && session->state != SESSION_RESYNC)
		session_violated(session);
	if (reply->lines <= SESSION_REPLY_LINES_MAX)
		reply->lines++;
	if (reply->lines > SESSION_REPLY_LINES_MAX)
		session->facts.is_inspection_cut_short = true;

	if (session->queue.count > 0) {
		enum session_due due = session_first_due(session);

		if (reply->lines == 1)
			read_first_line(session, due, line);
		else if (due == DUE_EHLO)
			read_capability(reply, line->text);
	}
	if (!line->is_last)
		return;
	if (session->queue.count > 0)
		finish_reply(session, line->code);
	else
		settle_unasked(session, line->code);
	*reply = (struct session_reply){ 0 };
}

static void take_garbage(struct session *session)
{
	session->reply.is_early = false;
	if (session->state != SESSION_RESYNC)
		session_violated(session);
}

/*
 * A line of which more has come than a reply may have: its first octets still say what reply it is.
 */
static struct session_step begin_swallowing(struct session *session, struct bytes readable)
{
	uint8_t head[] = { readable.data[0], readable.data[1], readable.data[2], readable.data[3],
		           '\n' };
	struct smtp_reply_line line = { 0 };
	size_t len;

	if (session->state != SESSION_RESYNC)
		session->facts.is_inspection_cut_short = true;
	session->reply.is_swallowing = true;
	session->reply.swallowed_code = 0;
	if (smtp_reply_line_parse(&line, &len, bytes_of(head, sizeof(head))) == PARSE_OK) {
		session->reply.swallowed_code = line.code;
		session->reply.is_swallowed_last = line.is_last;
	}
	return (struct session_step){ SMTP_REPLY_LINE_MAX, SMTP_REPLY_LINE_MAX };
}

static struct session_step swallow(struct session *session, struct bytes readable)
{
	struct session_reply *reply = &session->reply;
	const struct smtp_reply_line line = { .code = reply->swallowed_code,
		                              .is_last = reply->is_swallowed_last };
	size_t end = bytes_find(readable, '\n');

	if (end == readable.len)
		return (struct session_step){ end, end };
	reply->is_swallowing = false;
	if (line.code == 0)
		take_garbage(session);
	else
		take_line(session, &line);
	return (struct session_step){ end + 1, end + 1 };
}

struct session_step session_read_reply(struct session *session, struct bytes readable)
{
	struct session_step step = { 0, readable.len };
	struct smtp_reply_line line;

	if (session->reply.is_swallowing)
		return swallow(session, readable);
	if (session->queue.count == 0 && session->state != SESSION_RESYNC)
		session->reply.is_early = true;

	switch (smtp_reply_line_parse(&line, &step.consumed, readable)) {
	case PARSE_MORE:
		return step;
	case PARSE_OK:
		take_line(session, &line);
		break;
	case PARSE_MALFORMED:
		step.consumed = bytes_find(bytes_slice(readable, 0, SMTP_REPLY_LINE_MAX), '\n') + 1;
		if (step.consumed > SMTP_REPLY_LINE_MAX)
			return begin_swallowing(session, readable);
		take_garbage(session);
		break;
	}
	step.passing = step.consumed;
	return step;
}

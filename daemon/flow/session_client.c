/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include "wire/smtp_command.h"

/* What a ClientHello begins with, a record or SSL 2.0's framing; no command does. */
enum { TLS_HANDSHAKE_OCTET = 0x16, V2_LENGTH_BIT = 0x80 };

/* The line in front, whole or as much of it as there is. */
struct front_line {
	struct bytes octets; /* with its LF; SMTP_COMMAND_LINE_MAX at most */
	bool has_end;
	bool is_too_long; /* no end within SMTP_COMMAND_LINE_MAX */
	bool is_split;    /* a bare CR or NUL inside: some server may read two lines */
};

/* The octets before the first NUL, or before the first that follows a bare CR. */
static size_t unsplit_len(struct bytes line)
{
	size_t nul = bytes_find(line, '\0');
	size_t at = bytes_find(line, '\r');

	while (at + 1 < line.len && (line.data[at + 1] == '\r' || line.data[at + 1] == '\n'))
		at++;
	if (at + 1 < line.len)
		at++;
	else
		at = line.len;
	return at < nul ? at : nul;
}

static struct front_line find_front_line(struct bytes readable)
{
	struct bytes octets = bytes_slice(readable, 0, SMTP_COMMAND_LINE_MAX);
	size_t end = bytes_find(octets, '\n');
	struct front_line line = { .octets = octets, .has_end = end < octets.len };

	if (line.has_end)
		line.octets.len = end + 1;
	line.is_too_long = !line.has_end && octets.len == SMTP_COMMAND_LINE_MAX;
	line.is_split = unsplit_len(line.octets) < line.octets.len;
	return line;
}

/* The rest of a line, up to the first octet that a server may take for its end. */
static struct session_step pass_line(struct session *session, struct bytes readable)
{
	size_t end = bytes_find(readable, '\n');

	end = bytes_find(bytes_slice(readable, 0, end), '\r');
	end = bytes_find(bytes_slice(readable, 0, end), '\0');
	if (end < readable.len)
		end++;
	session->rest = session_rest_behind(bytes_slice(readable, 0, end));
	return (struct session_step){ end, end };
}

static bool bdat_is_sound(struct bytes line)
{
	struct smtp_command command;
	size_t len;
	uint64_t size;
	bool is_last;

	return smtp_command_parse(&command, &len, line) == PARSE_OK &&
	       smtp_bdat_size(&size, &is_last, command.argument);
}

/*
 * How much of the line may pass before anything is decided; less than all of it: *verb commits. A
 * message may follow where a recipient was allowed.
 */
static size_t commitment_point(const struct session *session, enum smtp_verb *verb,
                               const struct front_line *line)
{
	size_t point = smtp_command_harmless_len(verb, line->octets);

	if (point == line->octets.len || !session->has_recipient ||
	    (*verb != SMTP_DATA && *verb != SMTP_BDAT))
		return point;
	if (line->is_split)
		return unsplit_len(line->octets);
	/* How many octets follow is then anybody's guess. */
	if (*verb == SMTP_BDAT && line->has_end && !bdat_is_sound(line->octets))
		return line->octets.len - 1;
	return line->octets.len;
}

static bool ends_bare_lf(struct bytes line)
{
	return line.data[line.len - 1] == '\n' &&
	       (line.len == 1 || line.data[line.len - 2] != '\r');
}

/* In an unknown state it may well be a body. */
static void note_oddities(struct session *session, const struct front_line *line)
{
	if (session->state == SESSION_RESYNC)
		return;
	if (line->is_split || ends_bare_lf(line->octets))
		session_violated(session);
	if (line->is_too_long)
		session->facts.is_inspection_cut_short = true;
}

static void hold_line(struct session *session, enum smtp_verb verb, const struct front_line *line)
{
	struct session_commitment commitment = {
		.kind = COMMITMENT_COMMAND,
		.verb = line->is_split ? SMTP_VERB_UNKNOWN : verb,
		.is_line_complete = line->has_end || line->is_too_long,
		.is_rest = session->is_front_allowed && session->front_allowed_len != UINT32_MAX,
	};
	bool is_opaque = session->state == SESSION_RESYNC && verb == SMTP_VERB_UNKNOWN;
	struct bytes path_line = line->octets;

	note_oddities(session, line);
	session->is_split_held = line->is_split;
	session->front_held_len = UINT32_MAX;
	if (commitment.verb == SMTP_MAIL)
		commitment.kind = COMMITMENT_MAIL;
	else if (commitment.verb == SMTP_RCPT)
		commitment.kind = COMMITMENT_RCPT;
	else if (line->is_split && !is_opaque)
		path_line = session_find_recipient(session, &commitment, line->octets);
	if ((commitment.kind == COMMITMENT_RCPT || line->is_split) && !commitment.is_line_complete)
		session->front_held_len = (uint32_t)line->octets.len;
	if (commitment.kind != COMMITMENT_COMMAND && commitment.is_line_complete)
		session_note_path(&commitment, path_line);
	/* Whoever reads another line there may find another path. */
	if (commitment.kind == COMMITMENT_RCPT && line->is_split)
		commitment.path = SMTP_PATH_MALFORMED;
	/* What is no command has no end to wait for. */
	if (is_opaque)
		commitment.is_line_complete = true;
	session_hold(session, is_opaque ? WAIT_OPAQUE : WAIT_LINE, &commitment);
}

static enum session_due due_of(enum smtp_verb verb)
{
	switch (verb) {
	case SMTP_VERB_UNKNOWN:
		return DUE_UNKNOWN;
	case SMTP_EHLO:
		return DUE_EHLO;
	case SMTP_HELO:
		return DUE_HELO;
	case SMTP_STARTTLS:
		return DUE_STARTTLS;
	case SMTP_AUTH:
		return DUE_AUTH;
	case SMTP_XCLIENT:
		return DUE_XCLIENT;
	case SMTP_DATA:
		return DUE_DATA;
	case SMTP_NOOP:
	case SMTP_RSET:
	case SMTP_QUIT:
	case SMTP_HELP:
	case SMTP_MAIL:
	case SMTP_RCPT:
	case SMTP_BDAT:
	case SMTP_VRFY:
	case SMTP_EXPN:
	case SMTP_XFORWARD:
		break;
	}
	return DUE_OTHER;
}

static void await_reply(struct session *session, enum smtp_verb verb)
{
	if (session_expect(session, due_of(verb)))
		return;
	session->facts.is_inspection_cut_short = true;
	session_lose_order(session, false);
}

static void begin_chunk(struct session *session, struct bytes argument)
{
	uint64_t size;
	bool is_last;

	if (!smtp_bdat_size(&size, &is_last, argument))
		return;
	if (is_last)
		session->has_recipient = false;
	session->chunk_left = size;
	if (size > 0)
		session_enter(session, SESSION_CHUNK);
}

static void begin_starttls(struct session *session)
{
	session->facts.starttls_answer = STARTTLS_PENDING;
	session->facts.starttls_code = 0;
	session->is_reply_given_up = false;
	session->is_injected = false;
	session->is_injection_allowed = false;
}

static void note_recipients(struct session *session, enum smtp_verb verb)
{
	if (verb == SMTP_RCPT)
		session->has_recipient = true;
	else if (verb == SMTP_MAIL || verb == SMTP_RSET || verb == SMTP_EHLO || verb == SMTP_HELO)
		session->has_recipient = false;
}

static void take_command(struct session *session, enum smtp_verb verb, struct bytes argument)
{
	note_recipients(session, verb);
	await_reply(session, verb);
	if (session->state == SESSION_RESYNC)
		return;
	if (verb == SMTP_EHLO || verb == SMTP_HELO)
		session_store_name(session, NAME_CLIENT, argument);
	if (verb == SMTP_EHLO)
		session->is_ehlo_sent = true;
	if (verb == SMTP_HELO && !session->is_ehlo_sent)
		session->facts.ehlo = EHLO_NOT_SENT;
	if (verb == SMTP_BDAT)
		begin_chunk(session, argument);
	if (verb == SMTP_DATA)
		session_enter(session, SESSION_DATA);
	if (verb == SMTP_STARTTLS) {
		begin_starttls(session);
		session_enter(session, SESSION_STARTTLS);
	}
}

/*
 * Only a greeting or STARTTLS, with nothing behind it, has a reply by which the state may be known
 * again. Nothing else of what may be a body is believed: BDAT would hide what follows it.
 */
static void take_perhaps_command(struct session *session, enum smtp_verb verb)
{
	note_recipients(session, verb);
	if (verb == SMTP_STARTTLS)
		begin_starttls(session);
	if (verb == SMTP_EHLO || verb == SMTP_HELO || verb == SMTP_STARTTLS)
		(void)session_expect(session, due_of(verb));
}

static void take_line(struct session *session, const struct front_line *line)
{
	struct smtp_command command = { .verb = SMTP_VERB_UNKNOWN };
	size_t len;

	note_oddities(session, line);
	if (smtp_command_parse(&command, &len, line->octets) != PARSE_OK || line->is_split)
		command.verb = SMTP_VERB_UNKNOWN;
	session->is_front_allowed = false;
	session->is_split_allowed = false;
	session->is_challenged = false;
	if (session->state == SESSION_RESYNC)
		take_perhaps_command(session, command.verb);
	else
		take_command(session, command.verb, command.argument);
}

static bool is_base64(uint8_t octet)
{
	uint8_t lower = ascii_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '+' ||
	       octet == '/' || octet == '=' || octet == '*';
}

/*
 * The octets that an answer to an AUTH challenge may begin with (RFC 4954 section 4): base64, or
 * "*", and a line end.
 */
static size_t answer_len(struct bytes line)
{
	size_t at = 0;

	while (at < line.len && is_base64(line.data[at]))
		at++;
	if (at < line.len && line.data[at] == '\r')
		at++;
	if (at < line.len && line.data[at] == '\n')
		at++;
	return at;
}

static struct session_step take_answer(struct session *session, const struct front_line *line)
{
	size_t len = line->octets.len;

	if (!line->has_end && !line->is_too_long)
		return (struct session_step){ 0, len };
	session->is_challenged = false;
	session->rest = session_rest_behind(line->octets);
	note_oddities(session, line);
	return (struct session_step){ len, len };
}

/* The client went on: what it said before was no question, or one of many. */
static void forget_question(struct session *session)
{
	if (session->queue.count == 0)
		return;
	session_expect_nothing(session);
	if (session->facts.starttls_answer == STARTTLS_PENDING)
		session->facts.starttls_answer = STARTTLS_NOT_ASKED;
}

/*
 * How much of the line may pass. What was allowed was a line: a second one inside it, of which
 * nothing was known then, waits again; so does the rest of a RCPT that had no end then, since it
 * names the domain.
 */
static size_t front_len(const struct session *session, enum smtp_verb *verb,
                        const struct front_line *line)
{
	size_t point = commitment_point(session, verb, line);

	if (!session->is_front_allowed)
		return point;
	if (session->front_allowed_len < line->octets.len)
		return session->front_allowed_len;
	if (line->is_split && !session->is_split_allowed)
		return unsplit_len(line->octets);
	return line->octets.len;
}

static struct session_step read_line(struct session *session, struct bytes readable)
{
	struct front_line line = find_front_line(readable);
	struct session_step step = { 0, 0 };
	enum smtp_verb verb = SMTP_VERB_UNKNOWN;
	size_t answer = 0;

	if (session->is_challenged) {
		answer = answer_len(line.octets);
		if (answer == line.octets.len)
			return take_answer(session, &line);
	}

	step.passing = front_len(session, &verb, &line);
	if (step.passing < line.octets.len || (line.is_too_long && !session->is_front_allowed)) {
		if (session->state == SESSION_RESYNC && verb == SMTP_VERB_UNKNOWN &&
		    session->is_opaque_allowed)
			return pass_line(session, readable);
		/* What looked like an answer to a challenge has passed. */
		if (step.passing < answer)
			step.passing = answer;
		hold_line(session, verb, &line);
		return step;
	}

	if (line.has_end || line.is_too_long) {
		take_line(session, &line);
		session->rest = session_rest_behind(line.octets);
		step.consumed = line.octets.len;
	}
	return step;
}

/* The first line of a connection that began before us; it, too, may have begun before us. */
static struct session_step read_first_line(struct session *session, struct bytes readable)
{
	struct session_step rest;
	struct session_step step;

	if (session->may_be_tls && session_read_midstream_record(session, &step, readable))
		return step;
	if (session_read_recipient_rest(session, &rest, readable))
		return rest;
	step = read_line(session, readable);
	if (step.consumed > 0)
		session->may_be_rest = false;
	else if (step.passing < rest.passing)
		step.passing = rest.passing;
	return step;
}

static bool begins_hello(const struct session *session, struct bytes readable)
{
	return session->rest == REST_NONE &&
	       (readable.data[0] == TLS_HANDSHAKE_OCTET || (readable.data[0] & V2_LENGTH_BIT) != 0);
}

/*
 * Postfix and Exim take any 2xx to STARTTLS for a yes, and of a reply with several codes the last one or the first. Whoever says hello in
 * TLS had his yes: as lines of a clear dialogue all that follows would pass by its host's name, and no key would be looked at.
 */
static bool took_another_yes(const struct session *session, struct bytes readable)
{
	switch (session->facts.starttls_answer) {
	case STARTTLS_NOT_ASKED:
	case STARTTLS_READY:
		return false;
	case STARTTLS_PENDING:
		/* What was allowed as no TLS would be asked about without end. */
		return session->state == SESSION_RESYNC && !session->is_clear_in_tls_allowed &&
		       begins_hello(session, readable);
	case STARTTLS_REFUSED:
	case STARTTLS_UNANSWERED:
		return session->state == SESSION_COMMAND && begins_hello(session, readable);
	}
	return false;
}

struct session_step session_read_command(struct session *session, struct bytes readable)
{
	if (session->may_be_rest)
		return read_first_line(session, readable);
	if (took_another_yes(session, readable)) {
		session_enter(session, SESSION_TLS_DUE);
		return (struct session_step){ 0, 0 };
	}
	if (session->state == SESSION_RESYNC)
		forget_question(session);
	if (session->rest == REST_CR && (readable.data[0] == '\r' || readable.data[0] == '\n')) {
		if (readable.data[0] == '\n')
			session->rest = REST_NONE;
		return (struct session_step){ 1, 1 };
	}
	if (session->rest == REST_LINE)
		return pass_line(session, readable);
	session->rest = REST_NONE;
	return read_line(session, readable);
}

struct session_step session_read_behind_starttls(struct session *session, struct bytes readable)
{
	const struct session_commitment injected = { .kind = COMMITMENT_COMMAND,
		                                     .is_line_complete = true };
	bool is_hello = begins_hello(session, readable);

	if (session->is_injection_allowed) {
		/* A ClientHello does no harm once the 220 is out. */
		if (is_hello)
			return (struct session_step){ 0, 0 };
		return session_read_command(session, readable);
	}
	if (!session->is_reply_given_up || session->is_injected || is_hello) {
		session->is_injected = true;
		session->facts.injection = INJECTION_COMMAND;
		session_hold(session, WAIT_INJECTED_COMMAND, &injected);
	} else {
		session->facts.starttls_answer = STARTTLS_UNANSWERED;
		session_enter(session, SESSION_COMMAND);
	}
	return (struct session_step){ 0, 0 };
}

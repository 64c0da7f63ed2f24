/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_SESSION_H
#define HOPGUARD_FLOW_SESSION_H

/*
 * The SMTP-then-TLS dialogue of one connection (RFC 5321, 2920, 3030, 3207, 4954): octets of both
 * directions in, facts and commitments out. It is given in-order octets and says how many of them
 * may pass; it never passes the octet that commits (docs/architecture.md) until it is allowed to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verdict/facts.h"
#include "wire/smtp_command.h"
#include "wire/smtp_path.h"

enum {
	/*
	 * Commands whose replies are still to come: RFC 2920 clients pipeline one RCPT per
	 * recipient, Postfix up to 50 at a time. Beyond it replies can no longer be told apart.
	 */
	SESSION_PIPELINE_MAX = 1024,
	/* Lines of one reply: the longest EHLO reply in the field has about 30. */
	SESSION_REPLY_LINES_MAX = 512,
};

struct session;

/* What waits for a decision. */
struct session_commitment {
	enum commitment kind; /* COMMITMENT_NONE: nothing waits */
	enum smtp_verb verb; /* UNKNOWN also when a NUL or bare CR makes more than one line of it */
	enum smtp_path_kind path; /* of RCPT and MAIL once the line is complete */
	/*
	 * False: more octets would say more (RCPT: its domain). True: a decision has nothing to
	 * wait for; so also for what is no line, and for a line without an end within
	 * SMTP_COMMAND_LINE_MAX, whose path is then MALFORMED.
	 */
	bool is_line_complete;
	bool is_rest; /* of a RCPT that was allowed before, as far as it had come */
	/* Of RCPT TO: as the client wrote it, a likely one where the path is MALFORMED; octets that are no UTF-8 are '?'. */
	char domain[SMTP_DOMAIN_MAX + 1];
};

/*
 * is_midstream: the connection began before us: nothing is known of what was said. NULL: out of
 * memory.
 */
struct session *session_new(bool is_midstream);
void session_free(struct session *session);

/*
 * Reads in-order octets. *consumed: how many are done with and need not be shown again. Returns how
 * many may pass, at least *consumed. Less than readable.len: the rest waits, for a decision
 * (session_pending tells), for the other side's reply (the client's behind DATA and STARTTLS), or
 * for good (what a server injects behind its 220). Showing the same octets again, with more behind
 * them or not, is harmless; each call of either may free what the other side waits for. What comes
 * behind STARTTLS before its reply is injected, unless session_give_up_reply was called.
 */
size_t session_from_client(struct session *session, size_t *consumed, struct bytes readable);
size_t session_from_server(struct session *session, size_t *consumed, struct bytes readable);

/*
 * STARTTLS has had no reply for so long that its client may go on without one: what it sends from
 * now on is commands again.
 */
void session_give_up_reply(struct session *session);

/*
 * Octets of the client were left out, since the server had them before us: in clear, what is shown next may begin anywhere. Of a
 * line that was allowed nothing more is. The server's names are forgotten: they told whose hop it was.
 */
void session_skip(struct session *session);

/* Borrowed: valid until the next call that takes a non-const session. */
const struct session_commitment *session_pending(const struct session *session);
/*
 * The pending commitment may pass, to the end of its line; of a RCPT that has no end yet the octets
 * that were shown, and what comes behind them waits anew. Show the readable octets of both sides
 * again. Every later one waits anew.
 */
void session_allow(struct session *session);

/*
 * The connection ends: by RST, by FIN of either side, or by time. Settles TLS_BROKEN,
 * STARTTLS_UNANSWERED and, where nothing ever committed, COMMITMENT_END. What still comes (a
 * half-closed connection) is read as before.
 */
void session_end(struct session *session);

/*
 * The wire's part of the facts; the promise's part is 0. `commitment` is that of session_pending.
 * Borrowed.
 */
const struct facts *session_facts(const struct session *session);

/* True in a message body (DATA after 354, or a BDAT chunk): octets pass without being kept. */
bool session_is_in_body(const struct session *session);
/* The client's first TLS application data was allowed, nothing more is to be learnt. */
bool session_is_done(const struct session *session);

/*
 * Names by which the server called itself, lower case, empty if none or no domain name.
 * NUL-terminated.
 */
const char *session_banner_name(const struct session *session);
const char *session_ehlo_name(const struct session *session);
/* A word for `hopguard flows`: "banner", "ehlo", "body", "tls"… */
const char *session_state_name(const struct session *session);

#endif

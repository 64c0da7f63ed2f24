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

#include "base/budget.h"
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
	/* A ClientHello or ServerHello: with two post-quantum shares and a ticket it has about 5000 octets. */
	SESSION_HELLO_MAX = 16 * 1024,
	/*
	 * All certificates that a server sends: OpenSSL takes 100 KiB, and the longest real chains have a fifth of this. One of a
	 * thousand names has half.
	 */
	SESSION_CHAIN_MAX = 64 * 1024,
	/* Of more than that, the server's own: with a large RSA key and a hundred names it has about 6000 octets. */
	SESSION_LEAF_MAX = 16 * 1024,
	/* A ServerKeyExchange: with 8192-bit parameters and an RSA signature as large it has about 3100 octets. */
	SESSION_EXCHANGE_MAX = 4096,
	/* A session ticket: with the client's certificate in it, it has about 3000 octets. */
	SESSION_TICKET_MAX = 16 * 1024,
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
 * is_midstream: the connection began before us: nothing is known of what was said. What waits, and what a TLS handshake takes, is charged to budget,
 * which outlives the session. NULL: out of memory.
 */
struct session *session_new(bool is_midstream, struct budget *budget);
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
/*
 * In the body of DATA, and certain of it: the client's next octets may pass unread as long as no line end, dot and line end completes among
 * them.
 */
bool session_may_skip(const struct session *session);
/* Where session_may_skip: octets have passed unread; the last two of them. */
void session_skip_body(struct session *session, const uint8_t tail[2]);
/* The client's first TLS application data was allowed, nothing more is to be learnt. */
bool session_is_done(const struct session *session);

/*
 * Names by which the server called itself, lower case, empty if none or no domain name.
 * NUL-terminated.
 */
const char *session_banner_name(const struct session *session);
const char *session_ehlo_name(const struct session *session);
/* By which the client called itself; the same. */
const char *session_client_name(const struct session *session);

/*
 * What the handshake has shown of itself. A hello that cannot be read leaves it unknown, and is_protocol_violated; one beyond
 * SESSION_HELLO_MAX or the budget, and is_inspection_cut_short. Of a handshake that began before us nothing is known.
 */
/* The host that the client named (SNI), lower case, without a final dot; empty: none, or an address. NUL-terminated. */
const char *session_server_name(const struct session *session);
/* That the server chose (0x0303 is TLS 1.2); 0: not known. */
uint16_t session_tls_version(const struct session *session);
/* The highest that the client offered; 0: not known. */
uint16_t session_offered_version(const struct session *session);
/* The cipher suite that the server chose; counts only with a version. */
uint16_t session_cipher(const struct session *session);
/* The client sent an Encrypted Client Hello, or a decoy of one: the name above may be a relay's, and proves nothing. */
bool session_has_ech(const struct session *session);
/* The server's certificate is not to be seen: TLS 1.3 encrypts it, and an earlier session that goes on has none. */
bool session_is_resumed_or_hidden(const struct session *session);
/* The server chose less than the client offered and, by its own sign (RFC 8446 section 4.1.3), could have done more. */
bool session_is_downgraded(const struct session *session);
/*
 * The server's certificate as it came (DER, unread), up to TLS 1.2; empty: none, none yet, or one beyond SESSION_LEAF_MAX in a list
 * beyond SESSION_CHAIN_MAX, which is is_inspection_cut_short. Borrowed: it is gone when the client's first application data is
 * allowed.
 */
struct bytes session_leaf(const struct session *session);

/* The ClientHello's lists, each as sent (RFC 8446 section 4.1.2); empty: none. */
struct session_shape {
	struct bytes cipher_suites; /* two octets each, as all of these */
	struct bytes groups;
	struct bytes signature_algorithms;
	struct bytes versions;
};

/* What of a handshake tells whether the server has the key that it shows. */
struct session_keys {
	uint16_t version; /* as session_tls_version */
	uint16_t cipher_suite;
	bool is_hidden; /* TLS 1.3: neither chain nor exchange is to be seen */
	/* Up to TLS 1.2: an earlier session that the client offered goes on, by its identifier or a ticket. */
	bool is_resumed;
	/*
	 * The server's ChangeCipherSpec and a handshake record behind it are there: it takes itself for finished. Where the suite has no
	 * signature, only what the client sends after that says that it was right (RFC 5246 section 7.4.9).
	 */
	bool is_server_finished;
	bool is_client_early; /* the client's first application data came before that (RFC 7918), or that before its own: they say nothing of it */
	bool has_extended_master_secret; /* both hellos say so (RFC 7627) */
	bool is_raw_key;  /* the chain is a bare SubjectPublicKeyInfo, no list (RFC 7250) */
	bool is_list_cut; /* the list of certificates is beyond a bound: of the chain the server's own is there alone, or nothing */
	/* The certificates, each behind three octets of length, the server's own first (RFC 5246 section 7.4.2). */
	struct bytes chain;
	struct bytes key_exchange;    /* body of the ServerKeyExchange; empty: none came */
	const uint8_t *client_random; /* 32 octets */
	const uint8_t *server_random;
	struct bytes client_session_id;
	struct bytes server_session_id;
	/* The client's, of an earlier session, and the server's of this one (RFC 5077); empty: none, or one beyond SESSION_TICKET_MAX. */
	struct bytes offered_ticket;
	struct bytes new_ticket;
	struct session_shape shape;
};

/*
 * False, and nothing written: there is no ServerHello yet, it could not be read, or it is over. A list, chain or exchange beyond its
 * bound above is empty, and is_inspection_cut_short; of a list whose first certificate is whole that one stays, and it is is_list_cut. What contradicts the order of RFC 5246 section 7.3 or the chosen suite is
 * is_protocol_violated, and ends the reading; what came before stays. All is borrowed: valid until the next call that takes a non-const
 * session, and gone when the client's first application data is allowed.
 */
bool session_keys(struct session_keys *keys, const struct session *session);

/* How far the server's side of a handshake up to TLS 1.2 was read. */
enum session_flight {
	SESSION_FLIGHT_OPEN, /* there is none, it goes on, or it is one of TLS 1.3 */
	SESSION_FLIGHT_READ, /* to its ChangeCipherSpec */
	SESSION_FLIGHT_LOST, /* a client may read on, but it is not known here any more what: a violation, or a bound */
};

enum session_flight session_server_flight(const struct session *session);
/* Whatever the server says: the client refused it, or has ended, before its own ChangeCipherSpec. */
bool session_came_to_nothing(const struct session *session, bool has_client_ended);

/* A word for `hopguard flows`: "banner", "ehlo", "body", "tls"… */
const char *session_state_name(const struct session *session);

#endif

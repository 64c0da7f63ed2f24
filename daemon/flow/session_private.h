/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_SESSION_PRIVATE_H
#define HOPGUARD_FLOW_SESSION_PRIVATE_H

/* What the files of the session share. Nobody else includes this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "flow/session.h"
#include "wire/tls_record.h"

struct session_tls; /* session_handshake.h */

/* Which octets the client may send next. */
enum session_state {
	SESSION_BANNER,  /* commands; the server has not greeted yet */
	SESSION_GREETED, /* commands; neither EHLO nor HELO was answered well yet */
	SESSION_COMMAND,
	SESSION_STARTTLS, /* nothing: the reply to STARTTLS is due */
	SESSION_TLS_DUE,  /* a ClientHello */
	SESSION_TLS,      /* handshake records */
	SESSION_TLS_DONE,
	SESSION_DATA, /* nothing: the reply to DATA is due */
	SESSION_BODY,
	SESSION_CHUNK,
	SESSION_RESYNC, /* not known: perhaps a body, so each line may be a command as well */
};

/* Whose reply comes next. */
enum session_due {
	DUE_BANNER,
	DUE_EHLO,
	DUE_HELO,
	DUE_STARTTLS,
	DUE_AUTH,
	DUE_XCLIENT,
	DUE_DATA,
	DUE_UNKNOWN, /* to a line that is no command of ours */
	DUE_OTHER,   /* to a command whose reply teaches nothing */
};

/* What session_allow lets pass. */
enum session_wait {
	WAIT_NOTHING,
	WAIT_LINE,              /* the line in front */
	WAIT_OPAQUE,            /* all that is no command, in SESSION_RESYNC */
	WAIT_INJECTED_COMMAND,  /* what the client sent behind STARTTLS */
	WAIT_INJECTED_RESPONSE, /* what the server sent behind its 220 */
	WAIT_CLEAR_IN_TLS,      /* what is no TLS where TLS must be */
	WAIT_TLS_DATA,
};

/* Of a line whose beginning is done with. */
enum session_rest {
	REST_NONE,
	REST_LINE, /* up to its end */
	REST_CR,   /* an LF, if there is one: the CR or NUL before it may have been the end */
};

/* How the body seen so far ends. */
enum session_tail { TAIL_OTHER, TAIL_CR, TAIL_LF, TAIL_CRLF };
enum session_dot { DOT_NONE, DOT_SEEN, DOT_CR };

struct session_body {
	enum session_tail tail : 8;
	enum session_dot dot : 8; /* a dot alone in its line so far */
	bool is_dot_strict;       /* CRLF came before it */
	bool is_at_start;
};

struct session_reply {
	uint16_t lines;
	uint16_t swallowed_code; /* 0: it is no reply line */
	bool is_starttls_offered : 1;
	bool is_starttls_masked : 1;
	bool is_auth_offered : 1;
	bool is_early : 1;      /* its line began when no reply was due */
	bool is_swallowing : 1; /* the rest of a line that is too long */
	bool is_swallowed_last : 1;
};

/* Replies that are due, in order; a ring. */
struct session_queue {
	union {
		uint8_t few[8]; /* room enough for most */
		uint8_t *many;  /* where there is room for more */
	} dues;
	uint16_t head;
	uint16_t count;
	uint16_t room;
};

/* What they call themselves. */
enum session_name { NAME_BANNER, NAME_EHLO, NAME_CLIENT, SESSION_NAMES };

/* There are many that say nothing for long: it is kept small, and what few need hangs from it. */
struct session {
	struct facts facts;
	enum session_state state : 8;
	enum session_wait wait : 8;
	struct session_reply reply;
	uint16_t client_record_left;
	uint16_t server_record_left;
	bool was_anything_allowed : 1;
	bool is_auth_offered : 1;
	bool is_ehlo_sent : 1;
	bool is_order_uncertain : 1; /* server and client may no longer agree on which reply is whose */
	bool is_front_allowed : 1; /* the line in front */
	bool is_split_held : 1;    /* what waits is a line with a bare CR or NUL inside */
	bool is_split_allowed : 1; /* and it, too */
	enum session_rest rest : 8;
	bool is_challenged : 1; /* 334: the client's next line is an answer, not a command */
	bool has_recipient : 1; /* one was allowed in this transaction */
	bool is_opaque_allowed : 1;
	bool is_clear_in_tls_allowed : 1; /* what is in front of the client, though it is no TLS */
	bool may_be_tls : 1;              /* midstream, before the client's first octet */
	bool may_be_rest : 1; /* midstream, before its first line: that may have begun before us */
	bool is_reply_given_up : 1; /* STARTTLS's: its client may have stopped waiting */
	bool is_injected : 1;       /* behind the last STARTTLS */
	bool is_injection_allowed : 1;
	bool is_response_injected : 1; /* octets in front of the server, before the ClientHello */
	bool is_server_opaque : 1;     /* its records can no longer be told apart */
	bool is_named_alike : 1; /* `names` has the banner's name alone, which is the one of EHLO, too */
	/* As much of the line in front: a RCPT without an end is allowed as far as it was shown. */
	uint32_t front_allowed_len;
	uint32_t front_held_len;
	struct session_body body;
	uint64_t chunk_left; /* of a BDAT chunk */
	struct session_queue queue;
	char *names; /* one behind the other, by enum session_name; NULL: none is known */
	struct session_commitment *pending; /* NULL when nothing waits, or no memory was left */
	struct session_tls *tls; /* NULL before the ClientHello, and when no memory was left */
	struct budget *budget;
};

/* What was made of the octets in front: consumed <= passing <= all of them. */
struct session_step {
	size_t consumed;
	size_t passing;
};

/* session.c */
void session_enter(struct session *session, enum session_state state);
/* The state is unknown from here on; is_opaque_allowed: what is no command may pass. */
void session_lose_order(struct session *session, bool is_opaque_allowed);
void session_hold(struct session *session, enum session_wait wait,
                  const struct session_commitment *commitment);
/* The host at the front of a greeting's text, in lower case, in place of the one before. Empty text: none. */
void session_store_name(struct session *session, enum session_name which, struct bytes text);
/* False when SESSION_PIPELINE_MAX is reached, or no memory left. */
bool session_expect(struct session *session, enum session_due due);
void session_expect_nothing(struct session *session);
/* Of a queue that is not empty. */
enum session_due session_first_due(const struct session *session);
void session_drop_due(struct session *session);
void session_violated(struct session *session);

/* session_client.c: commands, and lines that may be some */
struct session_step session_read_command(struct session *session, struct bytes readable);
struct session_step session_read_behind_starttls(struct session *session, struct bytes readable);

/* session_body.c */
void session_begin_body(struct session *session);
struct session_step session_read_body(struct session *session, struct bytes readable);
struct session_step session_read_chunk(struct session *session, struct bytes readable);

/* session_server.c */
struct session_step session_read_reply(struct session *session, struct bytes readable);

/* session_path.c: the path, and the domain of a RCPT, of a whole line */
void session_note_path(struct session_commitment *commitment, struct bytes line);

/* session_rest.c: false when it is not the rest of a recipient's line; step->passing octets of it might have been */
bool session_read_recipient_rest(struct session *session, struct session_step *step,
                                 struct bytes readable);

/* session_split.c */
/* What is left of a line of which these octets are done with. */
enum session_rest session_rest_behind(struct bytes octets);
/*
 * Of a held line that a server may read as several: where the next of them may name a recipient, the commitment is that, and ends before
 * the one behind. Returns the part with its path, else the line.
 */
struct bytes session_find_recipient(struct session *session, struct session_commitment *commitment,
                                    struct bytes line);

/* session_tls.c */
struct session_step session_read_hello(struct session *session, struct bytes readable);
struct session_step session_read_client_records(struct session *session, struct bytes readable);
struct session_step session_read_server_records(struct session *session, struct bytes readable);
/* The first octets of a connection that began before us: false when they cannot be a record. */
bool session_read_midstream_record(struct session *session, struct session_step *step,
                                   struct bytes readable);

/* session_handshake.c */
/* The ClientHello begins; what an earlier handshake of the connection showed is forgotten. */
void session_begin_handshake(struct session *session);
/* It comes in SSL 2.0's framing, `len` octets in all: these are the first, the others are the content of a record. */
void session_begin_old_hello(struct session *session, struct bytes head, size_t len);
/* The header of a record; telling it again is harmless. */
void session_note_record(struct session *session, bool is_client, enum tls_content_type type);
/* The content of that record, or the next part of it. */
void session_read_handshake(struct session *session, bool is_client, struct bytes content);
/* And its end. */
void session_note_record_end(struct session *session, bool is_client);
/* Nothing more is read. What was shown stays, the certificate excepted. */
void session_end_handshake(struct session *session);
void session_forget_tls(struct session *session);
/* Memory of zeros, charged to the session's budget; NULL: none is left. Given back with the length that it has. */
void *session_charged(struct session *session, size_t len);
void session_uncharged(struct session *session, void *octets, size_t len);

#endif

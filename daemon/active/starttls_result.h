/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_RESULT_H
#define HOPGUARD_ACTIVE_STARTTLS_RESULT_H

/*
 * What a mail server showed to a client that came to see its STARTTLS (RFC 3207). Plain values; texts of the far side are printable
 * ASCII, with '?' in the place of everything else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	STARTTLS_TEXT_MAX = 256,        /* of one line, with its NUL */
	STARTTLS_KEYWORDS_MAX = 48,     /* servers have ten to twenty */
	STARTTLS_KEYWORD_MAX = 80,      /* with parameters and NUL */
	STARTTLS_CHAIN_MAX = 64 * 1024, /* the longest real ones have a fifth of this */
	STARTTLS_DIGEST_LEN = 32,
	STARTTLS_NAME_MAX = 256,
};

/* How far it came: what it was waiting for when it ended. */
enum starttls_step {
	VISIT_AT_CONNECTING,
	VISIT_AT_BANNER,
	VISIT_AT_EHLO,      /* the reply to it */
	VISIT_AT_STARTTLS,  /* the reply to STARTTLS */
	VISIT_AT_HANDSHAKE, /* TLS */
	VISIT_AT_FINISHED,
};

enum starttls_outcome {
	VISIT_UNKNOWN,
	VISIT_DONE,        /* a handshake to its end */
	VISIT_UNREACHABLE, /* no way there from here: system_error says why */
	VISIT_REFUSED,     /* the connection, by its host */
	VISIT_TIMEOUT,     /* silence, or a tarpit: step_octets tells them apart */
	VISIT_RESET,       /* RST */
	VISIT_CLOSED,      /* FIN */
	VISIT_REPLIED,     /* another code than the step asks for: code and reply */
	VISIT_NOT_OFFERED, /* no such keyword; where it was asked for all the same, code says with what success */
	VISIT_MASKED,   /* the same, and a keyword that looks overwritten */
	VISIT_NOT_SMTP, /* replies that are none, or without an end */
	VISIT_INJECTED, /* octets behind the reply to STARTTLS, or in the place of the handshake (AT_HANDSHAKE): reply */
	VISIT_TLS_FAILED, /* tls_why, and alert if one came */
	VISIT_SYSTEM,     /* trouble of our own: system_error */
};

enum starttls_key { STARTTLS_KEY_OTHER, STARTTLS_KEY_RSA, STARTTLS_KEY_ECDSA, STARTTLS_KEY_EDDSA };

struct starttls_result {
	enum starttls_step step;
	enum starttls_outcome outcome;
	int system_error;     /* errno, of UNREACHABLE, REFUSED, RESET and SYSTEM; else 0 */
	uint32_t connect_ms;  /* since the start; 0: not reached */
	uint32_t first_ms;    /* the first octet of the banner */
	uint32_t banner_ms;   /* its end */
	uint32_t latency_ms;  /* all */
	uint32_t step_octets; /* that came in the last step */
	uint16_t code;        /* of the last complete reply; 0: none */
	char reply[STARTTLS_TEXT_MAX]; /* its last line's text, or what came in its place */
	uint16_t
		helo_code; /* of the reply to HELO, where EHLO was refused for good; 0: not asked, or no answer */

	bool is_offered; /* STARTTLS, by its keyword */
	bool is_masked;  /* a keyword looks overwritten */
	bool is_banner_masked;
	bool is_ehlo_masked; /* the first line of the reply */
	bool is_smtp_named;  /* by some line of the banner */
	bool is_other_named; /* another protocol is, by its first line */
	bool has_ehlo;       /* the reply was complete and 250: the two below mean something */
	char banner[STARTTLS_TEXT_MAX]; /* its first line */
	char ehlo[STARTTLS_TEXT_MAX]; /* first line of the reply: a name, and perhaps a greeting */
	size_t keyword_count;
	bool is_truncated; /* there were more */
	char keywords[STARTTLS_KEYWORDS_MAX][STARTTLS_KEYWORD_MAX];

	/* Of the handshake, when it came to its end. Nothing was verified. */
	uint16_t tls_version; /* as on the wire */
	uint16_t cipher_suite;
	char cipher[STARTTLS_KEYWORD_MAX]; /* its name */
	char group[STARTTLS_KEYWORD_MAX];  /* of the key exchange; empty: not known */
	int alert;                         /* that the server sent; -1: none */
	char tls_why[STARTTLS_TEXT_MAX];
	bool is_chain_long; /* TLS_FAILED since the certificates are more than STARTTLS_CHAIN_MAX octets */
	bool has_leaf;
	bool is_self_issued;                      /* the leaf's issuer is its subject */
	uint8_t leaf_digest[STARTTLS_DIGEST_LEN]; /* SHA-256 of its SubjectPublicKeyInfo */
	enum starttls_key leaf_key;
	size_t certificate_count;
	/* By their names alone: an issuer before what it issued (RFC 5246 section 7.4.2); one that issued none of the others. */
	bool is_disordered;
	bool has_strangers;
	bool is_root_missing; /* the end of the chain was issued by one that was not sent */
	char missing_issuer[STARTTLS_TEXT_MAX]; /* its name */
	/* As they came, each behind three octets of length (a certificate_list, RFC 5246 section 7.4.2). */
	size_t chain_len;
	uint8_t chain[STARTTLS_CHAIN_MAX];
};

const char *starttls_step_name(enum starttls_step step);          /* "banner", "handshake" */
const char *starttls_outcome_name(enum starttls_outcome outcome); /* "done", "not-offered" */
const char *starttls_key_name(enum starttls_key key);             /* "RSA", "ECDSA" */

/* Cut to room, always with a NUL, without anything that steers a terminal. */
void starttls_keep_text(char *text, size_t room, struct bytes from);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_FACTS_H
#define HOPGUARD_VERDICT_FACTS_H

/* What the wire has shown of one connection. Zero everywhere: nothing yet. */

#include <stdbool.h>
#include <stdint.h>

#include "verdict/key_finding.h"
#include "verdict/promise.h"

/* What irrevocable thing is about to pass (docs/architecture.md, commitment points). */
enum commitment {
	COMMITMENT_NONE,
	COMMITMENT_MAIL,    /* decided here only if the hop's promise is known already */
	COMMITMENT_RCPT,    /* the recipient's domain is known */
	COMMITMENT_COMMAND, /* AUTH, VRFY, DATA without recipient, unknown verbs, half a RCPT */
	COMMITMENT_TLS,     /* the client's first application data */
	COMMITMENT_END,     /* nothing more will pass: the connection ended before any commitment */
};

enum ehlo_outcome {
	EHLO_UNSEEN,
	EHLO_ACCEPTED, /* 250 */
	EHLO_REFUSED,  /* the last EHLO was answered by anything else */
	EHLO_NOT_SENT, /* the client said HELO and never EHLO */
};

enum starttls_offer { STARTTLS_UNSEEN, STARTTLS_OFFERED, STARTTLS_ABSENT, STARTTLS_MASKED };

enum starttls_answer {
	STARTTLS_NOT_ASKED,
	STARTTLS_PENDING,    /* asked, no reply yet */
	STARTTLS_READY,      /* 220 */
	STARTTLS_REFUSED,    /* any other code, see starttls_code */
	STARTTLS_UNANSWERED, /* the client went on without a reply */
};

enum tls_progress {
	TLS_NONE,
	TLS_HELLO,       /* the client's first record came */
	TLS_ESTABLISHED, /* the client's first application data came */
	TLS_BROKEN,      /* the connection ended between the two */
};

enum injection {
	INJECTION_NONE,
	INJECTION_COMMAND, /* client octets behind STARTTLS before its reply (CVE-2011-0411) */
	INJECTION_RESPONSE, /* server octets behind the 220 before ClientHello (CVE-2021-38371 kin) */
};

/* How the server's key is known. */
enum key_sight {
	SIGHT_NONE, /* in clear, or nobody asked for a key */
	SIGHT_WIRE, /* certificate and proof crossed the wire, now or when the session began that is resumed: proven */
	SIGHT_PROBE,  /* a connection of our own was shown it */
	SIGHT_HIDDEN, /* TLS 1.3, or a session that began before us: at most assumed */
};

struct facts {
	enum commitment commitment : 8;
	enum ehlo_outcome ehlo : 8;
	enum starttls_offer starttls : 8;
	enum starttls_answer starttls_answer : 8;
	uint16_t starttls_code;
	enum tls_progress tls : 8;
	enum injection injection : 8;
	bool is_banner_masked : 1; /* some clients do not say EHLO to such a one */
	bool is_authenticated : 1; /* AUTH was offered and used: submission */
	bool is_midstream : 1;     /* the connection began before us */
	bool is_hop_unseen : 1; /* and so did all that would tell whose hop it is; mail shall wait then */
	bool is_recipient_dripping : 1; /* it comes in ever more pieces, and does not say whose it is */
	bool is_retransmit_inconsistent : 1;
	bool is_protocol_violated : 1;
	bool is_inspection_cut_short : 1; /* a bound was reached */
	bool is_handshake_broken_before : 1; /* the same client's TLS to this or another MX broke lately */
	bool is_hold_over : 1;               /* hold-seconds are over */
	/* The strongest hop this connection stands for. */
	enum promise_state promise : 8;
	enum promise_source promise_source : 8;
	bool promise_only_alerts : 1;
	enum place place : 8;
	enum dns_security mx_security : 8;
	bool another_host_promises : 1;
	bool was_offered_before : 1; /* this host had STARTTLS, as memory says */
	/* A guarded client was answered that the domain's mail goes here, to a host that is none of the domain's. */
	bool is_led_astray : 1;
	bool is_answer_awaited : 1; /* TLS, too, waits for what this hop promised */
	/* The operator names the domain for which a client was led here: what is not known of it waits in TLS, too. */
	bool is_named : 1;
	bool is_hop_unknown : 1; /* TLS to a place that no known domain names */
	/* Of TLS: */
	bool asks_for_key : 1;
	enum key_outcome key : 8; /* KEY_UNKNOWN: nobody could tell */
	enum key_sight key_sight : 8;
	bool is_key_awaited : 1;      /* the verifier or a probe will tell */
	bool is_hidden_accepted : 1;  /* tls13 = pass */
	bool is_cipher_anonymous : 1; /* or a raw key was shown where a certificate was promised */
	bool is_cipher_null : 1;
	bool is_tls_weakened : 1;
	bool is_name_unsent : 1; /* the client named no host, and with the name the right key is there */
	bool is_name_unknown : 1; /* the client named none, nor does anything else: whose key it shall be nobody says */
};

#endif

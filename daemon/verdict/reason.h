/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_REASON_H
#define HOPGUARD_VERDICT_REASON_H

/* Why: the words of events, syslog, SMTP replies and `hopguard explain`. */

#include "verdict/promise.h"

enum reason {
	REASON_NONE,
	REASON_STARTTLS_STRIPPED,
	REASON_STARTTLS_MASKED,
	REASON_STARTTLS_REFUSED,
	REASON_EHLO_REFUSED,
	REASON_TLS_SABOTAGED,
	REASON_TLS_NOT_USED,
	REASON_MX_MISMATCH,
	REASON_POLICY_UNAVAILABLE,
	REASON_INJECTED,
	REASON_INCONSISTENT_RETRANSMISSION,
	REASON_PROTOCOL_VIOLATION,
	REASON_INSPECTION_LIMIT,
	REASON_UNDECIDED,
	REASON_STARTTLS_REGRESSED,
	REASON_UNKNOWN_HOP,
	REASON_DNS_FORGED,
	REASON_DNS_BOGUS,
	REASON_KEY_MISMATCH,
	REASON_SNI_MISSING,
	REASON_CERT_UNTRUSTED,
	REASON_CERT_EXPIRED,
	REASON_NAME_MISMATCH,
	REASON_CIPHER_UNAUTHENTICATED,
	REASON_TLS_WEAKENED,
	REASON_KEY_HIDDEN,
	REASON_PROBE_DIFFERS,
	REASON_COUNT,
};

enum reason_kind { KIND_NONE, KIND_ATTACK, KIND_INABILITY };

const char *reason_name(enum reason reason); /* "starttls-stripped" */
enum reason_kind reason_kind(enum reason reason);
const char *reason_kind_name(enum reason_kind kind); /* "attack", "inability" */
/* What was seen, in a few words that fit an SMTP reply: "STARTTLS was not offered"; place: as in struct event. */
const char *reason_words(enum reason reason, enum place place);
/* What the postmaster should do, one sentence. */
const char *reason_advice(enum reason reason);
/* RFC 3463 enhanced code for the 421: "4.7.4" or "4.7.5". */
const char *reason_status_code(enum reason reason);

#endif

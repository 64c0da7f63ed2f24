/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_KEY_FINDING_H
#define HOPGUARD_VERDICT_KEY_FINDING_H

/* What came of holding a server's certificates against the rules of its promise (verdict/key_rule.h). Plain values. */

#include <stdbool.h>
#include <stdint.h>

#include "verdict/promise.h"

enum { KEY_DIGEST_LEN = 32, KEY_TEXT_MAX = 256 };

/* From good to bad, so that of several groups the one that came closest is told. */
enum key_outcome {
	KEY_UNKNOWN, /* not looked at yet */
	KEY_MET,     /* every rule of one group is met; so also without any rule */
	/* Nobody can tell: no authority at all is known here, or a raw key was shown where a certificate is asked for; nothing else is wrong. */
	KEY_UNJUDGED,
	KEY_EXPIRED,       /* PKIX, or a trust anchor of a TLSA record: out of its dates */
	KEY_NAME_MISMATCH, /* the same: another's name */
	KEY_UNTRUSTED,     /* PKIX: no chain to an anchor; also weak or forbidden in another way */
	KEY_MISMATCH,      /* no TLSA record, no fingerprint matches */
	KEY_UNPROVEN, /* the key exchange is not signed by the certificate's key: who answered does not have it */
	KEY_UNREADABLE, /* the certificates or the key exchange cannot be read */
};

/* What a certificate says of itself; empty and zero where it does not. Texts have no control characters. */
struct key_seen {
	uint8_t leaf_digest[KEY_DIGEST_LEN];   /* SHA-256 of its SubjectPublicKeyInfo */
	uint8_t anchor_digest[KEY_DIGEST_LEN]; /* of the chain's last; zero: no chain was built */
	bool is_raw; /* a bare key was shown in the place of certificates (RFC 7250): the digest is of that */
	bool has_leaf;
	bool has_anchor;
	char names
		[KEY_TEXT_MAX]; /* the DNS names, without any the subject's common name, ' ' between them; " +990": so many more */
	char issuer[KEY_TEXT_MAX]; /* RFC 2253 form */
	int64_t not_before_s;      /* since 1970 */
	int64_t not_after_s;
};

struct key_finding {
	enum key_outcome outcome;
	/* Of the rule that decided; where all are met, of the strongest. SOURCE_NONE: there was no rule. */
	enum promise_source source;
	char matched
		[KEY_TEXT_MAX]; /* the record that matched: "3 1 1 60b875…", or "fingerprint 60b875…", or the name */
	char why[KEY_TEXT_MAX]; /* what is wrong, in a few words; empty where nothing is */
	struct key_seen seen;
};

/* Something was found wrong with it: neither met nor unknown, and not for want of our own. */
bool key_is_wrong(enum key_outcome outcome);
const char *key_outcome_name(enum key_outcome outcome); /* "met", "name-mismatch" */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_CERTIFICATE_H
#define HOPGUARD_POLICY_CERTIFICATE_H

/*
 * Whether the certificates that a server sent meet what its host promised: TLSA records (RFC 7671, RFC 7672 section 3), a chain to a
 * configured authority for one of its names (RFC 5280, RFC 6125), or a fingerprint. OpenSSL builds and verifies the chains, DANE's
 * included. That the server has the key is another question: policy/key_exchange_signature.h.
 *
 * Keys of less than 80 bits of security (RSA below 1024) and signatures by MD5 count for nothing, whatever promises them; SHA-1 is
 * taken, as Postfix takes it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "policy/certificate_anchors.h"
#include "verdict/key_finding.h"

enum {
	CERTIFICATE_DEPTH_MAX =
		9, /* issuers between the server's own and the anchor; Postfix follows as many */
	/* Names of one certificate. The largest of public authorities have 250; each rule compares all of them. */
	CERTIFICATE_NAMES_MAX = 2000,
	/* Bits of a modulus: a verification takes 0.1 ms at 2048, and grows with the square. */
	CERTIFICATE_RSA_BITS_MAX = 8192,
	CERTIFICATE_DSA_BITS_MAX = 4096,
	CERTIFICATE_QUERY_DIGEST_LEN = 32,
};

struct certificate_query {
	struct bytes
		chain; /* each certificate behind its three octets of length (RFC 5246 section 7.4.2); or a bare SubjectPublicKeyInfo (RFC 7250) */
	struct bytes rules; /* packed and sound (verdict/key_rule.h) */
	int64_t now_s;      /* wall clock, since 1970 */
	const struct certificate_anchors *anchors;
	/* What the handshake itself lacks, whatever the certificates are: no rule comes to anything better. KEY_UNKNOWN: nothing. */
	enum key_outcome handshake;
	const char *handshake_why;
};

/* Always fills all of the finding. */
void certificate_check(struct key_finding *finding, const struct certificate_query *query);

/* The same for queries with the same chain, rules and minute. False: out of memory. */
bool certificate_query_digest(uint8_t digest[CERTIFICATE_QUERY_DIGEST_LEN],
                              const struct certificate_query *query);

#endif

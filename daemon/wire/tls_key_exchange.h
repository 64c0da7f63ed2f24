/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_KEY_EXCHANGE_H
#define HOPGUARD_WIRE_TLS_KEY_EXCHANGE_H

/*
 * The ServerKeyExchange message up to TLS 1.2 (RFC 5246 section 7.4.3, RFC 8422 section 5.4; RFC 2246 for export suites, RFC 4279 and
 * 5489 for pre-shared keys, RFC 5054 for SRP), given as the whole body of the message. By its signature a server shows that it has its
 * certificate's key, in this handshake: what is signed begins with both randoms.
 */

#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

/* What an algorithm is where the message does not say it: below TLS 1.2 RSA signs MD5 and SHA-1 together, DSA and ECDSA sign SHA-1. */
enum { TLS_SIGNATURE_IMPLICIT = 0 };

struct tls_key_exchange {
	/* Signed are the client's random, the server's, and these octets, which are the body's first. */
	struct bytes params;
	/* SignatureAndHashAlgorithm as sent (RFC 5246 section 7.4.1.4.1), which TLS 1.3 calls a scheme: 0x0401, 0x0804, 0x0807… */
	uint16_t signature_algorithm;
	struct bytes signature; /* empty: the suite has none */
	uint16_t group;         /* the named curve; 0: none */
	struct bytes
		prime; /* of finite field Diffie-Hellman and SRP, or the modulus of an export key; empty: none */
	struct bytes
		share; /* the server's public value or point; of an export key its exponent; empty: none */
};

/*
 * `version` as on the wire, and the cipher suite that the server chose. Views are borrowed from the body. MALFORMED: a length that
 * contradicts another, octets left over, an empty value or signature, a curve that is not a named one (RFC 8422 section 5.4 forbids the
 * others), or a suite that has no such message, whose exchange is not known, or that is RFC 8492's.
 */
enum parse_result tls_key_exchange_parse(struct tls_key_exchange *exchange, struct bytes body,
                                         uint16_t version, uint16_t cipher_suite);

#endif

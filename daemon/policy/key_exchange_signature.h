/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_KEY_EXCHANGE_SIGNATURE_H
#define HOPGUARD_POLICY_KEY_EXCHANGE_SIGNATURE_H

/*
 * Whether a server up to TLS 1.2 has the key of the certificate that it showed: its ServerKeyExchange is signed by it, over both
 * randoms, so that neither a certificate nor a signature of another connection serves whoever replays it (RFC 5246 section 7.4.3,
 * RFC 8422 section 5.4, RFC 8446 section 4.2.3 for RSA-PSS and EdDSA).
 */

#include <stdint.h>

#include "base/bytes.h"
#include "verdict/key_finding.h"

enum { KEY_EXCHANGE_RANDOM_LEN = 32 };

struct key_exchange_signed {
	uint16_t tls_version;      /* as on the wire */
	uint16_t signature_scheme; /* TLS 1.2: hash and signature, or SignatureScheme; else 0 */
	const uint8_t *client_random;
	const uint8_t *server_random;
	struct bytes params; /* the parameters as they were sent */
	struct bytes signature;
};

/*
 * chain: as in policy/certificate.h; its first certificate counts. KEY_MET, KEY_UNPROVEN, or KEY_UNREADABLE when the certificate cannot be
 * read or its key is beyond what is verified; then *why says what is wrong. MD5 by itself proves nothing (RFC 9155), joined with SHA-1
 * as in TLS 1.0 and 1.1 it does.
 */
enum key_outcome key_exchange_signature_check(const struct key_exchange_signed *exchange,
                                              struct bytes chain, char why[KEY_TEXT_MAX]);

#endif

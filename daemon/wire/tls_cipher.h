/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_CIPHER_H
#define HOPGUARD_WIRE_TLS_CIPHER_H

/* What the number of a cipher suite says (IANA's registry of TLS cipher suites). */

#include <stdbool.h>
#include <stdint.h>

/* Nobody is authenticated: DH_anon and ECDH_anon (RFC 5246 appendix A.5, RFC 8422 section 6), and the null suite. */
bool tls_cipher_is_anonymous(uint16_t cipher_suite);
/* Nothing is encrypted. */
bool tls_cipher_is_null(uint16_t cipher_suite);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_CIPHER_H
#define HOPGUARD_WIRE_TLS_CIPHER_H

/* What the number of a cipher suite says (IANA's registry of TLS cipher suites, and some that were in use without being in it). */

#include <stdbool.h>
#include <stdint.h>

/* How both ends come to a common secret. */
enum tls_exchange {
	TLS_EXCHANGE_UNKNOWN,
	TLS_EXCHANGE_NONE, /* the null suite: there is no secret */
	TLS_EXCHANGE_RSA, /* the client encrypts it to the server's certificate: transport, RFC 5246 section 7.4.7.1 */
	TLS_EXCHANGE_RSA_EXPORT, /* the same to a signed key of 512 bits, if the certificate's is longer (RFC 2246 section 7.4.3) */
	TLS_EXCHANGE_DH, /* the certificate's own Diffie-Hellman key */
	TLS_EXCHANGE_DHE,
	TLS_EXCHANGE_ECDH, /* the certificate's own key on an elliptic curve */
	TLS_EXCHANGE_ECDHE,
	TLS_EXCHANGE_PSK, /* RFC 4279, with DHE and RSA too */
	TLS_EXCHANGE_DHE_PSK,
	TLS_EXCHANGE_RSA_PSK,
	TLS_EXCHANGE_ECDHE_PSK,     /* RFC 5489 */
	TLS_EXCHANGE_SRP,           /* RFC 5054 */
	TLS_EXCHANGE_KRB5,          /* RFC 2712 */
	TLS_EXCHANGE_ECCPWD,        /* RFC 8492 */
	TLS_EXCHANGE_GOST,          /* RFC 9189: transport to the certificate's key */
	TLS_EXCHANGE_BY_EXTENSIONS, /* a suite of TLS 1.3, which says nothing of it */
};

/* What shows who the server is. */
enum tls_authentication {
	TLS_AUTHENTICATION_UNKNOWN,
	TLS_AUTHENTICATION_NONE,
	TLS_AUTHENTICATION_DECRYPTION, /* it could decrypt or agree with its certificate's key: nothing is signed, its Finished tells */
	/* A signature by the certificate's key, in the ServerKeyExchange. */
	TLS_AUTHENTICATION_RSA,
	TLS_AUTHENTICATION_DSS,
	TLS_AUTHENTICATION_ECDSA,  /* and EdDSA (RFC 8422 section 5.10) */
	TLS_AUTHENTICATION_SECRET, /* a key, password or ticket that both have; no certificate */
	TLS_AUTHENTICATION_BY_EXTENSIONS,
};

enum tls_exchange tls_cipher_exchange(uint16_t cipher_suite);
enum tls_authentication tls_cipher_authentication(uint16_t cipher_suite);

/* Whether a server sends a message of its own, up to TLS 1.2 (RFC 5246 section 7.3). */
enum tls_presence {
	TLS_OPTIONAL, /* so also where the suite is not known */
	TLS_ABSENT,
	TLS_REQUIRED,
};

enum tls_presence tls_cipher_certificate(uint16_t cipher_suite);
enum tls_presence tls_cipher_key_exchange(uint16_t cipher_suite);
/* A ServerKeyExchange, where there is one, is signed by the certificate's key. */
bool tls_cipher_is_signed(uint16_t cipher_suite);

/* Nobody is authenticated: DH_anon and ECDH_anon (RFC 5246 appendix A.5, RFC 8422 section 6), and the null suite. */
bool tls_cipher_is_anonymous(uint16_t cipher_suite);
/* Nothing is encrypted. */
bool tls_cipher_is_null(uint16_t cipher_suite);
/* Keys of 40 or 56 bits by law, and parameters of 512 or 1024: an attacker of today makes them in hours (RFC 4346 appendix A.5). */
bool tls_cipher_is_export(uint16_t cipher_suite);
/* Forbidden by RFC 7465; export suites aside. */
bool tls_cipher_is_rc4(uint16_t cipher_suite);
/* DES with 56 bits (RFC 5469); export suites aside. */
bool tls_cipher_is_single_des(uint16_t cipher_suite);
/*
 * What it hides, others can read: null, export, RC4 and single DES. Triple DES and IDEA are none of them: their short blocks tell
 * something only of hundreds of megabytes under one key (RFC 7457 and CVE-2016-2183), which no mail connection has.
 */
bool tls_cipher_is_weak(uint16_t cipher_suite);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_CERTIFICATE_H
#define HOPGUARD_WIRE_TLS_CERTIFICATE_H

/*
 * The Certificate message up to TLS 1.2 (RFC 5246 section 7.4.2), where it crosses the wire in clear: a list of certificates, the
 * server's own first. They are octets here; what is in them is read elsewhere.
 */

#include <stddef.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum {
	TLS_CERTIFICATE_LENGTH_LEN = 3, /* of the list, and of each certificate in front of it */
	/* Before the first certificate. */
	TLS_CERTIFICATE_HEAD_LEN = 2 * TLS_CERTIFICATE_LENGTH_LEN,
	TLS_CERTIFICATE_STATUS_HEAD_LEN = 1 + 3, /* type, and the length of a response */
	/* OpenSSL follows a chain of so many; real ones have two to five. */
	TLS_CERTIFICATES_MAX = 100,
};

/* A list that is walked from its front. */
struct tls_certificates {
	struct bytes kept; /* of what is still to come */
	size_t left_len;   /* what is still to come */
	size_t count;      /* that were read */
};

/*
 * The body's first octets, and how long the whole body is by its header. MORE: not even the list's length is there. MALFORMED: the
 * list is not as long as the body. An empty list is one (it is a client's to send).
 */
enum parse_result tls_certificates_begin(struct tls_certificates *list, struct bytes kept,
                                         size_t body_len);

/*
 * The next certificate, unless nothing is left_len. MORE: its end was not kept. MALFORMED: it is empty, longer than the list, or one
 * more than TLS_CERTIFICATES_MAX.
 */
enum parse_result tls_certificates_next(struct bytes *certificate, struct tls_certificates *list);

/*
 * The first octets of a CertificateStatus message (RFC 6066 section 8), and how long its whole body is: what an authority says of the
 * certificates, which is read by nobody here. MORE: too few of them. MALFORMED: the response is empty or not as long as the body; that
 * of another type than OCSP (RFC 6961 has more) may be anything.
 */
enum parse_result tls_certificate_status_check(struct bytes kept, size_t body_len);

#endif

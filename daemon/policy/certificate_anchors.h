/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_CERTIFICATE_ANCHORS_H
#define HOPGUARD_POLICY_CERTIFICATE_ANCHORS_H

/* The authorities that chains may end at, read once and held for every check. */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verdict/key_finding.h"

enum { CERTIFICATE_WHY_MAX = 128 };

struct certificate_anchors;

/*
 * pem: certificates, one behind the other; text between them is passed over (RFC 7468 section 5.2). Empty: no authority is trusted,
 * which leaves the records of DNS and fingerprints to be checked. NULL: nothing in it is a certificate, one is malformed, or out of
 * memory; *why says so. OpenSSL is initialised here, without its configuration file: it opens none afterwards.
 */
struct certificate_anchors *certificate_anchors_new(struct bytes pem,
                                                    char why[CERTIFICATE_WHY_MAX]);
void certificate_anchors_free(struct certificate_anchors *anchors);
/*
 * The DER of the authority whose public key (SubjectPublicKeyInfo) has that SHA-256 digest, into `der`; its length, or 0: none has, or
 * there is no room.
 */
size_t certificate_anchors_find(uint8_t *der, size_t room,
                                const struct certificate_anchors *anchors,
                                const uint8_t digest[KEY_DIGEST_LEN]);
size_t certificate_anchors_count(const struct certificate_anchors *anchors);

#endif

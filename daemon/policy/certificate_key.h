/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_CERTIFICATE_KEY_H
#define HOPGUARD_POLICY_CERTIFICATE_KEY_H

/* Which key a certificate is for, so that memory can tell it from others. Nothing is verified here. */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { CERTIFICATE_KEY_LEN = 32 };

/* SHA-256 of the SubjectPublicKeyInfo of a certificate (RFC 5280 section 4.1.2.7) in DER. False: it is none. */
bool certificate_key_digest(uint8_t digest[CERTIFICATE_KEY_LEN], struct bytes certificate);

#endif

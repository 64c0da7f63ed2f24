/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_TLSA_H
#define HOPGUARD_POLICY_TLSA_H

/* One TLSA record (RFC 6698 section 2.1), and whether SMTP can use it (RFC 7672 section 3.1). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };
enum tlsa_selector { TLSA_CERTIFICATE, TLSA_PUBLIC_KEY };
enum tlsa_matching { TLSA_FULL, TLSA_SHA256, TLSA_SHA512 };

/* As the octets say: any value may stand in any field. */
struct tlsa {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	struct bytes data; /* borrowed */
};

enum { TLSA_TEXT_MAX = 32 };

/* PARSE_OK or PARSE_MALFORMED (shorter than its fixed fields). */
enum parse_result tlsa_parse(struct tlsa *tlsa, struct bytes data);

/*
 * False: usages 0 and 1 (no trust anchors are shared between mail servers), what is not assigned, a digest of the wrong
 * length, a full certificate or key that is no DER sequence.
 */
bool tlsa_is_usable(const struct tlsa *tlsa);

/* "3 1 1 60b875…" */
const char *tlsa_format(char text[TLSA_TEXT_MAX], const struct tlsa *tlsa);

#endif

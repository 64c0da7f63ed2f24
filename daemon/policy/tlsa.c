/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/tlsa.h"

#include <stdio.h>

enum {
	SHA256_LEN = 32,
	SHA512_LEN = 64,
	DER_SEQUENCE = 0x30,
	DER_BIT_STRING = 0x03,
	DER_LONG_LENGTH = 0x80,
	SHOWN_OCTETS = 3,
};

enum parse_result tlsa_parse(struct tlsa *tlsa, struct bytes data)
{
	struct cursor cursor = cursor_over(data);
	struct tlsa parsed;

	parsed.usage = cursor_u8(&cursor);
	parsed.selector = cursor_u8(&cursor);
	parsed.matching = cursor_u8(&cursor);
	parsed.data = cursor_bytes(&cursor, cursor_left(&cursor));
	if (cursor.failed)
		return PARSE_MALFORMED;
	*tlsa = parsed;
	return PARSE_OK;
}

/* The contents of one element of definite length (X.690 section 8.1.3); the cursor fails otherwise. */
static struct bytes read_element(struct cursor *cursor, uint8_t tag)
{
	uint8_t found = cursor_u8(cursor);
	size_t len = cursor_u8(cursor);

	if (len == (DER_LONG_LENGTH | 1))
		len = cursor_u8(cursor);
	else if (len == (DER_LONG_LENGTH | 2))
		len = cursor_u16(cursor);
	else if (len == (DER_LONG_LENGTH | 3))
		len = cursor_u24(cursor);
	else if (len >= DER_LONG_LENGTH)
		cursor->failed = true;
	if (found != tag)
		cursor->failed = true;
	return cursor_bytes(cursor, len);
}

/* Certificate: tbsCertificate, algorithm, signature. SubjectPublicKeyInfo: algorithm, key. */
static bool has_der_shape(struct bytes data, uint8_t selector)
{
	struct cursor whole = cursor_over(data);
	struct cursor inside = cursor_over(read_element(&whole, DER_SEQUENCE));

	if (selector == TLSA_CERTIFICATE)
		read_element(&inside, DER_SEQUENCE);
	read_element(&inside, DER_SEQUENCE);
	read_element(&inside, DER_BIT_STRING);
	return cursor_finished(&whole) && cursor_finished(&inside);
}

bool tlsa_is_usable(const struct tlsa *tlsa)
{
	if (tlsa->usage != TLSA_DANE_TA && tlsa->usage != TLSA_DANE_EE)
		return false;
	if (tlsa->selector != TLSA_CERTIFICATE && tlsa->selector != TLSA_PUBLIC_KEY)
		return false;
	switch (tlsa->matching) {
	case TLSA_FULL:
		return has_der_shape(tlsa->data, tlsa->selector);
	case TLSA_SHA256:
		return tlsa->data.len == SHA256_LEN;
	case TLSA_SHA512:
		return tlsa->data.len == SHA512_LEN;
	default:
		return false;
	}
}

const char *tlsa_format(char text[TLSA_TEXT_MAX], const struct tlsa *tlsa)
{
	int at = snprintf(text, TLSA_TEXT_MAX, "%u %u %u ", tlsa->usage, tlsa->selector,
	                  tlsa->matching);
	size_t i;

	for (i = 0; i < SHOWN_OCTETS && i < tlsa->data.len; i++)
		at += snprintf(text + at, TLSA_TEXT_MAX - (size_t)at, "%02x", tlsa->data.data[i]);
	if (tlsa->data.len > SHOWN_OCTETS)
		snprintf(text + at, TLSA_TEXT_MAX - (size_t)at, "...");
	return text;
}

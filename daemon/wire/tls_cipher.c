/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_cipher.h"

#include <stddef.h>

struct range {
	uint16_t first;
	uint16_t last;
};

static const struct range anonymous[] = {
	{ 0x0000, 0x0000 }, /* TLS_NULL_WITH_NULL_NULL */
	{ 0x0017, 0x001b }, /* RFC 5246 */
	{ 0x0034, 0x0034 }, { 0x003a, 0x003a },
	{ 0x006c, 0x006d }, { 0x0046, 0x0046 }, /* Camellia, RFC 5932 */
	{ 0x0089, 0x0089 }, { 0x00bf, 0x00bf },
	{ 0x00c5, 0x00c5 }, { 0x009b, 0x009b }, /* SEED, RFC 4162 */
	{ 0x00a6, 0x00a7 },                     /* GCM, RFC 5288 */
	{ 0xc015, 0xc019 },                     /* elliptic curves, RFC 8422 */
	{ 0xc046, 0xc047 },                     /* ARIA, RFC 6209 */
	{ 0xc05a, 0xc05b }, { 0xc084, 0xc085 }, /* Camellia GCM, RFC 6367 */
};

static const struct range null[] = {
	{ 0x0000, 0x0002 }, { 0x003b, 0x003b }, /* RFC 5246 */
	{ 0x002c, 0x002e },                     /* RFC 4785 */
	{ 0x0082, 0x0083 },                     /* GOST */
	{ 0x00b0, 0x00b1 }, { 0x00b4, 0x00b5 }, /* RFC 5487 */
	{ 0x00b8, 0x00b9 }, { 0xc001, 0xc001 }, /* RFC 8422 */
	{ 0xc006, 0xc006 }, { 0xc00b, 0xc00b }, { 0xc010, 0xc010 },
	{ 0xc015, 0xc015 }, { 0xc039, 0xc03b }, /* RFC 5489 */
	{ 0xc0b4, 0xc0b5 },                     /* TLS 1.3's, RFC 9150 */
};

static bool includes(const struct range *ranges, size_t count, uint16_t cipher_suite)
{
	for (size_t i = 0; i < count; i++) {
		if (cipher_suite >= ranges[i].first && cipher_suite <= ranges[i].last)
			return true;
	}
	return false;
}

bool tls_cipher_is_anonymous(uint16_t cipher_suite)
{
	return includes(anonymous, sizeof(anonymous) / sizeof(anonymous[0]), cipher_suite);
}

bool tls_cipher_is_null(uint16_t cipher_suite)
{
	return includes(null, sizeof(null) / sizeof(null[0]), cipher_suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TLSA record's octets: its fields and data are the record again, what is usable is what RFC 7672 says, and its text has room. */

#include "require.h"

#include "policy/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes record = exact_copy(bytes_of(data, len));
	struct tlsa tlsa;
	char text[TLSA_TEXT_MAX], fields[16];
	enum parse_result result = tlsa_parse(&tlsa, record);

	REQUIRE((result == PARSE_OK) == (len >= 3));
	if (result == PARSE_OK) {
		REQUIRE(tlsa.usage == data[0] && tlsa.selector == data[1] &&
		        tlsa.matching == data[2] && tlsa.data.len == len - 3);
		if (tlsa_is_usable(&tlsa)) {
			REQUIRE(tlsa.usage == TLSA_DANE_TA || tlsa.usage == TLSA_DANE_EE);
			REQUIRE(tlsa.selector <= TLSA_PUBLIC_KEY && tlsa.matching <= TLSA_SHA512);
			REQUIRE(tlsa.matching != TLSA_SHA256 || tlsa.data.len == 32);
			REQUIRE(tlsa.matching != TLSA_SHA512 || tlsa.data.len == 64);
			REQUIRE(tlsa.matching != TLSA_FULL || tlsa.data.data[0] == 0x30);
		}
		memset(text, 0xff, sizeof(text));
		REQUIRE(strnlen(tlsa_format(text, &tlsa), sizeof(text)) < sizeof(text));
		(void)snprintf(fields, sizeof(fields), "%u %u %u ", data[0], data[1], data[2]);
		REQUIRE(strncmp(text, fields, strlen(fields)) == 0);
	}
	exact_free(record);
	return 0;
}

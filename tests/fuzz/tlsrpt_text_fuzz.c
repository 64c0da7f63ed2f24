/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A TXT record as it stands in DNS: a fault goes with INVALID, and what is kept of the address can be shown. */

#include "wire/tlsrpt_text.h"

#include <string.h>

#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlsrpt tlsrpt = { 0 };

	tlsrpt_add(&tlsrpt, bytes_of(data, size));
	REQUIRE((tlsrpt_state(&tlsrpt) == TLSRPT_INVALID) == (tlsrpt_why(&tlsrpt)[0] != '\0'));
	REQUIRE(strnlen(tlsrpt.rua, sizeof(tlsrpt.rua)) < sizeof(tlsrpt.rua));
	for (const char *at = tlsrpt.rua; *at; at++)
		REQUIRE(*at > ' ' && *at <= '~');
	if (tlsrpt_state(&tlsrpt) == TLSRPT_FOUND)
		REQUIRE(tlsrpt.rua[0] != '\0');
	return 0;
}

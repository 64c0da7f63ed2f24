/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/body_oracle.h"

static bool is_line_end(uint8_t octet)
{
	return octet == '\r' || octet == '\n';
}

bool body_oracle_completes(const uint8_t *octets, size_t len)
{
	size_t at;

	for (at = 0; at + 3 <= len; at++) {
		if (is_line_end(octets[at]) && octets[at + 1] == '.' && is_line_end(octets[at + 2]))
			return true;
	}
	return false;
}

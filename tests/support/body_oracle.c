/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/body_oracle.h"

#include <string.h>

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

void body_oracle_arm(struct body_oracle *oracle, uint32_t next_seq, const uint8_t tail[2])
{
	oracle->is_armed = true;
	oracle->next_seq = next_seq;
	memcpy(oracle->passed, tail, 2);
	oracle->len = 2;
}

static bool is_text(const struct body_oracle_segment *segment)
{
	/* Of FIN, SYN, RST, PSH, ACK and URG only ACK has to be there, and only PSH may. */
	return (segment->tcp_flags & 0x37) == 0x10 && !segment->is_odd;
}

bool body_oracle_takes(struct body_oracle *oracle, const struct body_oracle_segment *segment)
{
	size_t len = oracle->len + segment->len;
	bool ends_open;

	if (!oracle->is_armed)
		return false;
	if (segment->len == 0 && !(segment->tcp_flags & 0x27) && !segment->is_odd)
		return false;
	oracle->is_armed = false;
	if (segment->len == 0 || !is_text(segment) || segment->seq != oracle->next_seq ||
	    len > sizeof(oracle->passed))
		return false;
	memcpy(oracle->passed + oracle->len, segment->payload, segment->len);
	ends_open = is_line_end(oracle->passed[len - 2]) && oracle->passed[len - 1] == '.';
	if (ends_open || body_oracle_completes(oracle->passed, len))
		return false;
	oracle->is_armed = true;
	oracle->len = len;
	oracle->next_seq += (uint32_t)segment->len;
	return true;
}

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

void body_oracle_arm(struct body_oracle *oracle, uint32_t next_seq, const uint8_t tail[2],
                     const struct body_oracle_ack *answer)
{
	oracle->is_armed = true;
	oracle->has_answers = answer != NULL;
	if (answer)
		oracle->answer = *answer;
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

/* One octet after the other from the last acknowledgement on, up to what has passed. */
static bool has_passed(bool *is_next_mib, const struct body_oracle *oracle, uint32_t acked)
{
	uint32_t seq = oracle->answer.acked;

	*is_next_mib = false;
	while (seq != acked) {
		if (seq == oracle->next_seq)
			return false;
		if (++seq % (1024 * 1024) == 0)
			*is_next_mib = true;
	}
	return true;
}

bool body_oracle_takes_ack(struct body_oracle *oracle, const struct body_oracle_ack *ack)
{
	/* Bits 6 and 7 are those of congestion. */
	bool is_bare = ack->tcp_flags % 64 == 16;
	uint32_t latest = oracle->answer.timestamp;
	bool is_next_mib;

	if (!oracle->is_armed || !oracle->has_answers || !is_bare || ack->is_odd ||
	    ack->is_elsewhere || ack->seq != oracle->answer.seq ||
	    !has_passed(&is_next_mib, oracle, ack->acked))
		return false;
	if (ack->has_timestamp && (int32_t)(ack->timestamp - latest) > 0)
		latest = ack->timestamp;
	oracle->answer = *ack;
	oracle->answer.timestamp = latest;
	return !is_next_mib;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_BODY_ORACLE_H
#define HOPGUARD_TESTS_SUPPORT_BODY_ORACLE_H

/* What a scan of message bodies, and who passes their segments by it, have to do, found the slow and obvious way. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_ORACLE_MAX = 256 * 1024 };

/* CR or LF, a dot, CR or LF: three octets in a row, anywhere. */
bool body_oracle_completes(const uint8_t *octets, size_t len);

/* All that passed, the two octets before it first. */
struct body_oracle {
	bool is_armed;
	uint32_t next_seq;
	size_t len;
	uint8_t passed[BODY_ORACLE_MAX];
};

struct body_oracle_segment {
	uint32_t seq;
	uint8_t tcp_flags;
	bool is_odd; /* its headers are more than they should be */
	const uint8_t *payload;
	size_t len;
};

void body_oracle_arm(struct body_oracle *oracle, uint32_t next_seq, const uint8_t tail[2]);
/* Whether it passes; it is then a part of what passed. */
bool body_oracle_takes(struct body_oracle *oracle, const struct body_oracle_segment *segment);

#endif

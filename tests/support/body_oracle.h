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

/* What a server sent that has no payload; what it was armed with, or what of it passed last. */
struct body_oracle_ack {
	uint32_t seq;
	uint32_t acked;
	uint16_t window;
	uint8_t tcp_flags;
	bool has_timestamp;
	bool is_odd;       /* its headers are more than they should be */
	bool is_elsewhere; /* by another interface */
	uint32_t timestamp;
};

/* All that passed, the two octets before it first. */
struct body_oracle {
	bool is_armed;
	bool has_answers; /* the server's may pass */
	struct body_oracle_ack answer;
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

/* answer: NULL where none of the server's may pass. */
void body_oracle_arm(struct body_oracle *oracle, uint32_t next_seq, const uint8_t tail[2],
                     const struct body_oracle_ack *answer);
/* Whether it passes; it is then a part of what passed. */
bool body_oracle_takes(struct body_oracle *oracle, const struct body_oracle_segment *segment);
/* The same of the server's; what passes is then the last that did, and one of each MiB is, though it does not. */
bool body_oracle_takes_ack(struct body_oracle *oracle, const struct body_oracle_ack *ack);

#endif

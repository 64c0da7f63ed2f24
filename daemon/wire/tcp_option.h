/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TCP_OPTION_H
#define HOPGUARD_WIRE_TCP_OPTION_H

/* Options of a TCP header (RFC 9293 section 3.1), one after the other. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_TIMESTAMPS = 8,
	TCP_OPTION_MPTCP = 30,
	TCP_OPTION_FAST_OPEN = 34,
	TCP_OPTION_ENCRYPTION = 69, /* RFC 8547 */
	TCP_OPTION_EXPERIMENT_1 = 253,
	TCP_OPTION_EXPERIMENT_2 = 254,
};

struct tcp_option {
	uint8_t kind;
	size_t at;         /* of its kind among the options */
	size_t len;        /* with kind and length */
	struct bytes body; /* behind kind and length; borrowed */
};

/* The next one that is no NOP. False at the end, or when malformed: then the cursor has failed. */
bool tcp_option_next(struct tcp_option *option, struct cursor *options);

/*
 * What would carry data past us or hide it from us: MPTCP, Fast Open (also by its experiment, RFC
 * 7413), tcpcrypt's negotiation, SMC (RFC 7609).
 */
bool tcp_option_is_forbidden(const struct tcp_option *option);

#endif

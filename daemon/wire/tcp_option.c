/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tcp_option.h"

/* First 16 bits of experiment identifiers (RFC 6994). */
enum { EXPERIMENT_FAST_OPEN = 0xf989, EXPERIMENT_ENCRYPTION = 0x454e, EXPERIMENT_SMC = 0xe2d4 };

bool tcp_option_next(struct tcp_option *option, struct cursor *options)
{
	while (cursor_left(options) > 0) {
		size_t at = options->at;
		uint8_t kind = cursor_u8(options);
		uint8_t len;
		struct bytes body;

		if (kind == TCP_OPTION_END)
			return false;
		if (kind == TCP_OPTION_NOP)
			continue;
		len = cursor_u8(options);
		if (len < 2)
			options->failed = true;
		body = cursor_bytes(options, (size_t)len - 2);
		if (options->failed)
			return false;
		*option = (struct tcp_option){ .kind = kind, .at = at, .len = len, .body = body };
		return true;
	}
	return false;
}

bool tcp_option_is_forbidden(const struct tcp_option *option)
{
	struct cursor body = cursor_over(option->body);
	uint16_t experiment = cursor_u16(&body);

	switch (option->kind) {
	case TCP_OPTION_MPTCP:
	case TCP_OPTION_FAST_OPEN:
	case TCP_OPTION_ENCRYPTION:
		return true;
	case TCP_OPTION_EXPERIMENT_1:
	case TCP_OPTION_EXPERIMENT_2:
		return experiment == EXPERIMENT_FAST_OPEN || experiment == EXPERIMENT_ENCRYPTION ||
		       experiment == EXPERIMENT_SMC;
	default:
		return false;
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "busy_poll.h"

static uint32_t next_window(uint32_t window_ns)
{
	if (window_ns == 0)
		return BUSY_POLL_FIRST_NS;
	return window_ns > BUSY_POLL_MAX_NS / 2 ? BUSY_POLL_MAX_NS : 2 * window_ns;
}

void busy_poll_note(struct busy_poll *poll, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - poll->last_ns;

	poll->last_ns = now_ns;
	if (gap_ns > BUSY_POLL_MAX_NS)
		poll->window_ns = 0;
	else if (gap_ns > poll->window_ns)
		poll->window_ns = next_window(poll->window_ns);
}

bool busy_poll_is_over(const struct busy_poll *poll, uint64_t now_ns)
{
	return now_ns - poll->last_ns >= poll->window_ns;
}

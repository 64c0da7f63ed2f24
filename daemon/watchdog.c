/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watchdog.h"

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <systemd/sd-daemon.h>

static void on_half(evutil_socket_t none, short what, void *argument)
{
	(void)none;
	(void)what;
	(void)argument;
	(void)sd_notify(0, "WATCHDOG=1");
}

int watchdog_start(struct event **watchdog, struct event_base *base)
{
	uint64_t watchdog_us = 0;
	struct timeval half;

	*watchdog = NULL;
	if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
		return 0;
	*watchdog = event_new(base, -1, EV_PERSIST, on_half, NULL);
	half.tv_sec = (time_t)(watchdog_us / 2 / 1000000);
	half.tv_usec = (suseconds_t)(watchdog_us / 2 % 1000000);
	return !*watchdog || event_add(*watchdog, &half) ? -ENOMEM : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WATCHDOG_H
#define HOPGUARD_WATCHDOG_H

/* Systemd's watchdog (sd_watchdog_enabled(3)): it hears twice in its time that the loop turns. */

struct event;
struct event_base;

/* *watchdog: to be freed with event_free; NULL where nobody wants to hear it. 0 or -ENOMEM. */
int watchdog_start(struct event **watchdog, struct event_base *base);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_ROUTES_WATCH_H
#define HOPGUARD_NET_ROUTES_WATCH_H

/*
 * Tells that routes_attached (net/routes.h) may have something else to say: an attached network, or a default route, came or went
 * (rtnetlink). Routes by a gateway, of which a router of the Internet hears thousands, are no news.
 */

#include <stdbool.h>

struct routes_watch;

/* 0 or -errno. */
int routes_watch_open(struct routes_watch **opened);
void routes_watch_close(struct routes_watch *watch);

/* Whether something may have changed since the last call. */
bool routes_watch_changed(struct routes_watch *watch);

#endif

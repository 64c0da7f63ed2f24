/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_ROUTES_H
#define HOPGUARD_NET_ROUTES_H

/* What the routing tables say of this machine's neighbourhood (rtnetlink). */

#include <stddef.h>

#include "base/address.h"

/*
 * The networks directly attached on interfaces that no default route uses, at most `room`. Their
 * number; what could not be asked is missing.
 */
size_t routes_attached(struct network *networks, size_t room);

/*
 * The interface by which this machine would send to that address; ROUTES_HERE: it is this machine's own. Negative: there is no way, or it
 * could not be asked.
 */
enum { ROUTES_HERE = 0 };
int routes_interface(const struct address *address);

#endif

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

#endif

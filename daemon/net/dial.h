/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_DIAL_H
#define HOPGUARD_NET_DIAL_H

/* TCP sockets that need a right to be made, for a process without any that is to connect them. */

#include <stdint.h>

#include "base/address.h"

/*
 * Not connected, not blocking, its packets with `mark`. source: bound to that address, which need not be this machine's; its port is
 * chosen with the connection. NULL: not bound. A descriptor, or -errno. CAP_NET_ADMIN is needed.
 */
int dial_socket(uint8_t family, uint32_t mark, const struct address *source);

#endif

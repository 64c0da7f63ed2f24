/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_DIAL_H
#define HOPGUARD_NET_DIAL_H

/* TCP sockets that need a right to be made, for a process without any that is to connect them. */

#include <stdbool.h>
#include <stdint.h>

/*
 * Not connected, not blocking, its packets with `mark`. is_transparent: it may be bound to an address that is not this machine's.
 * A descriptor, or -errno. CAP_NET_ADMIN is needed.
 */
int dial_socket(uint8_t family, uint32_t mark, bool is_transparent);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_CHECKSUM_H
#define HOPGUARD_WIRE_CHECKSUM_H

/*
 * The Internet checksum (RFC 1071) as a number to be written big-endian. Over octets that hold
 * their own, right checksum it is 0.
 */

#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"

uint16_t checksum_of(struct bytes octets);

/*
 * Over a TCP segment, header and data, behind its pseudo-header (RFC 9293 section 3.1). One family.
 */
uint16_t checksum_of_tcp(const struct address *source, const struct address *destination,
                         struct bytes tcp);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_WIRE_PACKET_VECTORS_H
#define HOPGUARD_TESTS_UNIT_WIRE_PACKET_VECTORS_H

/*
 * Packets that another implementation wrote, with right checksums, in hexadecimal:
 * 192.0.2.2 or 2001:db8::2 port 40112 to 198.51.100.25 or 2001:db8:25::25 port 25.
 */

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { VECTOR_MAX = 256 };

/* PSH ACK, timestamps 0x11223344 0x55667788, "EHLO a\r\n". */
#define IPV4_DATA                                                                                  \
	"4500003c1234400040063c39c0000202c63364199cb00019fffffff001020304801801f5"                 \
	"175100000101080a112233445566778845484c4f20610d0a"
/* Router alert and padding; FIN PSH ACK, "QUIT\r\n!". */
#define IPV4_OPTIONS                                                                               \
	"47000037000100000306336cc0000202c633641994040000010101009cb00019fffffff0"                 \
	"01020304501901f5580c0000515549540d0a21"
/* SYN, seq 7: MSS, SACK, timestamps, window scale, MPTCP, Fast Open, and "EHLO a\r\n". */
#define IPV4_SYN                                                                                   \
	"450000580001000040068e50c0000202c63364199cb000190000000700000000f0022000"                 \
	"d7930000020405b40402080a0000000100000000010303071e0c00810000000000000000"                 \
	"2206aabbccdd000045484c4f20610d0a"
/* ACK, "RCPT TO:<a@b>\r\n". */
#define IPV6_DATA                                                                                  \
	"603123450023064020010db800000000000000000000000220010db80025000000000000"                 \
	"000000259cb00019fffffff001020304501001f5da5b00005243505420544f3a3c614062"                 \
	"3e0d0a"
/*
 * Hop-by-hop options at 40, destination options at 48, routing at 64, atomic fragment at 88,
 * authentication at 96, TCP at 120: URG ACK, timestamps 9 8, "x".
 */
#define IPV6_CHAIN                                                                                 \
	"600000000071004020010db800000000000000000000000220010db80025000000000000"                 \
	"000000253c000502000001002b01010c0000000000000000000000002c02040000000000"                 \
	"20010db8000000000000000000000099330000000000004d060400000000000100000002"                 \
	"0000000000000000000000009cb00019fffffff001020304803001f5001500030101080a"                 \
	"000000090000000878"

static inline uint8_t vector_digit(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *found = strchr(digits, digit);

	if (!found)
		abort();
	return (uint8_t)(found - digits);
}

/* Octets written to `octets`. */
static inline size_t vector_read(uint8_t octets[VECTOR_MAX], const char *hexadecimal)
{
	size_t len = strlen(hexadecimal) / 2;

	if (len > VECTOR_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(vector_digit(hexadecimal[2 * i]) << 4 |
		                      vector_digit(hexadecimal[2 * i + 1]));
	return len;
}

#endif

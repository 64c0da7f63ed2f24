/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_HELLOS_H
#define HOPGUARD_TESTS_UNIT_HELLOS_H

/* The smallest handshake messages that are whole, each in a record of its own, for tests that only need some. */

/* TLS 1.2, one suite, no extensions. */
#define SMALL_CLIENT_HELLO                                                                         \
	"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03"                                             \
	"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"                                                         \
	"\x00\x00\x02\x00\x2f\x01\x00"
#define SMALL_SERVER_HELLO                                                                         \
	"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03"                                             \
	"ssssssssssssssssssssssssssssssss"                                                         \
	"\x00\x00\x2f\x00"

enum {
	SMALL_CLIENT_HELLO_LEN = sizeof(SMALL_CLIENT_HELLO) - 1,
	SMALL_SERVER_HELLO_LEN = sizeof(SMALL_SERVER_HELLO) - 1,
};

#endif

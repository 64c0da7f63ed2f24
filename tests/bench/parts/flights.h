/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_FLIGHTS_H
#define HOPGUARD_TESTS_BENCH_FLIGHTS_H

/*
 * Two handshakes with mx.example.org as OpenSSL 3.0 made them, P-256 and a certificate that signs itself, up to the
 * client's first application data. Always the same octets, for what counts instructions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct flight {
	bool is_client;
	struct bytes octets;
};

struct flights {
	const struct flight *each;
	size_t count;
};

extern const struct flights flights_tls12, flights_tls13;

#endif

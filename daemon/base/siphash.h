/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SIPHASH_H
#define HOPGUARD_BASE_SIPHASH_H

/* SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash for tables that strangers fill. */

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_LEN = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len);

#endif

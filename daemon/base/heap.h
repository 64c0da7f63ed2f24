/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_HEAP_H
#define HOPGUARD_BASE_HEAP_H

#include <stddef.h>

/* What the C library's malloc takes for that many octets: it tells sizes in a word of its own, and gives multiples of 16. */
static inline size_t allocated_octets(size_t len)
{
	return (len + sizeof(size_t) + 15) / 16 * 16;
}

#endif

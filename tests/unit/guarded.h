/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_GUARDED_H
#define HOPGUARD_TESTS_UNIT_GUARDED_H

/* Parser input that ends where a page ends that nobody may read: one octet too far is a fault, in any build. */

#include <stdlib.h>
#include <sys/mman.h>

#include "base/bytes.h"

enum { GUARDED_ROOM = 128 * 1024, GUARDED_PAGE = 4096 };

struct guarded {
	uint8_t *start;
};

static inline struct guarded guarded_new(void)
{
	struct guarded guarded = { .start = mmap(NULL, GUARDED_ROOM + GUARDED_PAGE,
		                                 PROT_READ | PROT_WRITE,
		                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };

	if (guarded.start == MAP_FAILED ||
	    mprotect(guarded.start + GUARDED_ROOM, GUARDED_PAGE, PROT_NONE) != 0)
		abort();
	return guarded;
}

static inline void guarded_free(struct guarded *guarded)
{
	munmap(guarded->start, GUARDED_ROOM + GUARDED_PAGE);
}

/* A writable copy right before the page; what was placed before is lost. */
static inline uint8_t *guarded_place(struct guarded *guarded, struct bytes bytes)
{
	uint8_t *at = guarded->start + GUARDED_ROOM - bytes.len;

	if (bytes.len > GUARDED_ROOM)
		abort();
	if (bytes.len > 0)
		memmove(at, bytes.data, bytes.len);
	return at;
}

static inline struct bytes guarded_bytes(struct guarded *guarded, struct bytes bytes)
{
	return bytes_of(guarded_place(guarded, bytes), bytes.len);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ENDING_MEMORY_H
#define HOPGUARD_TESTS_UNIT_ENDING_MEMORY_H

/* The program's allocator, whose memory ends after as many allocations as memory_left says. For the one file of a program. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/own_allocator.h"

static size_t memory_left = SIZE_MAX; /* allocations; SIZE_MAX: no end */
/* Once one was refused, by somebody who gave his back. Not each program asks for that. */
static bool memory_is_back __attribute__((unused));
static bool memory_has_ended __attribute__((unused));

#ifndef HAS_OWN_ALLOCATOR
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

static bool memory_is_at_end(void)
{
	if (memory_left == SIZE_MAX)
		return false;
	if (memory_left > 0) {
		memory_left--;
		return false;
	}
	if (memory_is_back)
		memory_left = SIZE_MAX;
	memory_has_ended = true;
	return true;
}

void *malloc(size_t len)
{
	return memory_is_at_end() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	return memory_is_at_end() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	return memory_is_at_end() ? NULL : __libc_realloc(old, len);
}
#endif

#endif

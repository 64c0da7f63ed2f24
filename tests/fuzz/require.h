/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_REQUIRE_H
#define HOPGUARD_TESTS_FUZZ_REQUIRE_H

/* What a fuzz target demands of a result, and input in memory of just its size. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "base/bytes.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A copy of just that size, so that the sanitizer sees a read behind it. exact_free ends it. */
static inline struct bytes exact_copy(struct bytes bytes)
{
	uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);

	REQUIRE(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return bytes_of(copy, bytes.len);
}

/* Of such a copy, the first `len` octets: the others may not be read until the next cut. */
static inline struct bytes exact_cut(struct bytes copy, size_t len)
{
	REQUIRE(len <= copy.len);
	ASAN_UNPOISON_MEMORY_REGION(copy.data, copy.len);
	if (len < copy.len)
		ASAN_POISON_MEMORY_REGION(copy.data + len, copy.len - len);
	return bytes_of(copy.data, len);
}

static inline void exact_free(struct bytes copy)
{
	ASAN_UNPOISON_MEMORY_REGION(copy.data, copy.len);
	free((void *)(uintptr_t)copy.data);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_REQUIRE_H
#define HOPGUARD_TESTS_FUZZ_REQUIRE_H

/* What a fuzz target demands of a result, and input in memory of just its size. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/*
 * The first `len` octets alone, so that the sanitizer sees a read behind them. The caller frees
 * data.
 */
static inline struct bytes exact_copy(struct bytes bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	REQUIRE(copy && len <= bytes.len);
	if (len > 0)
		memcpy(copy, bytes.data, len);
	return bytes_of(copy, len);
}

static inline void exact_free(struct bytes copy)
{
	free((void *)(uintptr_t)copy.data);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_REQUIRE_H
#define HOPGUARD_TESTS_FUZZ_REQUIRE_H

/* What a fuzz target demands of a result, and input in memory of just its size. */

#include <stdbool.h>
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

/* Where copies lie: one behind the other, so that one costs little. */
enum { EXACT_ROOM = 64 * 1024, EXACT_GAP = 16, EXACT_ALIGN = 8 };

static struct {
	_Alignas(EXACT_ALIGN) uint8_t octets[EXACT_ROOM];
	size_t at;
	size_t count; /* copies that are not ended */
	bool is_closed;
} exact;

/* For so many octets, of which none may be touched yet; NULL: no room while others are there. */
static inline uint8_t *exact_place(size_t len)
{
	size_t room = (len + EXACT_GAP + EXACT_ALIGN - 1) / EXACT_ALIGN * EXACT_ALIGN;
	uint8_t *place;

	if (!exact.is_closed)
		ASAN_POISON_MEMORY_REGION(exact.octets, sizeof(exact.octets));
	exact.is_closed = true;
	if (room > EXACT_ROOM - exact.at && exact.count == 0)
		exact.at = 0;
	if (room > EXACT_ROOM - exact.at)
		return NULL;
	place = exact.octets + exact.at;
	exact.at += room;
	exact.count++;
	return place;
}

static inline bool exact_is_placed(const uint8_t *copy)
{
	return copy >= exact.octets && copy < exact.octets + EXACT_ROOM;
}

/* A copy of just that size, so that the sanitizer sees a read behind it. exact_free ends it. */
static inline struct bytes exact_copy(struct bytes bytes)
{
	uint8_t *copy = exact_place(bytes.len);

	if (copy)
		ASAN_UNPOISON_MEMORY_REGION(copy, bytes.len);
	else
		copy = malloc(bytes.len > 0 ? bytes.len : 1);
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
	if (exact_is_placed(copy.data)) {
		REQUIRE(exact.count-- > 0);
		ASAN_POISON_MEMORY_REGION(copy.data, copy.len);
		return;
	}
	ASAN_UNPOISON_MEMORY_REGION(copy.data, copy.len);
	free((void *)(uintptr_t)copy.data);
}

#endif

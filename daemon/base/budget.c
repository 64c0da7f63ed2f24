/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budget.h"

#include <assert.h>
#include <stdlib.h>

/* Under AddressSanitizer each block is its own, so that a use after it was given back is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_SPARES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SPARES 0
#endif
#endif
#ifndef HAS_SPARES
#define HAS_SPARES 1
#endif

enum { SMALL_LEN = 24, STEP = 64, STEPS = 8, STEPPED_MAX = STEP * STEPS };

/* Lies in the spare itself. */
struct budget_spare {
	struct budget_spare *next;
};

bool budget_charge(struct budget *budget, size_t len)
{
	if (budget->used > budget->limit || len > budget->limit - budget->used) {
		budget->refused++;
		return false;
	}
	budget->used += len;
	if (budget->used > budget->peak)
		budget->peak = budget->used;
	return true;
}

void budget_refund(struct budget *budget, size_t len)
{
	assert(len <= budget->used);
	budget->used -= len;
}

/* The size of which a block of that length is, and its own length. */
static size_t size_of(size_t *size_len, size_t len)
{
	size_t size = STEPS;

	/* A name, mostly: as much as malloc's least block holds. */
	if (len <= SMALL_LEN) {
		*size_len = SMALL_LEN;
		return 0;
	}
	if (len <= STEPPED_MAX) {
		size = (len - 1) / STEP + 1;
		*size_len = size * STEP;
		return size;
	}
	for (*size_len = STEPPED_MAX; *size_len < len; *size_len *= 2)
		size++;
	return size;
}

static bool may_be_spare(const struct budget *budget, size_t len)
{
	return HAS_SPARES && budget->spares_max > 0 && len <= BUDGET_SPARE_LEN_MAX;
}

static void *take_block(struct budget *budget, size_t len)
{
	struct budget_spare *spare;
	size_t size, size_len;

	if (!may_be_spare(budget, len))
		return malloc(len);
	size = size_of(&size_len, len);
	spare = budget->spares[size];
	if (!spare)
		return malloc(size_len);
	budget->spares[size] = spare->next;
	budget->spare_counts[size]--;
	return spare;
}

void *budget_take(struct budget *budget, size_t len)
{
	void *block;

	if (!budget_charge(budget, len))
		return NULL;
	block = take_block(budget, len);
	if (!block)
		budget_refund(budget, len);
	return block;
}

void budget_give(struct budget *budget, void *octets, size_t len)
{
	struct budget_spare *spare = octets;
	size_t size, size_len;

	if (!octets)
		return;
	budget_refund(budget, len);
	if (may_be_spare(budget, len)) {
		size = size_of(&size_len, len);
		if ((budget->spare_counts[size] + 1) * size_len <= budget->spares_max) {
			spare->next = budget->spares[size];
			budget->spares[size] = spare;
			budget->spare_counts[size]++;
			return;
		}
	}
	free(octets);
}

void budget_clear(struct budget *budget)
{
	for (size_t size = 0; size < BUDGET_SIZES; size++) {
		while (budget->spares[size]) {
			struct budget_spare *spare = budget->spares[size];

			budget->spares[size] = spare->next;
			free(spare);
		}
		budget->spare_counts[size] = 0;
	}
}

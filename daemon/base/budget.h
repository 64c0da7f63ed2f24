/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_BUDGET_H
#define HOPGUARD_BASE_BUDGET_H

/*
 * An account of memory: what grows is charged first, and a refused charge is a finding. What is given back may be kept as a spare for the
 * next that asks for as much, so that a steady load never comes to the allocator.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BUDGET_SPARE_LEN_MAX = 128 * 1024, /* larger ones are never spares */
	BUDGET_SIZES = 17, /* 24, 64 to 512 in steps of 64, then twice as much each */
};

struct budget_spare;

/* Zeroed but for the limit; with spares, until budget_clear. */
struct budget {
	size_t limit; /* octets */
	size_t used;
	size_t peak;
	uint64_t refused;  /* charges that did not fit */
	size_t spares_max; /* octets of each size that are kept, beside the account; 0: none */
	struct budget_spare *spares[BUDGET_SIZES];
	size_t spare_counts[BUDGET_SIZES];
};

/* False, and nothing charged, when it does not fit. */
bool budget_charge(struct budget *budget, size_t len);
void budget_refund(struct budget *budget, size_t len);
/* Charged memory, of any content; NULL: it does not fit, or there is none. It goes back with the same length. */
void *budget_take(struct budget *budget, size_t len);
void budget_give(struct budget *budget, void *octets, size_t len);
/* Frees the spares. */
void budget_clear(struct budget *budget);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_BUDGET_H
#define HOPGUARD_BASE_BUDGET_H

/* An account of memory: what grows is charged first, and a refused charge is a finding. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
	size_t limit; /* octets */
	size_t used;
	size_t peak;
	uint64_t refused; /* charges that did not fit */
};

/* False, and nothing charged, when it does not fit. */
bool budget_charge(struct budget *budget, size_t len);
void budget_refund(struct budget *budget, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budget.h"

#include <assert.h>

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

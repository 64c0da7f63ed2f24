/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rate.h"

bool rate_take(struct rate *rate, uint32_t most, uint32_t stretch_ms, uint64_t now_ms)
{
	if (now_ms / stretch_ms != rate->stretch) {
		rate->stretch = now_ms / stretch_ms;
		rate->count = 0;
	}
	if (rate->count >= most)
		return false;
	rate->count++;
	return true;
}

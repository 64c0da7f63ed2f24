/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/mark.h"

enum { MARK_BITS = 0xf };

bool marks_of(struct marks *marks, uint32_t mask)
{
	uint32_t lowest = mask & (~mask + 1);

	if (mask == 0 || mask / lowest != MARK_BITS)
		return false;
	*marks = (struct marks){
		.mask = mask,
		.offload = lowest,
		.to_client = lowest << 1,
		.to_server = lowest << 2,
		.own = lowest << 3,
		.returned = lowest << 1 | lowest << 3,
	};
	return true;
}

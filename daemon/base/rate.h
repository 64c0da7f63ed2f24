/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_RATE_H
#define HOPGUARD_BASE_RATE_H

/* How often something may happen in each stretch of time; stretches follow each other and do not slide. */

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct rate {
	uint64_t stretch;
	uint32_t count; /* in it */
};

/* False, and nothing counted, when it has happened `most` times in this stretch. */
bool rate_take(struct rate *rate, uint32_t most, uint32_t stretch_ms, uint64_t now_ms);

#endif

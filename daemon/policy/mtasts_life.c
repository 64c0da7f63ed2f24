/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_life.h"

enum { DOUBLINGS_MAX = 16 };

static uint32_t between(uint32_t from, uint32_t to, uint64_t random)
{
	return from + (uint32_t)(random % ((uint64_t)to - from + 1));
}

uint32_t mtasts_life_s(uint32_t max_age_s)
{
	return max_age_s < MTASTS_LIFE_MIN_S ? MTASTS_LIFE_MIN_S : max_age_s;
}

uint32_t mtasts_life_after_down_s(uint32_t left_s, uint64_t saved_ms, uint64_t wall_ms)
{
	uint64_t down_s = wall_ms > saved_ms ? (wall_ms - saved_ms) / 1000 : 0;
	uint32_t rest_s = down_s < left_s ? left_s - (uint32_t)down_s : 0;
	uint32_t kept_s = left_s < MTASTS_DOUBTED_S ? left_s : MTASTS_DOUBTED_S;

	return rest_s > kept_s ? rest_s : kept_s;
}

uint32_t mtasts_renew_after_s(uint32_t max_age_s, uint64_t random)
{
	uint32_t after_s = between((uint32_t)((uint64_t)max_age_s * 30 / 100),
	                           (uint32_t)((uint64_t)max_age_s * 60 / 100), random);

	if (max_age_s > 2 * MTASTS_RENEW_DAY_S && after_s > MTASTS_RENEW_DAY_S)
		return between(MTASTS_RENEW_DAY_S / 2, MTASTS_RENEW_DAY_S, random);
	if (after_s >= MTASTS_RENEW_MIN_S)
		return after_s;
	return max_age_s > 2 * MTASTS_RENEW_MIN_S ? MTASTS_RENEW_MIN_S : 0;
}

uint32_t mtasts_retry_after_s(unsigned failures, uint64_t random)
{
	uint32_t after_s = MTASTS_RETRY_FIRST_S;
	unsigned i;

	for (i = 1; i < failures && i < DOUBLINGS_MAX && after_s < MTASTS_RETRY_MAX_S; i++)
		after_s *= 2;
	if (after_s > MTASTS_RETRY_MAX_S)
		after_s = MTASTS_RETRY_MAX_S;
	return between(after_s - after_s / 4, after_s + after_s / 4, random);
}

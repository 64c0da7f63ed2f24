/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t figures_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t figures_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool figures_init(struct figures *figures)
{
	figures->us_tenths = malloc(FIGURES_MAX * sizeof(*figures->us_tenths));
	return figures->us_tenths != NULL;
}

void figures_start(struct figures *figures)
{
	figures->count = 0;
	figures->start_cpu_ns = figures_cpu_ns();
	figures->start_ns = figures_now_ns();
}

void figures_note(struct figures *figures, uint64_t ns)
{
	if (figures->count < FIGURES_MAX)
		figures->us_tenths[figures->count++] =
			ns / 100 < UINT32_MAX ? (uint32_t)(ns / 100) : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

double figures_share_us(struct figures *figures, double share)
{
	size_t place = (size_t)(share * (double)figures->count);

	qsort(figures->us_tenths, figures->count, sizeof(*figures->us_tenths), compare);
	return figures->count == 0 ? 0 : (double)figures->us_tenths[place] / 10;
}

void figures_print(struct figures *figures)
{
	double seconds = (double)(figures_now_ns() - figures->start_ns) / 1e9;
	double spent_s = (double)(figures_cpu_ns() - figures->start_cpu_ns) / 1e9;

	printf("\"seconds\": %.6f, \"cpu_s\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f", seconds,
	       spent_s, figures_share_us(figures, 0.5), figures_share_us(figures, 0.99));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_FIGURES_H
#define HOPGUARD_TESTS_BENCH_FIGURES_H

/* Times of many sessions, and the processor time of this process meanwhile. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIGURES_MAX = 1 << 20 }; /* times that are kept: the first ones */

struct figures {
	uint64_t start_ns;
	uint64_t start_cpu_ns;
	uint32_t *us_tenths; /* each time, in tenths of a microsecond */
	size_t count;
};

uint64_t figures_now_ns(void);
/* Processor time of this process: what others do meanwhile hardly matters. */
uint64_t figures_cpu_ns(void);

bool figures_init(struct figures *figures);
/* Forgets what was noted. */
void figures_start(struct figures *figures);
void figures_note(struct figures *figures, uint64_t ns);
/* The time below which that share of all lies; 0 when there is none. */
double figures_share_us(struct figures *figures, double share);
/* "seconds", "cpu_s", and "p50_us", "p99_us", as members of a JSON object that the caller writes. */
void figures_print(struct figures *figures);

#endif

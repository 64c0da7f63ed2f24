/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_COUNTERS_H
#define HOPGUARD_COUNTERS_H

/* The counters of all processes, summed up and named for `hopguard status`. */

#include "messages.h"
#include "report/status_page.h"

void counters_add(struct counters *sum, const struct counters *part);
/* Adds one figure for each counter. */
void counters_fill(struct status *status, const struct counters *sum);

#endif

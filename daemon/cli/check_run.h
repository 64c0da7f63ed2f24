/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_RUN_H
#define HOPGUARD_CLI_CHECK_RUN_H

/* Looks at one domain: every question at once, as many visits at a time as are polite, until all has come or the time is over. */

#include "cli/check_facts.h"
#include "cli/check_world.h"

enum {
	CHECK_VISITS_MAX = 16, /* at one time, each to another address */
	CHECK_STEPS_MAX = 4,   /* no visit begins after so many times the limit of a step */
};

/* What is going on, for those who wait. `open`: questions and visits that are still to come. */
struct check_progress {
	const char *domain;
	size_t visited;
	size_t places;
	size_t open;
};

typedef void (*check_progress_fn)(void *owner, const struct check_progress *progress);

/* `domain` in lower case A-labels. False: out of memory. The facts are to be freed in any case. */
bool check_run(struct check_facts *facts, struct check_world *world, const char *domain,
               check_progress_fn progress, void *owner);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_WORLD_H
#define HOPGUARD_CLI_CHECK_WORLD_H

/* What all domains of one `hopguard check` share: loop, resolver, fetcher, authorities, policy lists. Nothing of it needs a right. */

#include <stdbool.h>
#include <stdint.h>

#include "active/starttls_result.h"
#include "cli/authorities.h"
#include "config.h"

struct certificate_anchors;
struct event_base;
struct mtasts_fetcher;
struct policy_lists;
struct resolver;

enum { CHECK_ERROR_MAX = AUTHORITIES_ERROR_MAX };

struct check_options {
	const struct config *config;
	char ehlo_name[STARTTLS_NAME_MAX];
	uint32_t step_ms; /* for each step of a dialogue */
};

/* Plain to read; made and freed here. */
struct check_world {
	struct check_options options;
	struct event_base *base;
	struct resolver *resolver;
	struct mtasts_fetcher *fetcher;
	struct certificate_anchors *anchors;
	struct policy_lists *lists;
	size_t list_count;                  /* that were read */
	char list_trouble[CHECK_ERROR_MAX]; /* of the last one that was not */
};

/* 0, -EINVAL (a file of the configuration cannot be used) or another -errno, with one line in error. */
int check_world_open(struct check_world *world, const struct check_options *options,
                     char error[CHECK_ERROR_MAX]);
void check_world_close(struct check_world *world);

#endif

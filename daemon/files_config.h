/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FILES_CONFIG_H
#define HOPGUARD_FILES_CONFIG_H

/* Which files the configuration names: what the supervisor reads, and what the scout takes. */

#include "config.h"
#include "files.h"

void files_config(struct files_options *options, const struct config *config);

#endif

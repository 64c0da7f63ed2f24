/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FILES_CONFIG_H
#define HOPGUARD_FILES_CONFIG_H

/* Which files the configuration names: what the supervisor reads, and what the scout takes, or the verifier. */

#include "config.h"
#include "files.h"

/* The scout's. */
void files_config(struct files_options *options, const struct config *config);
/* The verifier's: the authorities, which are those of the system where the configuration names none. */
void files_config_authorities(struct files_options *options, const struct config *config);
/*
 * Whether the authorities that the configuration names can be read, and hold what looks like a certificate: nothing is parsed. 0, also
 * where it names none, or -EINVAL with one line in error, which begins with the name of the place that names them.
 */
int files_check_authorities(const struct config *config, const char *name,
                            char error[CONFIG_ERROR_MAX]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_WARNING_H
#define HOPGUARD_CONFIG_WARNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/*
 * What is allowed, but not to be overlooked, in one line each: settings that do not go together, and what config_table_warning finds in the
 * tables. Start with *at 0; false behind the last. now_ms: wall clock.
 */
bool config_warning(char line[CONFIG_ERROR_MAX], size_t *at, const struct config *config,
                    uint64_t now_ms);

#endif

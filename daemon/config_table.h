/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_TABLE_H
#define HOPGUARD_CONFIG_TABLE_H

/* The sections with titles: what their titles and values may be (config_keys.h has the types), and what in them goes together. */

#include <stdbool.h>
#include <stddef.h>

#include "config_keys.h"

bool config_table_open_list(struct config *config, size_t index, const struct config_title *title,
                            char why[CONFIG_WHY_MAX]);
bool config_table_open_postfix(struct config *config, size_t index,
                               const struct config_title *title, char why[CONFIG_WHY_MAX]);
bool config_table_open_destination(struct config *config, size_t index,
                                   const struct config_title *title, char why[CONFIG_WHY_MAX]);
bool config_table_open_next_hop(struct config *config, size_t index,
                                const struct config_title *title, char why[CONFIG_WHY_MAX]);
bool config_table_close_destination(const struct config *config, size_t index,
                                    char why[CONFIG_WHY_MAX]);
bool config_table_close_next_hop(const struct config *config, size_t index,
                                 char why[CONFIG_WHY_MAX]);

bool config_table_match(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_table_fingerprint(const struct config_key *key, struct config *config,
                              const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_table_next_hop(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_table_reason(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_table_until(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX]);

/*
 * What is allowed, but not to be overlooked, in one line each: exceptions that have ended, or never end. Start with *at 0; false
 * behind the last. now_ms: wall clock.
 */
bool config_table_warning(char line[CONFIG_ERROR_MAX], size_t *at, const struct config *config,
                          uint64_t now_ms);

#endif

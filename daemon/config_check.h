/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_CHECK_H
#define HOPGUARD_CONFIG_CHECK_H

/* What a value may be: one function for each kind, all of them config_check_fn (config_keys.h). */

#include <stdbool.h>

#include "config_keys.h"

bool config_check_choice(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_bool(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_nothing(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_number(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_number16(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_mask(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_hooks(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_ports(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_clients(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_exempt_clients(const struct config_key *key, struct config *config,
                                 const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_exempt_servers(const struct config_key *key, struct config *config,
                                 const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_nat64(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_forwarders(const struct config_key *key, struct config *config,
                             const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_path(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_name(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_facility(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX]);
bool config_check_default(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX]);

#endif

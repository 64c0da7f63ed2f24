/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_CONFUSE_H
#define HOPGUARD_CONFIG_CONFUSE_H

/* libconfuse, told of the tables of keys and sections. It reads the values; whether they stand where they may, config_scan said before. */

#include "config_keys.h"

struct config_confuse;

/* 0; -ENOMEM; -EINVAL: not understood, and *line is where. */
int config_confuse_open(struct config_confuse **opened, unsigned *line, const char *text);
void config_confuse_close(struct config_confuse *confuse);

/*
 * The values of a key; of a section with titles its nth, from 0 on. They are valid as long as confuse is. False: more than
 * CONFIG_VALUES_MAX.
 */
bool config_confuse_values(const struct config_confuse *confuse, struct config_values *values,
                           const struct config_key *key, size_t nth);

#endif

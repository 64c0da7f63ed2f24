/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_KEYS_H
#define HOPGUARD_CONFIG_KEYS_H

/* Every key of the configuration in one table: default, what is allowed, where it goes. */

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config.h"

enum {
	CONFIG_VALUES_MAX = RULES_NETWORKS_MAX, /* in one list */
	CONFIG_WORDS_MAX = 5,
	CONFIG_UNBUILT_MAX = 2,
	CONFIG_WHY_MAX = 320,
};

struct config_values {
	size_t count;
	const char *texts[CONFIG_VALUES_MAX];
};

struct config_key;

/*
 * Puts values (of a scalar: exactly one) into config. False, with what is allowed in why, when they
 * are wrong; config may then be half changed.
 */
typedef bool (*config_check_fn)(const struct config_key *key, struct config *config,
                                const struct config_values *values, char why[CONFIG_WHY_MAX]);

struct config_key {
	const char *section; /* "": none */
	const char *name;
	const char *fallback; /* default; the values of a list with commas between them */
	config_check_fn apply;
	size_t place; /* in struct config */
	bool is_list;
	long min, max; /* of numbers; for texts max is their room with the NUL */
	long unit;     /* what one of it is in struct config */
	const char *words[CONFIG_WORDS_MAX];     /* choices, in the order of their enum */
	const char *unbuilt[CONFIG_UNBUILT_MAX]; /* choices that belong to a later version */
};

/* NULL when there is no such key. */
const struct config_key *config_key_find(struct bytes section, struct bytes name);
/* The keys one by one; NULL behind the last. */
const struct config_key *config_key_at(size_t index);
/* Whether the section, or with a name the key, is known but belongs to a later version. */
bool config_key_is_unbuilt(struct bytes section, struct bytes name);
bool config_key_is_section(struct bytes section);
/* "mode, on-failure, …": what may stand in that section. */
void config_key_names(char names[CONFIG_WHY_MAX], struct bytes section);

#endif

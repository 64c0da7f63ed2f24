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
	CONFIG_WORDS_MAX = 9,
	CONFIG_UNBUILT_MAX = 2,
	CONFIG_TITLE_MAX = 1024, /* of a section, with its NUL: longer than a domain in U-labels */
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
	size_t place; /* in struct config; for a section with titles in its entry */
	bool is_list;
	long min, max; /* of numbers; for texts max is their room with the NUL */
	long unit;     /* what one of it is in struct config */
	const char *words[CONFIG_WORDS_MAX];     /* choices, in the order of their enum */
	const char *unbuilt[CONFIG_UNBUILT_MAX]; /* choices that belong to a later version */
};

struct config_title {
	const char *text;
	unsigned line;
};

/*
 * A section; one with titles may be given many times, and each makes an entry in struct config. `index` is the entry's. open reads the
 * title; close checks what follows from several keys. False, with what is wrong in why.
 */
struct config_section {
	const char *name;
	bool (*open)(
		struct config *config, size_t index, const struct config_title *title,
		char why[CONFIG_WHY_MAX]); /* NULL: it has no title, and no other member counts */
	bool (*close)(const struct config *config, size_t index,
	              char why[CONFIG_WHY_MAX]); /* NULL: nothing to check */
	size_t entries;                          /* place of the first in struct config */
	size_t entry_len;                        /* octets */
	size_t entry_count;                      /* place of their number, a size_t */
	size_t entries_max;
};

/* NULL when there is no such section. */
const struct config_section *config_section_find(struct bytes name);
/* The sections one by one; NULL behind the last. */
const struct config_section *config_section_at(size_t index);
/* "dns, tls, …" */
void config_section_names(char names[CONFIG_WHY_MAX]);

/* NULL when there is no such key. */
const struct config_key *config_key_find(struct bytes section, struct bytes name);
/* The keys one by one; NULL behind the last. */
const struct config_key *config_key_at(size_t index);
/* "mode, on-failure, …": what may stand in that section. */
void config_key_names(char names[CONFIG_WHY_MAX], struct bytes section);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EXPLAIN_KEY_H
#define HOPGUARD_REPORT_EXPLAIN_KEY_H

/* What a host's key must be, and which it was last seen with: parts of the page of `hopguard explain`. */

#include <jansson.h>
#include <stdio.h>

#include "base/bytes.h"
#include "verdict/evidence.h"

enum {
	EXPLAIN_RULES_MAX = 2,   /* of one host: as many as sources that stand side by side */
	EXPLAIN_RECORDS_MAX = 8, /* of one rule; how many more there are is said */
	EXPLAIN_DATA_MAX = 64,   /* octets of a record: all of a digest; of more, the beginning */
	EXPLAIN_NAMES_MAX = 256, /* of a rule's names */
};

/* Packed rules, sound (verdict/key_rule.h); nothing where there are none. */
void explain_key_put_rules(json_t *object, const char *name, struct bytes packed);
/* Nothing where none was seen. */
void explain_key_put_last(json_t *object, const char *name, const struct last_key *key);

/* Nothing where a probe could tell, or none was made. */
void explain_key_put_probe(json_t *object, const char *name, const struct last_key *key);

/* The same for people: `json` is what was put, or NULL. */
void explain_key_print_rules(FILE *out, const json_t *json);
void explain_key_print_last(FILE *out, const json_t *json);
void explain_key_print_probe(FILE *out, const json_t *json);

#endif

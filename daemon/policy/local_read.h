/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_LOCAL_READ_H
#define HOPGUARD_POLICY_LOCAL_READ_H

/* The words that an operator's entry is made of, whether they stand in the configuration or in a table of Postfix. */

#include <stdbool.h>

#include "policy/local_entry.h"

enum { LOCAL_WHY_MAX = 256 };

/*
 * Each reads one word into the entry. False with what is wrong in why, in words that follow the name of whatever was read;
 * the entry is then untouched.
 */
/* "example.org", ".example.org", "[host]", "[192.0.2.1]", each also with ":25": scope and name. */
bool local_read_name(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX]);
/* One more of match. */
bool local_read_match(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX]);
/* One more of fingerprints: 64 hexadecimal digits, with a colon between two each, or without. */
bool local_read_fingerprint(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX]);
/* next_hop: a host or an address, in brackets or not. */
bool local_read_next_hop(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX]);

#endif

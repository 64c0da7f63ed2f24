/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_LAST_KEYS_H
#define HOPGUARD_POLICY_LAST_KEYS_H

/*
 * The key that each host was last seen with, in full, for people who ask: right or wrong. It ends with the process; what is kept for
 * longer is its digest (policy/seen.h), of right ones alone. Who is not seen for longest leaves first.
 */

#include <stdint.h>

#include "base/table.h"
#include "verdict/evidence.h"

enum { LAST_KEYS_MAX = 8192 /* hosts; 1.3 KiB each */ };

struct last_keys;

/* NULL: out of memory. */
struct last_keys *last_keys_new(const uint8_t secret[TABLE_SECRET_LEN]);
void last_keys_free(struct last_keys *keys);

/* host: lower case A-labels. key->age_s does not count. */
void last_keys_note(struct last_keys *keys, const char *host, const struct last_key *key,
                    uint64_t now_ms);
/* All zero where none is known. */
void last_keys_find(struct last_key *key, const struct last_keys *keys, const char *host,
                    uint64_t now_ms);
void last_keys_forget(struct last_keys *keys, const char *host);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_TENURE_H
#define HOPGUARD_POLICY_TENURE_H

/*
 * What is remembered by name, where strangers can bring names up: newcomers have a room of their own, and push out each other
 * only. Whoever settled is pushed out only by others that did. In each room the one unused for longest leaves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

enum { TENURE_NEWCOMER_SHARE = 4 /* their room is the capacity by this */ };

struct tenure;

/* Before a value is freed, for whatever reason. */
typedef void (*tenure_leave_fn)(void *owner, void *value);

/* capacity: of those that settled. NULL: out of memory. */
struct tenure *tenure_new(size_t capacity, size_t value_len, const uint8_t secret[TABLE_SECRET_LEN],
                          tenure_leave_fn on_leave, void *owner);
void tenure_free(struct tenure *tenure);

/* Values are valid until the next add, settle, remove or evict. find: it was used just now. */
void *tenure_find(struct tenure *tenure, const char *name);
const void *tenure_peek(const struct tenure *tenure, const char *name);
/* A newcomer that is not there yet; zeroed. NULL: out of memory. */
void *tenure_add(struct tenure *tenure, const char *name);
/* A newcomer settles, with its value; whoever settled before stays. NULL: there is none of that name, or no memory. */
void *tenure_settle(struct tenure *tenure, const char *name);
void tenure_remove(struct tenure *tenure, const char *name);
/* The oldest newcomer leaves, without any the oldest at all. False: empty. */
bool tenure_evict(struct tenure *tenure);

/* Short for a name, of this table only. */
uint64_t tenure_handle(const struct tenure *tenure, const char *name);
/* NULL: it left. */
const void *tenure_by_handle(const struct tenure *tenure, uint64_t handle);
const char *tenure_name(const void *value);
bool tenure_is_settled(const void *value);

size_t tenure_count(const struct tenure *tenure);
size_t tenure_octets(const struct tenure *tenure);

#endif

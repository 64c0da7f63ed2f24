/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_ATTACHED_H
#define HOPGUARD_ENFORCE_RULES_ATTACHED_H

/*
 * Networks that are attached to this machine later than when the rules were made (rules_add_locals). They come to those that are there;
 * none goes: an interface that is down for a moment shall leave no hole.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "enforce/rules.h"

/* Looked at, at most; of them as many get into the rules as have room there. */
enum { RULES_ATTACHED_MAX = 1024 };

struct rules_growth {
	const struct network *networks; /* those that came, in the rules */
	size_t count;
	size_t left_out; /* that have no room */
};

/* Those that are in none of the rules' already come to the clients, or, where clients are named, to the locals beside them. */
struct rules_growth rules_grow(struct rules *rules, bool has_clients,
                               const struct network *networks, size_t count);
/* As they were before. */
void rules_shrink(struct rules *rules, bool has_clients, const struct rules_growth *growth);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_INDEX_H
#define HOPGUARD_BASE_INDEX_H

/*
 * A hash index of things that somebody else owns: the link lies in the thing itself. For what table.h would keep a second copy of the key,
 * and an order of age that nobody asks for. The caller hashes, with a secret, and compares.
 */

#include <stddef.h>
#include <stdint.h>

/* Zeroed. */
struct index_link {
	struct index_link *chained;
	uint32_t hash;
};

struct index;

/* It grows with what is in it. NULL: out of memory. */
struct index *index_new(void);
void index_free(struct index *index);

void index_add(struct index *index, struct index_link *link, uint32_t hash);
/* One that was added. */
void index_remove(struct index *index, struct index_link *link);
/* All of that hash: the first, and the next behind one of them; NULL at the end. */
struct index_link *index_first(const struct index *index, uint32_t hash);
struct index_link *index_next(const struct index_link *link);

#endif

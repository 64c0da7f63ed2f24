/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_SIGHTS_H
#define HOPGUARD_POLICY_SIGHTS_H

/* Where one host was seen to offer STARTTLS, and since when. Times are wall clock, milliseconds since 1970. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verdict/evidence.h"
#include "verdict/row.h"

enum {
	SIGHTS_MAX = 16,   /* addresses of one host */
	SIGHTS_DAYS = 180, /* what was seen before counts no more */
};

struct sight {
	struct address address;
	bool has_key;
	uint8_t key[ROW_KEY_LEN];
	uint16_t tls_version;
	uint64_t first_ms;
	uint64_t last_ms;
};

/* Zeroed it is empty. `places` is the caller's to free. */
struct sights {
	struct sight *places;
	size_t count;
};

/* A clock that was set back makes nothing old. */
bool sight_is_within(uint64_t last_ms, uint64_t now_ms, uint64_t days);

/* NULL: it was not seen there. Valid until a place is added or removed. */
struct sight *sights_at(const struct sights *sights, const struct address *address);
/* A zeroed place more. NULL: out of memory, or SIGHTS_MAX are there. */
struct sight *sights_grow(struct sights *sights);
/* The one not seen for longest; there is one. */
struct sight *sights_oldest(const struct sights *sights);
/* The last place moves to where it was. */
void sights_remove(struct sights *sights, struct sight *place);

/* "2026-03-01 to 2026-11-20", over all addresses where it was seen lately. False: none; text is then empty. */
bool sights_span(char text[OFFERED_BEFORE_MAX], const struct sights *sights, uint64_t now_ms);
/* Of SOURCE_SEEN. False: as above. */
bool sights_evidence(struct evidence *evidence, const struct sights *sights, uint64_t now_ms);

#endif

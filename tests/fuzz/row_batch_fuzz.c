/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a message of rows, from a process that may have been taken over: all of its rows are sound, or none is given; and those that are
 * given come out the same when they are packed again.
 */

#include "require.h"

#include "row_batch.h"
#include "verdict/row.h"

enum { ROWS_MAX = 64 };

struct taken {
	size_t count;
	struct row rows[ROWS_MAX];
};

static bool is_same(const struct row *a, const struct row *b)
{
	return row_len(a) == row_len(b) && memcmp(a, b, row_len(a)) == 0;
}

/* What is behind a name's end is let go when it is packed; so the name alone counts. */
static void take(void *owner, const struct row *row)
{
	struct taken *taken = owner;
	struct row *kept = &taken->rows[taken->count];

	REQUIRE(row_is_sound(row, row_len(row)));
	if (taken->count == ROWS_MAX)
		return;
	memset(kept, 0, sizeof(*kept));
	memcpy(kept, row, row_len(row));
	/* Of each kind it is the first member. */
	REQUIRE(strnlen(kept->met.domain, DOMAIN_NAME_MAX) < DOMAIN_NAME_MAX);
	memset(kept->met.domain + strlen(kept->met.domain), 0,
	       DOMAIN_NAME_MAX - strlen(kept->met.domain));
	taken->count++;
}

static void check_again(const struct taken *taken)
{
	static struct row_batch batch;
	static struct taken again;

	again.count = 0;
	row_batch_clear(&batch);
	for (size_t i = 0; i < taken->count; i++)
		REQUIRE(row_batch_add(&batch, &taken->rows[i]));
	REQUIRE(row_batch_read(&batch.message, batch.len, take, &again));
	REQUIRE(again.count == taken->count);
	for (size_t i = 0; i < taken->count; i++)
		REQUIRE(is_same(&again.rows[i], &taken->rows[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct taken taken;
	size_t head = offsetof(struct message_rows, octets);
	struct bytes copy;
	uint8_t *octets;

	if (len > MESSAGE_ROWS_MAX)
		return 0;
	octets = calloc(1, head + len);
	REQUIRE(octets);
	if (len > 0)
		memcpy(octets + head, data, len);
	copy = bytes_of(octets, head + len);
	taken.count = 0;
	if (row_batch_read((const void *)copy.data, copy.len, take, &taken))
		check_again(&taken);
	else
		REQUIRE(taken.count == 0);
	free(octets);
	return 0;
}

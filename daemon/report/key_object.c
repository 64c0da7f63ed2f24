/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/key_object.h"

#include <stdio.h>

#include "base/rfc3339.h"
#include "report/object.h"

static void put_digest(json_t *object, const char *name, const uint8_t digest[KEY_DIGEST_LEN])
{
	char text[2 * KEY_DIGEST_LEN + 1];

	for (size_t i = 0; i < KEY_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	object_put(object, name, text);
}

/* A date that no calendar has is left out. */
static void put_date(json_t *object, const char *name, int64_t time_s)
{
	char text[RFC3339_TEXT_MAX];

	if (time_s > 0 && (uint64_t)time_s <= RFC3339_TIME_MAX)
		object_put(object, name, rfc3339_format(text, (uint64_t)time_s));
}

void key_object_put(json_t *object, const char *name, const struct key_finding *finding)
{
	const struct key_seen *seen = &finding->seen;
	json_t *part;

	if (finding->outcome == KEY_UNKNOWN)
		return;
	part = json_object();
	object_put(part, "outcome", key_outcome_name(finding->outcome));
	object_put(part, "matched", finding->matched);
	object_put(part, "why", finding->why);
	if (seen->is_raw)
		(void)json_object_set_new(part, "is_raw", json_true());
	if (seen->has_leaf)
		put_digest(part, "spki", seen->leaf_digest);
	object_put(part, "names", seen->names);
	object_put(part, "issuer", seen->issuer);
	put_date(part, "not_before", seen->not_before_s);
	put_date(part, "not_after", seen->not_after_s);
	if (seen->has_anchor)
		put_digest(part, "anchor_spki", seen->anchor_digest);
	(void)json_object_set_new(object, name, part);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/recent.h"

#include <stdlib.h>
#include <string.h>

struct recent {
	char *lines[RECENT_EVENTS_MAX];
	size_t first; /* the oldest */
	size_t count;
};

struct recent *recent_new(void)
{
	return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *recent)
{
	size_t i;

	if (!recent)
		return;
	for (i = 0; i < RECENT_EVENTS_MAX; i++)
		free(recent->lines[i]);
	free(recent);
}

void recent_add(struct recent *recent, const char *json)
{
	char *copy = strdup(json);
	size_t at = (recent->first + recent->count) % RECENT_EVENTS_MAX;

	if (!copy)
		return;
	free(recent->lines[at]);
	recent->lines[at] = copy;
	if (recent->count < RECENT_EVENTS_MAX)
		recent->count++;
	else
		recent->first = (recent->first + 1) % RECENT_EVENTS_MAX;
}

size_t recent_count(const struct recent *recent)
{
	return recent->count;
}

const char *recent_at(const struct recent *recent, size_t index)
{
	return recent->lines[(recent->first + index) % RECENT_EVENTS_MAX];
}

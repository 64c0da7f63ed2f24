/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/merge.h"

#include <stdlib.h>

#include "policy/dane.h"

struct merge {
	merge_fn fn;
	void *owner;
	struct dane *dane;
};

static void on_dane(void *owner, const struct dane_result *result)
{
	struct merge *merge = owner;

	merge->dane = NULL;
	merge->fn(merge->owner, &result->destination);
	free(merge);
}

struct merge *merge_ask(const struct merge_sources *sources, enum merge_subject subject,
                        const char *name, merge_fn fn, void *owner)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->fn = fn;
	merge->owner = owner;
	switch (subject) {
	case MERGE_DOMAIN:
		merge->dane = dane_ask_domain(sources->resolver, name, on_dane, merge);
		break;
	case MERGE_HOST:
		merge->dane = dane_ask_host(sources->resolver, name, on_dane, merge);
		break;
	}
	if (merge->dane)
		return merge;
	free(merge);
	return NULL;
}

void merge_cancel(struct merge *merge)
{
	if (merge->dane)
		dane_cancel(merge->dane);
	free(merge);
}

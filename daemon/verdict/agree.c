/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/agree.h"

static bool is_unmet(const struct opinion *opinion)
{
	return opinion->verdict.would == ACTION_BLOCK || opinion->verdict.would == ACTION_DEFER;
}

/* The first that holds; count when none does. */
static size_t find(const struct opinion *opinions, size_t count,
                   bool (*holds)(const struct opinion *opinion))
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (holds(&opinions[i]))
			break;
	}
	return i;
}

static bool waits(const struct opinion *opinion)
{
	return opinion->verdict.action == ACTION_WAIT;
}

static bool is_unmet_and_binds(const struct opinion *opinion)
{
	return is_unmet(opinion) && opinion->binds;
}

static bool is_met(const struct opinion *opinion)
{
	return opinion->counts && !is_unmet(opinion);
}

static bool alerts(const struct opinion *opinion)
{
	return opinion->verdict.would == ACTION_ALERT;
}

/* Nobody is unmet: what is worth telling, else who counts, else the first. */
static size_t choose_met(const struct opinion *opinions, size_t count)
{
	size_t chosen = find(opinions, count, alerts);

	if (chosen == count)
		chosen = find(opinions, count, is_met);
	return chosen == count ? 0 : chosen;
}

size_t agree(struct verdict *verdict, const struct opinion *opinions, size_t count)
{
	size_t chosen = find(opinions, count, is_unmet_and_binds);

	/* What binds and is broken already needs no other's answer. */
	if (chosen == count)
		chosen = find(opinions, count, waits);
	if (chosen == count)
		chosen = find(opinions, count, is_unmet);
	if (chosen == count)
		chosen = choose_met(opinions, count);
	*verdict = opinions[chosen].verdict;
	if (!is_unmet(&opinions[chosen]) || opinions[chosen].binds ||
	    find(opinions, count, is_met) == count)
		return chosen;
	verdict->action = verdict->would = ACTION_ALERT;
	verdict->rule = "candidate domains disagree, and the unmet one is a stranger";
	return chosen;
}

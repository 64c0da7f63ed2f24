/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counters.h"

#include <stddef.h>
#include <string.h>

#include "report/status_page.h"

#define COUNTER(name)                                                                              \
	{                                                                                          \
#name, offsetof(struct counters, name)                                             \
	}

static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	COUNTER(packets),           COUNTER(octets),
	COUNTER(flows_opened),      COUNTER(flows_now),
	COUNTER(flows_standing),    COUNTER(flows_driven_out),
	COUNTER(flows_midstream),   COUNTER(flows_offloaded),
	COUNTER(held_packets),      COUNTER(held_now),
	COUNTER(held_ms),           COUNTER(hold_overflows),
	COUNTER(hold_timeouts),     COUNTER(dropped_malformed),
	COUNTER(dropped_early),     COUNTER(queue_overruns),
	COUNTER(passages),          COUNTER(passage_octets),
	COUNTER(passage_failures),  COUNTER(passages_lost),
	COUNTER(memory_now),        COUNTER(questions),
	COUNTER(cache_entries),     COUNTER(answers_kept),
	COUNTER(lookups),           COUNTER(lookups_bogus),
	COUNTER(lookups_failed),    COUNTER(lookups_in_flight),
	COUNTER(questions_put_off), COUNTER(memory_hosts),
	COUNTER(memory_places),     COUNTER(memory_domains),
	COUNTER(memory_octets),     COUNTER(rows_waiting),
	COUNTER(rows_lost),         COUNTER(events_left_out),
	COUNTER(messages_refused),  COUNTER(decisions),
	COUNTER(decisions_waited),  COUNTER(decisions_waited_ms),
	COUNTER(heard_answers),     COUNTER(heard_dropped),
	COUNTER(heard_unasked),     COUNTER(heard_questions_lost),
	COUNTER(answers_forged),    COUNTER(candidates),
	COUNTER(prefetches),        COUNTER(checks),
	COUNTER(checks_cached),     COUNTER(checks_unproven),
	COUNTER(key_checks),        COUNTER(probes),
	COUNTER(probes_made),       COUNTER(probes_as_client),
	COUNTER(probes_ahead),      COUNTER(probes_failed),
	COUNTER(probes_cached),     COUNTER(probes_now),
	COUNTER(probes_known),
};

enum {
	FIGURE_COUNT = sizeof(figures) / sizeof(figures[0]),
	COUNTER_COUNT = sizeof(struct counters) / sizeof(uint64_t),
	VERDICT_COUNT = ACTION_WAIT,
};

_Static_assert(sizeof(struct counters) % sizeof(uint64_t) == 0, "counters are 64 bits each");
_Static_assert(FIGURE_COUNT + VERDICT_COUNT + REASON_COUNT <= STATUS_FIGURES_MAX,
               "a status has room for every counter");
_Static_assert(REASON_COUNT <= 32, "a counter for each reason");

void counters_add(struct counters *sum, const struct counters *part)
{
	uint64_t sums[COUNTER_COUNT], parts[COUNTER_COUNT];
	size_t i;

	memcpy(sums, sum, sizeof(sums));
	memcpy(parts, part, sizeof(parts));
	for (i = 0; i < COUNTER_COUNT; i++)
		sums[i] += parts[i];
	memcpy(sum, sums, sizeof(sums));
}

static void add(struct status *status, const char *group, const char *name, uint64_t value)
{
	status->figures[status->figure_count++] =
		(struct status_figure){ .group = group, .name = name, .value = value };
}

void counters_fill(struct status *status, const struct counters *sum)
{
	unsigned i;

	for (i = 0; i < FIGURE_COUNT; i++) {
		uint64_t value;

		memcpy(&value, (const char *)sum + figures[i].offset, sizeof(value));
		add(status, NULL, figures[i].name, value);
	}
	for (i = 0; i < VERDICT_COUNT; i++)
		add(status, "verdicts", action_name((enum action)i), sum->verdicts[i]);
	for (i = REASON_NONE + 1; i < REASON_COUNT; i++)
		add(status, "reasons", reason_name((enum reason)i), sum->reasons[i]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_DIALOGUES_REHEARSE_H
#define HOPGUARD_TESTS_DIALOGUES_REHEARSE_H

/* A dialogue between the two ends of a simulation, as far as the gate lets it come. Behind cmocka.h. */

#include "dialogues/dialogue.h"
#include "support/simulation.h"

enum { PAUSE_MS = 5000 };

/* What is called midstream is a connection that nobody saw open. */
static inline void rehearse(struct simulation *simulation, const struct dialogue *dialogue,
                            const char *name)
{
	if (strncmp(name, "midstream", 9) != 0)
		assert_true(simulation_open(simulation));
	for (size_t i = 0; i < dialogue->count; i++) {
		const struct dialogue_segment *segment = &dialogue->segments[i];

		if (segment->is_pause) {
			simulation_pass_time(simulation, PAUSE_MS);
			continue;
		}
		if (!simulation_say(simulation, segment->is_client,
		                    bytes_of(dialogue->octets + segment->at, segment->len)) &&
		    simulation_finding(simulation))
			break;
	}
}

#endif

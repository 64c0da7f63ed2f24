/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_DIALOGUES_REHEARSE_H
#define HOPGUARD_TESTS_DIALOGUES_REHEARSE_H

/* The dialogues between the two ends of a simulation, as far as the gate lets them come. Behind cmocka.h. */

#include <dirent.h>

#include "dialogues/dialogue.h"
#include "support/simulation.h"

enum { PAUSE_MS = 5000, DIALOGUES_MAX = 512, DIALOGUES_MIN = 40, DIALOGUE_NAME_LEN = 128 };

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

static inline int dialogue_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline size_t dialogue_names(char names[DIALOGUES_MAX][DIALOGUE_NAME_LEN])
{
	DIR *directory = opendir("tests/dialogues");
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) && count < DIALOGUES_MAX) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			text_copy(names[count++], DIALOGUE_NAME_LEN, entry->d_name);
	}
	closedir(directory);
	assert_true(count > DIALOGUES_MIN);
	qsort(names, count, DIALOGUE_NAME_LEN, dialogue_order);
	return count;
}

/* Each of tests/dialogues, by name; the working folder is that of the repository. */
static inline void dialogue_each(void (*take)(void *owner, const struct dialogue *dialogue,
                                              const char *name),
                                 void *owner)
{
	static char names[DIALOGUES_MAX][DIALOGUE_NAME_LEN];
	static struct dialogue dialogue;
	size_t count = dialogue_names(names);

	for (size_t i = 0; i < count; i++) {
		char path[DIALOGUE_NAME_LEN + 64];

		snprintf(path, sizeof(path), "tests/dialogues/%.*s/dialogue.txt", DIALOGUE_NAME_LEN,
		         names[i]);
		memset(&dialogue, 0, sizeof(dialogue));
		if (dialogue_read(&dialogue, path))
			take(owner, &dialogue, names[i]);
	}
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_DESCRIPTORS_H
#define HOPGUARD_BASE_DESCRIPTORS_H

/*
 * How many descriptors a process may have. The kernel counts those that are under way in messages for each user, and lets nobody send
 * another when there are more than he may have himself: a process that was taken over could send some to itself, never to be read, and
 * nobody of its user could hand on any. So who has to has more than the others, by all that may be under way.
 */

#include <stdbool.h>

enum {
	/* The kernel asks before each message, of which one has 253; several processes may pass the bound at the same moment. */
	DESCRIPTORS_BEYOND = 1024,
};

/* For who hands descriptors on: room for `count` that are under way at a time, as far as the hard limit goes. */
void descriptors_raise(unsigned count);
/* For the others, for good: as many as before that, `most` at most, and by DESCRIPTORS_BEYOND fewer than who hands them on. 0 or -errno. */
int descriptors_bound(unsigned most);

#endif

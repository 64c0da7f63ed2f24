/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_TROUBLES_H
#define HOPGUARD_REPORT_TROUBLES_H

/* What does not work now, as `degraded` events told, until `recovered` follows: each subject by itself, so that none hides another. */

#include <stddef.h>

#include "verdict/event.h"

enum {
	TROUBLES_MAX =
		32 /* every file of the operator's, and the rest twice; beyond, events alone tell */
};

struct trouble {
	unsigned teller; /* any number of whose trouble it is */
	char subject[EVENT_SUBJECT_MAX];
	char text[EVENT_TEXT_MAX];
};

/* In the order in which they came. Zeroed it is empty. */
struct troubles {
	size_t count;
	struct trouble list[TROUBLES_MAX];
};

/* An event of that teller; what has no subject is over when it is told. */
void troubles_take(struct troubles *troubles, unsigned teller, const struct event *event);
/* The teller is another by now. */
void troubles_forget(struct troubles *troubles, unsigned teller);

#endif

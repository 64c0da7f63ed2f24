/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/troubles.h"

#include <string.h>

#include "base/bytes.h"

static void remove_at(struct troubles *troubles, size_t i)
{
	troubles->count--;
	memmove(&troubles->list[i], &troubles->list[i + 1],
	        (troubles->count - i) * sizeof(troubles->list[0]));
}

static size_t find(const struct troubles *troubles, unsigned teller, const char *subject)
{
	size_t i;

	for (i = 0; i < troubles->count; i++) {
		if (troubles->list[i].teller == teller &&
		    strcmp(troubles->list[i].subject, subject) == 0)
			break;
	}
	return i;
}

static void note(struct troubles *troubles, unsigned teller, const struct event *event)
{
	size_t i = find(troubles, teller, event->subject);
	struct trouble *trouble = &troubles->list[i];

	if (i == TROUBLES_MAX)
		return;
	if (i == troubles->count)
		troubles->count++;
	trouble->teller = teller;
	text_copy(trouble->subject, sizeof(trouble->subject), event->subject);
	text_copy(trouble->text, sizeof(trouble->text), event->text);
}

void troubles_take(struct troubles *troubles, unsigned teller, const struct event *event)
{
	size_t i;

	if (event->subject[0] == '\0')
		return;
	if (event->kind == EVENT_DEGRADED)
		note(troubles, teller, event);
	if (event->kind != EVENT_RECOVERED)
		return;
	i = find(troubles, teller, event->subject);
	if (i < troubles->count)
		remove_at(troubles, i);
}

void troubles_forget(struct troubles *troubles, unsigned teller)
{
	for (size_t i = troubles->count; i-- > 0;) {
		if (troubles->list[i].teller == teller)
			remove_at(troubles, i);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_outlet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char subject[] = "event file";

static void close_one(int *file)
{
	if (*file >= 0)
		close(*file);
	*file = -1;
}

int event_outlet_reopen(struct event_outlet *outlet, const struct config *was,
                        const struct config *now, char error[CONFIG_ERROR_MAX])
{
	int err = resources_open_event_file(&outlet->next, now, error);

	if (!err || outlet->resources->event_file >= 0 || !resources_awaits_event_file(err) ||
	    strcmp(was->event_file, now->event_file) != 0)
		return err;
	error[0] = '\0';
	return 0;
}

void event_outlet_take(struct event_outlet *outlet)
{
	close_one(&outlet->resources->event_file);
	outlet->resources->event_file = outlet->next;
	outlet->next = -1;
}

void event_outlet_discard(struct event_outlet *outlet)
{
	close_one(&outlet->next);
}

static void recover(struct event_outlet *outlet, const char *text)
{
	if (outlet->is_told)
		outlet->tell(outlet->owner, EVENT_RECOVERED, subject, text);
	outlet->is_told = false;
}

/* A ledger that does not hear of it would not write there. */
static bool open_again(struct event_outlet *outlet, const struct settings *settings,
                       struct children *children, char error[CONFIG_ERROR_MAX])
{
	struct resources *resources = outlet->resources;

	if (resources_open_event_file(&resources->event_file, &settings->config, error) != 0)
		return false;
	if (settings_send_event_file(settings, children, resources) == 0)
		return true;
	close_one(&resources->event_file);
	snprintf(error, CONFIG_ERROR_MAX, "event file %.256s: the ledger does not take it",
	         settings->config.event_file);
	return false;
}

void event_outlet_look(struct event_outlet *outlet, const struct settings *settings,
                       struct children *children, uint64_t now_ms)
{
	char error[CONFIG_ERROR_MAX] = "", text[CONFIG_ERROR_MAX];

	if (outlet->resources->event_file >= 0 || settings->config.event_file[0] == '\0') {
		recover(outlet, "events have their file again, or none is asked for");
		outlet->tried_ms = 0;
		return;
	}
	if (outlet->tried_ms != 0 && now_ms - outlet->tried_ms < EVENT_OUTLET_AGAIN_MS)
		return;
	outlet->tried_ms = now_ms;
	if (open_again(outlet, settings, children, error)) {
		recover(outlet, "the event file could be opened: events are written there again");
		return;
	}
	if (outlet->is_told)
		return;
	outlet->is_told = true;
	snprintf(text, sizeof(text), "%.200s: syslog and `hopguard events` have its events", error);
	outlet->tell(outlet->owner, EVENT_DEGRADED, subject, text);
}

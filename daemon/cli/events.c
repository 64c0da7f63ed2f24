/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/ask.h"
#include "report/event_text.h"

static bool print_line(const struct ask *ask, const char *line)
{
	char text[EVENT_SENTENCE_MAX];

	if (!event_text_print(text, line, ask->is_coloured))
		return false;
	puts(text);
	return true;
}

int cli_events(int argc, char **argv)
{
	struct ask ask;
	int status = ask_parse(&ask, argc, argv, CONTROL_EVENTS, "[--follow]");

	if (status != ASK_CONTINUE)
		return status;
	return ask_daemon(&ask, CONTROL_EVENTS, print_line);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/ask.h"

static bool print_line(const struct ask *ask, const char *line)
{
	(void)ask;
	puts(line);
	return true;
}

int cli_reload(int argc, char **argv)
{
	struct ask ask;
	int status = ask_parse(&ask, argc, argv, CONTROL_RELOAD, "");

	if (status != ASK_CONTINUE)
		return status;
	return ask_daemon(&ask, CONTROL_RELOAD, print_line);
}

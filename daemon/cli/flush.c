/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/ask.h"
#include "report/flush_page.h"

static bool print_line(const struct ask *ask, const char *line)
{
	return flush_text_print(stdout, line, ask->name);
}

int cli_flush(int argc, char **argv)
{
	struct ask ask;
	int status = ask_parse(&ask, argc, argv, CONTROL_FLUSH, "DOMAIN");

	if (status != ASK_CONTINUE)
		return status;
	return ask_daemon(&ask, CONTROL_FLUSH, print_line);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/ask.h"
#include "report/explain_text.h"

static bool print_line(const struct ask *ask, const char *line)
{
	return explain_text_print(stdout, line, ask->is_coloured);
}

int cli_explain(int argc, char **argv)
{
	struct ask ask;
	int status = ask_parse(&ask, argc, argv, CONTROL_EXPLAIN, "DOMAIN|ADDRESS");

	if (status != ASK_CONTINUE)
		return status;
	return ask_daemon(&ask, CONTROL_EXPLAIN, print_line);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/ask.h"
#include "report/flow_page.h"

static bool print_line(const struct ask *ask, const char *line)
{
	(void)ask;
	return flow_text_print(stdout, line);
}

int cli_flows(int argc, char **argv)
{
	struct ask ask;
	int status = ask_parse(&ask, argc, argv, CONTROL_FLOWS, "");

	if (status != ASK_CONTINUE)
		return status;
	ask.print_head = flow_text_head;
	return ask_daemon(&ask, CONTROL_FLOWS, print_line);
}

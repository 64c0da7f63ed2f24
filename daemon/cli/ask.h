/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_ASK_H
#define HOPGUARD_CLI_ASK_H

/* What the subcommands that ask the running daemon have in common: options, the control socket, exit status. */

#include <stdbool.h>
#include <stdio.h>

#include "report/control_protocol.h"

struct ask {
	const char *command;     /* its name */
	const char *socket_path; /* NULL: what the configuration says */
	const char *name;        /* explain, flush */
	bool is_json;
	bool follows;
	bool is_coloured;
	void (*print_head)(FILE *out); /* of the text, once the daemon is there; NULL: none */
};

enum { ASK_CONTINUE = -1 };

/*
 * Reads --socket PATH, --json, --help, and --follow or one NAME where the command takes it; arguments is the
 * usage behind the command's name. ASK_CONTINUE, or an exit status.
 */
int ask_parse(struct ask *ask, int argc, char **argv, enum control_command command,
              const char *arguments);

/* Whether a daemon listens there. */
bool ask_is_heard(const char *socket_path);

/* A line of the answer, as text; false when it is none of the expected kind. With --json lines are printed as they are. */
typedef bool (*ask_print_fn)(const struct ask *ask, const char *line);

/* Asks and prints. An exit status; what is not good was said on standard error. */
int ask_daemon(const struct ask *ask, enum control_command command, ask_print_fn print);

#endif

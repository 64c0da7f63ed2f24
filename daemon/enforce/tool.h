/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_TOOL_H
#define HOPGUARD_ENFORCE_TOOL_H

/*
 * Runs one of the system's firewall programs, found in the system's own folders whatever PATH says,
 * with an empty environment and no descriptor of ours, and waits for it.
 */

#include "enforce/rules.h"

enum {
	TOOL_OUTPUT_MAX = 64 * 1024 * 1024, /* a listing of a large foreign rule set */
	TOOL_SECONDS_MAX = 30,
};

struct tool_call {
	const char *program;
	const char *const *arguments; /* without the program, NULL behind the last */
	const char *input;            /* NULL: none */
	int lock;                     /* of rules_lock_open, taken while it runs; -1: none */
};

/*
 * 0; *output (NULL: not wanted) is then what it printed, with a NUL, to be freed. -ENOENT: no such
 * program. -EIO: it failed, its first line of complaint is in why. Other -errno.
 */
int tool_run(char **output, const struct tool_call *call, char why[RULES_WHY_MAX]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_TOOL_H
#define HOPGUARD_BASE_TOOL_H

/*
 * Runs one of the system's programs, found in the system's own folders whatever PATH says, with an empty environment and no
 * descriptor of ours but those it is given, and waits for it.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	TOOL_OUTPUT_MAX = 64 * 1024 * 1024, /* a listing of a large foreign rule set */
	TOOL_SECONDS_MAX = 30,
	TOOL_WHY_MAX = 256,
};

struct tool_call {
	const char *program;
	const char *const *arguments; /* without the program, NULL behind the last */
	const char *input;            /* NULL: none */
	int lock;                     /* of rules_lock_open, taken while it runs; -1: none */
	/* Descriptors that it has under the same numbers: "/proc/self/fd/7" names one to it. */
	const int *passed;
	size_t passed_count;
	unsigned seconds_max; /* 0: TOOL_SECONDS_MAX */
	/*
	 * It shall have no capability of ours, open no file but the system's programs and what it is passed, and reach neither other
	 * processes nor a network.
	 */
	bool is_unprivileged;
};

/*
 * 0; *output (NULL: not wanted) is then what it printed, with a NUL, to be freed. -ENOENT: no such
 * program. -EIO: it failed, its first line of complaint is in why. Other -errno.
 */
int tool_run(char **output, const struct tool_call *call, char why[TOOL_WHY_MAX]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_TOOLS_PRINT_STRING_H
#define HOPGUARD_TESTS_TOOLS_PRINT_STRING_H

/* A member of a JSON object on standard output. The text has no control characters. */

#include <stdio.h>

static inline void print_string(const char *key, const char *text)
{
	printf("\"%s\":\"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_SCAN_H
#define HOPGUARD_CONFIG_SCAN_H

/*
 * Reads a configuration's outline before libconfuse reads its values, and refuses what libconfuse 3.3
 * takes without a word: a missing last brace, a section or key given twice (the last one wins there),
 * titles that differ in case only, "${HOME}", escapes, "+=", unfinished comments, ";" as part of a value.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config.h"

enum {
	CONFIG_SETTINGS_MAX =
		2560 /* sections and settings of one file, each destination with all its keys */
};

/* A setting, or with an empty key the beginning of a section. Views into the scanned text. */
struct config_setting {
	struct bytes section; /* empty: none */
	struct bytes title;
	struct bytes key;
	unsigned line;
	bool is_braced; /* its value is a { list } */
};

struct config_outline {
	size_t count;
	struct config_setting settings[CONFIG_SETTINGS_MAX];
};

/* Comments in text become spaces, and so does the CR of CR LF. 0, or -EINVAL with one line in error. */
int config_scan(struct config_outline *outline, const char *name, char *text,
                char error[CONFIG_ERROR_MAX]);

/*
 * Writes "name:line: section.key: …" and returns -EINVAL. Line 0, an empty section or key: without it.
 * Control characters, and octets that are no whole UTF-8, become '?': it stays one line, and steers no terminal.
 */
int config_complain(char error[CONFIG_ERROR_MAX], const char *name,
                    const struct config_setting *setting, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

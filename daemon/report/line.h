/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_LINE_H
#define HOPGUARD_REPORT_LINE_H

/*
 * One line of text, built piece by piece in the caller's room. What came from the wire cannot end the line,
 * steer a terminal or leave its quotes: everything but printable ASCII becomes '?'.
 */

#include <stdbool.h>
#include <stddef.h>

/* text is a string at all times; is_cut: something did not fit. */
struct line {
	char *text;
	size_t room;
	size_t len;
	bool is_cut;
};

/* room at least 1. */
void line_init(struct line *line, char *text, size_t room);
void line_add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* " key=value", quoted when the value holds anything but plain word characters; nothing when it is empty. */
void line_pair(struct line *line, const char *key, const char *value);
/* The same for a number, nothing when it is 0. */
void line_number(struct line *line, const char *key, unsigned long value);

/* Copies with everything but printable ASCII replaced by '?'; cut to room. Returns clean, which may be text. */
const char *line_clean(char *clean, size_t room, const char *text);

#endif

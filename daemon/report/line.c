/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void line_init(struct line *line, char *text, size_t room)
{
	*line = (struct line){ .text = text, .room = room };
	text[0] = '\0';
}

static char clean_octet(char octet)
{
	return octet >= ' ' && octet <= '~' ? octet : '?';
}

static void add_octet(struct line *line, char octet)
{
	if (line->len + 1 >= line->room) {
		line->is_cut = true;
		return;
	}
	line->text[line->len++] = clean_octet(octet);
	line->text[line->len] = '\0';
}

void line_add(struct line *line, const char *format, ...)
{
	size_t left = line->room - line->len;
	va_list arguments;
	int wanted;
	char *at;

	va_start(arguments, format);
	wanted = vsnprintf(line->text + line->len, left, format, arguments);
	va_end(arguments);
	if (wanted < 0) {
		line->text[line->len] = '\0';
		return;
	}
	at = line->text + line->len;
	if ((size_t)wanted >= left) {
		line->is_cut = true;
		line->len = line->room - 1;
	} else {
		line->len += (size_t)wanted;
	}
	for (; *at; at++)
		*at = clean_octet(*at);
}

static bool is_plain(const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-._:[]/@+,";

	return value[strspn(value, plain)] == '\0';
}

void line_pair(struct line *line, const char *key, const char *value)
{
	bool is_quoted = !is_plain(value);

	if (value[0] == '\0')
		return;
	line_add(line, "%s%s=", line->len > 0 ? " " : "", key);
	if (is_quoted)
		add_octet(line, '"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			add_octet(line, '\\');
		add_octet(line, *value);
	}
	if (is_quoted)
		add_octet(line, '"');
}

void line_number(struct line *line, const char *key, unsigned long value)
{
	if (value != 0)
		line_add(line, "%s%s=%lu", line->len > 0 ? " " : "", key, value);
}

const char *line_clean(char *clean, size_t room, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < room && text[i]; i++)
		clean[i] = clean_octet(text[i]);
	clean[i] = '\0';
	return clean;
}

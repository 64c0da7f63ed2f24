/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_DIALOGUES_DIALOGUE_H
#define HOPGUARD_TESTS_DIALOGUES_DIALOGUE_H

/*
 * Reads NAME/dialogue.txt: who says what, in order. A line is "C: text" (the client) or "S: text"
 * (the server), a segment with CRLF at its end; "C+ text" is one more line in the same segment; "C>
 * text" a segment as it stands, with no line end. "~": nobody waits for a reply any more. Escapes: \r \n \\ \xNN, and \{text*count}. "#"
 * begins a comment.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { DIALOGUE_SEGMENTS_MAX = 2048, DIALOGUE_ROOM = 256 * 1024 };

struct dialogue_segment {
	bool is_client;
	bool is_pause;
	size_t at;
	size_t len;
};

struct dialogue {
	uint8_t octets[DIALOGUE_ROOM];
	size_t len;
	struct dialogue_segment segments[DIALOGUE_SEGMENTS_MAX];
	size_t count;
};

static inline void dialogue_put(struct dialogue *dialogue, uint8_t octet)
{
	if (dialogue->len == DIALOGUE_ROOM)
		abort();
	dialogue->octets[dialogue->len++] = octet;
	dialogue->segments[dialogue->count - 1].len++;
}

static inline void dialogue_text(struct dialogue *dialogue, const char *text, const char *end);

/* One escape behind a backslash; returns what follows it. */
static inline const char *dialogue_escape(struct dialogue *dialogue, const char *text)
{
	const char *star;
	unsigned octet;

	switch (*text) {
	case 'r':
		dialogue_put(dialogue, '\r');
		return text + 1;
	case 'n':
		dialogue_put(dialogue, '\n');
		return text + 1;
	case 'x':
		if (sscanf(text + 1, "%2x", &octet) != 1)
			abort();
		dialogue_put(dialogue, (uint8_t)octet);
		return text + 3;
	case '{':
		star = strchr(text, '*');
		if (!star)
			abort();
		for (long i = strtol(star + 1, NULL, 10); i > 0; i--)
			dialogue_text(dialogue, text + 1, star);
		return strchr(star, '}') + 1;
	default:
		dialogue_put(dialogue, (uint8_t)*text);
		return text + 1;
	}
}

static inline void dialogue_text(struct dialogue *dialogue, const char *text, const char *end)
{
	while (text < end) {
		if (*text == '\\')
			text = dialogue_escape(dialogue, text + 1);
		else
			dialogue_put(dialogue, (uint8_t)*text++);
	}
}

static inline void dialogue_line(struct dialogue *dialogue, char *line)
{
	char kind = line[0] ? line[1] : '\0';
	const char *text = line + 2;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return;
	if (line[0] == '~') {
		if (dialogue->count == DIALOGUE_SEGMENTS_MAX)
			abort();
		dialogue->segments[dialogue->count++] =
			(struct dialogue_segment){ .is_pause = true, .at = dialogue->len };
		return;
	}
	if ((line[0] != 'C' && line[0] != 'S') || !strchr(":+>", kind))
		abort();
	if (kind != '+') {
		if (dialogue->count == DIALOGUE_SEGMENTS_MAX)
			abort();
		dialogue->segments[dialogue->count++] =
			(struct dialogue_segment){ .is_client = line[0] == 'C',
			                           .at = dialogue->len };
	}
	if (*text == ' ')
		text++;
	dialogue_text(dialogue, text, text + strlen(text));
	if (kind != '>') {
		dialogue_put(dialogue, '\r');
		dialogue_put(dialogue, '\n');
	}
}

/* False: no such file. */
static inline bool dialogue_read(struct dialogue *dialogue, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096];

	if (!file)
		return false;
	dialogue->len = 0;
	dialogue->count = 0;
	while (fgets(line, sizeof(line), file))
		dialogue_line(dialogue, line);
	fclose(file);
	return true;
}

static inline struct bytes dialogue_bytes(const struct dialogue *dialogue, size_t segment)
{
	return bytes_of(dialogue->octets + dialogue->segments[segment].at,
	                dialogue->segments[segment].len);
}

#endif

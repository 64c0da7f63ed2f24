/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/postfix_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/local_read.h"

enum {
	WORD_MAX =
		1024, /* of names, levels and fingerprints, with NUL: longer than any in U-labels */
	SHOWN_MAX = 64,
};

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of the entry at hand. */
enum stage {
	STAGE_NAME, /* expected next */
	STAGE_LEVEL,
	STAGE_ATTRIBUTES,
	STAGE_UNUSED, /* that was told; its rest is skipped */
};

struct reading {
	const struct postfix_sink *sink;
	const char *name;
	unsigned line;
	unsigned first_line; /* of the entry */
	enum stage stage;
	bool is_weaker;
	bool is_full;
	struct local_entry entry;
};

static void tell(struct reading *reading, enum postfix_severity severity, unsigned line,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
static void tell(struct reading *reading, enum postfix_severity severity, unsigned line,
                 const char *format, ...)
{
	struct postfix_problem problem = { .severity = severity, .line = line };
	va_list arguments;
	int len;

	len = snprintf(problem.text, sizeof(problem.text), "%.*s", LOCAL_ORIGIN_MAX, reading->name);
	if (line > 0)
		len += snprintf(problem.text + len, sizeof(problem.text) - (size_t)len, ":%u",
		                line);
	len += snprintf(problem.text + len, sizeof(problem.text) - (size_t)len, ": ");
	va_start(arguments, format);
	vsnprintf(problem.text + len, sizeof(problem.text) - (size_t)len, format, arguments);
	va_end(arguments);
	for (char *at = problem.text; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
	reading->sink->tell(reading->sink->owner, &problem);
}

static void give_up(struct reading *reading, const char *why)
{
	tell(reading, POSTFIX_UNUSED, reading->line, "%s: the line is not used", why);
	reading->stage = STAGE_UNUSED;
}

/* What was asked of the key cannot be asked, but TLS can be. */
static void weaken(struct reading *reading, const char *why)
{
	tell(reading, POSTFIX_WEAKER, reading->line, "%s: the line counts as encrypt", why);
	reading->is_weaker = true;
}

/* False: too long. The octets are text without NUL. */
static bool copy_word(char word[WORD_MAX], struct bytes bytes)
{
	if (bytes.len >= WORD_MAX)
		return false;
	if (bytes.len > 0)
		memcpy(word, bytes.data, bytes.len);
	word[bytes.len] = '\0';
	return true;
}

static void take_name(struct reading *reading, struct bytes word)
{
	char name[WORD_MAX], why[LOCAL_WHY_MAX] = "the name is too long";

	memset(&reading->entry, 0, sizeof(reading->entry));
	reading->first_line = reading->line;
	reading->is_weaker = false;
	reading->stage = STAGE_LEVEL;
	if (word.data[0] == '/')
		give_up(reading, "a pattern, as in tables of type regexp or pcre");
	else if (!copy_word(name, word) || !local_read_name(&reading->entry, name, why))
		give_up(reading, why);
}

static void take_level(struct reading *reading, struct bytes word)
{
	char level[WORD_MAX] = "", why[LOCAL_WHY_MAX];

	reading->stage = STAGE_ATTRIBUTES;
	if (copy_word(level, word) && local_level_parse(&reading->entry.level, level))
		return;
	if (bytes_equal_nocase(word, "half-dane")) {
		reading->entry.level = LOCAL_DANE;
		tell(reading, POSTFIX_IGNORED, reading->line, "half-dane counts as dane");
		return;
	}
	snprintf(why, sizeof(why),
	         "none, may, encrypt, dane, dane-only, fingerprint, verify or secure is expected, "
	         "not \"%.*s\"",
	         SHOWN_MAX, level);
	give_up(reading, why);
}

typedef bool (*read_fn)(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX]);

/* One name or fingerprint that is left out might be the one that the server has: then all of them are. */
static void take_match(struct reading *reading, struct bytes value)
{
	bool is_fingerprint = reading->entry.level == LOCAL_FINGERPRINT;
	read_fn read = is_fingerprint ? local_read_fingerprint : local_read_match;
	uint8_t separator = is_fingerprint ? '|' : ':';

	if (reading->entry.level < LOCAL_FINGERPRINT) {
		tell(reading, POSTFIX_IGNORED, reading->line,
		     "match is not looked at: it is for fingerprint, verify and secure");
		return;
	}
	for (;;) {
		struct bytes piece = bytes_slice(value, 0, bytes_find(value, separator));
		char word[WORD_MAX], why[LOCAL_WHY_MAX] = "a name is too long";

		if (reading->is_weaker)
			return;
		if (!copy_word(word, piece) || !read(&reading->entry, word, why))
			weaken(reading, why);
		if (piece.len == value.len)
			return;
		value = bytes_after(value, piece.len + 1);
	}
}

static const char *why_ignored(struct bytes name)
{
	static const struct {
		const char *name;
		const char *why;
	} known[] = {
		{ "protocols", "the mail server itself chooses versions of TLS" },
		{ "ciphers", "the mail server itself chooses ciphers" },
		{ "exclude", "the mail server itself chooses ciphers" },
		{ "servername", "the mail server itself says which name it wants" },
		{ "connection_reuse", "each connection is judged by itself" },
		{ "enable_rpk", "the mail server itself asks for raw keys" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (bytes_equal_nocase(name, known[i].name))
			return known[i].why;
	}
	return "no such attribute is known";
}

static void take_attribute(struct reading *reading, struct bytes word)
{
	struct bytes name = bytes_slice(word, 0, bytes_find(word, '='));
	int shown = word.len < SHOWN_MAX ? (int)word.len : SHOWN_MAX;

	if (name.len == word.len || name.len == 0)
		tell(reading, POSTFIX_IGNORED, reading->line,
		     "\"%.*s\" is not looked at: attribute=value is expected", shown, word.data);
	else if (bytes_equal_nocase(name, "match"))
		take_match(reading, bytes_after(word, name.len + 1));
	else if (bytes_equal_nocase(name, "tafile") && reading->entry.level >= LOCAL_VERIFY)
		weaken(reading, "tafile names authorities that hopguard does not trust");
	else
		tell(reading, POSTFIX_IGNORED, reading->line, "%.*s is not looked at: %s", shown,
		     word.data, why_ignored(name));
}

static void hand_on(struct reading *reading)
{
	struct local_entry *entry = &reading->entry;
	int err;

	snprintf(entry->origin, sizeof(entry->origin), "%.*s:%u", LOCAL_ORIGIN_MAX - 12,
	         reading->name, reading->first_line);
	err = reading->sink->take_entry(reading->sink->owner, entry);
	if (err == -EEXIST) {
		tell(reading, POSTFIX_UNUSED, reading->first_line,
		     "the name was given before: the line is not used");
	} else if (err) {
		tell(reading, POSTFIX_UNUSED, reading->first_line,
		     "there is no room for more entries: this and all behind it are not used");
		reading->is_full = true;
	}
}

/* The entry has no more lines. */
static void finish(struct reading *reading)
{
	struct local_entry *entry = &reading->entry;

	reading->line = reading->first_line;
	if (reading->stage == STAGE_LEVEL)
		give_up(reading, "a level is expected behind the name");
	if (reading->stage == STAGE_ATTRIBUTES) {
		if (entry->level == LOCAL_FINGERPRINT && entry->fingerprint_count == 0 &&
		    !reading->is_weaker)
			weaken(reading, "match=FINGERPRINT is missing");
		if (reading->is_weaker) {
			entry->level = LOCAL_ENCRYPT;
			entry->fingerprint_count = 0;
			memset(entry->fingerprints, 0, sizeof(entry->fingerprints));
			memset(entry->match, 0, sizeof(entry->match));
		}
		hand_on(reading);
	}
	reading->stage = STAGE_NAME;
}

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r';
}

static bool has_control(struct bytes line)
{
	for (size_t i = 0; i < line.len; i++) {
		if ((line.data[i] < ' ' && !is_blank(line.data[i])) || line.data[i] == 0x7f)
			return true;
	}
	return false;
}

/* The next word of the line, and the rest behind it; empty: there is none. */
static struct bytes cut_word(struct bytes *line, bool at_commas)
{
	size_t start = 0, end;
	struct bytes word;

	while (start < line->len &&
	       (is_blank(line->data[start]) || (at_commas && line->data[start] == ',')))
		start++;
	end = start;
	while (end < line->len && !is_blank(line->data[end]) &&
	       !(at_commas && line->data[end] == ','))
		end++;
	word = bytes_slice(*line, start, end - start);
	*line = bytes_after(*line, end);
	return word;
}

static void take_words(struct reading *reading, struct bytes line)
{
	for (;;) {
		struct bytes word = cut_word(&line, reading->stage != STAGE_NAME);

		if (word.len == 0)
			return;
		switch (reading->stage) {
		case STAGE_NAME:
			take_name(reading, word);
			break;
		case STAGE_LEVEL:
			take_level(reading, word);
			break;
		case STAGE_ATTRIBUTES:
			take_attribute(reading, word);
			break;
		case STAGE_UNUSED:
			return;
		}
	}
}

static void take_line(struct reading *reading, unsigned number, struct bytes line)
{
	struct bytes rest = line;
	struct bytes first = cut_word(&rest, false);

	if (first.len == 0 || first.data[0] == '#')
		return;
	if (!is_blank(line.data[0]))
		finish(reading);
	reading->line = number;
	if (reading->is_full || reading->stage == STAGE_UNUSED)
		return;
	if (has_control(line)) {
		give_up(reading, "control characters are no text");
	} else if (is_blank(line.data[0]) && reading->stage == STAGE_NAME) {
		tell(reading, POSTFIX_UNUSED, number,
		     "the line begins with a blank, and there is none that it goes on with");
	} else {
		take_words(reading, line);
	}
}

bool postfix_table_parse(const struct postfix_sink *sink, const char *name, struct bytes text)
{
	struct reading reading = { .sink = sink, .name = name };
	unsigned number = 0;

	if (text.len > POSTFIX_TABLE_MAX) {
		tell(&reading, POSTFIX_UNUSED, 0, "longer than %d octets: the table is not used",
		     POSTFIX_TABLE_MAX);
		return false;
	}
	while (text.len > 0 && !reading.is_full) {
		size_t len = bytes_find(text, '\n');

		take_line(&reading, ++number, bytes_slice(text, 0, len));
		text = bytes_after(text, len + 1);
	}
	finish(&reading);
	return !reading.is_full;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_hint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct hint {
	char *why;
	size_t len;
};

static void add(struct hint *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct hint *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(hint->why + hint->len, CONFIG_WHY_MAX - hint->len, format, arguments);
	va_end(arguments);
	hint->len += strlen(hint->why + hint->len);
}

/* A section with titles stands in the file only. */
static void add_place(struct hint *hint, const struct config_key *key, enum config_place place)
{
	bool has_title = config_section_find(bytes_of_string(key->section))->open != NULL;

	if (place == CONFIG_ON_COMMAND_LINE && !has_title)
		add(hint, "%s.%s=...", key->section, key->name);
	else
		add(hint, "%s%s { %s = ... }%s", key->section, has_title ? " \"...\"" : "",
		    key->name, place == CONFIG_ON_COMMAND_LINE ? " in the file" : "");
}

/* All sections that have a key of that name. Returns how many. */
static size_t add_places(struct hint *hint, struct bytes name, enum config_place place)
{
	const struct config_key *key;
	size_t count = 0;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		if (!key->section[0] || !bytes_equal(name, bytes_of_string(key->name)))
			continue;
		add(hint, "%s", count++ > 0 ? " or " : "");
		add_place(hint, key, place);
	}
	return count;
}

static void hint_section(struct hint *hint, const struct config_section *section,
                         enum config_place place)
{
	struct bytes name = bytes_of_string(section->name);
	char names[CONFIG_WHY_MAX];
	size_t len;

	if (place == CONFIG_ON_COMMAND_LINE)
		add(hint, "this is a section: %s.KEY=VALUE", section->name);
	else
		add(hint, "this is a section: %s%s { ... }", section->name,
		    section->open ? " \"...\"" : "");
	config_key_names(names, name);
	if (names[0])
		add(hint, "; allowed in it: %s", names);
	len = hint->len;
	add(hint, "; or a key inside ");
	if (add_places(hint, name, place) > 0)
		return;
	hint->len = len;
	hint->why[len] = '\0';
}

/* section.key, as the command line has it. */
static bool hint_dotted(struct hint *hint, struct bytes name, enum config_place place)
{
	const char *text = (const char *)name.data;
	const char *dot = memchr(text, '.', name.len);
	struct bytes before = bytes_of(text, dot ? (size_t)(dot - text) : 0);
	struct bytes behind = bytes_after(name, before.len + 1);
	const struct config_section *section = dot ? config_section_find(before) : NULL;
	const struct config_key *key = section ? config_key_find(before, behind) : NULL;
	char names[CONFIG_WHY_MAX];

	if (!section)
		return false;
	if (key) {
		add(hint, "this key stands inside its section: ");
		add_place(hint, key, place);
		return true;
	}
	config_key_names(names, before);
	add(hint, "no such key; keys stand inside their section: %s%s { ... }", section->name,
	    section->open ? " \"...\"" : "");
	if (names[0])
		add(hint, "; allowed in it: %s", names);
	return true;
}

bool config_hint(char why[CONFIG_WHY_MAX], struct bytes name, enum config_place place)
{
	const struct config_section *section = config_section_find(name);
	struct hint hint = { .why = why };

	if (section) {
		hint_section(&hint, section, place);
		return true;
	}
	add(&hint, "this key stands inside a section: ");
	if (add_places(&hint, name, place) > 0)
		return true;
	hint.len = 0;
	return hint_dotted(&hint, name, place);
}

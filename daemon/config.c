/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_confuse.h"
#include "config_hint.h"
#include "config_keys.h"
#include "config_scan.h"

const char config_default_path[] = HOPGUARD_SYSCONFDIR "/hopguard/hopguard.conf";

enum { SET_VALUE_MAX = 8 * 1024 };

/* One call of config_parse. */
struct reading {
	const char *name;
	char *error;
	struct config draft;
	struct config_values values;
	struct config_outline outline;
	const struct config_setting
		*opening; /* the section with a title that is being read; NULL: none */
	size_t index;     /* its entry */
	char text[CONFIG_TEXT_MAX];
	char set_value[SET_VALUE_MAX];
};

/* Splits at commas, in place; blanks around a value and braces around all do not count. */
static bool split_list(struct config_values *values, char *text)
{
	char *at = text + strspn(text, " ");
	size_t len = strlen(at);

	while (len > 0 && at[len - 1] == ' ')
		at[--len] = '\0';
	if (at[0] == '{' && at[len - 1] == '}') {
		at[len - 1] = '\0';
		at++;
	}
	values->count = 0;
	if (at[strspn(at, " ")] == '\0')
		return true;
	while (at && values->count < CONFIG_VALUES_MAX) {
		char *comma = strchr(at, ',');
		char *end = comma ? comma : at + strlen(at);

		at += strspn(at, " ");
		while (end > at && end[-1] == ' ')
			end--;
		*end = '\0';
		values->texts[values->count++] = at;
		at = comma ? comma + 1 : NULL;
	}
	return !at;
}

static int apply(struct reading *reading, const char *name, const struct config_key *key,
                 const struct config_setting *setting)
{
	const struct config_section *section = config_section_find(bytes_of_string(key->section));
	struct config_key placed = *key;
	char why[CONFIG_WHY_MAX] = "";

	if (section && section->open)
		placed.place += section->entries + reading->index * section->entry_len;
	if (key->apply(&placed, &reading->draft, &reading->values, why))
		return 0;
	return config_complain(reading->error, name, setting, "%s", why);
}

/* A value from the command line or from the table of defaults. */
static int apply_text(struct reading *reading, const char *name, const struct config_key *key,
                      const struct config_setting *setting, const char *text)
{
	if (strlen(text) >= SET_VALUE_MAX)
		return config_complain(reading->error, name, setting, "longer than %d octets",
		                       SET_VALUE_MAX - 1);
	strcpy(reading->set_value, text);
	if (!key->is_list) {
		reading->values.count = 1;
		reading->values.texts[0] = reading->set_value;
	} else if (!split_list(&reading->values, reading->set_value)) {
		return config_complain(reading->error, name, setting, "at most %d values",
		                       CONFIG_VALUES_MAX);
	}
	return apply(reading, name, key, setting);
}

/* Of the keys of that section; "": of those that stand in none. */
static void apply_defaults(struct reading *reading, const char *section)
{
	static const struct config_setting nowhere;
	const struct config_key *key;
	size_t i;

	for (i = 0; (key = config_key_at(i)); i++) {
		int err = strcmp(key->section, section) != 0
		                  ? 0
		                  : apply_text(reading, "defaults", key, &nowhere, key->fallback);

		assert(!err);
		(void)err;
	}
}

static void apply_all_defaults(struct reading *reading)
{
	const struct config_section *section;
	size_t i;

	apply_defaults(reading, "");
	for (i = 0; (section = config_section_at(i)); i++) {
		if (!section->open)
			apply_defaults(reading, section->name);
	}
}

static int complain_of_section(struct reading *reading, const char *name,
                               const struct config_setting *setting)
{
	char names[CONFIG_WHY_MAX];

	config_section_names(names);
	return config_complain(reading->error, name, setting, "no such section; there are %s",
	                       names);
}

/* NULL, with a complaint, where the key is not in the table, or is not to be written like this. */
static const struct config_key *find_key(struct reading *reading, const char *name,
                                         const struct config_setting *setting)
{
	const struct config_key *key = config_key_find(setting->section, setting->key);
	char names[CONFIG_WHY_MAX];

	if (key) {
		if (!setting->is_braced || key->is_list)
			return key;
		config_complain(reading->error, name, setting, "one value, not a { list }");
	} else if (setting->section.len > 0 && !config_section_find(setting->section)) {
		complain_of_section(reading, name, setting);
	} else if (setting->section.len == 0 &&
	           config_hint(names, setting->key, CONFIG_ON_COMMAND_LINE)) {
		/* Of the file it was told where it was read. */
		config_complain(reading->error, name, setting, "%s", names);
	} else {
		config_key_names(names, setting->section);
		config_complain(reading->error, name, setting, "no such key; allowed: %s",
		                names[0] ? names : "none");
	}
	return NULL;
}

/* The beginning of a section. */
static int check_section(struct reading *reading, const struct config_setting *setting)
{
	const struct config_section *section = config_section_find(setting->section);

	if (!section)
		return complain_of_section(reading, reading->name, setting);
	if (!section->open && setting->title.data)
		return config_complain(reading->error, reading->name, setting,
		                       "this section has no title");
	if (section->open && setting->title.len == 0)
		return config_complain(reading->error, reading->name, setting,
		                       "a title is missing: %s \"...\" { ... }", section->name);
	if (setting->title.len >= CONFIG_TITLE_MAX)
		return config_complain(reading->error, reading->name, setting,
		                       "the title is longer than %d octets", CONFIG_TITLE_MAX - 1);
	return 0;
}

static int check_outline(struct reading *reading)
{
	size_t i;

	for (i = 0; i < reading->outline.count; i++) {
		const struct config_setting *setting = &reading->outline.settings[i];

		if (setting->key.len == 0) {
			if (check_section(reading, setting) != 0)
				return -EINVAL;
		} else if (!find_key(reading, reading->name, setting)) {
			return -EINVAL;
		}
	}
	return 0;
}

/* Behind the last setting of a section with a title. */
static int close_entry(struct reading *reading)
{
	const struct config_setting *opening = reading->opening;
	const struct config_section *section;
	char why[CONFIG_WHY_MAX];

	if (!opening)
		return 0;
	reading->opening = NULL;
	section = config_section_find(opening->section);
	if (!section->close || section->close(&reading->draft, reading->index, why))
		return 0;
	return config_complain(reading->error, reading->name, opening, "%s", why);
}

static int open_entry(struct reading *reading, const struct config_setting *opening)
{
	const struct config_section *section = config_section_find(opening->section);
	size_t *count = (size_t *)((unsigned char *)&reading->draft + section->entry_count);
	char text[CONFIG_TITLE_MAX], why[CONFIG_WHY_MAX];
	const struct config_title title = { text, opening->line };

	if (!section->open)
		return 0;
	if (*count == section->entries_max)
		return config_complain(reading->error, reading->name, opening,
		                       "more than %zu of these sections", section->entries_max);
	memcpy(text, opening->title.data, opening->title.len);
	text[opening->title.len] = '\0';
	reading->index = (*count)++;
	if (!section->open(&reading->draft, reading->index, &title, why))
		return config_complain(reading->error, reading->name, opening, "%s", why);
	apply_defaults(reading, section->name);
	reading->opening = opening;
	return 0;
}

static int apply_setting(struct reading *reading, const struct config_confuse *confuse,
                         const struct config_setting *setting)
{
	const struct config_key *key = find_key(reading, reading->name, setting);

	if (!key)
		return -EINVAL;
	if (!config_confuse_values(confuse, &reading->values, key,
	                           setting->title.len > 0 ? reading->index : 0))
		return config_complain(reading->error, reading->name, setting, "at most %d values",
		                       CONFIG_VALUES_MAX);
	return apply(reading, reading->name, key, setting);
}

static int apply_settings(struct reading *reading, const struct config_confuse *confuse)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < reading->outline.count; i++) {
		const struct config_setting *setting = &reading->outline.settings[i];

		if (setting->key.len > 0) {
			err = apply_setting(reading, confuse, setting);
			continue;
		}
		err = close_entry(reading);
		if (!err)
			err = open_entry(reading, setting);
	}
	return err ? err : close_entry(reading);
}

static int apply_file(struct reading *reading)
{
	int err = config_scan(&reading->outline, reading->name, reading->text, reading->error);
	struct config_setting place = { 0 };
	struct config_confuse *confuse;

	if (!err)
		err = check_outline(reading);
	if (err)
		return err;
	err = config_confuse_open(&confuse, &place.line, reading->text);
	if (err)
		return config_complain(reading->error, reading->name, &place, "%s",
		                       err == -ENOMEM ? "out of memory" : "not understood");
	err = apply_settings(reading, confuse);
	config_confuse_close(confuse);
	return err;
}

/* key=value, or section.key=value. */
static int apply_set(struct reading *reading, const char *set)
{
	static const char name[] = "--set";
	struct config_setting setting = { 0 };
	const char *equals = strchr(set, '=');
	size_t len = equals ? (size_t)(equals - set) : 0;
	const struct config_section *section;
	const struct config_key *key;
	const char *dot;

	if (len == 0)
		return config_complain(reading->error, name, &setting,
		                       "KEY=VALUE is expected, not \"%.64s\"", set);
	dot = memchr(set, '.', len);
	if (dot) {
		setting.section = bytes_of(set, (size_t)(dot - set));
		setting.key = bytes_of(dot + 1, (size_t)(equals - dot - 1));
	} else {
		setting.key = bytes_of(set, len);
	}
	section = config_section_find(dot ? setting.section : setting.key);
	if (section && section->open)
		return config_complain(reading->error, name, &setting,
		                       "only in the file, as %s \"...\" { ... }", section->name);
	key = find_key(reading, name, &setting);
	return key ? apply_text(reading, name, key, &setting, equals + 1) : -EINVAL;
}

/* What follows from several keys, or from this machine. */
static void conclude(struct config *draft)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (draft->stance.mode == MODE_MONITOR)
		draft->fails_open = true;
	draft->rules.is_bypassed = draft->fails_open;
	if (draft->dns_guard == DNS_GUARD_DROP)
		draft->rules.dns = RULES_DNS_HOLD;
	draft->rules.guards_bridges =
		draft->stance.mode == MODE_ENFORCE && draft->rules.has_forward;
	draft->rules.returns_probes = draft->tls13 == TLS13_PROBE && draft->rules.has_forward;
	if (draft->rules.queue_count > 0)
		return;
	if (cores < 1)
		cores = 1;
	draft->rules.queue_count =
		(uint16_t)(cores < CONFIG_QUEUES_MAX ? cores : CONFIG_QUEUES_MAX);
}

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

int config_parse(struct config *config, const char *name, const char *text, const char *const *set,
                 size_t set_count, char error[CONFIG_ERROR_MAX])
{
	const struct config_setting nowhere = { 0 };
	struct reading *reading;
	size_t i;
	int err = 0;

	if (strlen(text) >= CONFIG_TEXT_MAX)
		return config_complain(error, name, &nowhere, "longer than %d octets",
		                       CONFIG_TEXT_MAX - 1);
	reading = calloc(1, sizeof(*reading));
	if (!reading)
		return config_complain(error, name, &nowhere, "out of memory");
	reading->name = name;
	reading->error = error;
	strcpy(reading->text, text);
	text_copy(reading->draft.file_name, sizeof(reading->draft.file_name), base_name(name));

	apply_all_defaults(reading);
	err = apply_file(reading);
	for (i = 0; !err && i < set_count; i++)
		err = apply_set(reading, set[i]);
	if (!err) {
		conclude(&reading->draft);
		*config = reading->draft;
	}
	free(reading);
	return err;
}

/* The file's octets, which must be text. */
static int read_text(char text[CONFIG_TEXT_MAX], int file, const char **complaint)
{
	size_t len = 0;
	ssize_t got;

	do {
		got = read(file, text + len, CONFIG_TEXT_MAX - len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len < CONFIG_TEXT_MAX) || (got < 0 && errno == EINTR));
	if (got < 0) {
		*complaint = strerror(errno);
		return -errno;
	}
	if (len == CONFIG_TEXT_MAX) {
		*complaint = "longer than 65535 octets";
		return -EFBIG;
	}
	if (memchr(text, '\0', len)) {
		*complaint = "holds a NUL octet, so it is no text";
		return -EINVAL;
	}
	text[len] = '\0';
	return 0;
}

int config_read(char text[CONFIG_TEXT_MAX], const char *path, char error[CONFIG_ERROR_MAX])
{
	const char *name = path ? path : config_default_path;
	const struct config_setting nowhere = { 0 };
	const char *complaint = NULL;
	int file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (file < 0) {
		err = -errno;
		if (!path && err == -ENOENT) {
			text[0] = '\0';
			return 0;
		}
		config_complain(error, name, &nowhere, "%s", strerror(-err));
		return err;
	}
	err = read_text(text, file, &complaint);
	if (err)
		config_complain(error, name, &nowhere, "%s", complaint);
	close(file);
	return err;
}

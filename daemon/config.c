/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_keys.h"
#include "config_scan.h"

const char config_default_path[] = HOPGUARD_SYSCONFDIR "/hopguard/hopguard.conf";

/* What libconfuse is told to expect. */
enum { OPTIONS_MAX = 32, SECTIONS_MAX = 8, SET_VALUE_MAX = 8 * 1024 };

struct options {
	cfg_opt_t top[OPTIONS_MAX];
	size_t top_count;
	struct {
		const char *name;
		cfg_opt_t options[OPTIONS_MAX];
		size_t count;
	} sections[SECTIONS_MAX];
	size_t section_count;
};

/* One call of config_parse. */
struct reading {
	const char *name;
	char *error;
	struct config draft;
	struct config_values values;
	struct config_outline outline;
	struct options options;
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
	char why[CONFIG_WHY_MAX] = "";

	if (key->apply(key, &reading->draft, &reading->values, why))
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

static void apply_defaults(struct reading *reading)
{
	static const struct config_setting nowhere;
	const struct config_key *key;
	size_t i;

	for (i = 0; (key = config_key_at(i)); i++) {
		int err = apply_text(reading, "defaults", key, &nowhere, key->fallback);

		assert(!err);
		(void)err;
	}
}

/* Why the key is not in the table, or is not to be written like this. NULL: it may stand there. */
static const struct config_key *find_key(struct reading *reading, const char *name,
                                         const struct config_setting *setting)
{
	const struct config_key *key = config_key_find(setting->section, setting->key);
	char names[CONFIG_WHY_MAX];

	if (key) {
		if (!setting->is_braced || key->is_list)
			return key;
		config_complain(reading->error, name, setting, "one value, not a { list }");
	} else if (config_key_is_unbuilt(setting->section, setting->key)) {
		config_complain(reading->error, name, setting, "not built yet");
	} else if (setting->section.len > 0 && !config_key_is_section(setting->section)) {
		config_complain(reading->error, name, setting,
		                "no such section; there are dns, events and exempt");
	} else {
		config_key_names(names, setting->section);
		config_complain(reading->error, name, setting, "no such key; allowed: %s", names);
	}
	return NULL;
}

/* The beginning of a section. */
static int check_section(struct reading *reading, const struct config_setting *setting)
{
	if (config_key_is_unbuilt(setting->section, setting->key))
		return config_complain(reading->error, reading->name, setting, "not built yet");
	if (!config_key_is_section(setting->section))
		return config_complain(reading->error, reading->name, setting,
		                       "no such section; there are dns, events and exempt");
	if (setting->title.len > 0)
		return config_complain(reading->error, reading->name, setting,
		                       "this section has no title");
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

static cfg_opt_t option_of(const struct config_key *key)
{
	const cfg_opt_t list = CFG_STR_LIST(key->name, NULL, CFGF_NONE);
	const cfg_opt_t scalar = CFG_STR(key->name, NULL, CFGF_NONE);

	return key->is_list ? list : scalar;
}

static void add_to_section(struct options *options, const struct config_key *key)
{
	size_t i = 0;

	while (i < options->section_count && strcmp(options->sections[i].name, key->section) != 0)
		i++;
	assert(i < SECTIONS_MAX && options->sections[i].count < OPTIONS_MAX - 1);
	options->sections[i].name = key->section;
	options->sections[i].options[options->sections[i].count++] = option_of(key);
	if (i == options->section_count)
		options->section_count++;
}

/* libconfuse's form of the table of keys; it copies what it is given. */
static cfg_t *open_parser(struct options *options)
{
	const cfg_opt_t end = CFG_END();
	const struct config_key *key;
	size_t i;

	for (i = 0; (key = config_key_at(i)); i++) {
		if (key->section[0])
			add_to_section(options, key);
		else
			options->top[options->top_count++] = option_of(key);
	}
	for (i = 0; i < options->section_count; i++) {
		const cfg_opt_t section =
			CFG_SEC(options->sections[i].name, options->sections[i].options, CFGF_NONE);

		options->sections[i].options[options->sections[i].count] = end;
		options->top[options->top_count++] = section;
	}
	assert(options->top_count < OPTIONS_MAX);
	options->top[options->top_count] = end;
	return cfg_init(options->top, CFGF_NONE);
}

/* Its message has no way to reach us, and nothing to add: the outline was found good. */
static void keep_silent(cfg_t *cfg, const char *format, va_list arguments)
{
	(void)cfg;
	(void)format;
	(void)arguments;
}

static int apply_setting(struct reading *reading, cfg_t *cfg, const struct config_setting *setting)
{
	const struct config_key *key = find_key(reading, reading->name, setting);
	cfg_t *section;
	cfg_opt_t *option;
	unsigned i, count;

	if (!key)
		return -EINVAL;
	section = key->section[0] ? cfg_getsec(cfg, key->section) : cfg;
	option = section ? cfg_getopt(section, key->name) : NULL;
	count = option ? cfg_opt_size(option) : 0;
	if (count > CONFIG_VALUES_MAX)
		return config_complain(reading->error, reading->name, setting, "at most %d values",
		                       CONFIG_VALUES_MAX);
	for (i = 0; i < count; i++)
		reading->values.texts[i] = cfg_opt_getnstr(option, i);
	reading->values.count = count;
	return apply(reading, reading->name, key, setting);
}

static int apply_file(struct reading *reading)
{
	int err = config_scan(&reading->outline, reading->name, reading->text, reading->error);
	struct config_setting place = { 0 };
	cfg_t *cfg;
	size_t i;

	if (!err)
		err = check_outline(reading);
	if (err)
		return err;
	cfg = open_parser(&reading->options);
	if (!cfg)
		return config_complain(reading->error, reading->name, &place, "out of memory");
	cfg_set_error_function(cfg, keep_silent);
	if (cfg_parse_buf(cfg, reading->text) != CFG_SUCCESS) {
		place.line = cfg->line > 0 ? (unsigned)cfg->line : 0;
		err = config_complain(reading->error, reading->name, &place, "not understood");
	}
	for (i = 0; !err && i < reading->outline.count; i++) {
		if (reading->outline.settings[i].key.len > 0)
			err = apply_setting(reading, cfg, &reading->outline.settings[i]);
	}
	cfg_free(cfg);
	return err;
}

/* key=value, or section.key=value. */
static int apply_set(struct reading *reading, const char *set)
{
	static const char name[] = "--set";
	struct config_setting setting = { 0 };
	const char *equals = strchr(set, '=');
	size_t len = equals ? (size_t)(equals - set) : 0;
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
	if (!dot && config_key_is_unbuilt(setting.key, setting.section))
		return config_complain(reading->error, name, &setting, "not built yet");
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
	if (draft->rules.queue_count > 0)
		return;
	if (cores < 1)
		cores = 1;
	draft->rules.queue_count =
		(uint16_t)(cores < CONFIG_QUEUES_MAX ? cores : CONFIG_QUEUES_MAX);
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

	apply_defaults(reading);
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

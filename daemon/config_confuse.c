/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_confuse.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 48, SECTIONS_MAX = 16 };

/* What libconfuse is told to expect. */
struct options {
	cfg_opt_t top[OPTIONS_MAX];
	cfg_opt_t sections[SECTIONS_MAX][OPTIONS_MAX];
};

struct config_confuse {
	cfg_t *cfg;
	struct options options;
};

static cfg_opt_t option_of(const struct config_key *key)
{
	const cfg_opt_t list = CFG_STR_LIST(key->name, NULL, CFGF_NONE);
	const cfg_opt_t scalar = CFG_STR(key->name, NULL, CFGF_NONE);

	return key->is_list ? list : scalar;
}

/* The keys of that section ("": of none), closed by an end. Returns how many. */
static size_t list_keys(cfg_opt_t options[OPTIONS_MAX], const char *section)
{
	const cfg_opt_t end = CFG_END();
	const struct config_key *key;
	size_t count = 0;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		if (strcmp(key->section, section) == 0) {
			assert(count < OPTIONS_MAX - 1);
			options[count++] = option_of(key);
		}
	}
	options[count] = end;
	return count;
}

static void list_all(struct options *options)
{
	const cfg_opt_t end = CFG_END();
	const struct config_section *section;
	size_t count = list_keys(options->top, "");

	for (size_t i = 0; (section = config_section_at(i)); i++) {
		const cfg_opt_t option =
			CFG_SEC(section->name, options->sections[i],
		                section->open ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);

		assert(i < SECTIONS_MAX && count < OPTIONS_MAX - 1);
		(void)list_keys(options->sections[i], section->name);
		options->top[count++] = option;
	}
	options->top[count] = end;
}

/* Its message has no way to reach us, and nothing to add: the outline was found good. */
static void keep_silent(cfg_t *cfg, const char *format, va_list arguments)
{
	(void)cfg;
	(void)format;
	(void)arguments;
}

int config_confuse_open(struct config_confuse **opened, unsigned *line, const char *text)
{
	struct config_confuse *confuse = calloc(1, sizeof(*confuse));

	if (!confuse)
		return -ENOMEM;
	list_all(&confuse->options);
	confuse->cfg = cfg_init(confuse->options.top, CFGF_NONE);
	if (!confuse->cfg) {
		free(confuse);
		return -ENOMEM;
	}
	cfg_set_error_function(confuse->cfg, keep_silent);
	if (cfg_parse_buf(confuse->cfg, text) != CFG_SUCCESS) {
		*line = confuse->cfg->line > 0 ? (unsigned)confuse->cfg->line : 0;
		config_confuse_close(confuse);
		return -EINVAL;
	}
	*opened = confuse;
	return 0;
}

void config_confuse_close(struct config_confuse *confuse)
{
	cfg_free(confuse->cfg);
	free(confuse);
}

bool config_confuse_values(const struct config_confuse *confuse, struct config_values *values,
                           const struct config_key *key, size_t nth)
{
	cfg_t *section = confuse->cfg;
	cfg_opt_t *option;
	unsigned count;

	if (key->section[0])
		section = cfg_getnsec(confuse->cfg, key->section, (unsigned)nth);
	option = section ? cfg_getopt(section, key->name) : NULL;
	count = option ? cfg_opt_size(option) : 0;
	if (count > CONFIG_VALUES_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		values->texts[i] = cfg_opt_getnstr(option, i);
	values->count = count;
	return true;
}

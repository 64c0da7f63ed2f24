/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files_config.h"

#include "base/bytes.h"

static void add(struct files_options *options, enum file_kind kind, const char *path,
                const char *key)
{
	struct files_option *option = &options->files[options->count++];

	option->kind = kind;
	text_copy(option->path, sizeof(option->path), path);
	text_copy(option->key, sizeof(option->key), key);
}

void files_config(struct files_options *options, const struct config *config)
{
	size_t i;

	options->count = 0;
	for (i = 0; i < config->policy_list_count; i++)
		add(options, FILE_POLICY_LIST, config->policy_lists[i].path,
		    config->policy_lists[i].key);
	for (i = 0; i < config->postfix_policy_count; i++)
		add(options, FILE_POSTFIX_POLICY, config->postfix_policies[i].path, "");
	if (config->watch[0])
		add(options, FILE_WATCH, config->watch, "");
}

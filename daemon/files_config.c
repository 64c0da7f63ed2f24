/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/sealed.h"
#include "files_read.h"

/* Debian's, of the package ca-certificates. */
static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

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

void files_config_authorities(struct files_options *options, const struct config *config)
{
	options->count = 0;
	add(options, FILE_AUTHORITIES, config->ca_file[0] ? config->ca_file : system_authorities,
	    "");
}

/* A label of RFC 7468 or of OpenSSL's own. */
static bool has_certificate(struct bytes text)
{
	static const char *const labels[] = { "-----BEGIN CERTIFICATE-----",
		                              "-----BEGIN TRUSTED CERTIFICATE-----",
		                              "-----BEGIN X509 CERTIFICATE-----" };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (text.len > 0 && memmem(text.data, text.len, labels[i], strlen(labels[i])))
			return true;
	}
	return false;
}

int files_check_authorities(const struct config *config, const char *name,
                            char error[CONFIG_ERROR_MAX])
{
	struct files_option option = { .kind = FILE_AUTHORITIES };
	char signer[FILE_SIGNER_MAX], why[MESSAGE_ERROR_MAX] = "";
	struct bytes text = { 0 };
	int copy, err;

	if (!config->ca_file[0])
		return 0;
	text_copy(option.path, sizeof(option.path), config->ca_file);
	err = files_read(&copy, signer, &option, why);
	if (!err) {
		err = sealed_map(&text, copy, FILE_LEN_MAX);
		close(copy);
	}
	if (!err && !has_certificate(text)) {
		(void)snprintf(why, sizeof(why), "%s: no certificate is in it (PEM is asked for)",
		               config->ca_file);
		err = -EINVAL;
	}
	sealed_unmap(text);
	if (err)
		(void)snprintf(error, CONFIG_ERROR_MAX, "%s: tls.ca-file: %.400s", name,
		               why[0] ? why : strerror(-err));
	return err ? -EINVAL : 0;
}

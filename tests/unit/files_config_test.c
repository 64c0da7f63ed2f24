/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files_config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct config *configured(const char *text)
{
	struct config *config = calloc(1, sizeof(*config));
	char error[CONFIG_ERROR_MAX];

	assert_non_null(config);
	assert_int_equal(config_parse(config, "test.conf", text, NULL, 0, error), 0);
	return config;
}

static void the_scout_has_its_files_and_the_verifier_has_its_own(void **state)
{
	struct config *config = configured("policy-list \"/p.json\" { key = \"/k.gpg\" }\n"
	                                   "postfix-policy \"/t\" {}\nwatch = \"/w\"\n"
	                                   "tls { ca-file = \"/ca.pem\" }\n");
	struct files_options options;

	(void)state;
	files_config(&options, config);
	assert_int_equal(options.count, 3);
	assert_int_equal(options.files[0].kind, FILE_POLICY_LIST);
	assert_string_equal(options.files[0].key, "/k.gpg");
	assert_int_equal(options.files[1].kind, FILE_POSTFIX_POLICY);
	assert_int_equal(options.files[2].kind, FILE_WATCH);
	files_config_authorities(&options, config);
	assert_int_equal(options.count, 1);
	assert_int_equal(options.files[0].kind, FILE_AUTHORITIES);
	assert_string_equal(options.files[0].path, "/ca.pem");
	assert_string_equal(options.files[0].key, "");
	free(config);
}

static void without_a_name_the_authorities_are_those_of_the_system(void **state)
{
	struct config *config = configured("");
	struct files_options options;
	char error[CONFIG_ERROR_MAX];

	(void)state;
	files_config_authorities(&options, config);
	assert_string_equal(options.files[0].path, "/etc/ssl/certs/ca-certificates.crt");
	/* That they are not there is told later: a guard without them is better than none. */
	assert_int_equal(files_check_authorities(config, config->file_name, error), 0);
	free(config);
}

/* What is said of a file with that text, or with NULL of one that is not there. */
static int check_file(const char *text, char error[CONFIG_ERROR_MAX])
{
	char path[] = "/tmp/hopguard-ca-XXXXXX", setting[64];
	int file = mkstemp(path), result;
	struct config *config;

	assert_true(file >= 0);
	if (text)
		assert_int_equal(write(file, text, strlen(text)), strlen(text));
	else
		unlink(path);
	close(file);
	(void)snprintf(setting, sizeof(setting), "tls { ca-file = \"%s\" }\n", path);
	config = configured(setting);
	error[0] = '\0';
	result = files_check_authorities(config, config->file_name, error);
	free(config);
	unlink(path);
	return result;
}

static void a_named_file_is_there_and_looks_like_certificates(void **state)
{
	char error[CONFIG_ERROR_MAX];

	(void)state;
	assert_int_equal(check_file("text\n-----BEGIN CERTIFICATE-----\n", error), 0);
	assert_int_equal(check_file("-----BEGIN TRUSTED CERTIFICATE-----\n", error), 0);
	assert_int_equal(check_file(NULL, error), -EINVAL);
	assert_memory_equal(error, "test.conf: tls.ca-file: /tmp/hopguard-ca-", 41);
	assert_non_null(strstr(error, ": No such file or directory"));
	assert_int_equal(check_file("-----BEGIN PRIVATE KEY-----\n", error), -EINVAL);
	assert_non_null(strstr(error, ": no certificate is in it (PEM is asked for)"));
	assert_int_equal(check_file("", error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scout_has_its_files_and_the_verifier_has_its_own),
		cmocka_unit_test(without_a_name_the_authorities_are_those_of_the_system),
		cmocka_unit_test(a_named_file_is_there_and_looks_like_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

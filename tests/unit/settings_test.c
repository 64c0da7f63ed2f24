/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Settings read from a file with that text. */
static struct settings *settings_of(const char *text)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	char path[] = "/tmp/hopguard-settings-XXXXXX", error[CONFIG_ERROR_MAX] = "";
	struct supervisor_options options = { .config_path = path };
	int file = mkstemp(path);

	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
	assert_int_equal(settings_read(settings, &options, error), 0);
	unlink(path);
	return settings;
}

static void a_file_of_authorities_is_named_where_it_stands(void **state)
{
	static const char *const set[] = { "tls.tls13=block", "tls.ca-file=/nonexistent" };
	struct settings *settings = calloc(1, sizeof(*settings));
	char error[CONFIG_ERROR_MAX] = "";
	struct supervisor_options options = {
		.config_path = "/dev/null",
		.set = set,
		.set_count = 2,
	};

	(void)state;
	assert_non_null(settings);
	assert_int_equal(settings_read(settings, &options, error), -EINVAL);
	assert_string_equal(error, "--set: tls.ca-file: /nonexistent: No such file or directory");
	options.set_count = 1;
	assert_int_equal(settings_read(settings, &options, error), 0);
	free(settings);
}

/* A start and a reload end with the same status for the same file. */
static void a_file_that_cannot_be_read_is_a_wrong_configuration(void **state)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	char path[] = "/tmp/hopguard-settings-XXXXXX", error[CONFIG_ERROR_MAX] = "";
	struct supervisor_options options = { .config_path = "/nonexistent/hopguard.conf" };
	char line[2] = "#";
	int file = mkstemp(path);

	(void)state;
	assert_non_null(settings);
	assert_int_equal(settings_read(settings, &options, error), -EINVAL);
	assert_string_equal(error, "/nonexistent/hopguard.conf: No such file or directory");
	options.config_path = "/";
	assert_int_equal(settings_read(settings, &options, error), -EINVAL);
	for (int i = 0; i < CONFIG_TEXT_MAX; i++)
		assert_int_equal(write(file, line, 1), 1);
	close(file);
	options.config_path = path;
	assert_int_equal(settings_read(settings, &options, error), -EINVAL);
	assert_non_null(strstr(error, "longer than 65535 octets"));
	unlink(path);
	free(settings);
}

static void what_a_running_guard_cannot_change_refuses_the_reload_and_is_named(void **state)
{
	static const char *const texts[] = {
		"queues = 5",
		"queue-first = 77",
		"mark-mask = 0x000f0000",
		"backend = nft",
		"dns { guard = drop }",
		"dns { names-max = 20000 }",
		"user = \"daemon\"",
		"control-group = \"mail\"",
		"control-socket = \"/tmp/x.sock\"",
		"state-directory = \"/tmp/x\"",
	};
	struct settings *old = settings_of("");
	char error[CONFIG_ERROR_MAX];
	size_t i;

	(void)state;
	old->config.backend = RULES_IPTABLES;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct settings *news = settings_of(texts[i]);
		char key[32];

		snprintf(key, sizeof(key), "%.*s", (int)strcspn(texts[i], " "), texts[i]);
		assert_int_equal(settings_check_reload(news, old, error), -EINVAL);
		assert_memory_equal(error, key, strlen(key));
		free(news);
	}
	free(old);
}

static void all_else_may_change(void **state)
{
	struct settings *old = settings_of("");
	struct settings *news =
		settings_of("mode = enforce\non-failure = closed\nports = { 25, 587 }\n"
	                    "clients = { 192.0.2.0/24 }\nhold-seconds = 5\n"
	                    "log-level = debug\n");
	char error[CONFIG_ERROR_MAX];

	(void)state;
	old->config.backend = RULES_NFT;
	assert_int_equal(settings_check_reload(news, old, error), 0);
	/* What was found by itself stays found. */
	assert_int_equal(news->config.backend, RULES_NFT);
	assert_true(settings_rules_differ(news, old));
	free(old);
	free(news);
}

static void the_same_file_has_the_same_rules(void **state)
{
	struct settings *one = settings_of("clients = { 192.0.2.0/24 }\n");
	struct settings *other = settings_of("clients = { 192.0.2.0/24 }\nmode = monitor\n");

	(void)state;
	assert_false(settings_rules_differ(one, other));
	free(one);
	free(other);
}

static void the_ready_line_says_whom_it_guards_and_what_a_failure_means(void **state)
{
	struct settings *settings =
		settings_of("mode = enforce\non-failure = closed\nqueues = 2\nqueue-first = 2500\n"
	                    "clients = { 192.0.2.0/24, 198.51.100.1 }\nports = { 25, 587 }\n");
	char text[EVENT_TEXT_MAX];

	(void)state;
	settings->config.backend = RULES_NFT;
	settings_describe(text, sizeof(text), settings);
	assert_string_equal(text, "enforce: port 25,587 from this host and forwarded 192.0.2.0/24 "
	                          "198.51.100.1/32; queues 2500-2501, rules by nft, when down mail "
	                          "waits");
	free(settings);
}

static void a_long_list_of_clients_is_counted_not_cut(void **state)
{
	struct settings *settings = settings_of(
		"hooks = { forward }\nclients = { 192.0.2.0/24, 192.0.3.0/24, 192.0.4.0/24, "
		"192.0.5.0/24, 192.0.6.0/24, 192.0.7.0/24, 192.0.8.0/24 }\n");
	char text[EVENT_TEXT_MAX];

	(void)state;
	settings_describe(text, sizeof(text), settings);
	assert_non_null(
		strstr(text, "monitor (nothing is refused): port 25 from forwarded 192.0.2.0/24"));
	assert_non_null(strstr(text, "192.0.6.0/24 and 2 more; queues"));
	assert_non_null(strstr(text, "when down mail passes"));
	free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_authorities_is_named_where_it_stands),
		cmocka_unit_test(a_file_that_cannot_be_read_is_a_wrong_configuration),
		cmocka_unit_test(
			what_a_running_guard_cannot_change_refuses_the_reload_and_is_named),
		cmocka_unit_test(all_else_may_change),
		cmocka_unit_test(the_same_file_has_the_same_rules),
		cmocka_unit_test(the_ready_line_says_whom_it_guards_and_what_a_failure_means),
		cmocka_unit_test(a_long_list_of_clients_is_counted_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

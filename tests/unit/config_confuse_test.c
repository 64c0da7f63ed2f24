/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_confuse.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/ending_memory.h"

static const struct config_key *key_of(const char *section, const char *name)
{
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return key;
	}
	fail_msg("no key %s.%s", section, name);
	return NULL;
}

static struct config_confuse *open_text(const char *text)
{
	struct config_confuse *confuse;
	unsigned line;

	assert_int_equal(config_confuse_open(&confuse, &line, text), 0);
	return confuse;
}

static void values_are_those_of_their_key_and_section(void **state)
{
	struct config_confuse *confuse = open_text("mode = enforce\n"
	                                           "clients = { 192.0.2.1, \"2001:db8::/64\" }\n"
	                                           "dns { timeout-seconds = 3 }\n"
	                                           "destination \"a.example\" { level = dane }\n"
	                                           "destination \"b.example\" { level = may }\n");
	struct config_values values;

	(void)state;
	assert_true(config_confuse_values(confuse, &values, key_of("", "clients"), 0));
	assert_int_equal(values.count, 2);
	assert_string_equal(values.texts[0], "192.0.2.1");
	assert_string_equal(values.texts[1], "2001:db8::/64");
	assert_true(config_confuse_values(confuse, &values, key_of("dns", "timeout-seconds"), 0));
	assert_int_equal(values.count, 1);
	assert_string_equal(values.texts[0], "3");
	assert_true(config_confuse_values(confuse, &values, key_of("destination", "level"), 1));
	assert_string_equal(values.texts[0], "may");
	/* There is no third. */
	assert_true(config_confuse_values(confuse, &values, key_of("destination", "level"), 2));
	assert_int_equal(values.count, 0);
	config_confuse_close(confuse);
}

static void a_list_has_room_for_so_many_values_and_no_more(void **state)
{
	char text[32 + 8 * (CONFIG_VALUES_MAX + 1)] = "clients = { a";
	struct config_confuse *confuse;
	struct config_values values;

	(void)state;
	for (size_t i = 1; i < CONFIG_VALUES_MAX; i++)
		strcat(text, ", a");
	strcat(text, " }");
	confuse = open_text(text);
	assert_true(config_confuse_values(confuse, &values, key_of("", "clients"), 0));
	assert_int_equal(values.count, CONFIG_VALUES_MAX);
	config_confuse_close(confuse);
	text[strlen(text) - 2] = '\0';
	strcat(text, ", a }");
	confuse = open_text(text);
	assert_false(config_confuse_values(confuse, &values, key_of("", "clients"), 0));
	config_confuse_close(confuse);
}

/* libconfuse's own words would stand on standard error, between the lines of the log. */
static void what_is_not_understood_has_a_line_and_no_words(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} wrong[] = {
		{ "\n}\n", 2 },
		{ "mode = enforce\n\nnonsense = 3\n", 3 },
		{ "mode = { a, b\n", 1 },
	};
	struct config_confuse *confuse;
	char path[] = "/tmp/hopguard-said-XXXXXX";
	int file = mkstemp(path), saved = dup(STDERR_FILENO);

	(void)state;
	assert_true(file >= 0 && saved >= 0);
	unlink(path);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		unsigned line = 0;
		int err;

		dup2(file, STDERR_FILENO);
		err = config_confuse_open(&confuse, &line, wrong[i].text);
		dup2(saved, STDERR_FILENO);
		assert_int_equal(err, -EINVAL);
		if (line != wrong[i].line)
			fail_msg("case %zu: line %u", i, line);
	}
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	close(saved);
	close(file);
}

static void without_memory_it_is_not_opened(void **state)
{
	struct config_confuse *confuse = NULL;
	unsigned line;

	(void)state;
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (size_t count = 0; count < 2; count++) {
		int err;

		memory_left = count;
		err = config_confuse_open(&confuse, &line, "mode = enforce\n");
		memory_left = SIZE_MAX;
		assert_int_equal(err, -ENOMEM);
		assert_null(confuse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_their_key_and_section),
		cmocka_unit_test(a_list_has_room_for_so_many_values_and_no_more),
		cmocka_unit_test(what_is_not_understood_has_a_line_and_no_words),
		cmocka_unit_test(without_memory_it_is_not_opened),
	};

	return cmocka_run_group_tests_name("config_confuse", tests, NULL, NULL);
}

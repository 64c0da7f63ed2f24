/* SPDX-License-Identifier: GPL-2.0-or-later */

/* docs/fuzzing.md speaks of the fuzz targets that there are. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 256 * 1024, TARGET_NAME_MAX = 64 };

static const char PAGE[] = "docs/fuzzing.md";
static const char SOURCES[] = "tests/fuzz/*_fuzz.c";
/* Of a row of the table, up to the target's name. */
static const char ROW_BEGIN[] = "\n| `";

static int read_page(void **state)
{
	char *text = calloc(1, PAGE_MAX);
	FILE *file = fopen(PAGE, "r");
	size_t len = text && file ? fread(text, 1, PAGE_MAX - 1, file) : 0;

	if (file)
		fclose(file);
	if (len == 0 || len == PAGE_MAX - 1) {
		free(text);
		return -1;
	}
	*state = text;
	return 0;
}

static int free_page(void **state)
{
	free(*state);
	return 0;
}

/* "packet" of "tests/fuzz/packet_fuzz.c" */
static void name_of(char name[TARGET_NAME_MAX], const char *source)
{
	const char *base = strrchr(source, '/') + 1;
	size_t len = strlen(base) - strlen("_fuzz.c");

	assert_true(len > 0 && len < TARGET_NAME_MAX);
	memcpy(name, base, len);
	name[len] = '\0';
}

static void test_each_target_has_its_row(void **state)
{
	glob_t found;

	assert_int_equal(glob(SOURCES, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[TARGET_NAME_MAX], row[TARGET_NAME_MAX + 16];

		name_of(name, found.gl_pathv[i]);
		snprintf(row, sizeof(row), "%s%s` |", ROW_BEGIN, name);
		if (!strstr(*state, row))
			fail_msg("%s has no row in %s: tests/fuzz/campaign.py --table",
			         found.gl_pathv[i], PAGE);
	}
	globfree(&found);
}

static void test_each_row_has_its_target(void **state)
{
	const char *at = *state;
	size_t count = 0;

	while ((at = strstr(at, ROW_BEGIN))) {
		char name[TARGET_NAME_MAX], path[TARGET_NAME_MAX + 32];
		FILE *source;

		at += strlen(ROW_BEGIN);
		assert_int_equal(sscanf(at, "%63[a-z0-9_]`", name), 1);
		snprintf(path, sizeof(path), "tests/fuzz/%s_fuzz.c", name);
		source = fopen(path, "r");
		if (!source)
			fail_msg("%s speaks of %s, which does not exist", PAGE, path);
		fclose(source);
		count++;
	}
	assert_true(count > 0);
}

static void test_each_target_has_seeds(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(SOURCES, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[TARGET_NAME_MAX], path[TARGET_NAME_MAX + 32];
		glob_t seeds;

		name_of(name, found.gl_pathv[i]);
		snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/*", name);
		if (glob(path, 0, NULL, &seeds) != 0)
			fail_msg("%s has no seed", found.gl_pathv[i]);
		globfree(&seeds);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_target_has_its_row),
		cmocka_unit_test(test_each_row_has_its_target),
		cmocka_unit_test(test_each_target_has_seeds),
	};

	return cmocka_run_group_tests(tests, read_page, free_page);
}

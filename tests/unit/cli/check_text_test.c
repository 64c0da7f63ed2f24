/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "check_scene.h"

enum { PAGE_MAX = 64 * 1024, COLUMNS = 80, LINES = 24 };

static void print(char page[PAGE_MAX], struct check_scene *scene, struct check_style style)
{
	FILE *out = fmemopen(page, PAGE_MAX, "w");

	assert_non_null(out);
	(void)check_scene_judge(scene);
	check_text_print(out, &scene->facts, &scene->findings, style);
	fclose(out);
}

static size_t count_lines(const char *page)
{
	size_t count = 0;

	while (*page) {
		size_t len = strcspn(page, "\n");

		assert_true(len < COLUMNS);
		assert_int_equal(page[len], '\n');
		page += len + 1;
		count++;
	}
	return count;
}

static void words_are_broken_into_lines_that_stand_below_each_other(void **state)
{
	char page[512] = "";
	FILE *out = fmemopen(page, sizeof(page), "w");

	(void)state;
	check_text_wrap(out, "  why  ",
	                "one two three four five six seven eight nine ten eleven twelve thirteen "
	                "fourteen");
	check_text_wrap(out, "  ", "");
	fclose(out);
	assert_string_equal(page, "  why  one two three four five six seven eight nine ten eleven "
	                          "twelve thirteen\n       fourteen\n  \n");
}

static void a_word_longer_than_a_line_stands_alone(void **state)
{
	char word[200], want[512], page[512] = "";
	FILE *out = fmemopen(page, sizeof(page), "w");

	(void)state;
	memset(word, 'a', sizeof(word));
	memcpy(word, "b ", 2);
	word[sizeof(word) - 1] = '\0';
	check_text_wrap(out, "  ", word);
	fclose(out);
	snprintf(want, sizeof(want), "  b\n  %s\n", word + 2);
	assert_string_equal(page, want);
}

static void a_domain_with_four_sound_places_fits_one_screen(void **state)
{
	struct check_scene *scene = *state;
	char *page = calloc(1, PAGE_MAX);

	check_scene_host(scene, "mx2.example.org", 20);
	check_scene_host(scene, "mx3.example.org", 30);
	check_scene_host(scene, "mx4.example.org", 40);
	print(page, scene, (struct check_style){ 0 });
	assert_in_range(count_lines(page), 10, LINES);
	assert_memory_equal(page, "example.org: good, TLS with a signed key\n", 41);
	free(page);
}

static void a_finding_is_told_once_with_all_its_places(void **state)
{
	struct check_scene *scene = *state;
	char *page = calloc(1, PAGE_MAX);
	const char *found;

	for (size_t i = 0; i < 2; i++) {
		if (i > 0)
			check_scene_host(scene, "mx2.example.org", 20);
		scene->facts.places[i].seen->outcome = VISIT_NOT_OFFERED;
		scene->facts.places[i].seen->step = VISIT_AT_STARTTLS;
		scene->facts.places[i].seen->code = 250;
	}
	print(page, scene, (struct check_style){ 0 });
	(void)count_lines(page);
	found = strstr(page, "bad  starttls-missing\n    STARTTLS is not offered.\n"
	                     "    at    mx1.example.org 192.0.2.1\n"
	                     "          mx2.example.org 192.0.2.2\n    why   ");
	assert_non_null(found);
	assert_null(strstr(found + 10, "starttls-missing"));
	assert_non_null(strstr(found, "    mend  "));
	free(page);
}

static void colours_stand_only_on_a_terminal_and_verbose_shows_the_dialogue(void **state)
{
	struct check_scene *scene = *state;
	char *page = calloc(1, PAGE_MAX);

	strcpy(scene->facts.places[0].seen->banner, "mx1 ready");
	print(page, scene, (struct check_style){ 0 });
	assert_null(strchr(page, '\033'));
	assert_null(strstr(page, "mx1 ready"));
	print(page, scene, (struct check_style){ .is_coloured = true, .is_verbose = true });
	assert_non_null(strchr(page, '\033'));
	assert_non_null(strstr(page, "banner  220 mx1 ready"));
	free(page);
}

static void what_strangers_wrote_steers_no_terminal(void **state)
{
	struct check_scene *scene = *state;
	char *page = calloc(1, PAGE_MAX);

	strcpy(scene->facts.tlsrpt.why, "\033[2J\x9b");
	strcpy(scene->facts.sts.why, "\033[2J");
	scene->facts.sts.state = STS_NO_POLICY;
	strcpy(scene->facts.places[0].key.pkix.seen.names, "\033]0;x\x07");
	strcpy(scene->facts.places[0].key.pkix.why, "\033[1m");
	strcpy(scene->facts.chain.zones[0].why, "\033[1m");
	scene->facts.chain.zones[0].security = DNS_BOGUS;
	print(page, scene, (struct check_style){ .is_verbose = true });
	for (const char *at = page; *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	/* And there it is, without what would steer. */
	assert_non_null(strstr(page, "[2J"));
	assert_non_null(strstr(page, "]0;x"));
	assert_non_null(strstr(page, "[1m"));
	free(page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, check_scene_open, check_scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_broken_into_lines_that_stand_below_each_other),
		cmocka_unit_test(a_word_longer_than_a_line_stands_alone),
		TEST(a_domain_with_four_sound_places_fits_one_screen),
		TEST(a_finding_is_told_once_with_all_its_places),
		TEST(colours_stand_only_on_a_terminal_and_verbose_shows_the_dialogue),
		TEST(what_strangers_wrote_steers_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

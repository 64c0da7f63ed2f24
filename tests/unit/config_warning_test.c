/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_warning.h"

#include <stdio.h>
#include <string.h>

#include "config_text.h"

static void settings_that_do_not_go_together_are_warned_of(void **state)
{
	static const char text[] = "hold-seconds = 4\n"
				   "clients = { 0.0.0.0/0, ::/0 }\n"
				   "destination b.example { level = none reason = x }\n";
	static const char *const lines[] = {
		"hold-seconds: 4 is less than dns.timeout-seconds, 5: mail whose look-up takes "
		"longer is judged as undecided says",
		"clients: 0.0.0.0/0 is the whole Internet, and so mail that others send to servers "
		"here is judged, too: name the networks whose mail is to be guarded",
		"clients: ::/0 is the whole Internet, and so mail that others send to servers here "
		"is judged, too: name the networks whose mail is to be guarded",
		"t.conf:3: destination b.example: an exception without an end; until = 2026-12-31 "
		"would give it one",
	};
	char line[CONFIG_ERROR_MAX];
	struct config config;
	size_t at = 0;

	(void)state;
	must_parse(&config, text);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		assert_true(config_warning(line, &at, &config, 1));
		assert_string_equal(line, lines[i]);
	}
	assert_false(config_warning(line, &at, &config, 1));
}

static void what_goes_together_is_not(void **state)
{
	static const char *const texts[] = {
		"",
		"hold-seconds = 5",
		"hold-seconds = 1 dns { timeout-seconds = 1 }",
		"clients = { 0.0.0.0/1, 192.0.2.0/24, 2000::/3 }",
		"clients = { 0.0.0.0/0 } hooks = { output }",
	};
	char line[CONFIG_ERROR_MAX];
	struct config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		size_t at = 0;

		must_parse(&config, texts[i]);
		if (config_warning(line, &at, &config, 1))
			fail_msg("%s: %s", texts[i], line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_do_not_go_together_are_warned_of),
		cmocka_unit_test(what_goes_together_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

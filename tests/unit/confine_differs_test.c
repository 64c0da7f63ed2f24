/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config.h"

static struct config plain, other;

static bool differs_by(const char *more)
{
	char error[CONFIG_ERROR_MAX], text[1024];

	snprintf(text, sizeof(text), "state-directory = \"/s\"\n%s", more);
	assert_int_equal(config_parse(&other, "test", text, NULL, 0, error), 0);
	assert_int_equal(config_parse(&plain, "test", "state-directory = \"/s\"\n", NULL, 0, error),
	                 0);
	return confine_differs(&plain, &other);
}

static void only_what_the_scout_may_read_or_reach_asks_for_a_new_one(void **state)
{
	(void)state;
	assert_false(differs_by(""));
	assert_false(differs_by("mode = enforce\nhold-seconds = 5\n"));
	assert_false(differs_by("ports = { 25 }\n"));
	assert_true(differs_by("ports = { 25, 587 }\n"));
	assert_true(differs_by("dns { trust-anchor = \"/a/key\" }\n"));
	assert_true(differs_by("dns { root-hints = \"/a/hints\" }\n"));
	assert_true(differs_by("dns { forward = { \"192.0.2.1@5353\" } }\n"));
	assert_false(differs_by("dns { forward = { \"192.0.2.1\" } }\n"));
	assert_true(differs_by("tls { ca-file = \"/a/authorities\" }\n"));
	assert_true(differs_by("mta-sts { https-port = 8443 }\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_the_scout_may_read_or_reach_asks_for_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

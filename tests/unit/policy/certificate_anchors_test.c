/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_world.h"

/* The file of authorities. */

static void a_file_of_authorities_is_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "nothing\n", "no certificate is in it (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
	};
	char why[CERTIFICATE_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(certificate_anchors_new(bytes_of_string(wrong[i].text), why));
		assert_string_equal(why, wrong[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_authorities_is_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

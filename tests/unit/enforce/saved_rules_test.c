/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/saved_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_saved_rule_set_is_found_by_where_it_lies(void **state)
{
	static const char *const places[] = { "/etc/iptables/rules.v6", "/etc/sysconfig/iptables",
		                              "/usr/sbin/netfilter-persistent" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char root[] = "/tmp/hopguard-saved-XXXXXX";
		char command[256];

		assert_non_null(mkdtemp(root));
		assert_null(saved_rules_find(root));
		(void)snprintf(command, sizeof(command), "install -D /dev/null %s%s", root,
		               places[i]);
		assert_int_equal(system(command), 0);
		assert_string_equal(saved_rules_find(root), places[i]);
		(void)snprintf(command, sizeof(command), "rm -r %s", root);
		assert_int_equal(system(command), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_saved_rule_set_is_found_by_where_it_lies),
	};

	return cmocka_run_group_tests_name("enforce/saved_rules", tests, NULL, NULL);
}

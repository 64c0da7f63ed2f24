/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_bridge.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test has a network of its own, with settings for bridges of its own. */
static int set_up(void **state)
{
	static const bool is_apart = true;

	*state = unshare(CLONE_NEWNET) == 0 ? (void *)(uintptr_t)&is_apart : NULL;
	return 0;
}

static bool set(const char *name, int value)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-%s", name);
	file = fopen(path, "w");
	if (!file)
		return false;
	fprintf(file, "%d\n", value);
	return fclose(file) == 0;
}

static struct rules on_bridges(void **state)
{
	const struct rules rules = {
		.guards_bridges = true, .has_forward = true, .ports = { 25, 2525 }, .port_count = 2
	};

	if (!*state || !set("call-iptables", 1) || !set("call-ip6tables", 1) ||
	    !set("filter-vlan-tagged", 0))
		skip();
	return rules;
}

static void nothing_is_asked_of_bridges_that_nobody_sees(void **state)
{
	struct rules rules = on_bridges(state);
	char text[4096] = "before";

	assert_true(set("call-iptables", 0));
	assert_true(rules_bridge_print(text, sizeof(text), &rules) > 0);
	assert_true(set("call-ip6tables", 0));
	assert_int_equal(rules_bridge_print(text, sizeof(text), &rules), 0);
	assert_string_equal(text, "");
	assert_false(rules_bridge_is_missing(&rules));
}

static void nothing_is_dropped_where_nothing_is_refused(void **state)
{
	struct rules rules = on_bridges(state);
	char text[4096];

	rules.guards_bridges = false;
	assert_int_equal(rules_bridge_print(text, sizeof(text), &rules), 0);
	assert_false(rules_bridge_is_missing(&rules));
}

static void each_port_is_watched_on_both_sides(void **state)
{
	struct rules rules = on_bridges(state);
	char text[4096];

	assert_true(rules_bridge_print(text, sizeof(text), &rules) > 0);
	assert_non_null(strstr(text, "tcp sport { 25, 2525 } drop"));
	assert_non_null(strstr(text, "tcp dport { 25, 2525 } drop"));
}

static void what_the_kernel_shows_is_not_dropped(void **state)
{
	struct rules rules = on_bridges(state);
	char text[4096];

	assert_true(set("filter-vlan-tagged", 1));
	assert_true(rules_bridge_print(text, sizeof(text), &rules) > 0);
	assert_null(strstr(text, "tcp "));
	assert_null(strstr(text, "frag"));
	/* A second tag hides the frame again. */
	assert_non_null(strstr(text, "0x88a8 } drop"));
}

static void the_table_is_there_between_apply_and_remove(void **state)
{
	struct rules rules = on_bridges(state);
	char why[RULES_WHY_MAX] = "";

	/* Where nft cannot, nothing is missed. */
	if (system("nft add table bridge hopguard-trial 2>/dev/null") != 0)
		skip();
	assert_true(rules_bridge_is_missing(&rules));
	for (int again = 0; again < 2; again++) {
		assert_int_equal(rules_bridge_apply(&rules, why), 0);
		assert_false(rules_bridge_is_missing(&rules));
	}
	assert_int_equal(system("nft list chain bridge hopguard hidden >/dev/null"), 0);
	assert_int_equal(system("nft flush chain bridge hopguard hidden"), 0);
	assert_true(rules_bridge_is_missing(&rules));
	assert_int_equal(rules_bridge_apply(&rules, why), 0);
	assert_int_equal(system("nft add table bridge hopguard '{ flags dormant; }'"), 0);
	assert_true(rules_bridge_is_missing(&rules));
	assert_int_equal(rules_bridge_apply(&rules, why), 0);
	assert_false(rules_bridge_is_missing(&rules));
	assert_int_equal(system("nft delete table bridge hopguard"), 0);
	assert_true(rules_bridge_is_missing(&rules));
	assert_int_equal(rules_bridge_apply(&rules, why), 0);
	rules.guards_bridges = false;
	assert_int_equal(rules_bridge_apply(&rules, why), 0);
	assert_int_not_equal(system("nft list table bridge hopguard 2>/dev/null"), 0);
	assert_int_equal(rules_bridge_remove(why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_asked_of_bridges_that_nobody_sees, set_up),
		cmocka_unit_test_setup(nothing_is_dropped_where_nothing_is_refused, set_up),
		cmocka_unit_test_setup(each_port_is_watched_on_both_sides, set_up),
		cmocka_unit_test_setup(what_the_kernel_shows_is_not_dropped, set_up),
		cmocka_unit_test_setup(the_table_is_there_between_apply_and_remove, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

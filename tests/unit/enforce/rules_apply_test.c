/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sandbox.h"

/* Each test has a network of its own; without the right to make one nothing can be tested. */
static int set_up(void **state)
{
	static const bool is_apart = true;

	*state = unshare(CLONE_NEWNET) == 0 ? (void *)(uintptr_t)&is_apart : NULL;
	return 0;
}

static struct rules some_rules(void **state)
{
	struct rules rules = {
		.queue_first = 2500,
		.queue_count = 2,
		.has_forward = true,
		.has_output = true,
		.ports = { 25 },
		.port_count = 1,
	};

	if (!*state)
		skip();
	assert_true(marks_of(&rules.marks, 0x0f000000));
	assert_true(network_parse(&rules.clients[rules.client_count++], "192.0.2.0/24"));
	assert_true(network_parse(&rules.clients[rules.client_count++], "2001:db8::/64"));
	return rules;
}

static void rules_that_lose_a_part_are_not_in_place(void **state)
{
	static const struct {
		enum rules_backend backend;
		const char *damage;
	} cases[] = {
		{ RULES_IPTABLES, "iptables-nft -t mangle -F HOPGUARD-SENT" },
		{ RULES_IPTABLES, "ip6tables-nft -t mangle -F INPUT" },
		{ RULES_IPTABLES, "iptables-nft -t raw -D HOPGUARD-RAW 1" },
		{ RULES_IPTABLES_LEGACY, "ip6tables-legacy -w -t mangle -D HOPGUARD-OURS 3" },
		{ RULES_IPTABLES_LEGACY, "iptables-legacy -w -t mangle -D FORWARD 1" },
	};
	struct rules rules = some_rules(state);
	char why[RULES_WHY_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rules_apply(NULL, &rules, cases[i].backend, -1, why), 0);
		assert_true(rules_are_present(&rules, cases[i].backend, -1));
		assert_true(rules_are_present(&rules, RULES_AUTO, -1));
		assert_int_equal(system(cases[i].damage), 0);
		assert_false(rules_are_present(&rules, cases[i].backend, -1));
	}
	assert_int_equal(rules_remove(RULES_AUTO, -1, why), 0);
	assert_false(rules_are_present(&rules, RULES_AUTO, -1));
}

static void rules_of_another_configuration_are_not_those(void **state)
{
	struct rules rules = some_rules(state);
	char why[RULES_WHY_MAX];

	assert_int_equal(rules_apply(NULL, &rules, RULES_IPTABLES, -1, why), 0);
	assert_true(network_parse(&rules.clients[rules.client_count++], "198.51.100.0/24"));
	assert_false(rules_are_present(&rules, RULES_IPTABLES, -1));
}

static void a_back_end_that_is_found_takes_the_rules(void **state)
{
	struct rules rules = some_rules(state);
	enum rules_backend found = RULES_AUTO, used = RULES_AUTO;
	char why[RULES_WHY_MAX] = "";

	assert_int_equal(rules_detect(&found, -1, why), 0);
	assert_int_equal(rules_apply(&used, &rules, RULES_AUTO, -1, why), 0);
	assert_int_equal(used, found);
	assert_true(rules_are_present(&rules, found, -1));
}

static void a_refusal_is_one_line_and_changes_nothing(void **state)
{
	struct rules rules = some_rules(state);
	char why[RULES_WHY_MAX] = "";

	rules.port_count = 0; /* a match without a port is none */
	assert_int_equal(rules_apply(NULL, &rules, RULES_IPTABLES, -1, why), -EIO);
	assert_true(strlen(why) > 0);
	assert_null(strchr(why, '\n'));
	assert_int_equal(system("iptables-nft-save | grep -q HOPGUARD"), 256);
}

/* In a child: it cannot come back from there. */
static int change_rules_as_nobody(const struct rules *rules, enum rules_backend backend, int lock)
{
	static const int capabilities[] = { CAP_NET_ADMIN, CAP_NET_RAW };
	const struct sandbox sandbox = {
		.user = "nobody",
		.capabilities = capabilities,
		.capability_count = 2,
		.runs_programs = true,
	};
	const char *became;
	char why[RULES_WHY_MAX] = "";

	if (sandbox_enter(&became, &sandbox) != 0 || geteuid() == 0)
		return 1;
	if (rules_apply(NULL, rules, backend, lock, why) != 0 ||
	    !rules_are_present(rules, backend, lock)) {
		print_message("apply: %s\n", why);
		return 2;
	}
	if (rules_remove(backend, lock, why) != 0 || rules_are_present(rules, backend, lock)) {
		print_message("remove: %s\n", why);
		return 3;
	}
	return 0;
}

static int status_of_child(const struct rules *rules, enum rules_backend backend, int lock)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(change_rules_as_nobody(rules, backend, lock));
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void two_capabilities_are_enough_for_the_rules(void **state)
{
	struct rules rules = some_rules(state);
	int lock = rules_lock_open();

	assert_true(lock >= 0);
	assert_int_equal(status_of_child(&rules, RULES_IPTABLES, lock), 0);
	assert_int_equal(status_of_child(&rules, RULES_IPTABLES_LEGACY, lock), 0);
	assert_int_equal(status_of_child(&rules, RULES_IPTABLES_LEGACY, -1), 2);
	close(lock);
}

/* The private lock that the program gets is no way round the one that all share. */
static void the_shared_lock_is_taken_while_the_program_runs(void **state)
{
	struct rules rules = some_rules(state);
	int lock = rules_lock_open();
	int other = rules_lock_open();
	pid_t child;
	int status;

	assert_int_equal(flock(other, LOCK_EX), 0);
	child = fork();
	if (child == 0)
		_exit(change_rules_as_nobody(&rules, RULES_IPTABLES_LEGACY, lock));
	usleep(500 * 1000);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	assert_int_equal(flock(other, LOCK_UN), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(other);
	close(lock);
}

#define IN_A_NETWORK(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_NETWORK(rules_that_lose_a_part_are_not_in_place),
		IN_A_NETWORK(rules_of_another_configuration_are_not_those),
		IN_A_NETWORK(a_back_end_that_is_found_takes_the_rules),
		IN_A_NETWORK(a_refusal_is_one_line_and_changes_nothing),
		IN_A_NETWORK(two_capabilities_are_enough_for_the_rules),
		IN_A_NETWORK(the_shared_lock_is_taken_while_the_program_runs),
	};

	return cmocka_run_group_tests_name("enforce/rules, carried out", tests, NULL, NULL);
}

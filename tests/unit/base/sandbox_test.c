/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What /proc/self/status says of a process. */
struct standing {
	unsigned long long inheritable, permitted, effective, bounding, ambient;
	unsigned uid, gid, no_new_privs;
	char groups[256];
};

static int read_standing(struct standing *standing, int descriptor)
{
	char text[8192];
	size_t len = 0;
	ssize_t got;
	const char *at;

	while ((got = read(descriptor, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	memset(standing, 0, sizeof(*standing));
	at = strstr(text, "\nUid:");
	if (!at || sscanf(at, "\nUid: %u\nGid:", &standing->uid) != 1)
		return -1;
	at = strstr(text, "\nGid:");
	if (!at || sscanf(at, "\nGid: %u", &standing->gid) != 1)
		return -1;
	at = strstr(text, "\nGroups:");
	if (!at || sscanf(at, "\nGroups:%255[^\n]", standing->groups) != 1)
		return -1;
	at = strstr(text, "\nCapInh:");
	if (!at || sscanf(at,
	                  "\nCapInh: %llx\nCapPrm: %llx\nCapEff: %llx\nCapBnd: %llx\nCapAmb: %llx"
	                  "\nNoNewPrivs: %u",
	                  &standing->inheritable, &standing->permitted, &standing->effective,
	                  &standing->bounding, &standing->ambient, &standing->no_new_privs) != 6)
		return -1;
	return 0;
}

static int own_standing(struct standing *standing)
{
	int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int err;

	if (descriptor < 0)
		return -1;
	err = read_standing(standing, descriptor);
	close(descriptor);
	return err;
}

/* Runs `deed` in a child, whose status is 0 or the line of the claim that failed. */
static int in_child(int (*deed)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(deed());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The line goes into an exit status of eight bits: this file stays short. */
#define CLAIM(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__ & 0xff ? __LINE__ & 0xff : 1;                              \
	} while (0)

static int enter_as_nobody(void)
{
	static const int kept[] = { CAP_NET_ADMIN, CAP_NET_RAW };
	const struct sandbox sandbox = { "nobody", kept, 2, true };
	const unsigned long long want = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW;
	const struct passwd *nobody = getpwnam("nobody");
	const char *became = NULL;
	struct standing standing;
	struct rlimit cores;

	CLAIM(nobody);
	CLAIM(sandbox_enter(&became, &sandbox) == 0);
	CLAIM(strcmp(became, "nobody") == 0);
	CLAIM(own_standing(&standing) == 0);
	CLAIM(standing.uid == nobody->pw_uid && standing.gid == nobody->pw_gid);
	CLAIM(standing.permitted == want && standing.effective == want);
	CLAIM(standing.inheritable == want && standing.ambient == want);
	CLAIM(standing.bounding == want);
	CLAIM(standing.no_new_privs == 1);
	CLAIM(prctl(PR_GET_DUMPABLE) == 0);
	CLAIM(getrlimit(RLIMIT_CORE, &cores) == 0 && cores.rlim_cur == 0 && cores.rlim_max == 0);
	/* Neither root's number nor a change of it means anything, for good. */
	CLAIM((prctl(PR_GET_SECUREBITS) & 0xf) == 0xf);
	CLAIM((unsigned)atoi(standing.groups) == nobody->pw_gid);
	CLAIM(setuid(0) != 0);
	return 0;
}

static int enter_without_capabilities(void)
{
	const struct sandbox sandbox = { "nobody", NULL, 0, false };
	struct standing standing;
	const char *became;

	CLAIM(sandbox_enter(&became, &sandbox) == 0);
	CLAIM(own_standing(&standing) == 0);
	CLAIM(!standing.permitted && !standing.effective && !standing.inheritable);
	CLAIM(!standing.ambient && !standing.bounding);
	return 0;
}

static int enter_twice(void)
{
	static const int kept[] = { CAP_NET_ADMIN, CAP_NET_RAW };
	const struct sandbox first = { "nobody", kept, 2, true };
	const struct sandbox second = { "nobody", kept, 1, true };
	struct standing standing;
	const char *became;

	CLAIM(sandbox_enter(&became, &first) == 0);
	CLAIM(sandbox_enter(&became, &second) == 0);
	CLAIM(strcmp(became, "unchanged") == 0);
	CLAIM(own_standing(&standing) == 0);
	CLAIM(standing.permitted == 1ULL << CAP_NET_ADMIN);
	CLAIM(standing.ambient == 1ULL << CAP_NET_ADMIN);
	CLAIM(standing.inheritable == 1ULL << CAP_NET_ADMIN);
	/* What was given up does not come back. */
	CLAIM(sandbox_enter(&became, &first) == -EPERM);
	return 0;
}

static int enter_without_programs(void)
{
	static const int kept[] = { CAP_NET_ADMIN };
	const struct sandbox first = { "nobody", kept, 1, true };
	const struct sandbox second = { "nobody", kept, 1, false };
	struct standing standing;
	const char *became;

	CLAIM(sandbox_enter(&became, &first) == 0);
	CLAIM(sandbox_enter(&became, &second) == 0);
	CLAIM(own_standing(&standing) == 0);
	CLAIM(standing.permitted == 1ULL << CAP_NET_ADMIN);
	CLAIM(standing.effective == 1ULL << CAP_NET_ADMIN);
	CLAIM(!standing.inheritable && !standing.ambient);
	return 0;
}

static int enter_as_unknown(void)
{
	const struct sandbox sandbox = { "no-such-user-here", NULL, 0, false };
	const char *became = NULL;

	CLAIM(sandbox_enter(&became, &sandbox) == 0);
	CLAIM(strcmp(became, "nobody") == 0);
	return 0;
}

/* A change of user would make memory non-dumpable anyway. */
static int enter_as_root(void)
{
	const struct sandbox sandbox = { "root", NULL, 0, false };
	const char *became;

	CLAIM(prctl(PR_GET_DUMPABLE) == 1);
	CLAIM(sandbox_enter(&became, &sandbox) == 0);
	CLAIM(prctl(PR_GET_DUMPABLE) == 0);
	return 0;
}

static int exec_after_enter(void)
{
	static const int kept[] = { CAP_NET_ADMIN };
	const struct sandbox sandbox = { "nobody", kept, 1, true };
	struct standing standing;
	const char *became;
	int ends[2];

	CLAIM(pipe(ends) == 0);
	CLAIM(sandbox_enter(&became, &sandbox) == 0);
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/cat", "cat", "/proc/self/status", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	CLAIM(read_standing(&standing, ends[0]) == 0);
	CLAIM(standing.effective == 1ULL << CAP_NET_ADMIN);
	CLAIM(standing.no_new_privs == 1);
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void root_becomes_the_user_with_just_the_kept_capabilities(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_as_nobody), 0);
}

static void nothing_is_kept_when_nothing_was_asked(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_without_capabilities), 0);
}

static void without_root_capabilities_only_shrink(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_twice), 0);
}

static void who_runs_no_programs_has_no_capabilities_for_them(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_without_programs), 0);
}

static void an_unknown_user_becomes_nobody(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_as_unknown), 0);
}

static void memory_is_not_dumpable_even_where_the_user_stays(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(enter_as_root), 0);
}

static void kept_capabilities_survive_an_exec(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(exec_after_enter), 0);
}

static void the_user_is_told_before_anything_changes(void **state)
{
	const char *name = NULL;
	unsigned uid = 1, gid = 1;

	(void)state;
	assert_true(sandbox_user("root", &name, &uid, &gid));
	assert_string_equal(name, "root");
	assert_int_equal(uid, 0);
	assert_true(sandbox_user("no-such-user-here", &name, &uid, &gid));
	assert_string_equal(name, "nobody");
	assert_int_not_equal(uid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_the_user_with_just_the_kept_capabilities),
		cmocka_unit_test(nothing_is_kept_when_nothing_was_asked),
		cmocka_unit_test(without_root_capabilities_only_shrink),
		cmocka_unit_test(who_runs_no_programs_has_no_capabilities_for_them),
		cmocka_unit_test(an_unknown_user_becomes_nobody),
		cmocka_unit_test(memory_is_not_dumpable_even_where_the_user_stays),
		cmocka_unit_test(kept_capabilities_survive_an_exec),
		cmocka_unit_test(the_user_is_told_before_anything_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox_calls.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Just what the attempts below need beside themselves. */
static const struct call life[] = {
	{ "exit_group", { { CALL_ALWAYS, 0, 0 } } },
	{ "write", { { CALL_ALWAYS, 0, 0 } } },
	{ "getpid", { { CALL_ALWAYS, 0, 0 } } },
	{ "rt_sigreturn", { { CALL_ALWAYS, 0, 0 } } },
	{ "no_such_call_anywhere", { { CALL_ALWAYS, 0, 0 } } },
	/* Of a sanitizer, when the filter's memory is given back. */
	{ "mmap", { { CALL_ALWAYS, 0, 0 } } },
	{ "munmap", { { CALL_ALWAYS, 0, 0 } } },
	{ "madvise", { { CALL_ALWAYS, 0, 0 } } },
	{ "futex", { { CALL_ALWAYS, 0, 0 } } },
	{ "sigaltstack", { { CALL_ALWAYS, 0, 0 } } },
	{ NULL, { { CALL_ALWAYS, 0, 0 } } },
};

static const struct call tested[] = {
	{ "getpriority", { { CALL_EQUAL, 0, 7 } } },
	{ "setpriority", { { CALL_OTHER, 1, 3 } } },
	{ "mprotect", { { CALL_WITHOUT, 2, PROT_EXEC } } },
	{ "umask", { { CALL_WITH, 0, 0x10 } } },
	{ "tgkill", { { CALL_OWN, 0, 0 } } },
	{ "socket",
	  { { CALL_EQUAL, 0, AF_UNIX }, { CALL_TYPE, 1, SOCK_DGRAM }, { CALL_EQUAL, 2, 0 } } },
	{ NULL, { { CALL_ALWAYS, 0, 0 } } },
};

static const struct call refused[] = {
	{ "getppid", { { CALL_ALWAYS, 0, 0 } } },
	{ "getrusage", { { CALL_INT, 0, RUSAGE_SELF } } },
	{ NULL, { { CALL_ALWAYS, 0, 0 } } },
};

static const struct call absent[] = {
	{ "getuid", { { CALL_ALWAYS, 0, 0 } } },
	{ NULL, { { CALL_ALWAYS, 0, 0 } } },
};

static const struct call unsupported[] = {
	{ "getgid", { { CALL_ALWAYS, 0, 0 } } },
	{ NULL, { { CALL_ALWAYS, 0, 0 } } },
};

static const struct sandbox_calls strict = {
	.lists = { { CALL_PERMITTED, life },
	           { CALL_PERMITTED, tested },
	           { CALL_REFUSED, refused },
	           { CALL_ABSENT, absent },
	           { CALL_UNSUPPORTED, unsupported } },
};

static const struct sandbox_calls lax = {
	.lists = { { CALL_REFUSED, refused } },
	.permits_others = true,
};

/* As waitpid(2) gives it; the exit status is 0 or the error. */
static int filtered(const struct sandbox_calls *calls, long number, long a, long b, long c)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		close(STDERR_FILENO);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || sandbox_calls_enter(calls))
			_exit(126);
		_exit(syscall(number, a, b, c) < 0 ? errno : 0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_dies(long number, long a, long b, long c)
{
	int status = filtered(&strict, number, a, b, c);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void assert_error(const struct sandbox_calls *calls, long number, int error)
{
	int status = filtered(calls, number, 0, 0, 0);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), error);
}

static void need_filters(void)
{
	if (!sandbox_calls_are_there())
		skip();
}

static void what_is_in_no_list_ends_the_process(void **state)
{
	(void)state;
	need_filters();
	assert_dies(SYS_getsid, 0, 0, 0);
	assert_error(&strict, SYS_getpid, 0);
}

static void each_answer_is_the_one_of_its_list(void **state)
{
	(void)state;
	need_filters();
	assert_error(&strict, SYS_getppid, EACCES);
	assert_error(&strict, SYS_getuid, ENOSYS);
	assert_error(&strict, SYS_getgid, EOPNOTSUPP);
}

static void arguments_decide_where_a_test_says_so(void **state)
{
	(void)state;
	need_filters();
	assert_dies(SYS_getpriority, 6, 0, 0);
	assert_int_equal(WEXITSTATUS(filtered(&strict, SYS_getpriority, 7, 0, 0)), EINVAL);
	assert_dies(SYS_setpriority, 9, 3, 0);
	assert_int_equal(WEXITSTATUS(filtered(&strict, SYS_setpriority, 9, 4, 0)), EINVAL);
	assert_dies(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC);
	assert_int_equal(filtered(&strict, SYS_mprotect, 0, 0, PROT_READ), 0);
	assert_dies(SYS_umask, 0x20, 0, 0);
	assert_int_equal(filtered(&strict, SYS_umask, 0x30, 0, 0), 0);
	assert_dies(SYS_tgkill, 1, 1, 0);
}

/* The kernel reads an int from the lower half of a register, the filter sees all of it. */
static void no_number_becomes_another_by_what_the_kernel_does_not_read(void **state)
{
	const long wide = 1L << 32;

	(void)state;
	need_filters();
	assert_dies(SYS_setpriority, 9, 3 | wide, 0);
	assert_dies(SYS_setpriority, 9, 3 | LONG_MIN, 0);
	assert_dies(SYS_getpriority, 7 | wide, 0, 0);
	for (int bit = 0; bit < 32; bit++)
		assert_int_equal(
			WEXITSTATUS(filtered(&strict, SYS_setpriority, 9, 3 ^ 1L << bit, 0)),
			EINVAL);
	assert_int_equal(WEXITSTATUS(filtered(&lax, SYS_getrusage, RUSAGE_SELF, 0, 0)), EACCES);
	assert_int_equal(WEXITSTATUS(filtered(&lax, SYS_getrusage, RUSAGE_SELF | wide, 0, 0)),
	                 EACCES);
	assert_int_equal(WEXITSTATUS(filtered(&lax, SYS_getrusage, 77, 0, 0)), EINVAL);
}

static void all_tests_of_a_call_must_hold(void **state)
{
	(void)state;
	need_filters();
	assert_int_equal(filtered(&strict, SYS_socket, AF_UNIX, SOCK_DGRAM, 0), 0);
	assert_int_equal(filtered(&strict, SYS_socket, AF_UNIX,
	                          SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	                 0);
	assert_dies(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	assert_dies(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	assert_dies(SYS_socket, AF_UNIX, SOCK_DGRAM, 1);
}

static void a_call_that_libseccomp_does_not_know_is_absent_and_no_end(void **state)
{
	(void)state;
	need_filters();
	assert_error(&strict, 599, ENOSYS);
}

static void who_runs_programs_may_do_what_is_in_no_list(void **state)
{
	(void)state;
	need_filters();
	assert_error(&lax, SYS_getsid, 0);
	assert_error(&lax, SYS_getppid, EACCES);
}

static int enter_both(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || sandbox_calls_enter(&lax) ||
	    sandbox_calls_enter(&strict))
		return 126;
	return syscall(SYS_getsid, 0) < 0 ? errno : 0;
}

static void a_child_can_only_be_given_less_than_its_parent(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	need_filters();
	child = fork();
	if (child == 0) {
		close(STDERR_FILENO);
		_exit(enter_both());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_no_list_ends_the_process),
		cmocka_unit_test(each_answer_is_the_one_of_its_list),
		cmocka_unit_test(arguments_decide_where_a_test_says_so),
		cmocka_unit_test(no_number_becomes_another_by_what_the_kernel_does_not_read),
		cmocka_unit_test(all_tests_of_a_call_must_hold),
		cmocka_unit_test(a_call_that_libseccomp_does_not_know_is_absent_and_no_end),
		cmocka_unit_test(who_runs_programs_may_do_what_is_in_no_list),
		cmocka_unit_test(a_child_can_only_be_given_less_than_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

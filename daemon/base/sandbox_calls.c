/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox_calls.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

/* Since Linux 5.1 a call has the same number everywhere. */
enum { NUMBER_SHARED_FIRST = 424, NUMBER_LAST = 600, INT_BITS = 32 };

bool sandbox_calls_are_there(void)
{
	/* Without an address the kernel that has filters says EFAULT. */
	return prctl(PR_SET_SECCOMP, 2L, 0L, 0L, 0L) != 0 && errno == EFAULT;
}

/* Those that a forbidden call is likely to be one of: libseccomp cannot be asked in a signal handler. */
static const struct {
	int number;
	const char *name;
} known[] = {
	{ SYS_socket, "socket" },
	{ SYS_connect, "connect" },
	{ SYS_bind, "bind" },
	{ SYS_listen, "listen" },
	{ SYS_openat, "openat" },
	{ SYS_execve, "execve" },
	{ SYS_clone, "clone" },
	{ SYS_kill, "kill" },
	{ SYS_tgkill, "tgkill" },
	{ SYS_ptrace, "ptrace" },
	{ SYS_prctl, "prctl" },
	{ SYS_ioctl, "ioctl" },
	{ SYS_fcntl, "fcntl" },
	{ SYS_mprotect, "mprotect" },
	{ SYS_rt_sigaction, "rt_sigaction" },
	{ SYS_setsockopt, "setsockopt" },
	{ SYS_statx, "statx" },
};

static const char *name_of(int number)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].number == number)
			return known[i].name;
	}
	return NULL;
}

/* The log tells; then the same trap again, which the kernel takes for the end, as its signal is blocked now. */
static void on_forbidden(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* Not one that somebody sent. */
	if (info->si_code > 0)
		log_forbidden_call(name_of(info->si_syscall), info->si_syscall);
	for (;;)
		(void)syscall(SYS_rt_sigaction, number, NULL, NULL, sizeof(uint64_t));
}

static int watch(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO, .sa_sigaction = on_forbidden };

	sigfillset(&action.sa_mask);
	return sigaction(SIGSYS, &action, NULL) == 0 ? 0 : -errno;
}

static uint32_t action_of(enum call_answer answer)
{
	switch (answer) {
	case CALL_PERMITTED:
		return SCMP_ACT_ALLOW;
	case CALL_REFUSED:
		return SCMP_ACT_ERRNO(EACCES);
	case CALL_UNSUPPORTED:
		return SCMP_ACT_ERRNO(EOPNOTSUPP);
	case CALL_ABSENT:
		break;
	}
	return SCMP_ACT_ERRNO(ENOSYS);
}

static struct scmp_arg_cmp comparison_of(const struct call_test *test)
{
	switch (test->comparison) {
	case CALL_EQUAL:
		return SCMP_CMP(test->argument, SCMP_CMP_EQ, test->value, 0);
	case CALL_INT:
		return SCMP_CMP(test->argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, test->value);
	case CALL_NOT_NULL:
		return SCMP_CMP(test->argument, SCMP_CMP_NE, 0, 0);
	case CALL_WITHOUT:
		return SCMP_CMP(test->argument, SCMP_CMP_MASKED_EQ, test->value, 0);
	case CALL_WITH:
		return SCMP_CMP(test->argument, SCMP_CMP_MASKED_EQ, test->value, test->value);
	case CALL_TYPE:
		return SCMP_CMP(test->argument, SCMP_CMP_MASKED_EQ,
		                UINT32_MAX & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC),
		                test->value);
	case CALL_ALWAYS:
	case CALL_OTHER:
	case CALL_OWN:
		break;
	}
	return SCMP_CMP(test->argument, SCMP_CMP_EQ, (uint64_t)getpid(), 0);
}

/* Compared whole, a value would be another by bits that the kernel does not read, so it has a rule for each bit that it reads. */
static struct scmp_arg_cmp differs_in(const struct call_test *test, unsigned bit)
{
	uint64_t mask = UINT64_C(1) << bit;

	return SCMP_CMP(test->argument, SCMP_CMP_MASKED_EQ, mask, ~test->value & mask);
}

static int add_call(scmp_filter_ctx filter, uint32_t action, const struct call *call)
{
	int number = seccomp_syscall_resolve_name(call->name), err = 0;
	struct scmp_arg_cmp comparisons[CALL_TESTS_MAX];
	unsigned count = 0, other = CALL_TESTS_MAX;

	if (number == __NR_SCMP_ERROR)
		return 0;
	for (; count < CALL_TESTS_MAX && call->tests[count].comparison != CALL_ALWAYS; count++) {
		comparisons[count] = comparison_of(&call->tests[count]);
		if (call->tests[count].comparison == CALL_OTHER)
			other = count;
	}
	if (other == CALL_TESTS_MAX)
		return seccomp_rule_add_array(filter, action, number, count, comparisons);
	for (unsigned bit = 0; bit < INT_BITS && !err; bit++) {
		comparisons[other] = differs_in(&call->tests[other], bit);
		err = seccomp_rule_add_array(filter, action, number, count, comparisons);
	}
	return err;
}

static int add_unnamed(scmp_filter_ctx filter)
{
	int err = 0;

	for (int number = NUMBER_SHARED_FIRST; number <= NUMBER_LAST && !err; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (!name)
			err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
		free(name);
	}
	return err;
}

static int add_lists(scmp_filter_ctx filter, const struct sandbox_calls *calls)
{
	int err = calls->permits_others ? 0 : add_unnamed(filter);

	for (size_t i = 0; i < SANDBOX_LISTS_MAX && calls->lists[i].calls; i++) {
		const struct call_list *list = &calls->lists[i];

		for (const struct call *call = list->calls; call->name && !err; call++)
			err = add_call(filter, action_of(list->answer), call);
	}
	return err;
}

int sandbox_calls_enter(const struct sandbox_calls *calls)
{
	scmp_filter_ctx filter;
	int err;

	if (!sandbox_calls_are_there())
		return 0;
	filter = seccomp_init(calls->permits_others ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree, not a list: a call is found in seven steps of a hundred. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = add_lists(filter, calls);
	if (!err && !calls->permits_others)
		err = watch();
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

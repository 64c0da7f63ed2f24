/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * Runs a program under a list of system calls, as systemd does with SystemCallFilter= and SystemCallErrorNumber=EPERM: what is not in the
 * list is refused.
 *
 * usage: call_filter LIST COMMAND [ARGUMENT]...      LIST: a file of names, one a line
 */

static int add_names(scmp_filter_ctx filter, const char *path)
{
	FILE *list = fopen(path, "re");
	char name[64];
	int err = 0;

	if (!list)
		return -errno;
	while (!err && fscanf(list, "%63s", name) == 1) {
		int number = seccomp_syscall_resolve_name(name);

		if (number != __NR_SCMP_ERROR)
			err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	(void)fclose(list);
	return err;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (argc < 3 || !filter)
		return 2;
	err = add_names(filter, argv[1]);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		err = -errno;
	if (!err)
		err = seccomp_load(filter);
	if (!err) {
		(void)execvp(argv[2], argv + 2);
		err = -errno;
	}
	(void)fprintf(stderr, "call_filter: %s\n", strerror(-err));
	return 1;
}

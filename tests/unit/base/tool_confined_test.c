/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a program that is run without privileges can do to who runs it. */

#include "base/tool.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sandbox.h"

/* By whoever runs it: as the supervisor is, another user with two capabilities. What it printed, or its complaint. */
static void run_as_supervisor(char printed[256], const struct tool_call *call)
{
	static const int capabilities[] = { CAP_NET_ADMIN, CAP_NET_RAW };
	const struct sandbox sandbox = { .user = "nobody",
		                         .capabilities = capabilities,
		                         .capability_count = 2,
		                         .runs_programs = true };
	char why[TOOL_WHY_MAX] = "not confined";
	const char *became;
	char *output = NULL;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (sandbox_enter(&became, &sandbox) == 0 && tool_run(&output, call, why) == 0)
			_exit(write(ends[1], output, strlen(output)) < 0);
		_exit(write(ends[1], why, strlen(why)) < 0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(read(ends[0], memset(printed, 0, 256), 255) >= 0);
	close(ends[0]);
}

static void an_unprivileged_one_has_no_capability_of_ours(void **state)
{
	static const char *const arguments[] = { "--current", NULL };
	struct tool_call call = { .program = "capsh", .arguments = arguments, .lock = -1 };
	char printed[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	run_as_supervisor(printed, &call);
	if (strncmp(printed, "there is no program", 19) == 0)
		skip();
	assert_non_null(strstr(printed, "=eip"));
	call.is_unprivileged = true;
	run_as_supervisor(printed, &call);
	assert_true(strstr(printed, "Current:") && !strstr(printed, "=e") &&
	            !strstr(printed, "p\n"));
}

static void an_unprivileged_one_reaches_nothing_of_ours(void **state)
{
	char signal_us[96], open_ours[] = "exec 3</etc/passwd && echo opened";
	char make[] = "echo > /tmp/hopguard-tool-test && echo made";
	/* Perl reads -e by way of /dev/null. */
	char make_a_socket[] =
		"echo 'socket(A, 2, 2, 0) or die \"$!\\n\"; print \"made\\n\"' | perl";
	/* Each end of which could speak to whoever has a local socket. */
	char make_a_pair[] =
		"echo 'socketpair(A, B, 1, 2, 0) or die \"$!\\n\"; print \"made\\n\"' | perl";
	const char *const attempts[] = { signal_us, open_ours, make, make_a_socket, make_a_pair };
	int ends[2];
	char octet;
	pid_t other;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ends), 0);
	other = fork();
	assert_true(other >= 0);
	if (other == 0) {
		/* Ours until then; and an assertion that fails below would leave it to whoever waits for our output. */
		if (setuid(65534) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
		    write(ends[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	close(ends[0]);
	(void)snprintf(signal_us, sizeof(signal_us), "kill -0 %d && echo signalled", (int)other);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const char *const arguments[] = { "-c", attempts[i], NULL };
		struct tool_call call = { .program = "sh", .arguments = arguments, .lock = -1 };
		char printed[256];

		run_as_supervisor(printed, &call);
		assert_true(strcmp(printed, "signalled\n") == 0 ||
		            strcmp(printed, "opened\n") == 0 || strcmp(printed, "made\n") == 0);
		(void)unlink("/tmp/hopguard-tool-test");
		call.is_unprivileged = true;
		run_as_supervisor(printed, &call);
		assert_true(strstr(printed, "ermi") || strstr(printed, "ermission denied"));
	}
	(void)kill(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unprivileged_one_has_no_capability_of_ours),
		cmocka_unit_test(an_unprivileged_one_reaches_nothing_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

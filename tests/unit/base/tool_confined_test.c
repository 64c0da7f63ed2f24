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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sandbox.h"
#include "net/passage_load.h"
#include "support/body_segments.h"

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
	const char *const attempts[] = { signal_us, open_ours, make };
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

/* Perl reads -e by way of /dev/null, and so has its program from standard input. */
static void run_script(char printed[256], const char *script, bool is_unprivileged)
{
	static const char *const arguments[] = { "-", NULL };
	const struct tool_call call = { .program = "perl",
		                        .arguments = arguments,
		                        .input = script,
		                        .lock = -1,
		                        .is_unprivileged = is_unprivileged };

	run_as_supervisor(printed, &call);
}

static void an_unprivileged_one_makes_no_socket_no_memory_for_others_and_no_child(void **state)
{
	static const char *const scripts[] = {
		"socket(A, 2, 2, 0) or die \"$!\\n\"; print \"made\\n\"",
		/* Each end of which could speak to whoever has a local socket. */
		"socketpair(A, B, 1, 2, 0) or die \"$!\\n\"; print \"made\\n\"",
		"$id = shmget(0, 4096, 0600); defined($id) or die \"$!\n\"; shmctl($id, 0, 0); "
		"print \"made\n\"",
		/* It would live on when we have stopped waiting. */
		"$child = fork; defined($child) or die \"$!\\n\"; print \"made\\n\" if $child",
	};
	char printed[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		run_script(printed, scripts[i], false);
		assert_string_equal(printed, "made\n");
		run_script(printed, scripts[i], true);
		assert_string_equal(printed, "Permission denied");
	}
}

/* Who has the table can have the kernel pass what nobody judged, and Landlock does not ask of what is opened by bpf(2). */
static void an_unprivileged_one_opens_no_table_of_the_kernels(void **state)
{
	enum { NOBODY = 65534, OPEN_PINNED = 7 };
	char path[PASSAGE_PATH_MAX], why[PASSAGE_WHY_MAX], script[640], printed[256];

	(void)state;
	if (geteuid() != 0 || !body_program_enter() || passage_load(NULL, NOBODY, NOBODY, why) != 0)
		skip();
	(void)passage_pin_path(path);
	*strrchr(path, '/') = '\0';
	(void)snprintf(script, sizeof(script),
	               "$path = \"%s/flows\\0\"; $what = pack(\"PQ\", $path, 0); "
	               "$table = syscall(%d, %d, $what, 16); $table >= 0 or die \"$!\\n\"; "
	               "$map = syscall(%d, 0, 4096, 3, 1, $table, 0); $map != -1 or die \"$!\\n\"; "
	               "print \"made\\n\"",
	               path, (int)SYS_bpf, OPEN_PINNED, (int)SYS_mmap);
	run_script(printed, script, false);
	assert_string_equal(printed, "made\n");
	run_script(printed, script, true);
	passage_unpin();
	assert_string_equal(printed, "Permission denied");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unprivileged_one_has_no_capability_of_ours),
		cmocka_unit_test(an_unprivileged_one_reaches_nothing_of_ours),
		cmocka_unit_test(
			an_unprivileged_one_makes_no_socket_no_memory_for_others_and_no_child),
		cmocka_unit_test(an_unprivileged_one_opens_no_table_of_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

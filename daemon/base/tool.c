/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"
#include "base/sandbox_lists.h"

enum {
	ARGUMENTS_MAX = 16,
	PATH_LEN_MAX = 64,
	LOCK_TRY_MS = 50,
	WAIT_TRY_MS = 16,
	SECONDS_LATE = 1
};

/* What the child is born with. */
struct birth {
	const struct tool_call *call;
	char path[PATH_LEN_MAX];
	const char *arguments[ARGUMENTS_MAX + 2];
	char lock_setting[PATH_LEN_MAX];
	int private_lock;
	int input;
	int output;
	int complaint;
};

static unsigned seconds_of(const struct tool_call *call)
{
	return call->seconds_max > 0 ? call->seconds_max : TOOL_SECONDS_MAX;
}

static bool find_program(char path[PATH_LEN_MAX], const char *program)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, PATH_LEN_MAX, "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* It reads what strangers may have sent. False: it must not run. */
static bool give_rights_up(void)
{
	static const struct sandbox_files files = {
		.paths = { { "/usr", SANDBOX_RUN_BELOW },
		           { "/lib", SANDBOX_RUN_BELOW },
		           { "/lib64", SANDBOX_RUN_BELOW },
		           { "/etc/ld.so.cache", SANDBOX_READ_FILE } },
		.path_count = 4,
	};
	static const struct sandbox_calls calls = {
		.lists = { { CALL_REFUSED, calls_never }, { CALL_REFUSED, calls_on_others } },
		.permits_others = true,
	};

	/* What is not ambient does not outlive the exec of a program that is not root's. */
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 &&
	       sandbox_files_enter(&files) == 0 && sandbox_calls_enter(&calls) == 0;
}

/* Only async-signal-safe calls, as far as it goes: nobody of ours has a thread. */
static void become_program(const struct birth *birth)
{
	char locale[] = "LC_ALL=C";
	char *environment[] = { locale, NULL, NULL };
	const struct tool_call *call = birth->call;
	sigset_t none;
	size_t i;

	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (birth->private_lock >= 0) {
		environment[1] = (char *)(uintptr_t)birth->lock_setting;
		(void)fcntl(birth->private_lock, F_SETFD, 0);
	}
	for (i = 0; i < call->passed_count; i++)
		(void)fcntl(call->passed[i], F_SETFD, 0);
	if (call->is_unprivileged && !give_rights_up())
		_exit(127);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	if (dup2(birth->input, STDIN_FILENO) < 0 || dup2(birth->output, STDOUT_FILENO) < 0 ||
	    dup2(birth->complaint, STDERR_FILENO) < 0)
		_exit(127);
	(void)alarm(seconds_of(call));
	(void)execve(birth->path, (char *const *)(uintptr_t)birth->arguments, environment);
	_exit(127);
}

static void pause_ms(unsigned ms)
{
	const struct timespec pause = { .tv_nsec = (long)ms * 1000000 };

	(void)nanosleep(&pause, NULL);
}

/* Its alarm ends it, unless it is deaf to that: whoever reads what strangers sent can have been taken over. 0, or -errno. */
static int wait_for(int *status, pid_t child, unsigned seconds_max)
{
	unsigned left_ms = (seconds_max + SECONDS_LATE) * 1000, ms = 1;
	pid_t ended;

	while ((ended = waitpid(child, status, WNOHANG)) == 0 && left_ms >= ms) {
		pause_ms(ms);
		left_ms -= ms;
		ms = ms < WAIT_TRY_MS ? 2 * ms : ms;
	}
	if (ended == 0) {
		(void)kill(child, SIGKILL);
		do {
			ended = waitpid(child, status, 0);
		} while (ended < 0 && errno == EINTR);
	}
	return ended < 0 ? -errno : 0;
}

static int open_scratch(int *opened, const char *content)
{
	int descriptor = memfd_create("hopguard-tool", MFD_CLOEXEC);
	size_t len = content ? strlen(content) : 0;

	if (descriptor < 0)
		return -errno;
	if (len > 0 && pwrite(descriptor, content, len, 0) != (ssize_t)len) {
		close(descriptor);
		return -ENOSPC;
	}
	*opened = descriptor;
	return 0;
}

static int read_scratch(char **text, int descriptor, size_t len_max)
{
	struct stat status;
	size_t len;

	if (fstat(descriptor, &status) < 0)
		return -errno;
	len = (size_t)status.st_size;
	if (len > len_max)
		return -EFBIG;
	*text = malloc(len + 1);
	if (!*text)
		return -ENOMEM;
	if (pread(descriptor, *text, len, 0) != (ssize_t)len) {
		free(*text);
		return -EIO;
	}
	(*text)[len] = '\0';
	return 0;
}

/* The first line that says something. */
static void read_complaint(char why[TOOL_WHY_MAX], int descriptor, const char *program, int status)
{
	char text[TOOL_WHY_MAX];
	ssize_t len = pread(descriptor, text, sizeof(text) - 1, 0);
	const char *line = text;

	text[len > 0 ? len : 0] = '\0';
	line += strspn(line, "\n\t ");
	if (*line)
		(void)snprintf(why, TOOL_WHY_MAX, "%.*s", (int)strcspn(line, "\n"), line);
	else if (WIFSIGNALED(status))
		(void)snprintf(why, TOOL_WHY_MAX, "%s was ended by signal %d", program,
		               WTERMSIG(status));
	else
		(void)snprintf(why, TOOL_WHY_MAX, "%s ended with status %d", program,
		               WEXITSTATUS(status));
}

/*
 * The tools' own lock, since they cannot take it themselves: they get a private one instead.
 * Waits as long as the tool itself would be let run.
 */
static int take_lock(int lock)
{
	int tries;

	for (tries = 0; tries < TOOL_SECONDS_MAX * 1000 / LOCK_TRY_MS; tries++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		pause_ms(LOCK_TRY_MS);
	}
	return -ETIMEDOUT;
}

static int start_and_wait(const struct birth *birth, const char *program, char why[TOOL_WHY_MAX])
{
	int status = 0;
	int err;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0)
		become_program(birth);
	err = wait_for(&status, child, seconds_of(birth->call));
	if (err)
		return err;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_complaint(why, birth->complaint, program, status);
	return -EIO;
}

static int run_locked(const struct birth *birth, char why[TOOL_WHY_MAX])
{
	const struct tool_call *call = birth->call;
	int err = 0;

	if (call->lock >= 0)
		err = take_lock(call->lock);
	if (err) {
		(void)snprintf(why, TOOL_WHY_MAX,
		               "%s: /run/xtables.lock is held by another program", call->program);
		return err;
	}
	err = start_and_wait(birth, call->program, why);
	if (call->lock >= 0)
		(void)flock(call->lock, LOCK_UN);
	return err;
}

static int open_files(struct birth *birth, const struct tool_call *call)
{
	int err = open_scratch(&birth->input, call->input);

	if (!err)
		err = open_scratch(&birth->output, NULL);
	if (!err)
		err = open_scratch(&birth->complaint, NULL);
	if (err || call->lock < 0)
		return err;
	birth->private_lock = memfd_create("hopguard-lock", MFD_CLOEXEC);
	if (birth->private_lock < 0)
		return -errno;
	(void)snprintf(birth->lock_setting, sizeof(birth->lock_setting),
	               "XTABLES_LOCKFILE=/proc/self/fd/%d", birth->private_lock);
	return 0;
}

static void close_files(const struct birth *birth)
{
	const int descriptors[] = { birth->input, birth->output, birth->complaint,
		                    birth->private_lock };
	size_t i;

	for (i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	}
}

int tool_run(char **output, const struct tool_call *call, char why[TOOL_WHY_MAX])
{
	struct birth birth = {
		.call = call, .private_lock = -1, .input = -1, .output = -1, .complaint = -1
	};
	size_t i;
	int err;

	if (!find_program(birth.path, call->program)) {
		(void)snprintf(why, TOOL_WHY_MAX, "there is no program %s", call->program);
		return -ENOENT;
	}
	birth.arguments[0] = call->program;
	for (i = 0; i < ARGUMENTS_MAX && call->arguments[i]; i++)
		birth.arguments[i + 1] = call->arguments[i];

	why[0] = '\0';
	err = open_files(&birth, call);
	if (!err)
		err = run_locked(&birth, why);
	if (!err && output)
		err = read_scratch(output, birth.output, TOOL_OUTPUT_MAX);
	if (err && why[0] == '\0')
		(void)snprintf(why, TOOL_WHY_MAX, "%s: %s", call->program, strerror(-err));
	close_files(&birth);
	return err;
}

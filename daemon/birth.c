/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "birth.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "guard.h"
#include "ledger.h"
#include "scout.h"
#include "verifier.h"

enum { EXIT_SYSTEM = 4, DESCRIPTORS_MAX = 256, SCOUT_DESCRIPTORS_MAX = 2048 };

static int compare_descriptors(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* A child has its own descriptors and standard input, output and error; nothing of its parent's or its siblings'. */
static void close_others(const struct child *child)
{
	int kept[RAWSEND_COUNT + PASSAGE_DESCRIPTORS_MAX + 8];
	size_t count = 0, i;
	unsigned from = STDERR_FILENO + 1;

	kept[count++] = child->supervisor;
	kept[count++] = child->queue;
	kept[count++] = child->log;
	kept[count++] = child->dns_queue;
	kept[count++] = child->listener;
	kept[count++] = child->event_file;
	for (i = 0; i < RAWSEND_COUNT; i++)
		kept[count++] = child->raw[i];
	for (i = 0; i < PASSAGE_DESCRIPTORS_MAX; i++)
		kept[count++] = child->passage.descriptors[i];
	qsort(kept, count, sizeof(kept[0]), compare_descriptors);
	for (i = 0; i < count; i++) {
		if (kept[i] < (int)from)
			continue;
		if ((unsigned)kept[i] > from)
			(void)close_range(from, (unsigned)kept[i] - 1, 0);
		from = (unsigned)kept[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* Nobody of them reads it, and it may be somebody's terminal. */
static void leave_standard_input(void)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		(void)close(STDIN_FILENO);
	if (nothing > STDIN_FILENO)
		close(nothing);
}

/* Ctrl-C reaches the whole process group: only the supervisor is told to stop by signals, it tells the others. */
static void set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Room for the scout's look-ups, fetches and probes, for the ledger's clients, and for channels to as many guards as there may be. */
static void bound_descriptors(enum role role)
{
	int err = descriptors_bound(role == ROLE_SCOUT ? SCOUT_DESCRIPTORS_MAX : DESCRIPTORS_MAX);

	if (err)
		log_warn("number of descriptors not bounded error=\"%s\"", strerror(-err));
}

static int live(const struct child *child)
{
	switch (child->role) {
	case ROLE_GUARD:
		return guard_run(child);
	case ROLE_SCOUT:
		return scout_run(child);
	case ROLE_LEDGER:
		return ledger_run(child);
	case ROLE_VERIFIER:
		return verifier_run(child);
	case ROLE_SUPERVISOR:
	case ROLE_COUNT:
		break;
	}
	return EXIT_SYSTEM;
}

pid_t birth(const struct child *child, const char *name)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid > 0 ? pid : -errno;
	/* The parent's event loop is not touched: its descriptors are only closed here, not taken out of it. */
	close_others(child);
	leave_standard_input();
	set_signals();
	(void)prctl(PR_SET_NAME, name, 0L, 0L, 0L);
	/* One that hangs while its parent is killed must not keep its queue. The ledger has a last word to say. */
	if (child->role != ROLE_LEDGER)
		(void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	if (getppid() != parent)
		_exit(EXIT_SYSTEM);
	log_open(name, child->config->log_level);
	bound_descriptors(child->role);
	_exit(live(child));
}

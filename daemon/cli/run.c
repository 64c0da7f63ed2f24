/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforce/rules.h"
#include "net/passage_load.h"
#include "supervisor.h"

/* As many as anybody gives by hand; a file has no such bound. */
enum { SET_MAX = 64 };

static void print_usage(FILE *out)
{
	fputs("usage: hopguard run [--config FILE] [--set KEY=VALUE]... [--remove-rules]\n"
	      "  --remove-rules  take the rules out at any end, that of a crash or `kill -9` "
	      "included\n",
	      out);
}

/* -1: go on; else an exit status. */
static int parse(struct supervisor_options *options, const char *set[SET_MAX], int argc,
                 char **argv)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' },
		{ "remove-rules", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:s:rh", known, NULL)) != -1) {
		if (option == 'c') {
			options->config_path = optarg;
		} else if (option == 's') {
			if (options->set_count == SET_MAX) {
				fprintf(stderr, "hopguard: at most %d settings\n", SET_MAX);
				return CLI_USAGE;
			}
			set[options->set_count++] = optarg;
		} else if (option == 'r') {
			options->removes_rules_on_any_exit = true;
		} else if (option == 'h') {
			print_usage(stdout);
			return CLI_GOOD;
		} else {
			print_usage(stderr);
			return CLI_USAGE;
		}
	}
	if (optind != argc) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	options->set = set;
	return -1;
}

static void block_signals(sigset_t *wanted, sigset_t *before)
{
	sigemptyset(wanted);
	sigaddset(wanted, SIGINT);
	sigaddset(wanted, SIGTERM);
	sigaddset(wanted, SIGHUP);
	sigaddset(wanted, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, wanted, before);
}

/* Passes signals on until the supervisor has ended. Its status as waitpid(2) gives it. */
static int watch_over(pid_t supervisor, const sigset_t *wanted)
{
	int status, got;

	for (;;) {
		if (waitpid(supervisor, &status, WNOHANG) == supervisor)
			return status;
		got = sigwaitinfo(wanted, NULL);
		if (got > 0 && got != SIGCHLD)
			(void)kill(supervisor, got);
	}
}

/* Who never had the queues has no rules: those that are there belong to the guard that has them. */
static int clean_up(int status, int is_ours)
{
	char why[RULES_WHY_MAX] = "";
	eventfd_t raised;

	if (WIFSIGNALED(status))
		fprintf(stderr,
		        "hopguard: the supervisor was killed by signal %d: removing its rules\n",
		        WTERMSIG(status));
	if (eventfd_read(is_ours, &raised) == 0 && rules_remove(RULES_AUTO, -1, why) != 0)
		fprintf(stderr, "hopguard: rules not removed: %s\n", why);
	return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_SYSTEM;
}

/* Whatever becomes of the supervisor, somebody is left who removes the rules. */
static int run_and_remove(struct supervisor_options *options)
{
	sigset_t wanted, before;
	pid_t parent = getpid();
	pid_t supervisor;
	int status;

	options->is_ours = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	block_signals(&wanted, &before);
	supervisor = options->is_ours < 0 ? -1 : fork();
	if (supervisor < 0) {
		fprintf(stderr, "hopguard: cannot start: %s\n", strerror(errno));
		return CLI_SYSTEM;
	}
	if (supervisor == 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		(void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
		return getppid() == parent ? supervisor_run(options) : CLI_SYSTEM;
	}
	status = watch_over(supervisor, &wanted);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CLI_GOOD) {
		/* Of what was mounted its user could take nothing away. */
		passage_unpin();
		return CLI_GOOD;
	}
	return clean_up(status, options->is_ours);
}

int cli_run(int argc, char **argv)
{
	struct supervisor_options options = { 0 };
	const char *set[SET_MAX];
	int status = parse(&options, set, argc, argv);

	if (status >= 0)
		return status;
	return options.removes_rules_on_any_exit ? run_and_remove(&options)
	                                         : supervisor_run(&options);
}

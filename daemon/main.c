/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Finds the subcommand and hands over. */

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	int (*run)(int argc, char **argv);
};

/* In the order in which --help shows them; a command whose file exists has its line here. */
static const struct command commands[] = {
	{ "run", "[--config FILE]", "guard this machine", cli_run },
	{ "check", "DOMAIN...", "a destination as a sender sees it, and what is wrong", cli_check },
	{ "replay", "CAPTURE...", "what the guard would have said of a capture", cli_replay },
	{ "rules", "print|apply|remove|prepare", "the firewall rules that bring mail to it",
	  cli_rules },
	{ "status", "[--json]", "how the running guard is", cli_status },
	{ "events", "[--follow] [--json]", "what it found lately", cli_events },
	{ "flows", "[--json]", "the connections it watches", cli_flows },
	{ "explain", "DOMAIN|ADDRESS", "what it requires of a destination, and why", cli_explain },
	{ "reload", "", "read the configuration again", cli_reload },
	{ "flush", "DOMAIN", "forget what is known of a destination", cli_flush },
	{ 0 },
};

static void print_usage(FILE *stream)
{
	const struct command *command;

	fputs("usage: hopguard COMMAND [OPTION]...\n\n", stream);
	for (command = commands; command->name; command++)
		fprintf(stream, "  %-8s %-28s %s\n", command->name, command->arguments,
		        command->summary);
	fputs("\n  --help, --version; hopguard COMMAND --help; hopguard(8)\n", stream);
}

static const struct command *find_command(const char *name)
{
	const struct command *command;

	for (command = commands; command->name; command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

/* What we open shall not become somebody's standard input or output. */
static bool fill_standard_streams(void)
{
	for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
		if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static char called[64];
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!fill_standard_streams())
		return CLI_SYSTEM;
	if (!name) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_usage(stdout);
		return CLI_GOOD;
	}
	if (strcmp(name, "--version") == 0) {
		puts("hopguard " HOPGUARD_VERSION);
		return CLI_GOOD;
	}
	command = find_command(name);
	if (!command) {
		fprintf(stderr, "hopguard: unknown command: %s\n", name);
		print_usage(stderr);
		return CLI_USAGE;
	}
	(void)snprintf(called, sizeof(called), CLI_CALLED "%s", name);
	argv[1] = called;
	return command->run(argc - 1, argv + 1);
}

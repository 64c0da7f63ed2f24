/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CLI_H
#define HOPGUARD_CLI_CLI_H

/*
 * The subcommands, one file each: cli/NAME.c. argv[0] is the command's name behind CLI_CALLED, so that getopt_long starts
 * behind it and what it says of options begins as all complaints do. Each returns an exit status and has said on standard
 * error why it is not 0.
 */

#include <stdbool.h>

#define CLI_CALLED "hopguard: "

/* The contract with scripts (docs/hopguard.8). */
enum cli_status {
	CLI_GOOD = 0,
	CLI_FINDING = 1,
	CLI_USAGE = 2,       /* command line, configuration, unreadable capture */
	CLI_UNREACHABLE = 3, /* the daemon does not answer */
	CLI_SYSTEM = 4,
};

struct config;

/*
 * For a command that reads what strangers sent: from here on it may do no more than that takes (docs/security.md), as that user if it was
 * root's. look_ups: it goes to the network, as this says; NULL: it does not. False: it cannot be kept from anything; that was said on
 * standard error.
 */
bool cli_confine(const char *user, const struct config *look_ups);

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_rules(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_flows(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_flush(int argc, char **argv);
int cli_explain(int argc, char **argv);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_RUN_COMMAND_H
#define HOPGUARD_TESTS_RUN_COMMAND_H

/*
 * A command of the program as a process of its own, for it gives up rights that a test needs. What it prints goes to the descriptor
 * `output`. Its exit status.
 */
int run_command(int (*command)(int count, char **words), int count, char **words, int output);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_MAILBOX_H
#define HOPGUARD_CLI_MAILBOX_H

#include <stdbool.h>

/* Says that a mailbox was typed in the place of its domain, and which that is. False, and nothing is said: it is none. */
bool mailbox_tell(const char *command, const char *text);

#endif

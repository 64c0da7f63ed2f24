/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFINE_H
#define HOPGUARD_CONFINE_H

/* What each process may still do once it has started (docs/security.md), in one table. */

#include <stdbool.h>

#include "config.h"
#include "messages.h"

/*
 * For good: user, capabilities, files, connections, system calls. Before the first packet or message is read; what is open stays open.
 * The user that it became goes to *became (as sandbox_enter says it). 0 or -errno.
 */
int confine(const char **became, enum role role, const struct config *config);

/* The same for the supervisor, who says as whom it runs. ends_with_parent: it is told to stop when its parent is gone. */
int confine_supervisor(const char **became, const struct config *config, bool ends_with_parent);

/*
 * The same for a command of a person's that reads what strangers sent, or who read it. Root's becomes that user. look_ups: it does the
 * scout's work, as this says; NULL: it does not. 0 or -errno.
 */
int confine_command(const char *user, const struct config *look_ups);

/* The scout that runs with the one may not do what the other asks for: it takes a new one. */
bool confine_differs(const struct config *a, const struct config *b);

#endif

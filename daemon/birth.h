/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BIRTH_H
#define HOPGUARD_BIRTH_H

/* A child process, from fork to its own story: it keeps its own descriptors and nothing of its parent's or its siblings'. */

#include <sys/types.h>

#include "supervisor.h"

/*
 * Forks and runs guard, scout, ledger or verifier by child->role. name: what it calls itself, for as long as it lives. The
 * caller's signals are blocked. Its process id, or -errno.
 */
pid_t birth(const struct child *child, const char *name);

#endif

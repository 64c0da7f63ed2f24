/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GUARD_H
#define HOPGUARD_GUARD_H

#include "supervisor.h" /* loop, channels, heartbeat and reload: process.h */

/* The guard process: one queue's packets in, verdicts out. Returns an exit status. */
int guard_run(const struct child *child);

#endif

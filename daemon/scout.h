/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_H
#define HOPGUARD_SCOUT_H

#include "supervisor.h" /* loop, channels, heartbeat and reload: process.h */

/* The scout process: questions in, look-ups out, answers back. Returns an exit status. */
int scout_run(const struct child *child);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_LEDGER_H
#define HOPGUARD_LEDGER_H

#include "supervisor.h" /* loop, channels, heartbeat and reload: process.h */

/* The ledger process: events in; syslog, JSON lines and the control socket out. Returns an exit status. */
int ledger_run(const struct child *child);

#endif

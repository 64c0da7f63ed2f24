/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERIFIER_H
#define HOPGUARD_VERIFIER_H

#include "supervisor.h" /* loop, channels, heartbeat and reload: process.h */

/*
 * The verifier process: certificates in, a finding out. It has no capability, opens no file and no socket: what it trusts comes as a sealed
 * copy, and everything that a stranger wrote into a certificate is read here alone. Returns an exit status.
 */
int verifier_run(const struct child *child);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SIGNALS_H
#define HOPGUARD_SIGNALS_H

/* The signals that mean something to the supervisor, as a descriptor to read them from (signalfd(2)). The others end it, but for SIGPIPE. */

/* It does not block. Negative: -errno. */
int signals_open(void);

#endif

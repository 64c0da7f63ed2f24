/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_CONNECT_H
#define HOPGUARD_ACTIVE_STARTTLS_CONNECT_H

/* Begins a TCP connection without waiting for it. */

#include "base/address.h"

/*
 * On *descriptor, which its maker has bound, or (-1) on one of its own, from `source` where that has a family. 0, or the errno that keeps
 * it from being begun; *descriptor is the caller's to close in any case.
 */
int starttls_connect(int *descriptor, const struct endpoint *server, const struct address *source);

#endif

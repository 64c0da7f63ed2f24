/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_LISTEN_H
#define HOPGUARD_NET_LISTEN_H

/* The control socket, with its owner and mode from its first moment. */

#include <sys/types.h>

struct listen_access {
	uid_t owner;
	gid_t group; /* (gid_t)-1: the owner's own; nobody but he may connect */
};

/*
 * A listening stream socket at that path, not blocking. What a dead process left there is replaced; -EADDRINUSE when
 * somebody answers. Owner and group are set as far as the rights go. 0 or -errno.
 */
int listen_unix(int *opened, const char *path, const struct listen_access *access);

#endif

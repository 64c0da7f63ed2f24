/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SANDBOX_H
#define HOPGUARD_BASE_SANDBOX_H

/* What a process gives up after its start. */

#include <stdbool.h>
#include <stddef.h>

/* Who others run as, too, so that nothing is to be given to it. */
#define SANDBOX_SHARED_USER "nobody"

/* Capability numbers of linux/capability.h. */
struct sandbox {
	const char *user; /* falls to SANDBOX_SHARED_USER when there is no such user */
	const int *capabilities;
	size_t capability_count;
	bool runs_programs; /* which shall have these capabilities, too */
};

/*
 * Becomes that user (when root), keeps just these capabilities, makes sure that neither root's number nor a file brings others (securebits,
 * bounding set, no_new_privs), and that memory is neither dumped nor read by another process. What it may not change where it was not
 * started as root stays as it was. The user it became, a static string or `user`, goes to *became; "unchanged" when it was not root.
 * 0 or -errno.
 */
int sandbox_enter(const char **became, const struct sandbox *sandbox);

/* The uid and gid that sandbox_enter would take; false when not even nobody exists. */
bool sandbox_user(const char *user, const char **name, unsigned *uid, unsigned *gid);

#endif

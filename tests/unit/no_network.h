/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_NO_NETWORK_H
#define HOPGUARD_TESTS_UNIT_NO_NETWORK_H

#include <sched.h>

/* Nobody can be asked from here on. Without privilege it takes a user namespace; without that, the answers are real ones. */
static inline void leave_network(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/descriptors.h"

#include <errno.h>
#include <sys/resource.h>

static rlim_t before; /* 0: not raised */

void descriptors_raise(unsigned count)
{
	struct rlimit limit;
	rlim_t wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	before = limit.rlim_cur;
	wanted = before + count + DESCRIPTORS_BEYOND;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where nothing could be raised there is half of it at least. */
static rlim_t fewer(rlim_t count)
{
	return count > 2 * DESCRIPTORS_BEYOND ? count - DESCRIPTORS_BEYOND : count / 2;
}

int descriptors_bound(unsigned most)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -errno;
	limit.rlim_cur = fewer(limit.rlim_cur);
	if (before > 0 && before < limit.rlim_cur)
		limit.rlim_cur = before;
	if (most < limit.rlim_cur)
		limit.rlim_cur = most;
	limit.rlim_max = limit.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STORE_ASIDE_H
#define HOPGUARD_REPORT_STORE_ASIDE_H

/* A damaged database is kept for whoever wants to look into it. */

#include <stdint.h>

enum {
	STORE_ASIDE_NAME_MAX = 64,
	STORE_ASIDE_KEPT =
		2, /* damaged databases kept; each is as large as the one in use may be */
};

/*
 * Renames `name` in the directory, and its log, to NAME.corrupt-20261122T100000Z, as by the wall clock; the oldest of such beyond the bound
 * are removed. 0 or -errno. The database must be closed.
 */
int store_put_aside(char aside[STORE_ASIDE_NAME_MAX], const char *directory, const char *name,
                    uint64_t time_ms);

#endif

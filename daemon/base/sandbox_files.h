/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SANDBOX_FILES_H
#define HOPGUARD_BASE_SANDBOX_FILES_H

/*
 * Which files a process may open, and where it may connect to by TCP, from now on (Landlock). What it has open stays. Looking
 * whether a file is there (stat(2)) is not kept from it, nor are UDP and sockets with a path.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a file or folder that is not there, nothing, but for what is said. */
enum sandbox_access {
	SANDBOX_READ_FILE, /* this one, for as long as it is not replaced */
	/*
	 * What is in its folder, so that it may be replaced, and in that which a symbolic link leads to; without a folder, in the
	 * nearest one above.
	 */
	SANDBOX_READ_BESIDE,
	/* Read, list and run what is in this folder. */
	SANDBOX_RUN_BELOW,
	/* Read, list, make, change and remove what is in this folder. */
	SANDBOX_WRITE_BELOW,
};

struct sandbox_path {
	const char *path;
	enum sandbox_access access;
};

enum { SANDBOX_PATHS_MAX = 8, SANDBOX_PORTS_MAX = 32 };

/* Nothing of it: no file, no connection, no listening. */
struct sandbox_files {
	struct sandbox_path paths[SANDBOX_PATHS_MAX];
	size_t path_count;
	uint16_t ports[SANDBOX_PORTS_MAX]; /* of TCP */
	size_t port_count;
};

/* The version of what this kernel can do; 0: nothing, or it is switched off. TCP since 4, signals since 6. */
unsigned sandbox_files_version(void);

/* For this process and all it starts. Needs no_new_privs. 0, also where the kernel can do nothing; else -errno. */
int sandbox_files_enter(const struct sandbox_files *files);

#endif

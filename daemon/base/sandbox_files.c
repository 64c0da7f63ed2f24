/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's, of which the headers of Linux 6.1 know the first third only. */
struct ruleset {
	uint64_t files;
	uint64_t ports;
	uint64_t scopes;
};

struct port_rule {
	uint64_t access;
	uint64_t port;
};

enum { RULE_PORT = 2, PORT_BIND = 1 << 0, PORT_CONNECT = 1 << 1 };
enum { SCOPE_ABSTRACT_SOCKETS = 1 << 0, SCOPE_SIGNALS = 1 << 1 };
enum { VERSION_REFER = 2, VERSION_TRUNCATE, VERSION_PORTS, VERSION_DEVICES, VERSION_SCOPES };

/* All that the first version knows, EXECUTE to MAKE_SYM. */
static const uint64_t FILES_ALL = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
static const uint64_t FILES_TRUNCATE = UINT64_C(1) << 14;
static const uint64_t FILES_DEVICE_CALLS = UINT64_C(1) << 15;

unsigned sandbox_files_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0UL,
	                       (unsigned long)LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (unsigned)version : 0;
}

static struct ruleset everything(unsigned version)
{
	struct ruleset ruleset = { .files = FILES_ALL };

	if (version >= VERSION_REFER)
		ruleset.files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= VERSION_TRUNCATE)
		ruleset.files |= FILES_TRUNCATE;
	if (version >= VERSION_PORTS)
		ruleset.ports = PORT_BIND | PORT_CONNECT;
	if (version >= VERSION_DEVICES)
		ruleset.files |= FILES_DEVICE_CALLS;
	if (version >= VERSION_SCOPES)
		ruleset.scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
	return ruleset;
}

/* Cuts the last part off; false: nothing is left of it. */
static bool to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || strcmp(path, "/") == 0)
		return false;
	if (slash == path)
		slash++;
	*slash = '\0';
	return true;
}

static int open_nearest(char path[PATH_MAX])
{
	int opened;

	do {
		opened = open(path, O_PATH | O_CLOEXEC);
	} while (opened < 0 && errno == ENOENT && to_parent(path));
	return opened < 0 ? -errno : opened;
}

static uint64_t access_of(enum sandbox_access access)
{
	switch (access) {
	case SANDBOX_READ_FILE:
	case SANDBOX_READ_BESIDE:
		return LANDLOCK_ACCESS_FS_READ_FILE;
	case SANDBOX_RUN_BELOW:
		return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		       LANDLOCK_ACCESS_FS_EXECUTE;
	case SANDBOX_WRITE_BELOW:
		break;
	}
	return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
	       LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
	       LANDLOCK_ACCESS_FS_REMOVE_FILE | FILES_TRUNCATE;
}

/* Changes the path. */
static int permit_below(int ruleset, char path[PATH_MAX], uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access,
		                                   .parent_fd = open_nearest(path) };
	struct stat status;
	int err = 0;

	/* What cannot even be looked at cannot be opened either. */
	if (rule.parent_fd < 0)
		return rule.parent_fd == -EACCES || rule.parent_fd == -ENOENT ? 0 : rule.parent_fd;
	/* The rest is said of folders only, and refused for a file. */
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0UL) != 0)
		err = -errno;
	close(rule.parent_fd);
	return err;
}

static int permit_path(int ruleset, const struct sandbox_path *permitted, uint64_t handled)
{
	uint64_t rights = access_of(permitted->access) & handled;
	char path[PATH_MAX], target[PATH_MAX];
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s", permitted->path) >= sizeof(path))
		return -ENAMETOOLONG;
	if (permitted->access != SANDBOX_READ_BESIDE)
		return access(path, F_OK) == 0 ? permit_below(ruleset, path, rights) : 0;
	if (realpath(path, target) && to_parent(target)) {
		err = permit_below(ruleset, target, rights);
		if (err)
			return err;
	}
	return to_parent(path) ? permit_below(ruleset, path, rights) : 0;
}

static int permit_port(int ruleset, uint16_t port)
{
	const struct port_rule rule = { .access = PORT_CONNECT, .port = port };

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0UL) != 0)
		return -errno;
	return 0;
}

static int permit(int ruleset, const struct sandbox_files *files, const struct ruleset *handled)
{
	int err = 0;

	for (size_t i = 0; i < files->path_count && !err; i++)
		err = permit_path(ruleset, &files->paths[i], handled->files);
	for (size_t i = 0; handled->ports != 0 && i < files->port_count && !err; i++)
		err = permit_port(ruleset, files->ports[i]);
	return err;
}

int sandbox_files_enter(const struct sandbox_files *files)
{
	const struct ruleset handled = everything(sandbox_files_version());
	unsigned version = sandbox_files_version();
	/* An older kernel takes no longer attribute than it knows. */
	size_t len = version >= VERSION_SCOPES  ? sizeof(handled)
	             : version >= VERSION_PORTS ? offsetof(struct ruleset, scopes)
	                                        : offsetof(struct ruleset, ports);
	int ruleset, err;

	if (version == 0)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, len, 0UL);
	if (ruleset < 0)
		return -errno;
	err = permit(ruleset, files, &handled);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0UL) != 0)
		err = -errno;
	close(ruleset);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_folders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

enum { STATE_PATH_MAX = STATE_FOLDER_MAX + 32 };

/* What earlier versions kept in the state directory, the most important last: a database whose log stayed behind would lose rows. */
static const struct belongings {
	enum role role;
	const char *names[3];
	size_t count;
} belongings[] = {
	{ ROLE_LEDGER, { "hopguard.db-shm", "hopguard.db-wal", "hopguard.db" }, 3 },
	{ ROLE_SCOUT, { "root.key" }, 1 },
};

void state_folder(char path[STATE_FOLDER_MAX], const char *state_directory, enum role role)
{
	snprintf(path, STATE_FOLDER_MAX, "%s/%s", state_directory,
	         role == ROLE_LEDGER ? "database" : "anchors");
}

static int make_folder(const char *path)
{
	struct stat status;

	if (mkdir(path, 0750) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	return stat(path, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

static bool is_there(const char *folder, const char *name)
{
	char path[STATE_PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return lstat(path, &status) == 0;
}

static void move(const char *name, const char *from, const char *to)
{
	char before[STATE_PATH_MAX], after[STATE_PATH_MAX];

	snprintf(before, sizeof(before), "%s/%s", from, name);
	snprintf(after, sizeof(after), "%s/%s", to, name);
	if (rename(before, after) == 0)
		log_info("moved path=%s to=%s", before, after);
	else if (errno != ENOENT)
		log_warn("not moved path=%s to=%s error=\"%s\"", before, after, strerror(errno));
}

/* Of two the one that has its place already is the newer. */
static int make(const char *state_directory, const struct belongings *its)
{
	const char *last = its->names[its->count - 1];
	char folder[STATE_FOLDER_MAX];
	int err;

	state_folder(folder, state_directory, its->role);
	err = make_folder(folder);
	if (err || !is_there(state_directory, last) || is_there(folder, last))
		return err;
	for (size_t i = 0; i < its->count; i++)
		move(its->names[i], state_directory, folder);
	return 0;
}

int state_folders_make(const char *state_directory)
{
	int err = make(state_directory, &belongings[0]);

	return err ? err : make(state_directory, &belongings[1]);
}

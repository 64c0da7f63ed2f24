/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 32 };

static bool somebody_answers(const struct sockaddr_un *address)
{
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers;

	if (probe < 0)
		return false;
	/* EAGAIN: a listener whose queue is full. */
	answers = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	          errno == EAGAIN;
	close(probe);
	return answers;
}

static int bind_private(int listener, const struct sockaddr_un *address)
{
	mode_t old = umask(0177);
	int err = bind(listener, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(old);
	return err;
}

/* Whoever may not give the file away keeps it, and with it a socket that works for him and for root. */
static int open_to_group(const char *path, const struct listen_access *access)
{
	struct stat status;

	if (lchown(path, access->owner, access->group) && errno != EPERM)
		return -errno;
	if (access->group == (gid_t)-1)
		return 0;
	if (lstat(path, &status))
		return -errno;
	if (status.st_gid != access->group)
		return 0;
	return chmod(path, 0660) ? -errno : 0;
}

int listen_unix(int *opened, const char *path, const struct listen_access *access)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (somebody_answers(&address))
		return -EADDRINUSE;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0)
		return -errno;
	err = bind_private(listener, &address);
	if (!err)
		err = open_to_group(path, access);
	if (!err && listen(listener, LISTEN_BACKLOG))
		err = -errno;
	if (err) {
		close(listener);
		return err;
	}
	*opened = listener;
	return 0;
}

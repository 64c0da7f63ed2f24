/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

int event_file_write(struct event_file *file, const char *json)
{
	struct iovec parts[3] = {
		{ .iov_base = (void *)(uintptr_t) "\n", .iov_len = file->is_torn ? 1 : 0 },
		{ .iov_base = (void *)(uintptr_t)json, .iov_len = strlen(json) },
		{ .iov_base = (void *)(uintptr_t) "\n", .iov_len = 1 },
	};
	size_t len = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
	ssize_t written;

	if (file->descriptor < 0)
		return 0;
	do {
		written = writev(file->descriptor, parts, 3);
	} while (written < 0 && errno == EINTR);
	if (written == (ssize_t)len) {
		file->is_torn = false;
		return 0;
	}
	file->lost++;
	/* Of nothing but the newline, no part of a line is left. */
	if (written > 0)
		file->is_torn = (size_t)written > parts[0].iov_len;
	return written < 0 ? -errno : -ENOSPC;
}

void event_file_replace(struct event_file *file, int descriptor)
{
	if (file->descriptor >= 0)
		close(file->descriptor);
	file->descriptor = descriptor;
	file->is_torn = false;
}

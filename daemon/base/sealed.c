/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE_LEN = 64 * 1024,
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

static int write_all(int copy, const uint8_t *octets, size_t len)
{
	while (len > 0) {
		ssize_t written = write(copy, octets, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -ENOSPC;
		octets += written;
		len -= (size_t)written;
	}
	return 0;
}

static int fill(int copy, int file, size_t len_max)
{
	uint8_t piece[PIECE_LEN];
	size_t len = 0;

	for (;;) {
		ssize_t got = read(file, piece, sizeof(piece));
		int err;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		len += (size_t)got;
		if (len > len_max)
			return -EFBIG;
		err = write_all(copy, piece, (size_t)got);
		if (err)
			return err;
	}
}

static int open_copy(void)
{
	int copy = memfd_create("hopguard-copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return copy < 0 ? -errno : copy;
}

/* *sealed takes the copy over; on error it is gone. */
static int seal(int *sealed, int copy, int err)
{
	if (!err && fcntl(copy, F_ADD_SEALS, SEALS) != 0)
		err = -errno;
	if (err)
		close(copy);
	else
		*sealed = copy;
	return err;
}

int sealed_copy(int *copy, int file, size_t len_max)
{
	int opened = open_copy();

	return opened < 0 ? opened : seal(copy, opened, fill(opened, file, len_max));
}

int sealed_keep(int *copy, struct bytes octets)
{
	int opened = open_copy();

	return opened < 0 ? opened : seal(copy, opened, write_all(opened, octets.data, octets.len));
}

int sealed_map(struct bytes *octets, int copy, size_t len_max)
{
	int seals = fcntl(copy, F_GET_SEALS);
	struct stat status;
	void *data;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPERM;
	if (fstat(copy, &status) != 0)
		return -errno;
	if ((uint64_t)status.st_size > len_max)
		return -EFBIG;
	if (status.st_size == 0) {
		*octets = (struct bytes){ 0 };
		return 0;
	}
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, copy, 0);
	if (data == MAP_FAILED)
		return -errno;
	*octets = bytes_of(data, (size_t)status.st_size);
	return 0;
}

void sealed_unmap(struct bytes octets)
{
	if (octets.len > 0)
		(void)munmap((void *)(uintptr_t)octets.data, octets.len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/sealed.h"
#include "signature.h"

enum { PATH_ROOM = ROW_PATH_MAX + sizeof(".asc") };

static const char ARMORED[] = ".asc";
static const char BINARY[] = ".sig";

static void stamp_part(struct files_part_stamp *stamp, const char *path, const char *suffix)
{
	char full[PATH_ROOM];
	struct stat status;

	*stamp = (struct files_part_stamp){ 0 };
	(void)snprintf(full, sizeof(full), "%s%s", path, suffix);
	if (stat(full, &status) != 0)
		return;
	stamp->device = status.st_dev;
	stamp->inode = status.st_ino;
	stamp->size = (uint64_t)status.st_size;
	stamp->modified_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
	stamp->changed_ns = status.st_ctim.tv_sec * INT64_C(1000000000) + status.st_ctim.tv_nsec;
}

void files_stamp_of(struct files_stamp *stamp, const struct files_option *option)
{
	memset(stamp, 0, sizeof(*stamp));
	stamp_part(&stamp->content, option->path, "");
	if (!option->key[0])
		return;
	stamp_part(&stamp->armored, option->path, ARMORED);
	stamp_part(&stamp->binary, option->path, BINARY);
	stamp_part(&stamp->keys, option->key, "");
}

bool files_stamp_equal(const struct files_stamp *a, const struct files_stamp *b)
{
	/* Whole of 64-bit members: without padding. */
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void say_error(char why[MESSAGE_ERROR_MAX], const char *path, int err, size_t len_max)
{
	if (err == -EACCES || err == -EPERM)
		(void)snprintf(why, MESSAGE_ERROR_MAX,
		               "%s: may not be read by the user that hopguard runs as", path);
	else if (err == -EFBIG)
		(void)snprintf(why, MESSAGE_ERROR_MAX, "%s: longer than %zu KiB", path,
		               len_max / 1024);
	else
		(void)snprintf(why, MESSAGE_ERROR_MAX, "%s: %s", path, strerror(-err));
}

static void warn_of_writers(const char *path, const struct stat *status)
{
	if (status->st_mode & S_IWOTH)
		log_warn("everybody may change file=%s", path);
	else if (status->st_mode & S_IWGRP)
		log_warn("a group may change file=%s gid=%u", path, (unsigned)status->st_gid);
}

/* Symbolic links are followed; what is no file is not: a pipe would let the reader wait. */
static int copy_part(int *copy, const char *path, size_t len_max, char why[MESSAGE_ERROR_MAX])
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int err = 0;

	if (file < 0 || fstat(file, &status) != 0) {
		err = -errno;
	} else if (!S_ISREG(status.st_mode)) {
		(void)snprintf(why, MESSAGE_ERROR_MAX, "%s: not a regular file", path);
		close(file);
		return -EINVAL;
	} else {
		warn_of_writers(path, &status);
		err = sealed_copy(copy, file, len_max);
	}
	if (err)
		say_error(why, path, err, len_max);
	if (file >= 0)
		close(file);
	return err;
}

static int copy_signature(int *copy, const char *path, char why[MESSAGE_ERROR_MAX])
{
	char armored[PATH_ROOM], binary[PATH_ROOM];

	(void)snprintf(armored, sizeof(armored), "%s%s", path, ARMORED);
	(void)snprintf(binary, sizeof(binary), "%s%s", path, BINARY);
	if (access(armored, F_OK) == 0)
		return copy_part(copy, armored, SIGNATURE_LEN_MAX, why);
	if (access(binary, F_OK) == 0)
		return copy_part(copy, binary, SIGNATURE_LEN_MAX, why);
	(void)snprintf(why, MESSAGE_ERROR_MAX,
	               "%s: not signed: there is no such file with %s or %s behind its name", path,
	               ARMORED, BINARY);
	return -ENOENT;
}

static int check(char signer[FILE_SIGNER_MAX], int copy, const struct files_option *option,
                 char why[MESSAGE_ERROR_MAX])
{
	struct signature_parts parts = { .content = copy, .signature = -1, .keys = -1 };
	char reason[MESSAGE_ERROR_MAX];
	int err = copy_signature(&parts.signature, option->path, why);

	if (err)
		return err;
	err = copy_part(&parts.keys, option->key, SIGNATURE_KEYS_LEN_MAX, why);
	if (!err) {
		err = signature_check(signer, &parts, reason);
		if (err)
			(void)snprintf(why, MESSAGE_ERROR_MAX, "%s: %.*s", option->path,
			               MESSAGE_ERROR_MAX - ROW_PATH_MAX - 3, reason);
		close(parts.keys);
	}
	close(parts.signature);
	return err;
}

int files_read(int *copy, char signer[FILE_SIGNER_MAX], const struct files_option *option,
               char why[MESSAGE_ERROR_MAX])
{
	char by[FILE_SIGNER_MAX] = "";
	int copied = -1;
	int err = copy_part(&copied, option->path, FILE_LEN_MAX, why);

	if (err)
		return err;
	if (option->key[0])
		err = check(by, copied, option, why);
	if (err) {
		close(copied);
		return err;
	}
	memcpy(signer, by, sizeof(by));
	*copy = copied;
	return 0;
}

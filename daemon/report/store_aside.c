/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/store_aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

static const char log_suffix[] = "-wal";
static const char index_suffix[] = "-shm";

static bool is_log(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(log_suffix) && strcmp(name + len - strlen(log_suffix), log_suffix) == 0;
}

/* The oldest damaged database in the directory; how many there are. Their names sort by time. */
static size_t find_oldest(char oldest[STORE_ASIDE_NAME_MAX], int directory, const char *prefix)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (!listing) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	oldest[0] = '\0';
	while ((entry = readdir(listing))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || is_log(entry->d_name) ||
		    strlen(entry->d_name) >= STORE_ASIDE_NAME_MAX)
			continue;
		count++;
		if (oldest[0] == '\0' || strcmp(entry->d_name, oldest) < 0)
			text_copy(oldest, STORE_ASIDE_NAME_MAX, entry->d_name);
	}
	closedir(listing);
	return count;
}

static void with_suffix(char name[STORE_ASIDE_NAME_MAX + 8], const char *base, const char *suffix)
{
	snprintf(name, STORE_ASIDE_NAME_MAX + 8, "%s%s", base, suffix);
}

static void remove_oldest(int directory, const char *prefix)
{
	char oldest[STORE_ASIDE_NAME_MAX];
	char log[STORE_ASIDE_NAME_MAX + 8];

	while (find_oldest(oldest, directory, prefix) > STORE_ASIDE_KEPT) {
		with_suffix(log, oldest, log_suffix);
		(void)unlinkat(directory, log, 0);
		if (unlinkat(directory, oldest, 0))
			return;
	}
}

static int move(int directory, const char *name, const char *aside)
{
	char from[STORE_ASIDE_NAME_MAX + 8], to[STORE_ASIDE_NAME_MAX + 8];

	if (renameat(directory, name, directory, aside))
		return -errno;
	/* A log that stayed would be taken for the new database's. */
	with_suffix(from, name, log_suffix);
	with_suffix(to, aside, log_suffix);
	if (renameat(directory, from, directory, to) && errno != ENOENT)
		return -errno;
	with_suffix(from, name, index_suffix);
	if (unlinkat(directory, from, 0) && errno != ENOENT)
		return -errno;
	return 0;
}

int store_put_aside(char aside[STORE_ASIDE_NAME_MAX], const char *directory, const char *name,
                    uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char prefix[STORE_ASIDE_NAME_MAX];
	char stamp[32];
	struct tm parts;
	int opened, err;

	if (!gmtime_r(&seconds, &parts) ||
	    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &parts) == 0)
		return -ERANGE;
	snprintf(prefix, sizeof(prefix), "%.30s.corrupt-", name);
	snprintf(aside, STORE_ASIDE_NAME_MAX, "%.44s%.18s", prefix, stamp);
	opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened < 0)
		return -errno;
	err = move(opened, name, aside);
	if (!err)
		remove_oldest(opened, prefix);
	close(opened);
	return err;
}

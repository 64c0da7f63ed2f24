/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_STORE_FIXTURE_H
#define HOPGUARD_TESTS_STORE_FIXTURE_H

/* A store in a small file system of its own, in a mount namespace: what goes wrong there goes wrong for real. */

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/store.h"

enum { TEXT_LEN = ROW_POLICY_TEXT_MAX };

static const uint8_t secret[TABLE_SECRET_LEN] = { 9 };

struct fixture {
	char directory[64];
	char path[96];
	struct store *store;
	struct store_options options;
	uint64_t now_ms;
	char problem[STORE_PROBLEM_MAX];
	unsigned problems, recoveries;
	struct row row;
};

static inline void on_problem(void *owner, const char *problem)
{
	struct fixture *fixture = owner;

	if (problem[0]) {
		fixture->problems++;
		snprintf(fixture->problem, sizeof(fixture->problem), "%s", problem);
	} else {
		fixture->recoveries++;
	}
}

static inline int enter_namespace(void **state)
{
	(void)state;
	/* Without privilege the user namespace is what allows the other one. */
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return -1;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/hopguard-store-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	assert_int_equal(mount("none", fixture->directory, "tmpfs", 0, "size=16m"), 0);
	snprintf(fixture->path, sizeof(fixture->path), "%s/hopguard.db", fixture->directory);
	fixture->options.directory = fixture->directory;
	fixture->options.time_ms = 1790000000000;
	fixture->options.on_problem = on_problem;
	fixture->options.owner = fixture;
	fixture->now_ms = 5000;
	return 0;
}

static inline void open_store(struct fixture *fixture)
{
	fixture->store = store_new(&fixture->options, secret, fixture->now_ms);
	assert_non_null(fixture->store);
}

static inline void close_store(struct fixture *fixture)
{
	store_free(fixture->store, fixture->now_ms);
	fixture->store = NULL;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close_store(fixture);
	assert_int_equal(umount(fixture->directory), 0);
	assert_int_equal(rmdir(fixture->directory), 0);
	free(fixture);
	return 0;
}

static inline void tick(struct fixture *fixture, uint64_t after_ms)
{
	fixture->now_ms += after_ms;
	store_tick(fixture->store, fixture->now_ms, fixture->options.time_ms);
}

static inline struct row *clean(struct fixture *fixture, enum row_kind kind)
{
	memset(&fixture->row, 0, sizeof(fixture->row));
	fixture->row.kind = kind;
	return &fixture->row;
}

static inline void put(struct fixture *fixture)
{
	assert_true(row_is_sound(&fixture->row, row_len(&fixture->row)));
	store_put(fixture->store, &fixture->row, fixture->now_ms);
}

static inline void put_met(struct fixture *fixture, const char *domain, uint32_t days)
{
	struct row *row = clean(fixture, ROW_MET);

	snprintf(row->met.domain, sizeof(row->met.domain), "%s", domain);
	row->met.first_ms = 1;
	row->met.last_ms = 2;
	row->met.days = days;
	put(fixture);
}

static inline void put_policy(struct fixture *fixture, unsigned number, uint32_t text_len,
                              uint32_t left_s)
{
	struct row *row = clean(fixture, ROW_POLICY);

	snprintf(row->policy.domain, sizeof(row->policy.domain), "domain%u.example", number);
	snprintf(row->policy.id, sizeof(row->policy.id), "id%u", number);
	row->policy.fetched_ms = 3;
	row->policy.saved_ms = 4;
	row->policy.left_s = left_s;
	row->policy.kept_s = 86400;
	row->policy.standing = 2;
	row->policy.text_len = text_len;
	memset(row->policy.text, 'a', text_len);
	put(fixture);
}

static inline void put_place(struct fixture *fixture, const char *host, const char *address)
{
	struct row *row = clean(fixture, ROW_PLACE);

	snprintf(row->place.host, sizeof(row->place.host), "%s", host);
	assert_true(address_parse(&row->place.address, address));
	row->place.first_ms = 5;
	row->place.last_ms = 6;
	row->place.tls_version = 0x0304;
	row->place.has_key = 1;
	memset(row->place.key, 0xab, sizeof(row->place.key));
	put(fixture);
}

/* How many rows can be read; the last of that kind stays in fixture->row. */
static inline unsigned read_all(struct fixture *fixture, enum row_kind kind)
{
	struct row *row = calloc(1, sizeof(*row));
	unsigned count = 0;

	assert_non_null(row);
	assert_true(store_read_start(fixture->store, fixture->now_ms));
	while (store_read_next(row, fixture->store) == STORE_READ_ROW) {
		assert_true(row_is_sound(row, row_len(row)));
		if (row->kind != kind)
			continue;
		memcpy(&fixture->row, row, sizeof(*row));
		count++;
	}
	store_read_stop(fixture->store);
	free(row);
	return count;
}

static inline struct store_figures figures_of(const struct fixture *fixture)
{
	struct store_figures figures;

	store_figures(&figures, fixture->store);
	return figures;
}

static inline void must_have_a_problem(const struct fixture *fixture, const char *words)
{
	if (!strstr(fixture->problem, words))
		fail_msg("\"%s\" lacks \"%s\"", fixture->problem, words);
}

static inline sqlite3 *connect(const struct fixture *fixture)
{
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
	return other;
}

static inline void run(sqlite3 *other, const char *sql)
{
	assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Files of the directory whose names begin so. */
static inline unsigned count_files(const struct fixture *fixture, const char *prefix)
{
	DIR *listing = opendir(fixture->directory);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(listing);
	while ((entry = readdir(listing)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(listing);
	return count;
}

#endif

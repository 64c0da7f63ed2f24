/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_STATUS_PAGE_H
#define HOPGUARD_REPORT_STATUS_PAGE_H

/* What `hopguard status` shows: as one JSON line from the daemon, as text for people. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/troubles.h"
#include "verdict/event.h"
#include "verdict/row.h"

enum {
	STATUS_JSON_MAX = 64 * 1024,
	STATUS_PROCESSES_MAX = 68,
	STATUS_FIGURES_MAX = 128,
};

/* A counter by its name, in a group ("reasons") or NULL; static strings. */
struct status_figure {
	const char *group;
	const char *name;
	uint64_t value;
};

struct status_process {
	const char *role;
	unsigned index;
	int pid; /* 0: dead */
	bool is_ready;
	unsigned restarts;
};

/* The memory that survives a restart. */
struct status_database {
	bool is_usable;
	const char *problem; /* in a sentence; empty: none */
	uint64_t rows[ROW_KIND_COUNT];
	uint64_t octets;
	uint64_t waiting; /* rows to be written */
	uint64_t lost;    /* rows that had no room to wait */
};

struct status {
	const char *version;
	enum guard_mode mode;
	bool fails_open;
	uint64_t uptime_s;
	const char *user;
	const char *backend;
	bool rules_are_in;
	const char *passage;     /* of message bodies in the kernel: "module", "ebpf" or "none" */
	const char *passage_why; /* and no better one; empty: no reason */
	bool calls_are_filtered;
	unsigned landlock_version; /* 0: none */
	unsigned queue_first;
	unsigned queue_count;
	const struct troubles *troubles; /* what does not work now */
	struct status_database database;
	struct status_process processes[STATUS_PROCESSES_MAX];
	size_t process_count;
	struct status_figure figures[STATUS_FIGURES_MAX]; /* sums over all processes */
	size_t figure_count;
};

/* Length without newline; 0: out of memory. */
size_t status_json_print(char text[STATUS_JSON_MAX], const struct status *status);
/* False when `json` is no status. */
bool status_text_print(FILE *out, const char *json, bool is_coloured);

#endif

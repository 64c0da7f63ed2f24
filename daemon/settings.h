/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SETTINGS_H
#define HOPGUARD_SETTINGS_H

/* The configuration as the supervisor lives with it: its text to pass on, what it means here and now, and what a reload can change. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "supervisor.h"

struct children;
struct resources;

struct settings {
	char text[CONFIG_TEXT_MAX];
	struct config config; /* clients and back-end filled in */
};

/* 0, or -EINVAL with one line in error: whatever is wrong with a file, it is the operator's to mend. */
int settings_read(struct settings *settings, const struct supervisor_options *options,
                  char error[CONFIG_ERROR_MAX]);
/* The log follows them, and has what is allowed, but not to be overlooked. now_ms: wall clock. */
void settings_begin(const struct settings *settings, uint64_t now_ms);
/* Finds what the kernel can, where the configuration leaves it open. 0, or -errno with one line in error. */
int settings_find_backend(struct settings *settings, char error[CONFIG_ERROR_MAX]);

/* What takes a new start to change must be as it was. 0, or -EINVAL with one line in error. */
int settings_check_reload(struct settings *news, const struct settings *old,
                          char error[CONFIG_ERROR_MAX]);
bool settings_differ(const struct settings *a, const struct settings *b);
bool settings_rules_differ(const struct settings *a, const struct settings *b);
void settings_move(struct settings *to, const struct settings *from);

/* The one line of `ready`: mode, queues, back-end, who is guarded, and what happens when we are down. */
void settings_describe(char *text, size_t room, const struct settings *settings);

/* To all children, the event file to the ledger; to guards if `for_guards`. */
void settings_send(const struct settings *settings, struct children *children,
                   const struct resources *resources, bool for_guards);
/* To the ledger alone, with the event file. 0 or -errno. */
int settings_send_event_file(const struct settings *settings, struct children *children,
                             const struct resources *resources);
/*
 * Whether events are said to standard error, too. Where that ends in the journal, as syslog does, all would stand there twice
 * (systemd.exec(5), JOURNAL_STREAM).
 */
bool settings_narrates(const struct settings *settings);

#endif

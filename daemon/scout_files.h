/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_FILES_H
#define HOPGUARD_SCOUT_FILES_H

/*
 * The operator's files as the scout takes them: MESSAGE_FILE with a sealed copy, parsed, and in the place of what was there before as
 * soon as it is found good.
 */

#include <stdbool.h>
#include <stdint.h>

#include "files.h"
#include "policy/policy_lists.h"
#include "policy/watch_list.h"

struct config;
struct destination;
struct scout;

/* One for each file of the configuration. */
struct scout_file {
	enum file_kind kind;
	char path[ROW_PATH_MAX];
	char problem[EVENT_TEXT_MAX]; /* why it is not as it should be; empty: nothing */
	bool was_told;                /* the ledger was told of a problem, and not yet of its end */
	bool must_tell;
};

struct scout_files {
	struct policy_lists *lists;
	struct watch_list *watch;  /* NULL: none yet */
	struct watch_list *listed; /* the lists' first domains, looked up ahead, too; NULL: none */
	bool rows_are_known;
	size_t count;
	struct scout_file files[FILES_MAX];
};

/* 0 or -ENOMEM. */
int scout_files_open(struct scout *scout, const uint8_t secret[SIPHASH_KEY_LEN]);
void scout_files_close(struct scout *scout);

/* What the configuration does not name any more is dropped. */
void scout_files_configure(struct scout *scout, const struct config *config);
/* False: not sound. */
bool scout_take_file(struct scout *scout, const struct message_file *message);
/* Tells what the ledger does not know yet, notices expiry, asks for domains that are due. */
void scout_files_second(struct scout *scout);
/* The ledger starts anew. */
void scout_files_repeat(struct scout *scout);
/* An answer that came, to whoever asked. */
void scout_files_learn(struct scout *scout, const struct destination *destination);

/* Rows of the ledger: each of ROW_LIST, then the end of all. Before that none is sent there, so that none newer is overwritten. */
void scout_files_recall(struct scout *scout, const struct row_list *row);
void scout_files_rows_end(struct scout *scout);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_TABLE_H
#define HOPGUARD_SCOUT_TABLE_H

/*
 * The operator's table in the scout: the configuration's entries and the site's tables of Postfix as one set; and the smart hosts of
 * both and the configuration's destinations looked up ahead, so that every guard knows them before there is mail.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config.h"
#include "policy/local.h"
#include "verdict/row.h"

struct destination;
struct scout;

enum {
	STANDING_HOSTS_MAX = 512, /* smart hosts, those of Postfix's tables included */
	STANDING_MAX = CONFIG_DESTINATIONS_MAX + STANDING_HOSTS_MAX,
};

/* Looked up again and again, whether there is mail or not. */
struct standing {
	char name[DOMAIN_NAME_MAX];
	bool is_host;
	bool is_warned_of; /* a smart host that anybody may be */
	uint64_t due_ms;
};

struct postfix_text {
	char path[ROW_PATH_MAX];
	uint8_t *octets;
	size_t len;
};

struct scout_table {
	struct local *local;
	uint8_t secret[SIPHASH_KEY_LEN];
	struct postfix_text postfix[CONFIG_POSTFIX_POLICIES_MAX];
	size_t postfix_count;
	struct standing *standing; /* STANDING_MAX of them */
	size_t standing_count;
	bool has_ended; /* an entry, in this second */
};

/* 0 or -ENOMEM. */
int scout_table_open(struct scout *scout, const uint8_t secret[SIPHASH_KEY_LEN]);
void scout_table_close(struct scout *scout);
/* A new configuration; answers that were made of the old table are to be forgotten by the caller. 0 or -ENOMEM: the old set holds. */
int scout_table_configure(struct scout *scout, const struct config *config);

/* Takes a Postfix table in the place of what that path had before. What cannot be honoured is said in problem, else it is empty. */
void scout_table_take(struct scout *scout, const char *path, struct bytes text, char *problem,
                      size_t room);

/*
 * The guards have forgotten everything, the scout has not yet: they are told again where the smart hosts stand, as mail to one of
 * them would be taken for mail to a stranger until it is looked up anew.
 */
void scout_table_remind(struct scout *scout);
/* What was learnt is forgotten: all names are due. */
void scout_table_renew(struct scout *scout);
/* Asks for what is due; tells of entries that end. */
void scout_table_second(struct scout *scout);
/* An answer came, to whoever asked. */
void scout_table_learn(struct scout *scout, const struct destination *destination);
/* What a guard that starts anew shall know before it asks. */
void scout_table_tell_guard(struct scout *scout, unsigned guard);

#endif

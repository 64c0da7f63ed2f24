/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SUPERVISOR_H
#define HOPGUARD_SUPERVISOR_H

/* Starts, watches and restarts the other processes; puts rules in and takes them out (docs/architecture.md). */

#include <stdbool.h>
#include <stddef.h>

#include "base/channel.h"
#include "base/siphash.h"
#include "config.h"
#include "messages.h"
#include "net/body_passage.h"
#include "net/rawsend.h"

struct supervisor_options {
	const char *config_path; /* NULL: the default */
	const char *const *set;
	size_t set_count;
	bool removes_rules_on_any_exit; /* `make run` */
	/* An eventfd, raised once the queues are ours, and with them the rules; meant only where the former is true. */
	int is_ours;
};

/* Runs until a signal ends it. An exit status (docs/hopguard.8). */
int supervisor_run(const struct supervisor_options *options);

/* What a child is born with. It is forked, not executed: the configuration is its parent's memory. */
struct child {
	enum role role;
	unsigned index; /* of the guard: queue queue_first + index */
	const struct config *config;
	const char *const *set; /* to apply again over the text of MESSAGE_CONFIG */
	size_t set_count;
	int supervisor;         /* channel; its end means: exit at once */
	int queue;              /* guard: the bound NFQUEUE socket; else -1 */
	int log;                /* first guard: the NFLOG socket of DNS answers; else -1 */
	int dns_queue;          /* first guard, where DNS answers wait: their queue; else -1 */
	int raw[RAWSEND_COUNT]; /* guard */
	uint8_t names_secret[SIPHASH_KEY_LEN]; /* guard: of all guards (struct message_names) */
	struct passage_ticket
		passage; /* guard: to be adopted by who made it; PASSAGE_NONE: nobody passes bodies */
	int listener;    /* ledger: the control socket, listening; else -1 */
	int event_file; /* ledger; -1: none */
	bool narrates;  /* ledger: events also as text to standard error */
};

#endif

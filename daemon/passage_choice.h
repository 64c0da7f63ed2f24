/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PASSAGE_CHOICE_H
#define HOPGUARD_PASSAGE_CHOICE_H

/*
 * Who passes message bodies in the kernel: its module where it is loaded, else the eBPF program, else nobody, and each body comes
 * to the queue. That none of them is to be had is no trouble, and never keeps a guard from its work.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "net/body_passage.h"

struct message_state;

enum { PASSAGE_CHOICE_WHY_MAX = 256 };

struct passage_choice {
	enum passage_kind kind;
	char why[PASSAGE_CHOICE_WHY_MAX]; /* not a better one; empty: it is the best, or none was wanted */
	int table;                        /* of the eBPF program; -1: none */
	struct passage_ticket *modules; /* one for each queue; NULL: none */
	size_t module_count;
};

/*
 * Opens the best that `passage` permits, and says so in config->rules. Where rights permit, it loads the eBPF program and pins it
 * for the user of the configuration; else it takes one that was pinned before (passage_choice_prepare). The back-end is known.
 * lock: rules_lock_open.
 */
void passage_choice_open(struct passage_choice *choice, struct config *config, int lock);
/*
 * What was right when it was chosen may not be any more: true when it was given up, so that the rules are to be put in again, and
 * then passage_unpin.
 */
bool passage_choice_look(struct passage_choice *choice, struct config *config);
/* Puts the rules in (rules_apply): where that fails with a passage, without, which is as good, if slower. */
int passage_choice_apply(struct passage_choice *choice, struct config *config, int lock,
                         char why[RULES_WHY_MAX]);
/* Takes out those of the configuration's back-end, and the pin that they named. */
int passage_choice_remove(const struct config *config, int lock, char why[RULES_WHY_MAX]);
void passage_choice_close(struct passage_choice *choice);

/* Who it is, and why no better one, for `hopguard status`. */
void passage_choice_fill_state(const struct passage_choice *choice, struct message_state *state);

/* What the guard of queue `index` is born with: borrowed descriptors. Zeroed with -1: none. */
struct passage_ticket passage_choice_ticket(const struct passage_choice *choice,
                                            const struct config *config, unsigned index);

/*
 * By the guard that was born with the ticket. NULL: none, or it could not be adopted (logged).
 */
struct body_passage *passage_choice_adopt(const struct passage_ticket *ticket);

/* For rules that are put in without a guard: what is there already, said in config->rules. */
void passage_choice_find(struct config *config, int lock);
/* Loads and pins the eBPF program, for a guard without the right to. 0, or -errno with one line in why. */
int passage_choice_prepare(struct config *config, char why[PASSAGE_CHOICE_WHY_MAX]);

#endif

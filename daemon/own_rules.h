/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_OWN_RULES_H
#define HOPGUARD_OWN_RULES_H

/* The rules of a running hopguard: who puts them in takes them out, or leaves them where nothing may pass without a guard. */

#include <stdbool.h>

#include "config.h"
#include "passage_choice.h"

struct own_rules {
	int lock; /* of the iptables tools, opened as root (rules_lock_open); -1: none */
	bool are_in;
};

/* Those of the configuration. 0 or -errno, logged. */
int own_rules_put_in(struct own_rules *rules, struct passage_choice *passage,
                     struct config *config);
/* Now and then. True: they are put in anew, as what they name for message bodies is not right any more. */
bool own_rules_look(struct own_rules *rules, struct passage_choice *passage, struct config *config);
/* In `on-failure = closed` they outlive us, unless on_any_exit: only `hopguard rules remove` or a stop of the unit takes them away. */
void own_rules_take_out(struct own_rules *rules, const struct config *config, bool on_any_exit);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "own_rules.h"

#include "base/log.h"
#include "net/passage_load.h"

int own_rules_put_in(struct own_rules *rules, struct passage_choice *passage, struct config *config)
{
	char why[RULES_WHY_MAX] = "";
	int err = passage_choice_apply(passage, config, rules->lock, why);

	if (err)
		log_error("rules not put in backend=%s error=\"%s\"",
		          rules_backend_name(config->backend), why);
	else
		rules->are_in = true;
	return err;
}

bool own_rules_look(struct own_rules *rules, struct passage_choice *passage, struct config *config)
{
	if (!rules->are_in || !passage_choice_look(passage, config))
		return false;
	if (own_rules_put_in(rules, passage, config) == 0)
		passage_unpin();
	return true;
}

void own_rules_take_out(struct own_rules *rules, const struct config *config, bool on_any_exit)
{
	char why[RULES_WHY_MAX] = "";

	if (!rules->are_in)
		return;
	if (!config->fails_open && !on_any_exit) {
		log_info("rules stay (on-failure = closed): mail waits until hopguard runs "
		         "again, or until `hopguard rules remove`");
		return;
	}
	if (passage_choice_remove(config, rules->lock, why))
		log_error("rules not removed backend=%s error=\"%s\" (hopguard rules remove)",
		          rules_backend_name(config->backend), why);
	rules->are_in = false;
}

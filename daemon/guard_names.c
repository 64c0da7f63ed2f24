/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_names.h"

#include "gate.h"
#include "process.h"

void guard_names_open(struct guard_names *names, struct process *process, struct gate *gate,
                      const struct child *child)
{
	*names = (struct guard_names){ .process = process, .gate = gate };
	if (child->config->rules.queue_count > 1)
		gate_share_names(gate, child->names_secret, process_now_ms());
}

bool guard_names_tell(struct guard_names *names, const struct message_names *message)
{
	/* Nothing comes before the word that something is missing. */
	guard_names_tick(names);
	if (!names->is_lost)
		names->is_lost =
			process_send(names->process, ROLE_SCOUT, 0, message, sizeof(*message)) != 0;
	return !names->is_lost;
}

void guard_names_tick(struct guard_names *names)
{
	static const struct message_names lost = { .type = MESSAGE_NAMES, .word = NAMES_LOST };

	if (names->is_lost)
		names->is_lost =
			process_send(names->process, ROLE_SCOUT, 0, &lost, sizeof(lost)) != 0;
}

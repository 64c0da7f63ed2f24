/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/simulation_keys.h"

#include <stdlib.h>
#include <string.h>

void simulation_on_check(void *owner, const struct message_check *check, size_t len)
{
	struct simulation *simulation = owner;
	struct message_checked *checked = &simulation->checked[simulation->checked_count];

	simulation->check_count++;
	*checked = (struct message_checked){ .type = MESSAGE_CHECKED, .request = check->request };
	simulation->verify(simulation->verify_owner, &checked->finding, check, len);
	if (checked->finding.outcome != KEY_UNKNOWN &&
	    ++simulation->checked_count == SIMULATION_ANSWERS_MAX)
		abort();
}

void simulation_on_probe(void *owner, const struct message_probe *probe, size_t len)
{
	struct simulation *simulation = owner;
	struct message_probed *probed = &simulation->probed[simulation->probed_count];

	(void)len;
	simulation->probe_count++;
	memset(probed, 0, PROBED_HEAD_LEN);
	probed->key = probe->key;
	simulation->probe(simulation->verify_owner, probed, probe);
	if (probed->type == MESSAGE_PROBED && ++simulation->probed_count == SIMULATION_PROBES_MAX)
		abort();
}

void simulation_answer_about_keys(struct simulation *simulation)
{
	while (simulation->checked_count > 0 || simulation->probed_count > 0) {
		if (simulation->probed_count > 0) {
			simulation->probed_count--;
			gate_probed(simulation->gate, &simulation->probed[simulation->probed_count],
			            simulation->now_ms, simulation->now_ms);
			continue;
		}
		simulation->checked_count--;
		gate_checked(simulation->gate, &simulation->checked[simulation->checked_count],
		             simulation->now_ms, simulation->now_ms);
	}
}

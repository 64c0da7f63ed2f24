/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_flows.h"

#include "gate.h"
#include "process.h"

struct telling {
	struct process *process;
	uint32_t request;
};

static void on_row(void *owner, const struct message_flow *row)
{
	const struct telling *telling = owner;
	struct message_flow message = *row;

	message.request = telling->request;
	(void)process_send(telling->process, ROLE_LEDGER, 0, &message, sizeof(message));
}

bool guard_flows_tell(struct guard_flows *flows, struct process *process, struct gate *gate,
                      const struct message_flows *request)
{
	const struct message_flow end = { .type = MESSAGE_FLOW,
		                          .request = request->request,
		                          .is_end = 1 };
	struct telling telling = { process, request->request };
	uint64_t now_ms = process_now_ms();

	if (!rate_take(&flows->asked, FLOWS_ASKED_MAX, 1000, now_ms))
		return false;
	gate_flows(gate, now_ms, FLOWS_TOLD_MAX, on_row, &telling);
	(void)process_send(process, ROLE_LEDGER, 0, &end, sizeof(end));
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notices.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "process.h"

static void make_id(char id[EVENT_ID_LEN + 1])
{
	uint64_t number = 0;

	(void)!getrandom(&number, sizeof(number), 0);
	snprintf(id, EVENT_ID_LEN + 1, "%016llx", (unsigned long long)number);
}

static bool ledger_is_ready(const struct children *children)
{
	return children && children_is_ready(children, ROLE_LEDGER, 0);
}

void notices_send(struct notices *notices, struct children *children)
{
	size_t sent = 0;

	if (!ledger_is_ready(children))
		return;
	while (sent < notices->count &&
	       children_send(children, ROLE_LEDGER, 0, &notices->messages[sent],
	                     sizeof(notices->messages[sent]), -1) == 0)
		sent++;
	notices->count -= sent;
	memmove(notices->messages, notices->messages + sent,
	        notices->count * sizeof(notices->messages[0]));
}

void notices_add(struct notices *notices, struct children *children, const struct event *event)
{
	struct message_event *message;

	if (!ledger_is_ready(children))
		log_warn("%s: %s", event_kind_name(event->kind), event->text);
	if (notices->count == NOTICES_MAX)
		return;
	message = &notices->messages[notices->count++];
	memset(message, 0, sizeof(*message));
	message->type = MESSAGE_EVENT;
	message->event = *event;
	message->event.time_ms = process_time_ms();
	message->event.pid = getpid();
	message->event.count = 1;
	make_id(message->event.id);
	notices_send(notices, children);
}

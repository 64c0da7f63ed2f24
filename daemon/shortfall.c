/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shortfall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "process.h"

static const struct {
	const char *what;
	const char *advice;
} causes[SHORTFALL_CAUSES] = {
	[SHORTFALL_RATE] = { "more of them than are read in a second",
	                     "see why that client asks so much" },
	[SHORTFALL_ANSWERS] = { "one question was answered too often, each time differently",
	                        "somebody forges answers: ask for its mail domains from another "
	                        "network" },
	[SHORTFALL_QUESTIONS] = { "too many questions wait for an answer",
	                          "see why that client asks so much" },
	[SHORTFALL_COPIES] = { "copies came faster than they were read", "give this machine time" },
	[SHORTFALL_SCOUT] = { "they came faster than they were understood",
	                      "see why that client asks so much, or give this machine time" },
	[SHORTFALL_CANDIDATES] = { "they name more places than guards are told in a second",
	                           "see why that client asks so much" },
};

void shortfall_note(struct shortfall *shortfall, enum shortfall_cause cause,
                    const struct address *client, uint64_t now_ms)
{
	if (!shortfall->is_on)
		*shortfall = (struct shortfall){ .is_on = true, .must_tell = true };
	shortfall->cause = cause;
	if (client)
		shortfall->client = *client;
	shortfall->count++;
	shortfall->last_ms = now_ms;
}

static void describe(char text[EVENT_TEXT_MAX], const struct shortfall *shortfall)
{
	char client[ADDRESS_TEXT_MAX];

	(void)snprintf(text, EVENT_TEXT_MAX,
	               "some DNS answers are not listened to, the last to %s: %s. A forged one may "
	               "be missed; %s",
	               shortfall->client.family ? address_format(client, &shortfall->client)
	                                        : "somebody",
	               causes[shortfall->cause].what, causes[shortfall->cause].advice);
}

bool shortfall_tell(struct event *event, struct shortfall *shortfall, uint64_t now_ms)
{
	if (shortfall->is_on && !shortfall->must_tell &&
	    now_ms - shortfall->last_ms >= SHORTFALL_OVER_MS) {
		shortfall->is_on = false;
		shortfall->must_tell = true;
	}
	if (!shortfall->must_tell)
		return false;
	memset(event, 0, sizeof(*event));
	event->kind = shortfall->is_on ? EVENT_DEGRADED : EVENT_RECOVERED;
	event->count = 1;
	event->client.address = shortfall->client;
	text_copy(event->subject, sizeof(event->subject), "DNS answers");
	if (shortfall->is_on)
		describe(event->text, shortfall);
	else
		(void)snprintf(event->text, sizeof(event->text),
		               "DNS answers are listened to again, %" PRIu64 " were not",
		               shortfall->count);
	return true;
}

void shortfall_told(struct shortfall *shortfall)
{
	shortfall->must_tell = false;
}

void shortfall_repeat(struct shortfall *shortfall)
{
	shortfall->must_tell |= shortfall->is_on;
}

void shortfall_send(struct shortfall *shortfall, struct process *process)
{
	struct message_event message;

	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_EVENT;
	if (!shortfall_tell(&message.event, shortfall, process_now_ms()))
		return;
	message.event.time_ms = process_time_ms();
	message.event.pid = getpid();
	if (process_send(process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0)
		shortfall_told(shortfall);
}

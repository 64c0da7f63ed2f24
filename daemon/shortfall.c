/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shortfall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "process.h"

enum subject { SUBJECT_ANSWERS, SUBJECT_FLOWS, SUBJECT_LOOKUPS };

static const struct {
	const char *name;
	const char *begins; /* before the client */
	const char *means;
	const char *over;
	const char *left_out; /* behind how many */
} subjects[] = {
	[SUBJECT_ANSWERS] = { "DNS answers", "some DNS answers are not listened to, the last to",
	                      " A forged one may be missed;", "DNS answers are listened to again",
	                      "were not" },
	[SUBJECT_FLOWS] = { "connections", "connections make room for others, the last of",
	                    " Those that stand are kept, as far as each client and destination has "
	                    "its share;",
	                    "connections have room again", "had none" },
	[SUBJECT_LOOKUPS] = { "look-ups", "some look-ups are put off, the last for",
	                      " Others have their share;", "look-ups have room again",
	                      "were put off" },
};

static const struct {
	enum subject subject;
	const char *what;
	const char *advice;
} causes[SHORTFALL_CAUSES] = {
	[SHORTFALL_RATE] = { SUBJECT_ANSWERS, "more of them than are read in a second",
	                     "see why that client asks so much" },
	[SHORTFALL_ANSWERS] = { SUBJECT_ANSWERS,
	                        "one question was answered too often, each time differently",
	                        "somebody forges answers: ask for its mail domains from another "
	                        "network" },
	[SHORTFALL_QUESTIONS] = { SUBJECT_ANSWERS, "too many questions wait for an answer",
	                          "see why that client asks so much" },
	[SHORTFALL_COPIES] = { SUBJECT_ANSWERS, "copies came faster than they were read",
	                       "give this machine time" },
	[SHORTFALL_SCOUT] = { SUBJECT_ANSWERS, "they came faster than they were understood",
	                      "see why that client asks so much, or give this machine time" },
	[SHORTFALL_CANDIDATES] = { SUBJECT_ANSWERS,
	                           "they name more places than guards are told in a second",
	                           "see why that client asks so much" },
	[SHORTFALL_FLOWS] = { SUBJECT_FLOWS, "more are open than a guard has room for",
	                      "see who opens so many" },
	[SHORTFALL_LOOKUPS] = { SUBJECT_LOOKUPS,
	                        "it has mail to more destinations than are looked up at a time",
	                        "see why" },
};

void shortfall_note_many(struct shortfall *shortfall, enum shortfall_cause cause,
                         const struct address *client, uint64_t count, uint64_t now_ms)
{
	if (!shortfall->is_on)
		*shortfall = (struct shortfall){ .is_on = true, .must_tell = true };
	shortfall->cause = cause;
	if (client)
		shortfall->client = *client;
	shortfall->count += count;
	shortfall->last_ms = now_ms;
}

void shortfall_note(struct shortfall *shortfall, enum shortfall_cause cause,
                    const struct address *client, uint64_t now_ms)
{
	shortfall_note_many(shortfall, cause, client, 1, now_ms);
}

static void describe(char text[EVENT_TEXT_MAX], const struct shortfall *shortfall)
{
	enum subject subject = causes[shortfall->cause].subject;
	char client[ADDRESS_TEXT_MAX];

	(void)snprintf(text, EVENT_TEXT_MAX, "%s %s: %s.%s %s", subjects[subject].begins,
	               shortfall->client.family ? address_format(client, &shortfall->client)
	                                        : "somebody",
	               causes[shortfall->cause].what, subjects[subject].means,
	               causes[shortfall->cause].advice);
}

static void describe_end(char text[EVENT_TEXT_MAX], const struct shortfall *shortfall)
{
	enum subject subject = causes[shortfall->cause].subject;

	(void)snprintf(text, EVENT_TEXT_MAX, "%s, %" PRIu64 " %s", subjects[subject].over,
	               shortfall->count, subjects[subject].left_out);
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
	text_copy(event->subject, sizeof(event->subject),
	          subjects[causes[shortfall->cause].subject].name);
	if (shortfall->is_on)
		describe(event->text, shortfall);
	else
		describe_end(event->text, shortfall);
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

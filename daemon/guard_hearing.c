/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_hearing.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "flow/dns_questions.h"
#include "flow/dns_shares.h"
#include "gate.h"
#include "process.h"
#include "shortfall.h"
#include "wire/dns_message.h"

enum { PORT_DNS = 53, CLASS_IN = 1, OPCODE_QUERY = 0 };

/* A message that the scout had no room for. */
struct waiting {
	struct message_dns_answer *message;
	size_t len;
};

struct guard_hearing {
	struct process *process;
	const struct gate *gate;
	struct dns_questions *questions;
	struct dns_shares *shares;
	struct shortfall shortfall;
	struct waiting waiting[GUARD_HEARING_WAITING_MAX]; /* the oldest first */
	size_t waiting_count;
	uint64_t overruns, lost; /* as they were when last looked at */
	uint64_t heard, dropped, unasked;
	struct message_dns_answer message; /* room, as it is large */
};

/* What leads mail, and what is asked for it. */
static bool is_of_interest(const struct dns_message *message)
{
	return message->opcode == OPCODE_QUERY && message->class == CLASS_IN &&
	       (message->type == DNS_TYPE_MX || message->type == DNS_TYPE_TLSA ||
	        message->type == DNS_TYPE_A || message->type == DNS_TYPE_AAAA);
}

/* Whether the scout may learn something from it. No more of a message is read here. */
static bool is_telling(const struct dns_message *answer)
{
	if (answer->is_truncated ||
	    (answer->rcode != DNS_RCODE_NOERROR && answer->rcode != DNS_RCODE_NXDOMAIN))
		return false;
	/* That there is no address is said too often, and leads nobody astray. */
	return answer->type == DNS_TYPE_MX || answer->type == DNS_TYPE_TLSA ||
	       answer->counts[DNS_ANSWER_SECTION] > 0;
}

static void leave_out(struct guard_hearing *hearing, enum shortfall_cause cause,
                      const struct address *client)
{
	hearing->dropped++;
	shortfall_note(&hearing->shortfall, cause, client, process_now_ms());
}

static void ask(struct guard_hearing *hearing, const struct dns_path *path,
                const struct dns_message *question)
{
	uint64_t lost;

	dns_questions_ask(hearing->questions, path, question, process_now_ms());
	lost = dns_questions_lost(hearing->questions);
	if (lost != hearing->lost)
		shortfall_note(&hearing->shortfall, SHORTFALL_QUESTIONS, &path->client.address,
		               process_now_ms());
	hearing->lost = lost;
}

static void send_waiting(struct guard_hearing *hearing)
{
	size_t sent = 0;

	while (sent < hearing->waiting_count) {
		struct waiting *oldest = &hearing->waiting[sent];

		if (process_send(hearing->process, ROLE_SCOUT, 0, oldest->message, oldest->len) ==
		    -EAGAIN)
			break;
		free(oldest->message);
		sent++;
	}
	hearing->waiting_count -= sent;
	memmove(hearing->waiting, hearing->waiting + sent,
	        hearing->waiting_count * sizeof(hearing->waiting[0]));
}

/* False: no room there either. */
static bool let_wait(struct guard_hearing *hearing, const struct message_dns_answer *message,
                     size_t len)
{
	struct waiting *place = &hearing->waiting[hearing->waiting_count];

	if (hearing->waiting_count == GUARD_HEARING_WAITING_MAX)
		return false;
	place->message = malloc(len);
	if (!place->message)
		return false;
	memcpy(place->message, message, len);
	place->len = len;
	hearing->waiting_count++;
	return true;
}

/* What matters goes first: nobody's other names take its place at a scout that is busy. */
static bool tell_scout(struct guard_hearing *hearing, const struct dns_path *path,
                       struct bytes octets, uint32_t request, bool matters)
{
	struct message_dns_answer *message = &hearing->message;
	size_t len = offsetof(struct message_dns_answer, message) + octets.len;
	int err = -EAGAIN;

	message->type = MESSAGE_DNS_ANSWER;
	message->request = request;
	message->client = path->client.address;
	message->server = path->server.address;
	message->len = (uint32_t)octets.len;
	memcpy(message->message, octets.data, octets.len);
	send_waiting(hearing);
	if (hearing->waiting_count == 0)
		err = process_send(hearing->process, ROLE_SCOUT, 0, message, len);
	if (err == 0 || (matters && err == -EAGAIN && let_wait(hearing, message, len))) {
		hearing->heard++;
		return true;
	}
	if (err == -EAGAIN)
		leave_out(hearing, SHORTFALL_SCOUT, &path->client.address);
	else
		hearing->dropped++;
	return false;
}

static bool was_asked(struct guard_hearing *hearing, const struct dns_path *path,
                      const struct dns_message *answer)
{
	switch (dns_questions_answer(hearing->questions, path, answer, GUARD_HEARING_ANSWERS_MAX,
	                             process_now_ms())) {
	case DNS_REPLY_NEW:
		return true;
	case DNS_REPLY_SAME:
		break;
	case DNS_REPLY_UNASKED:
		hearing->unasked++;
		break;
	case DNS_REPLY_TOO_MANY:
		leave_out(hearing, SHORTFALL_ANSWERS, &path->client.address);
		break;
	}
	return false;
}

static bool hear(struct guard_hearing *hearing, const struct dns_path *path,
                 const struct dns_message *answer, uint32_t request)
{
	uint64_t now_ms = process_now_ms();
	bool matters;

	if (!is_telling(answer) || !was_asked(hearing, path, answer))
		return false;
	matters = gate_cares_for(hearing->gate, answer->name) ||
	          dns_shares_follows(hearing->shares, answer, now_ms);
	if (!dns_shares_take(hearing->shares, &path->client.address, answer, matters, now_ms)) {
		leave_out(hearing, SHORTFALL_RATE, &path->client.address);
		return false;
	}
	if (matters)
		dns_shares_follow(hearing->shares, answer, now_ms);
	return tell_scout(hearing, path, answer->octets, request, matters);
}

bool guard_hearing_take(struct guard_hearing *hearing, const struct endpoint *source,
                        const struct endpoint *destination, bool is_stream, struct bytes octets,
                        uint32_t request)
{
	struct dns_message message;

	if (octets.len > DNS_MESSAGE_MAX || dns_message_parse(&message, octets) != PARSE_OK ||
	    !is_of_interest(&message))
		return false;
	if (message.is_response && source->port == PORT_DNS)
		return hear(hearing, &(struct dns_path){ *destination, *source, is_stream },
		            &message, request);
	if (!message.is_response && destination->port == PORT_DNS)
		ask(hearing, &(struct dns_path){ *source, *destination, is_stream }, &message);
	return false;
}

bool guard_hearing_is_through(struct guard_hearing *hearing)
{
	send_waiting(hearing);
	return hearing->waiting_count == 0;
}

void guard_hearing_note_overruns(struct guard_hearing *hearing, uint64_t overruns)
{
	if (overruns != hearing->overruns)
		shortfall_note(&hearing->shortfall, SHORTFALL_COPIES, NULL, process_now_ms());
	hearing->overruns = overruns;
}

void guard_hearing_tick(struct guard_hearing *hearing)
{
	send_waiting(hearing);
	shortfall_send(&hearing->shortfall, hearing->process);
}

void guard_hearing_repeat(struct guard_hearing *hearing)
{
	shortfall_repeat(&hearing->shortfall);
}

void guard_hearing_count(const struct guard_hearing *hearing, struct counters *counters)
{
	counters->heard_answers += hearing->heard;
	counters->heard_dropped += hearing->dropped + hearing->overruns;
	counters->heard_unasked += hearing->unasked;
	counters->heard_questions_lost += dns_questions_lost(hearing->questions);
}

struct guard_hearing *guard_hearing_new(struct process *process, const struct gate *gate,
                                        const uint8_t secret[TABLE_SECRET_LEN])
{
	struct guard_hearing *hearing = calloc(1, sizeof(*hearing));

	if (!hearing)
		return NULL;
	hearing->process = process;
	hearing->gate = gate;
	hearing->questions = dns_questions_new(secret);
	hearing->shares = dns_shares_new(secret);
	if (hearing->questions && hearing->shares)
		return hearing;
	guard_hearing_free(hearing);
	return NULL;
}

void guard_hearing_free(struct guard_hearing *hearing)
{
	if (!hearing)
		return;
	while (hearing->waiting_count > 0)
		free(hearing->waiting[--hearing->waiting_count].message);
	dns_questions_free(hearing->questions);
	dns_shares_free(hearing->shares);
	free(hearing);
}

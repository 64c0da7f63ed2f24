/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "policy/heard.h"
#include "scout_checks.h"
#include "shortfall.h"

enum {
	/* Look-ups a second for names that strangers may have chosen, and how many may wait for theirs. */
	AHEAD_RATE = 50,
	AHEAD_WAITING_MAX = 256,
	AHEAD_CLIENT_MAX = 64, /* of one client */
	AHEAD_TICK_MS = 100,
	AHEAD_HOSTS_MAX = 3, /* of a domain, that are asked for before its own look-up names them */
	/* Told a second; and of one domain that binds, which has a bound of its own. */
	CANDIDATE_RATE = 8000,
	CANDIDATE_NAME_RATE = 512,
	CANDIDATE_NAMES_MAX = 512,
	AGAIN_MAX = 64, /* domains that bind, of which a guard could not be told at once */
	SWEEP_S = 60,
	FIRST_GUARD = 0, /* it hears (guard_dns.h) */
};

struct ahead {
	struct address client;
	char domain[DOMAIN_NAME_MAX];
	char hosts[AHEAD_HOSTS_MAX][DOMAIN_NAME_MAX]; /* as heard; the first empty one ends them */
};

struct told {
	unsigned second;
	unsigned count;
};

struct scout_heard {
	struct scout *scout;
	struct heard *heard;
	struct event *tick;
	struct ahead waiting[AHEAD_WAITING_MAX];
	size_t waiting_count;
	struct address served; /* whose name was looked up last */
	unsigned ahead_left;   /* in this second, as the next */
	unsigned candidates_left;
	struct table *told; /* domain → struct told, those that bind */
	char again[AGAIN_MAX][DOMAIN_NAME_MAX];
	size_t again_count;
	struct shortfall shortfall;
	struct address client; /* of the answer at hand */
	unsigned seconds;
	struct scout_checks *checks;
	uint64_t dropped, prefetches;
};

/* Whether one more candidate may be told. Strangers' many names take nothing from a domain that binds. */
static bool may_tell(struct scout_heard *heard, const struct heard_candidate *candidate)
{
	char key[DOMAIN_NAME_MAX] = "";
	struct told *told;

	if (!candidate->matters) {
		if (heard->candidates_left == 0)
			return false;
		heard->candidates_left--;
		return true;
	}
	text_copy(key, sizeof(key), candidate->domain);
	told = table_find(heard->told, key);
	if (!told)
		told = table_insert(heard->told, key);
	if (!told)
		return false;
	if (told->second != heard->seconds)
		*told = (struct told){ .second = heard->seconds };
	return told->count++ < CANDIDATE_NAME_RATE;
}

/* A guard had no room: what matters is told once more in a moment. False: no room for that either. */
static bool tell_again(struct scout_heard *heard, const char *domain)
{
	for (size_t i = 0; i < heard->again_count; i++) {
		if (strcmp(heard->again[i], domain) == 0)
			return true;
	}
	if (heard->again_count == AGAIN_MAX)
		return false;
	text_copy(heard->again[heard->again_count++], DOMAIN_NAME_MAX, domain);
	return true;
}

static void leave_out(struct scout_heard *heard)
{
	heard->dropped++;
	shortfall_note(&heard->shortfall, SHORTFALL_CANDIDATES, &heard->client, process_now_ms());
}

static void tell_guards(struct scout_heard *heard, const struct message_candidate *candidate,
                        bool matters)
{
	bool is_late = false;

	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++)
		is_late |= process_send(heard->scout->process, ROLE_GUARD, i, candidate,
		                        sizeof(*candidate)) == -EAGAIN;
	if (is_late && !(matters && tell_again(heard, candidate->domain)))
		leave_out(heard);
}

static void on_candidate(void *owner, const struct heard_candidate *heard_of)
{
	struct scout_heard *heard = owner;
	struct message_candidate candidate = {
		.type = MESSAGE_CANDIDATE,
		.life_s = heard_of->life_s,
		.server = heard_of->server,
	};

	if (!may_tell(heard, heard_of)) {
		leave_out(heard);
		return;
	}
	candidate.is_excluded =
		merge_excludes(&heard->scout->sources, heard_of->domain, heard_of->host);
	candidate.is_named = merge_names(&heard->scout->sources, heard_of->domain, heard_of->host);
	candidate.standing = merge_standing(&heard->scout->sources, heard_of->domain);
	text_copy(candidate.domain, sizeof(candidate.domain), heard_of->domain);
	text_copy(candidate.host, sizeof(candidate.host), heard_of->host);
	tell_guards(heard, &candidate, heard_of->matters);
}

void scout_heard_learn(struct scout *scout, const struct destination *destination)
{
	if (destination->mx_state != MX_HOST)
		heard_repeat(scout->heard->heard, destination->name, process_now_ms());
}

/* Its answer stays in the resolver's cache, for the look-up of the domain to find it there. */
static void on_warmed(void *owner, const struct lookup *lookup)
{
	(void)owner;
	(void)lookup;
}

/*
 * The mail server goes on to its hosts at once. A look-up of ours that asks one thing after the other, and validates each, takes more
 * round trips than the mail: so what it will need is asked for beside it. That the names are only heard takes nothing from its answer.
 */
static void warm(struct resolver *resolver, const struct ahead *ahead)
{
	char tlsa[sizeof("_25._tcp.") + DOMAIN_NAME_MAX];

	for (size_t i = 0; i < AHEAD_HOSTS_MAX && ahead->hosts[i][0]; i++) {
		const char *host = ahead->hosts[i];

		(void)resolver_ask(resolver, host, DNS_TYPE_A, on_warmed, NULL);
		(void)resolver_ask(resolver, host, DNS_TYPE_AAAA, on_warmed, NULL);
		if (snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", host) < DOMAIN_NAME_MAX - 2)
			(void)resolver_ask(resolver, tlsa, DNS_TYPE_TLSA, on_warmed, NULL);
	}
}

/* True: it cost something. A stranger's name that is known and fresh, or is looked up already, does not. */
static bool look_up(struct scout_heard *heard, const struct ahead *ahead)
{
	struct scout *scout = heard->scout;
	size_t open = enquiries_count(scout->enquiries);
	uint32_t age_s;

	if (scout_recall(scout, &scout->answer.destination, &age_s, ahead->domain, false)) {
		/* A guard that did not ask, or is new, must know that it binds before strangers' names come by. */
		if (!scout->answer.destination.is_established)
			return false;
		scout_send_answer_to_all(scout);
		return true;
	}
	if (!enquiries_ask_ahead(scout->enquiries, MERGE_DOMAIN, ahead->domain)) {
		heard->dropped++;
		return false;
	}
	if (enquiries_count(scout->enquiries) > open) {
		heard->prefetches++;
		warm(scout->resolver, ahead);
	}
	return true;
}

/* The first of another client than the last, so that one with many names does not keep the others waiting. */
static size_t next_waiting(const struct scout_heard *heard)
{
	size_t i;

	for (i = 0; i < heard->waiting_count; i++) {
		if (!address_equal(&heard->waiting[i].client, &heard->served))
			return i;
	}
	return 0;
}

static void look_up_waiting(struct scout_heard *heard)
{
	while (heard->waiting_count > 0 && heard->ahead_left > 0) {
		size_t i = next_waiting(heard);
		struct ahead ahead = heard->waiting[i];

		heard->waiting_count--;
		memmove(&heard->waiting[i], &heard->waiting[i + 1],
		        (heard->waiting_count - i) * sizeof(ahead));
		heard->served = ahead.client;
		heard->ahead_left -= look_up(heard, &ahead);
	}
}

static void wait_for_tick(struct scout_heard *heard)
{
	static const struct timeval tick = { .tv_usec = AHEAD_TICK_MS * 1000 };

	if (heard->waiting_count + heard->again_count > 0 &&
	    !event_pending(heard->tick, EV_TIMEOUT, NULL))
		(void)event_add(heard->tick, &tick);
}

static void repeat_late(struct scout_heard *heard)
{
	char late[AGAIN_MAX][DOMAIN_NAME_MAX];
	size_t count = heard->again_count;

	memcpy(late, heard->again, sizeof(late));
	heard->again_count = 0;
	for (size_t i = 0; i < count; i++)
		heard_repeat(heard->heard, late[i], process_now_ms());
}

static void on_tick(evutil_socket_t none, short what, void *argument)
{
	struct scout_heard *heard = argument;

	(void)none;
	(void)what;
	repeat_late(heard);
	look_up_waiting(heard);
	wait_for_tick(heard);
}

static void read_hosts(struct ahead *ahead, const struct dns_message *message)
{
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;
	size_t count = 0;

	if (dns_answer_parse(&answer, message->octets) != PARSE_OK)
		return;
	if (answer.record_count == 0 && answer.rcode == DNS_RCODE_NOERROR)
		text_copy(ahead->hosts[0], sizeof(ahead->hosts[0]), answer.name);
	for (size_t i = 0; count < AHEAD_HOSTS_MAX && dns_answer_record(&record, &answer, i); i++) {
		if (dns_mx_parse(&mx, &answer, &record) == PARSE_OK && scout_is_name(mx.host))
			text_copy(ahead->hosts[count++], sizeof(ahead->hosts[0]), mx.host);
	}
}

/* Of a domain that binds: no stranger's names are waited for. */
static bool look_up_at_once(struct scout_heard *heard, const struct address *client,
                            const struct dns_message *message)
{
	struct ahead ahead = { .client = *client };
	uint32_t age_s;

	text_copy(ahead.domain, sizeof(ahead.domain), message->name);
	if (scout_recall(heard->scout, &heard->scout->answer.destination, &age_s, ahead.domain,
	                 false))
		return false;
	read_hosts(&ahead, message);
	return look_up(heard, &ahead);
}

static void ask_ahead(struct scout_heard *heard, const struct address *client,
                      const struct dns_message *message, bool matters)
{
	const char *domain = message->name;
	struct ahead *ahead;
	size_t own = 0, i;

	if (matters && look_up_at_once(heard, client, message))
		return;

	for (i = 0; i < heard->waiting_count; i++) {
		if (strcmp(heard->waiting[i].domain, domain) == 0)
			return;
		own += address_equal(&heard->waiting[i].client, client);
	}
	if (heard->waiting_count == AHEAD_WAITING_MAX || own == AHEAD_CLIENT_MAX) {
		heard->dropped++;
		return;
	}
	ahead = &heard->waiting[heard->waiting_count++];
	memset(ahead, 0, sizeof(*ahead));
	ahead->client = *client;
	text_copy(ahead->domain, sizeof(ahead->domain), domain);
	read_hosts(ahead, message);
	look_up_waiting(heard);
	wait_for_tick(heard);
}

void scout_note_heard(struct scout *scout, const struct destination *destination)
{
	if (destination->mx_security == DNS_BOGUS)
		scout_checks_bogus(scout->heard->checks, destination->name, destination->why);
}

/* What leads mail: MX, and the addresses and keys of hosts that some MX names. A name server of our own may show another view. */
static bool is_to_be_checked(const struct scout_heard *heard,
                             const struct message_dns_answer *answer,
                             const struct dns_message *message)
{
	const struct config *config = process_config(heard->scout->process);

	if (config->dns_guard == DNS_GUARD_OFF || address_is_local(&answer->server))
		return false;
	return message->type == DNS_TYPE_MX || message->type == DNS_TYPE_TLSA ||
	       heard_names_host(heard->heard, message->name, process_now_ms());
}

bool scout_heard_echo(struct scout *scout, unsigned guard, const struct message_echo *echo)
{
	struct message_echo next = *echo;

	if (echo->is_heard && guard != FIRST_GUARD)
		return false;
	if (echo->is_heard) {
		(void)process_send(scout->process, ROLE_GUARD, echo->asker, echo, sizeof(*echo));
		return true;
	}
	next.asker = guard;
	(void)process_send(scout->process, ROLE_GUARD, FIRST_GUARD, &next, sizeof(next));
	return true;
}

void scout_take_dns_answer(struct scout *scout, unsigned index,
                           const struct message_dns_answer *answer)
{
	struct scout_heard *heard = scout->heard;
	struct dns_message message;
	bool is_mail_domain, matters, is_checked = false;

	if (dns_message_parse(&message, bytes_of(answer->message, answer->len)) == PARSE_OK) {
		is_mail_domain = message.type == DNS_TYPE_MX && scout_is_name(message.name);
		matters = is_mail_domain && merge_standing(&scout->sources, message.name) > 0;
		heard->client = answer->client;
		if ((is_mail_domain || message.type != DNS_TYPE_MX) &&
		    heard_answer(heard->heard, &answer->client, &message, matters,
		                 process_now_ms()) &&
		    is_mail_domain)
			ask_ahead(heard, &answer->client, &message, matters);
		wait_for_tick(heard);
		is_checked = is_to_be_checked(heard, answer, &message) &&
		             scout_checks_begin(heard->checks, index, answer, message.name);
	}
	if (!is_checked)
		scout_checks_pass(heard->checks, index, answer->request);
}

void scout_heard_repeat(struct scout *scout)
{
	shortfall_repeat(&scout->heard->shortfall);
}

void scout_heard_second(struct scout *scout)
{
	struct scout_heard *heard = scout->heard;

	heard->ahead_left = AHEAD_RATE;
	heard->candidates_left = CANDIDATE_RATE;
	look_up_waiting(heard);
	scout_checks_second(heard->checks);
	shortfall_send(&heard->shortfall, scout->process);
	if (++heard->seconds % SWEEP_S == 0)
		heard_sweep(heard->heard, process_now_ms());
}

void scout_heard_count(const struct scout *scout, struct counters *counters)
{
	counters->heard_dropped +=
		scout->heard->dropped + scout_checks_dropped(scout->heard->checks);
	counters->prefetches += scout->heard->prefetches;
}

struct scout_heard *scout_heard_new(struct scout *scout)
{
	struct scout_heard *heard = calloc(1, sizeof(*heard));
	uint8_t secret[TABLE_SECRET_LEN];

	if (!heard)
		return NULL;
	heard->scout = scout;
	heard->ahead_left = AHEAD_RATE;
	heard->candidates_left = CANDIDATE_RATE;
	if (getrandom(secret, sizeof(secret), 0) == sizeof(secret)) {
		heard->heard = heard_new(secret, on_candidate, heard);
		heard->checks = scout_checks_new(scout, secret);
		heard->told = table_new(CANDIDATE_NAMES_MAX, DOMAIN_NAME_MAX, sizeof(struct told),
		                        secret, NULL, NULL);
		heard->tick = event_new(process_base(scout->process), -1, 0, on_tick, heard);
	}
	if (heard->heard && heard->checks && heard->tick && heard->told)
		return heard;
	scout_heard_free(heard);
	return NULL;
}

void scout_heard_free(struct scout_heard *heard)
{
	if (!heard)
		return;
	scout_checks_free(heard->checks);
	heard_free(heard->heard);
	table_free(heard->told);
	if (heard->tick)
		event_free(heard->tick);
	free(heard);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "cli/check_exchange.h"
#include "cli/check_zones.h"
#include "policy/dns_check.h"

enum { QUESTIONS_MAX = 4 };

struct asking;

/* One question to one server. */
struct exchange {
	struct asking *asking;
	size_t server;
	size_t question;
};

enum presence { RECORD_UNKNOWN, RECORD_THERE, RECORD_DENIED };

struct questions {
	size_t count;
	struct check_question list[QUESTIONS_MAX];
};

struct asking {
	struct event_base *base;
	struct resolver *resolver;
	struct check_facts *facts;
	check_servers_fn fn;
	void *owner;
	struct check_zones zones;
	size_t pending;
	struct questions questions[CHECK_ASKED_MAX]; /* to each zone's servers */
	bool is_done[CHECK_SERVERS_MAX];             /* some answer came */
	enum presence presence[CHECK_SERVERS_MAX][QUESTIONS_MAX];
	uint64_t sums[CHECK_SERVERS_MAX][QUESTIONS_MAX]; /* of the records, whatever their order */
	struct exchange exchanges[CHECK_SERVERS_MAX][QUESTIONS_MAX];
};

/* The worst of a server's answers is told. */
static void judge(struct check_server *server, enum check_server_state state, const char *why)
{
	if (state <= server->state)
		return;
	server->state = state;
	text_copy(server->why, sizeof(server->why), why);
}

static bool answered_by_family(const struct asking *asking, uint8_t family)
{
	const struct check_facts *facts = asking->facts;

	for (size_t i = 0; i < facts->server_count; i++) {
		if (facts->servers[i].address.family == family && asking->is_done[i])
			return true;
	}
	return false;
}

static size_t count_alike(const struct asking *asking, size_t index, size_t question)
{
	size_t count = 0;

	for (size_t i = 0; i < asking->facts->server_count; i++)
		count += asking->facts->servers[i].zone == asking->facts->servers[index].zone &&
		         asking->presence[i][question] == RECORD_THERE &&
		         asking->sums[i][question] == asking->sums[index][question];
	return count;
}

/* Of those that have the record, the one that most agree with; of as many, the first. SIZE_MAX: none. */
static size_t find_spokesman(const struct asking *asking, uint8_t zone, size_t question)
{
	size_t best = SIZE_MAX, most = 0;

	for (size_t i = 0; i < asking->facts->server_count; i++) {
		size_t count = count_alike(asking, i, question);

		if (asking->facts->servers[i].zone != zone ||
		    asking->presence[i][question] != RECORD_THERE || count <= most)
			continue;
		best = i;
		most = count;
	}
	return best;
}

/* What it denies and others have, or has in another form: an old copy of the zone, or none of it. */
static void compare(struct asking *asking, size_t index)
{
	struct check_server *server = &asking->facts->servers[index];
	const struct questions *questions = &asking->questions[server->zone];
	char why[CHECK_WHY_MAX];

	for (size_t i = 0; i < questions->count; i++) {
		size_t spokesman = find_spokesman(asking, server->zone, i);
		enum presence presence = asking->presence[index][i];
		bool differs;

		if (spokesman == SIZE_MAX || presence == RECORD_UNKNOWN)
			continue;
		differs = asking->sums[index][i] != asking->sums[spokesman][i];
		if (presence == RECORD_DENIED)
			snprintf(why, sizeof(why), "it has no %s record at %.200s, others have",
			         check_question_type(questions->list[i].type),
			         questions->list[i].name);
		else if (differs && questions->list[i].type != DNS_TYPE_A)
			snprintf(why, sizeof(why),
			         "its %s records at %.160s are not those of %.60s",
			         check_question_type(questions->list[i].type),
			         questions->list[i].name, asking->facts->servers[spokesman].name);
		else
			continue;
		judge(server, SERVER_WRONG, why);
	}
}

/* Where none of its kind answers, it is the network here that does not let us ask. */
static void end(struct asking *asking)
{
	struct check_facts *facts = asking->facts;

	for (size_t i = 0; i < facts->server_count; i++) {
		struct check_server *server = &facts->servers[i];

		if (server->state == SERVER_SILENT &&
		    !answered_by_family(asking, server->address.family))
			server->state = SERVER_UNASKED;
		compare(asking, i);
	}
	asking->fn(asking->owner);
	free(asking);
}

static void leave(struct asking *asking)
{
	if (--asking->pending == 0)
		end(asking);
}

static void on_signatures(void *owner, enum dns_finding finding, const char *text)
{
	struct exchange *exchange = owner;
	struct asking *asking = exchange->asking;
	struct check_server *server = &asking->facts->servers[exchange->server];

	if (finding == DNS_FINDING_FORGED)
		judge(server, SERVER_WRONG, text);
	leave(asking);
}

/* Names in MX records may be compressed in one answer and not in another. */
static uint64_t sum_of(struct bytes octets)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = { 0 };
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;
	uint64_t sum = 0;

	if (dns_answer_parse(&answer, octets) != PARSE_OK)
		return 0;
	for (size_t i = 0; dns_answer_record(&record, &answer, i); i++) {
		if (answer.type != DNS_TYPE_MX)
			sum += siphash(key, record.data.data, record.data.len);
		else if (dns_mx_parse(&mx, &answer, &record) == PARSE_OK)
			sum += siphash(key, mx.host, strlen(mx.host)) * (1U + mx.preference);
	}
	return sum;
}

static void on_answer(void *owner, const struct check_reply *reply)
{
	struct exchange *exchange = owner;
	struct asking *asking = exchange->asking;
	struct check_server *server = &asking->facts->servers[exchange->server];

	switch (reply->outcome) {
	case CHECK_REPLY_NO_ROUTE:
		break;
	case CHECK_REPLY_NONE:
		judge(server, SERVER_SILENT, reply->why);
		break;
	case CHECK_REPLY_WRONG:
		asking->is_done[exchange->server] = true;
		judge(server, SERVER_WRONG, reply->why);
		break;
	case CHECK_REPLY_GOOD:
		asking->is_done[exchange->server] = true;
		judge(server, SERVER_GOOD, "");
		asking->presence[exchange->server][exchange->question] =
			reply->is_truncated ? RECORD_UNKNOWN
			: reply->is_empty   ? RECORD_DENIED
					    : RECORD_THERE;
		asking->sums[exchange->server][exchange->question] = sum_of(reply->octets);
		/* A truncated one has no room for its signatures. */
		if (!reply->is_truncated &&
		    dns_check_begin(asking->resolver, reply->octets, (time_t)asking->facts->now_s,
		                    on_signatures, exchange))
			return;
		break;
	}
	leave(asking);
}

static void ask_server(struct asking *asking, size_t index)
{
	const struct check_server *server = &asking->facts->servers[index];
	const struct questions *questions = &asking->questions[server->zone];

	for (size_t i = 0; i < questions->count; i++) {
		struct exchange *exchange = &asking->exchanges[index][i];

		exchange->asking = asking;
		exchange->server = index;
		exchange->question = i;
		if (check_exchange_start(asking->base, &server->address, &questions->list[i],
		                         on_answer, exchange))
			asking->pending++;
	}
}

static void add_question(struct questions *questions, enum dns_type type, const char *name)
{
	struct check_question *question = &questions->list[questions->count];

	if (questions->count == QUESTIONS_MAX ||
	    strlen(name) + sizeof("_25._tcp.") > DOMAIN_NAME_MAX)
		return;
	question->type = type;
	snprintf(question->name, sizeof(question->name), "%s%.240s",
	         type == DNS_TYPE_TLSA ? "_25._tcp." : "", name);
	questions->count++;
}

/* Servers of a zone that is not signed need not know TLSA records: a large provider's fail at such questions. */
static void make_questions(struct asking *asking)
{
	const struct destination *destination = &asking->facts->destination;

	if (asking->zones.has_domain)
		add_question(&asking->questions[0], DNS_TYPE_MX, destination->name);
	for (size_t i = 0; i < destination->host_count; i++) {
		uint8_t zone = asking->zones.of[i];
		bool is_secure = destination->hosts[i].address_security == DNS_SECURE;

		if (zone < CHECK_ASKED_MAX)
			add_question(&asking->questions[zone],
			             is_secure ? DNS_TYPE_TLSA : DNS_TYPE_A,
			             asking->facts->hosts[i].tlsa.base);
	}
}

static void on_zones(void *owner)
{
	struct asking *asking = owner;

	make_questions(asking);
	for (size_t i = 0; i < asking->facts->server_count; i++)
		ask_server(asking, i);
	if (asking->pending == 0)
		end(asking);
}

bool check_servers_ask(struct event_base *base, struct resolver *resolver,
                       struct check_facts *facts, check_servers_fn fn, void *owner)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		return false;
	asking->base = base;
	asking->resolver = resolver;
	asking->facts = facts;
	asking->fn = fn;
	asking->owner = owner;
	if (check_zones_find(&asking->zones, resolver, facts, on_zones, asking))
		return true;
	free(asking);
	return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check_agreement.h"
#include "cli/check_zones.h"
#include "policy/dns_check.h"

struct asking;

/* One question to one server. */
struct exchange {
	struct asking *asking;
	size_t server;
	size_t question;
};

struct asking {
	struct event_base *base;
	struct resolver *resolver;
	struct check_facts *facts;
	check_servers_fn fn;
	void *owner;
	struct check_zones zones;
	size_t pending;
	struct check_answers answers;
	struct exchange exchanges[CHECK_SERVERS_MAX][CHECK_QUESTIONS_MAX];
};

static void end(struct asking *asking)
{
	check_agreement_judge(asking->facts, &asking->answers);
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
		check_agreement_tell(server, SERVER_WRONG, text);
	leave(asking);
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
		check_agreement_tell(server, SERVER_SILENT, reply->why);
		break;
	case CHECK_REPLY_WRONG:
		asking->answers.is_done[exchange->server] = true;
		check_agreement_tell(server, SERVER_WRONG, reply->why);
		break;
	case CHECK_REPLY_GOOD:
		asking->answers.is_done[exchange->server] = true;
		check_agreement_tell(server, SERVER_GOOD, "");
		asking->answers.presence[exchange->server][exchange->question] =
			reply->is_truncated ? RECORD_UNKNOWN
			: reply->is_empty   ? RECORD_DENIED
					    : RECORD_THERE;
		asking->answers.sums[exchange->server][exchange->question] =
			check_agreement_sum(reply->octets);
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
	const struct check_questions *questions = &asking->answers.questions[server->zone];

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

static void add_question(struct check_questions *questions, enum dns_type type, const char *name)
{
	struct check_question *question = &questions->list[questions->count];

	if (questions->count == CHECK_QUESTIONS_MAX ||
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
		add_question(&asking->answers.questions[0], DNS_TYPE_MX, destination->name);
	for (size_t i = 0; i < destination->host_count; i++) {
		uint8_t zone = asking->zones.of[i];
		bool is_secure = destination->hosts[i].address_security == DNS_SECURE;

		if (zone < CHECK_ASKED_MAX)
			add_question(&asking->answers.questions[zone],
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

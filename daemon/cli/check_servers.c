/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check_exchange.h"
#include "policy/dns_check.h"

enum {
	NAMES_MAX = 16, /* of name servers; the root has 13 */
	QUESTIONS_MAX = 4,
	FAMILIES = 2,
};

struct asking;

/* One question to one server. */
struct exchange {
	struct asking *asking;
	size_t server;
	bool is_of_mx;
};

struct name_server {
	struct asking *asking;
	char name[DOMAIN_NAME_MAX];
};

struct asking {
	struct event_base *base;
	struct resolver *resolver;
	struct check_facts *facts;
	check_servers_fn fn;
	void *owner;
	const char *zone; /* an end of the domain's name */
	size_t pending;
	size_t name_count;
	struct name_server names[NAMES_MAX];
	size_t question_count;
	struct check_question questions[QUESTIONS_MAX];
	bool is_done[CHECK_SERVERS_MAX]; /* some answer came */
	enum { MX_IS_UNKNOWN, MX_IS_THERE, MX_IS_DENIED } mx[CHECK_SERVERS_MAX];
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

static bool has_mx_somewhere(const struct asking *asking)
{
	for (size_t i = 0; i < asking->facts->server_count; i++) {
		if (asking->mx[i] == MX_IS_THERE)
			return true;
	}
	return false;
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
		if (asking->mx[i] == MX_IS_DENIED && has_mx_somewhere(asking))
			judge(server, SERVER_WRONG, "it has no MX record, others have");
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
		if (exchange->is_of_mx)
			asking->mx[exchange->server] = reply->is_empty ? MX_IS_DENIED : MX_IS_THERE;
		/* A truncated one has no room for its signatures. */
		if (!reply->is_truncated &&
		    dns_check_begin(asking->resolver, reply->octets, (time_t)asking->facts->now_s,
		                    on_signatures, exchange))
			return;
		break;
	}
	leave(asking);
}

static void ask_servers(struct asking *asking)
{
	struct check_facts *facts = asking->facts;

	for (size_t i = 0; i < facts->server_count; i++) {
		for (size_t j = 0; j < asking->question_count; j++) {
			struct exchange *exchange = &asking->exchanges[i][j];

			exchange->asking = asking;
			exchange->server = i;
			exchange->is_of_mx = asking->questions[j].type == DNS_TYPE_MX;
			if (check_exchange_start(asking->base, &facts->servers[i].address,
			                         &asking->questions[j], on_answer, exchange))
				asking->pending++;
		}
	}
}

static void add_address(struct asking *asking, const char *name, const struct address *address)
{
	struct check_facts *facts = asking->facts;
	struct check_server *server;

	if (facts->server_count == CHECK_SERVERS_MAX)
		return;
	for (size_t i = 0; i < facts->server_count; i++) {
		if (address_equal(&facts->servers[i].address, address))
			return;
	}
	server = &facts->servers[facts->server_count++];
	text_copy(server->name, sizeof(server->name), name);
	server->address = *address;
}

static void on_address(void *owner, const struct lookup *lookup)
{
	struct name_server *name = owner;
	struct asking *asking = name->asking;
	struct dns_record record;
	struct address address;

	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i);
	     i++) {
		if (record.data.len != 4 && record.data.len != 16)
			continue;
		address = address_of(record.data.len == 4 ? 4 : 6, record.data.data);
		add_address(asking, name->name, &address);
	}
	if (--asking->pending > 0)
		return;
	ask_servers(asking);
	if (asking->pending == 0)
		end(asking);
}

static void read_names(struct asking *asking, const struct dns_answer *answer)
{
	struct dns_record record;

	for (size_t i = 0; dns_answer_record(&record, answer, i); i++) {
		struct name_server *name = &asking->names[asking->name_count];
		size_t at = record.at;

		if (asking->name_count == NAMES_MAX)
			return;
		if (dns_name_parse(name->name, answer->message, &at) != PARSE_OK)
			continue;
		name->asking = asking;
		asking->name_count++;
	}
}

static void ask_addresses(struct asking *asking)
{
	static const enum dns_type types[FAMILIES] = { DNS_TYPE_A, DNS_TYPE_AAAA };

	for (size_t i = 0; i < asking->name_count; i++) {
		for (size_t j = 0; j < FAMILIES; j++) {
			if (resolver_ask(asking->resolver, asking->names[i].name, types[j],
			                 on_address, &asking->names[i]))
				asking->pending++;
		}
	}
	if (asking->pending == 0)
		end(asking);
}

static bool is_below(const char *name, const char *zone)
{
	size_t name_len = strlen(name), zone_len = strlen(zone);

	return name_len > zone_len && name[name_len - zone_len - 1] == '.' &&
	       strcmp(name + name_len - zone_len, zone) == 0;
}

/* MX of the domain, and the keys of those hosts that are in the same zone. */
static void make_questions(struct asking *asking)
{
	const struct destination *destination = &asking->facts->destination;
	struct check_question *question = &asking->questions[asking->question_count++];

	question->type = DNS_TYPE_MX;
	text_copy(question->name, sizeof(question->name), destination->name);
	for (size_t i = 0; i < destination->host_count; i++) {
		const struct mx_host *host = &destination->hosts[i];

		if (asking->question_count == QUESTIONS_MAX)
			return;
		if (host->address_security != DNS_SECURE || !is_below(host->name, asking->zone) ||
		    strlen(host->name) + sizeof("_25._tcp.") > DOMAIN_NAME_MAX)
			continue;
		question = &asking->questions[asking->question_count++];
		question->type = DNS_TYPE_TLSA;
		snprintf(question->name, sizeof(question->name), "_25._tcp.%.240s", host->name);
	}
}

/* The zone begins where NS records stand: at the domain, or above it. */
static void on_ns(void *owner, const struct lookup *lookup)
{
	struct asking *asking = owner;
	const char *dot = strchr(asking->zone, '.');

	if (lookup->outcome == LOOKUP_FOUND && !dns_answer_has_alias(&lookup->answer)) {
		make_questions(asking);
		read_names(asking, &lookup->answer);
		ask_addresses(asking);
		return;
	}
	if (lookup->outcome == LOOKUP_UNKNOWN || !dot) {
		end(asking);
		return;
	}
	asking->zone = dot + 1;
	if (!resolver_ask(asking->resolver, asking->zone, DNS_TYPE_NS, on_ns, asking))
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
	asking->zone = facts->destination.name;
	if (resolver_ask(resolver, asking->zone, DNS_TYPE_NS, on_ns, asking))
		return true;
	free(asking);
	return false;
}

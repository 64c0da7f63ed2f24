/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/resolver.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unbound-event.h>
#include <unbound.h>

#include "policy/answered.h"
#include "policy/resolver_context.h"

enum {
	/* DNS messages have two octets of length; larger ones are not answers. */
	PACKET_MAX = 65535,
	CLASS_IN = 1,
	/* What libunbound says of an answer. */
	SEC_BOGUS = 1,
	SEC_SECURE = 2,
};

enum query_state {
	QUERY_WAITING, /* for room in flight */
	QUERY_ASKED,   /* libunbound has it */
	QUERY_DONE,    /* its outcome is to be told */
};

struct query {
	struct turn turn;        /* while it waits; first, as a turn's address is its query's */
	TAILQ_ENTRY(query) link; /* else, of the list that its state names */
	enum query_state state;
	struct resolver *resolver;
	lookup_fn fn;
	void *owner;
	struct event *timeout;
	int id; /* libunbound's, while asked */
	enum dns_type type;
	char name[DOMAIN_NAME_MAX];
	enum dns_security security; /* FAILED, or what libunbound said of the packet */
	char why[RESOLVER_WHY_MAX];
	uint8_t *packet;
	size_t packet_len;
};

TAILQ_HEAD(query_list, query);

struct resolver {
	struct event_base *base;
	struct event *deliver;
	struct ub_ctx *context;
	struct resolver_options options;
	bool is_tracked;
	struct resolver_counts counts;
	struct turns *turns;
	struct query_list asked, done;
	struct party party; /* who asks just now */
	char trouble[RESOLVER_TROUBLE_MAX];
	/* Whose answers are newer, and to which questions. */
	struct resolver *newer;
	struct answered *newer_answers;
	struct resolver *older; /* whose `newer` this is */
};

static void enter_state(struct query *query, enum query_state state)
{
	struct resolver *resolver = query->resolver;

	switch (query->state) {
	case QUERY_WAITING:
		turns_leave(resolver->turns, &query->turn);
		break;
	case QUERY_ASKED:
		TAILQ_REMOVE(&resolver->asked, query, link);
		turns_end(resolver->turns, &query->turn);
		break;
	case QUERY_DONE:
		TAILQ_REMOVE(&resolver->done, query, link);
		break;
	}
	query->state = state;
	switch (state) {
	case QUERY_WAITING:
		(void)turns_wait(resolver->turns, &query->turn);
		break;
	case QUERY_ASKED:
		TAILQ_INSERT_TAIL(&resolver->asked, query, link);
		turns_begin(resolver->turns, &query->turn);
		break;
	case QUERY_DONE:
		TAILQ_INSERT_TAIL(&resolver->done, query, link);
		event_active(resolver->deliver, EV_TIMEOUT, 0);
		break;
	}
}

/* Printable, and within bounds: it goes into events. */
static void put_why(struct query *query, const char *why)
{
	size_t i;

	snprintf(query->why, sizeof(query->why), "%s", why);
	for (i = 0; query->why[i]; i++) {
		if (query->why[i] < ' ' || query->why[i] == 0x7f)
			query->why[i] = ' ';
	}
}

static void fail_query(struct query *query, const char *why)
{
	query->security = DNS_FAILED;
	put_why(query, why);
	enter_state(query, QUERY_DONE);
}

/* Inside libunbound: only takes note. */
static void on_answer(void *data, int rcode, void *packet, int packet_len, int sec, char *why_bogus,
                      int was_ratelimited)
{
	struct query *query = data;

	(void)was_ratelimited;
	if (rcode != DNS_RCODE_NOERROR || !packet || packet_len <= 0 || packet_len > PACKET_MAX) {
		fail_query(query, rcode == DNS_RCODE_SERVFAIL || rcode == DNS_RCODE_NOERROR
		                          ? "SERVFAIL: no name server gave an answer"
		                          : "the look-up was refused");
		return;
	}
	query->packet = malloc((size_t)packet_len);
	if (!query->packet) {
		fail_query(query, "out of memory");
		return;
	}
	memcpy(query->packet, packet, (size_t)packet_len);
	query->packet_len = (size_t)packet_len;
	query->security = sec == SEC_BOGUS    ? DNS_BOGUS
	                  : sec == SEC_SECURE ? DNS_SECURE
	                                      : DNS_INSECURE;
	put_why(query, sec == SEC_BOGUS ? why_bogus ? why_bogus : "validation failure" : "");
	enter_state(query, QUERY_DONE);
}

static int make_context(struct resolver *resolver, const struct resolver_options *options,
                        bool is_tracked)
{
	char trouble[RESOLVER_TROUBLE_MAX];
	struct ub_ctx *context;
	int err = resolver_context_new(&context, trouble, resolver->base, options, is_tracked);

	if (err)
		return err;
	if (resolver->context)
		ub_ctx_delete(resolver->context);
	resolver->context = context;
	resolver->options = *options;
	resolver->is_tracked = is_tracked;
	memcpy(resolver->trouble, trouble, sizeof(trouble));
	/* Nothing is older than what it does not have yet. */
	if (resolver->newer_answers)
		answered_clear(resolver->newer_answers);
	return 0;
}

/*
 * libunbound reads its files at the first question of a context, and says only then that it cannot. A damaged file of
 * tracked anchors must not end all mail: the built-in ones take its place, and the operator is told.
 */
static bool leave_tracking(struct resolver *resolver)
{
	struct resolver_options options = resolver->options;

	if (!resolver->is_tracked || options.trust_anchor[0] || !options.state_directory[0] ||
	    resolver->trouble[0])
		return false;
	if (make_context(resolver, &options, false) < 0)
		return false;
	snprintf(resolver->trouble, sizeof(resolver->trouble),
	         "root key rollovers are not followed: %s/root.key cannot be used; remove it to "
	         "begin anew",
	         options.state_directory);
	return true;
}

static int resolve(struct query *query)
{
	return ub_resolve_event(query->resolver->context, query->name[0] ? query->name : ".",
	                        (int)query->type, CLASS_IN, query, on_answer, &query->id);
}

static void ask_libunbound(struct query *query)
{
	char why[RESOLVER_WHY_MAX];
	int err;

	enter_state(query, QUERY_ASKED);
	err = resolve(query);
	if (err == UB_INITFAIL && leave_tracking(query->resolver))
		err = resolve(query);
	if (err) {
		snprintf(why, sizeof(why), "the resolver cannot work: %s", ub_strerror(err));
		fail_query(query, why);
	}
}

static struct query *query_of(struct turn *turn)
{
	return (struct query *)turn;
}

static void fill_flight(struct resolver *resolver)
{
	struct query *query;

	while ((query = query_of(turns_next(resolver->turns))) != NULL)
		ask_libunbound(query);
}

static void free_query(struct query *query)
{
	event_free(query->timeout);
	free(query->packet);
	free(query);
}

/* Out of its list, and of libunbound's hands. */
static void take_query(struct query *query)
{
	struct resolver *resolver = query->resolver;

	if (query->state == QUERY_ASKED)
		ub_cancel(resolver->context, query->id);
	enter_state(query, QUERY_DONE);
	TAILQ_REMOVE(&resolver->done, query, link);
	resolver->counts.in_flight--;
}

/* NULL: the list is empty. */
static struct query *take_first(struct query_list *list)
{
	struct query *query = TAILQ_FIRST(list);

	if (!query)
		return NULL;
	take_query(query);
	assert(TAILQ_FIRST(list) != query);
	return query;
}

static void on_timeout(evutil_socket_t unused, short events, void *data)
{
	struct query *query = data;
	char why[RESOLVER_WHY_MAX];

	(void)unused;
	(void)events;
	if (query->state == QUERY_DONE)
		return;
	if (query->state == QUERY_ASKED)
		ub_cancel(query->resolver->context, query->id);
	snprintf(why, sizeof(why), "timeout: no answer within %g s",
	         query->resolver->options.timeout_ms / 1000.0);
	fail_query(query, why);
	fill_flight(query->resolver);
}

/* What the packet says; its own claims cannot make it more than libunbound said. */
static void read_lookup(struct lookup *lookup, const struct query *query)
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->security = query->security;
	lookup->why = query->why;
	if (query->security != DNS_SECURE && query->security != DNS_INSECURE)
		return;
	if (dns_answer_parse(&lookup->answer, bytes_of(query->packet, query->packet_len)) !=
	            PARSE_OK ||
	    lookup->answer.type != query->type || strcmp(lookup->answer.name, query->name) != 0) {
		lookup->security = DNS_FAILED;
		lookup->why = "the answer is malformed";
	} else if (lookup->answer.rcode == DNS_RCODE_NXDOMAIN) {
		lookup->outcome = LOOKUP_NXDOMAIN;
	} else if (lookup->answer.rcode != DNS_RCODE_NOERROR) {
		lookup->security = DNS_FAILED;
		lookup->why = "the look-up was refused";
	} else {
		lookup->outcome = lookup->answer.record_count > 0 ? LOOKUP_FOUND : LOOKUP_NODATA;
	}
}

/* What could not be looked up says nothing against what was before. */
static void note_newer(struct resolver *older, const struct query *query,
                       const struct lookup *lookup)
{
	if (lookup->security == DNS_SECURE || lookup->security == DNS_INSECURE)
		answered_add(older->newer_answers, query->name, query->type);
}

void resolver_ask_for(struct resolver *resolver, const struct party *party)
{
	resolver->party = *party;
	if (resolver->newer)
		resolver->newer->party = *party;
	if (resolver->older)
		resolver->older->party = *party;
}

const struct party *resolver_asks_for(const struct resolver *resolver)
{
	return &resolver->party;
}

static void deliver(struct query *query)
{
	struct resolver *resolver = query->resolver;
	struct lookup lookup;

	read_lookup(&lookup, query);
	resolver->counts.bogus += lookup.security == DNS_BOGUS;
	resolver->counts.failed += lookup.security == DNS_FAILED;
	if (resolver->older)
		note_newer(resolver->older, query, &lookup);
	resolver_ask_for(resolver, &query->turn.party);
	query->fn(query->owner, &lookup);
	resolver_ask_for(resolver, &(struct party){ 0 });
	free_query(query);
}

/* What callbacks ask and get at once waits for the next round, so that others have their turn. */
static void on_deliver(evutil_socket_t unused, short events, void *data)
{
	struct resolver *resolver = data;
	struct query *query;
	size_t round = 0;

	(void)unused;
	(void)events;
	TAILQ_FOREACH(query, &resolver->done, link)
	round++;
	for (; round > 0 && (query = take_first(&resolver->done)) != NULL; round--)
		deliver(query);
	fill_flight(resolver);
	if (!TAILQ_EMPTY(&resolver->done))
		event_active(resolver->deliver, EV_TIMEOUT, 0);
}

int resolver_new(struct resolver **made, struct event_base *base,
                 const struct resolver_options *options)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int err = -ENOMEM;

	if (!resolver)
		return -ENOMEM;
	TAILQ_INIT(&resolver->asked);
	TAILQ_INIT(&resolver->done);
	resolver->base = base;
	resolver->turns = turns_new(RESOLVER_IN_FLIGHT_MAX, RESOLVER_WAITING_MAX);
	if (!resolver->turns)
		goto free_resolver;
	resolver->deliver = event_new(base, -1, 0, on_deliver, resolver);
	if (!resolver->deliver)
		goto free_turns;
	err = make_context(resolver, options, true);
	if (err)
		goto free_deliver;
	*made = resolver;
	return 0;

free_deliver:
	event_free(resolver->deliver);
free_turns:
	turns_free(resolver->turns);
free_resolver:
	free(resolver);
	return err;
}

void resolver_free(struct resolver *resolver)
{
	struct query *query;

	while ((query = take_first(&resolver->asked)) || (query = take_first(&resolver->done)))
		free_query(query);
	while ((query = query_of(turns_any(resolver->turns))) != NULL)
		resolver_cancel(query);
	turns_free(resolver->turns);
	if (resolver->newer)
		resolver->newer->older = NULL;
	if (resolver->older)
		resolver->older->newer = NULL;
	answered_free(resolver->newer_answers);
	ub_ctx_delete(resolver->context);
	event_free(resolver->deliver);
	free(resolver);
}

int resolver_prefer(struct resolver *resolver, struct resolver *newer,
                    const uint8_t secret[TABLE_SECRET_LEN])
{
	assert(!resolver->newer && !resolver->newer_answers && !newer->older);
	resolver->newer_answers = answered_new(secret);
	if (!resolver->newer_answers)
		return -ENOMEM;
	resolver->newer = newer;
	newer->older = resolver;
	return 0;
}

int resolver_configure(struct resolver *resolver, const struct resolver_options *options)
{
	struct query *query;
	int err;

	/* Deleting a context answers what is open in it, as if it had failed: hence taken back before. */
	while ((query = TAILQ_FIRST(&resolver->asked)) != NULL) {
		ub_cancel(resolver->context, query->id);
		enter_state(query, QUERY_WAITING);
	}
	err = make_context(resolver, options, true);
	fill_flight(resolver);
	return err;
}

const char *resolver_trouble(const struct resolver *resolver)
{
	return resolver->trouble;
}

struct query *resolver_ask(struct resolver *resolver, const char *name, enum dns_type type,
                           lookup_fn fn, void *owner)
{
	struct timeval timeout = { .tv_sec = resolver->options.timeout_ms / 1000,
		                   .tv_usec = resolver->options.timeout_ms % 1000 * 1000 };
	struct query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->turn.party = resolver->party;
	if (resolver->newer && answered_has(resolver->newer_answers, name, type))
		resolver = resolver->newer;
	query->resolver = resolver;
	query->fn = fn;
	query->owner = owner;
	query->type = type;
	snprintf(query->name, sizeof(query->name), "%s", name);
	query->timeout = event_new(resolver->base, -1, 0, on_timeout, query);
	if (!query->timeout || event_add(query->timeout, &timeout) < 0) {
		if (query->timeout)
			event_free(query->timeout);
		free(query);
		return NULL;
	}
	resolver->counts.lookups++;
	resolver->counts.in_flight++;
	if (turns_wait(resolver->turns, &query->turn))
		fill_flight(resolver);
	else
		fail_query(query, "too many look-ups at one time");
	return query;
}

void resolver_cancel(struct query *query)
{
	take_query(query);
	free_query(query);
}

struct resolver_counts resolver_counts(const struct resolver *resolver)
{
	return resolver->counts;
}

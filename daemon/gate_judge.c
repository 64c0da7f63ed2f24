/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/peer_names.h"

/* What a look-up of the hop needs; taken from a flow, or from an afterthought when the flow is gone. */
struct hop_query {
	const struct session_commitment *commitment;
	const struct address *client;
	const struct address *server;
	const char *banner_name;
	const char *ehlo_name;
	bool is_line_overdue;
};

static bool is_recent(uint64_t when_ms, uint64_t now_ms, uint64_t life_ms)
{
	return when_ms != 0 && now_ms - when_ms < life_ms;
}

static void asked_key_of(struct asked_key *key, enum question_kind kind, const char *name)
{
	memset(key, 0, sizeof(*key));
	key->kind = kind;
	memcpy(key->name, name, strnlen(name, sizeof(key->name) - 1));
}

/* Asks unless the same question is out already. */
static void ask(struct gate *gate, enum question_kind kind, const char *name, bool is_refresh)
{
	struct asked_key key;
	struct asked *asked;

	asked_key_of(&key, kind, name);
	asked = table_find(gate->asked, &key);
	if (asked && asked->answered_ms == 0 &&
	    is_recent(asked->asked_ms, gate->now_ms, GATE_ASK_AGAIN_MS))
		return;
	if (!asked)
		asked = table_insert(gate->asked, &key);
	if (asked)
		*asked = (struct asked){ .asked_ms = gate->now_ms };
	gate->counters.questions++;
	gate->actions.ask(gate->owner, kind, name, is_refresh);
}

static bool was_answered_lately(struct gate *gate, enum question_kind kind, const char *name)
{
	struct asked_key key;
	const struct asked *asked;

	asked_key_of(&key, kind, name);
	asked = table_find(gate->asked, &key);
	return asked && is_recent(asked->answered_ms, gate->now_ms, GATE_REFRESH_VALID_MS);
}

/* What `name` asks of a connection to `server`; hop.promise.state is PROMISE_UNKNOWN while the answer is missing. */
static void find_hop(struct gate *gate, struct hop *hop, enum question_kind kind, const char *name,
                     const struct address *server)
{
	enum cache_answer answer =
		kind == QUESTION_HOST
			? promise_cache_find_host(hop, gate->cache, name, server, gate->now_ms)
			: promise_cache_find(hop, gate->cache, name, server, gate->now_ms);
	/* Geo-DNS and farms answer each resolver differently: before an address is called wrong, ask afresh. */
	bool is_doubtful = answer == CACHE_FRESH && kind == QUESTION_DOMAIN &&
	                   hop->place == PLACE_UNRELATED && hop->promise.state != PROMISE_NONE &&
	                   !was_answered_lately(gate, kind, name);

	if (answer == CACHE_FRESH && !is_doubtful)
		return;
	ask(gate, kind, name, answer != CACHE_UNKNOWN);
	hop->promise.state = PROMISE_UNKNOWN;
}

static int strength(const struct hop *hop)
{
	switch (hop->promise.state) {
	case PROMISE_KEY:
		return 5;
	case PROMISE_TLS:
		return 4;
	case PROMISE_UNKNOWN:
		return 3;
	case PROMISE_UNAVAILABLE:
		return 2;
	case PROMISE_NONE:
		return hop->place == PLACE_MX ? 1 : 0;
	}
	return 0;
}

/* The server's words are candidates: each counts only if a validated look-up leads back to this address. */
static void find_hop_by_words(struct gate *gate, struct hop *strongest,
                              const struct hop_query *query)
{
	const char *const words[] = { query->banner_name, query->ehlo_name };
	char name[DOMAIN_NAME_MAX];
	struct hop hop;

	*strongest = (struct hop){ .promise.state = PROMISE_NONE };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i][0] == '\0' || !peer_name_normalise(name, words[i]))
			continue;
		/* Without an answer the cache leaves it alone. */
		hop = (struct hop){ 0 };
		find_hop(gate, &hop, QUESTION_HOST, name, query->server);
		if (hop.promise.state != PROMISE_UNKNOWN && hop.place != PLACE_MX)
			continue;
		if (strength(&hop) > strength(strongest))
			*strongest = hop;
	}
	if (query->is_line_overdue && strength(strongest) < 4 &&
	    promise_cache_strongest(&hop, gate->cache, query->server, gate->now_ms) &&
	    strength(&hop) > strength(strongest))
		*strongest = hop;
}

static void find_hop_of_recipient(struct gate *gate, struct facts *facts, struct hop *hop,
                                  const struct hop_query *query)
{
	enum smtp_path_kind path = query->commitment->path;
	bool should_name = path == SMTP_PATH_DOMAIN || path == SMTP_PATH_MALFORMED;
	char name[DOMAIN_NAME_MAX];
	bool is_named = should_name && peer_name_normalise(name, query->commitment->domain);
	struct hop by_words;

	if (is_named) {
		find_hop(gate, hop, QUESTION_DOMAIN, name, query->server);
		text_copy(hop->domain, sizeof(hop->domain), name);
	}
	if (path == SMTP_PATH_DOMAIN && is_named)
		return;
	/* A recipient that we cannot read is one that the server may read as anybody. */
	if (should_name)
		facts->is_protocol_violated = true;
	find_hop_by_words(gate, &by_words, query);
	if (!is_named || strength(&by_words) > strength(hop))
		*hop = by_words;
}

static const struct broken_note *find_broken(struct gate *gate, const struct hop_query *query,
                                             const char *domain)
{
	const struct broken_notes *notes = table_find(gate->broken, query->client);
	const struct broken_note *found = NULL;

	for (size_t i = 0; notes && i < GATE_BROKEN_PER_CLIENT; i++) {
		const struct broken_note *note = &notes->notes[i];

		if (!is_recent(note->when_ms, gate->now_ms, GATE_BROKEN_LIFE_MS))
			continue;
		if (!address_equal(&note->server, query->server) &&
		    (domain[0] == '\0' ||
		     !promise_cache_includes(gate->cache, domain, &note->server, gate->now_ms)))
			continue;
		if (!found || note->when_ms > found->when_ms)
			found = note;
	}
	return found;
}

/* With on-failure = open a connection outlives its guard's death, whatever it was at. */
static bool is_hop_unseen(const struct gate *gate, const struct facts *facts, const struct hop *hop,
                          const struct hop_query *query)
{
	return facts->is_midstream && !gate->config->fails_open && hop->domain[0] == '\0' &&
	       query->banner_name[0] == '\0' && query->ehlo_name[0] == '\0';
}

/* Completes the wire's facts by what the hop promised. */
static const struct broken_note *complete_facts(struct gate *gate, struct facts *facts,
                                                struct hop *hop, const struct hop_query *query)
{
	const struct broken_note *broken;

	*hop = (struct hop){ 0 };
	facts->commitment = query->commitment->kind;
	if (facts->commitment == COMMITMENT_RCPT && !query->is_line_overdue &&
	    !facts->is_authenticated)
		find_hop_of_recipient(gate, facts, hop, query);
	else
		find_hop_by_words(gate, hop, query);
	facts->promise = hop->promise.state;
	facts->promise_source = hop->promise.source;
	facts->is_recipient_dripping = query->is_line_overdue && query->commitment->is_rest;
	facts->is_hop_unseen = is_hop_unseen(gate, facts, hop, query);
	facts->place = hop->place;
	facts->mx_security = hop->mx_security;
	facts->another_host_promises = hop->sibling_promise.state != PROMISE_UNKNOWN;
	broken = find_broken(gate, query, hop->domain);
	facts->is_handshake_broken_before = broken != NULL;
	return broken;
}

static void fill_event(struct gate *gate, struct event *event, const struct facts *facts,
                       const struct hop *hop, const struct verdict *verdict)
{
	event->kind = EVENT_VERDICT;
	event->time_ms = gate->time_ms;
	event->count = 1;
	event->mode = gate->config->stance.mode;
	event->action = verdict->action;
	event->would = verdict->would;
	event->reason = verdict->reason;
	event->promise = facts->another_host_promises && verdict->would != ACTION_PASS
	                         ? hop->sibling_promise
	                         : hop->promise;
	if (facts->promise == PROMISE_NONE && gate->config->stance.default_level != LEVEL_MAY &&
	    verdict->would == ACTION_BLOCK) {
		event->promise.source = SOURCE_DEFAULT;
		event->promise.state = PROMISE_TLS;
		text_copy(event->promise.detail, sizeof(event->promise.detail),
		          "default-level = encrypt");
	}
	memcpy(event->domain, hop->domain, sizeof(event->domain));
	memcpy(event->mx, hop->mx, sizeof(event->mx));
	event->ehlo = facts->ehlo;
	event->starttls = facts->starttls;
	event->starttls_answer = facts->starttls_answer;
	event->starttls_code = facts->starttls_code;
	event->tls = facts->tls;
	text_copy(event->rule, sizeof(event->rule), verdict->rule);
}

static void name_cause(struct gate *gate, struct event *event, const struct broken_note *broken)
{
	char server[ADDRESS_TEXT_MAX];

	if (!broken || event->reason == REASON_NONE)
		return;
	memcpy(event->id, broken->id, sizeof(event->id));
	snprintf(event->cause, sizeof(event->cause), "TLS with %s ended by %.100s, %u s before",
	         address_format(server, &broken->server), broken->how,
	         (unsigned)((gate->now_ms - broken->when_ms) / 1000));
}

static void start_event(struct gate *gate, struct event *event, struct flow *flow)
{
	const char *ehlo_name = session_ehlo_name(flow->session);

	memset(event, 0, sizeof(*event));
	if (flow->id[0] == '\0')
		gate_new_id(gate, flow->id);
	memcpy(event->id, flow->id, sizeof(event->id));
	event->client = flow->client;
	event->server = flow->server;
	event->hook = flow->hook;
	text_copy(event->ehlo_name, sizeof(event->ehlo_name),
	          ehlo_name[0] ? ehlo_name : session_banner_name(flow->session));
	if (flow->waiting_since_ms)
		event->held_ms = (uint32_t)(gate->now_ms - flow->waiting_since_ms);
}

/* The flow has had its verdict, or gets it by an afterthought: its end is no news. */
static void note_domain(struct flow *flow, const char *domain)
{
	if (flow->domain && strcmp(flow->domain, domain) == 0)
		return;
	free(flow->domain);
	flow->domain = strdup(domain);
}

/* One event per flow and change of verdict; what promised nothing and passed is told only when asked for. */
static void tell(struct gate *gate, struct flow *flow, const struct event *event)
{
	bool is_news = event->action != flow->last_action || event->reason != flow->last_reason ||
	               !flow->domain || strcmp(flow->domain, event->domain) != 0;

	gate->counters.verdicts[event->action]++;
	if (event->reason != REASON_NONE)
		gate->counters.reasons[event->reason]++;
	if (event->action == ACTION_PASS && event->promise.state <= PROMISE_NONE &&
	    !gate->config->events_passes)
		return;
	flow->last_action = event->action;
	flow->last_reason = event->reason;
	note_domain(flow, event->domain);
	if (is_news)
		gate->actions.tell(gate->owner, event);
}

static void think_later(struct gate *gate, struct flow *flow, const struct facts *facts,
                        const struct session_commitment *commitment, const struct event *event)
{
	for (size_t i = 0; i < GATE_AFTERTHOUGHTS_MAX; i++) {
		struct afterthought *thought = &gate->afterthoughts[i];

		if (thought->is_used)
			continue;
		thought->is_used = true;
		gate->afterthought_count++;
		thought->facts = *facts;
		thought->commitment = *commitment;
		thought->event = *event;
		thought->since_ms = gate->now_ms;
		text_copy(thought->banner_name, sizeof(thought->banner_name),
		          session_banner_name(flow->session));
		note_domain(flow, event->domain);
		return;
	}
	gate->counters.hold_overflows++;
}

static void remember_broken(struct gate *gate, struct flow *flow, const char *how)
{
	struct message_broken broken = { .type = MESSAGE_BROKEN,
		                         .client = flow->client.address,
		                         .server = flow->server.address };

	if (flow->id[0] == '\0')
		gate_new_id(gate, flow->id);
	memcpy(broken.id, flow->id, sizeof(broken.id));
	text_copy(broken.how, sizeof(broken.how), how);
	gate_broken(gate, &broken, gate->now_ms);
	gate->actions.broken(gate->owner, &broken);
}

/*
 * The client asked for TLS and none came of it: a handshake broken, a reply that was no 220 (some clients take any 2xx
 * for one), or none. Who caused it waits for the client to come back in clear, and it shows that the client is able.
 */
static bool has_lost_tls(const struct facts *facts)
{
	return facts->starttls_answer != STARTTLS_NOT_ASKED && facts->tls != TLS_ESTABLISHED;
}

enum judgement gate_judge(struct gate *gate, struct flow *flow,
                          const struct session_commitment *commitment, struct verdict *verdict,
                          struct event *event)
{
	struct facts facts = *session_facts(flow->session);
	const struct hop_query query = {
		.commitment = commitment,
		.client = &flow->client.address,
		.server = &flow->server.address,
		.banner_name = session_banner_name(flow->session),
		.ehlo_name = session_ehlo_name(flow->session),
		.is_line_overdue = flow->line_since_ms &&
		                   gate->now_ms - flow->line_since_ms >= GATE_LINE_PATIENCE_MS,
	};
	const struct broken_note *broken;
	struct hop hop;

	if (flow->line_since_ms && !query.is_line_overdue)
		return JUDGED_WAIT;
	/* Who only watches loses nothing by waiting for the recipient, and then knows the domain. */
	flow->is_mail_unjudged = gate_only_watches(gate) && commitment->kind == COMMITMENT_MAIL;
	if (flow->is_mail_unjudged)
		return JUDGED_PASS;
	facts.is_retransmit_inconsistent = flow->is_inconsistent;
	broken = complete_facts(gate, &facts, &hop, &query);
	facts.is_hold_over = flow->waiting_since_ms &&
	                     gate->now_ms - flow->waiting_since_ms >= gate->config->hold_ms;
	*verdict = decide(&facts, &gate->config->stance);
	start_event(gate, event, flow);
	fill_event(gate, event, &facts, &hop, verdict);
	name_cause(gate, event, broken);
	if (verdict->action == ACTION_WAIT) {
		if (gate_only_watches(gate)) {
			think_later(gate, flow, &facts, commitment, event);
			return JUDGED_PASS;
		}
		if (!flow->waiting_since_ms)
			flow->waiting_since_ms = gate->now_ms;
		return JUDGED_WAIT;
	}
	if (facts.is_hold_over)
		gate->counters.hold_timeouts++;
	/* A MAIL that goes on to its RCPT is no verdict yet. */
	if (verdict->action != ACTION_PASS || commitment->kind != COMMITMENT_MAIL)
		tell(gate, flow, event);
	if (verdict->action != ACTION_BLOCK && verdict->action != ACTION_DEFER)
		return JUDGED_PASS;
	/* What we refuse here the client has not refused itself: it may come back in clear. */
	if (verdict->reason == REASON_INJECTED && has_lost_tls(&facts))
		remember_broken(gate, flow, "our refusal of injected octets");
	return JUDGED_REFUSE;
}

static bool says_the_same(const struct event *a, const struct event *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->domain, b->domain) == 0 &&
	       a->action == b->action && a->reason == b->reason;
}

/* In monitor nothing is held, so that what was missing is judged when it comes. */
void gate_judge_afterthoughts(struct gate *gate)
{
	const struct event *told = NULL; /* of a list of recipients each waits by itself */

	for (size_t i = 0; gate->afterthought_count > 0 && i < GATE_AFTERTHOUGHTS_MAX; i++) {
		struct afterthought *thought = &gate->afterthoughts[i];
		struct event *event = &thought->event;
		const struct hop_query query = {
			.commitment = &thought->commitment,
			.client = &event->client.address,
			.server = &event->server.address,
			.banner_name = thought->banner_name,
			.ehlo_name = event->ehlo_name,
		};
		const struct broken_note *broken;
		struct verdict verdict;
		struct hop hop;

		if (!thought->is_used)
			continue;
		broken = complete_facts(gate, &thought->facts, &hop, &query);
		thought->facts.is_hold_over =
			gate->now_ms - thought->since_ms >= gate->config->hold_ms;
		verdict = decide(&thought->facts, &gate->config->stance);
		if (verdict.action == ACTION_WAIT)
			continue;
		thought->is_used = false;
		gate->afterthought_count--;
		fill_event(gate, event, &thought->facts, &hop, &verdict);
		name_cause(gate, event, broken);
		gate->counters.verdicts[verdict.action]++;
		gate->counters.reasons[verdict.reason]++;
		if (verdict.action == ACTION_PASS && event->promise.state <= PROMISE_NONE &&
		    !gate->config->events_passes)
			continue;
		if (!told || !says_the_same(told, event))
			gate->actions.tell(gate->owner, event);
		told = event;
	}
}

/*
 * A sender that saw what we saw, and left by itself: nothing was lost, so nothing is refused, but it is told. A MAIL that
 * only passed because we watch is judged now: who refuses does it there, so that no recipient ever came.
 */
static void tell_ended(struct gate *gate, struct flow *flow)
{
	const struct session_commitment end = {
		.kind = flow->is_mail_unjudged ? COMMITMENT_MAIL : COMMITMENT_END,
	};
	struct facts facts = *session_facts(flow->session);
	const struct hop_query query = {
		.commitment = &end,
		.client = &flow->client.address,
		.server = &flow->server.address,
		.banner_name = session_banner_name(flow->session),
		.ehlo_name = session_ehlo_name(flow->session),
	};
	struct verdict verdict;
	struct event event;
	struct hop hop;

	(void)complete_facts(gate, &facts, &hop, &query);
	verdict = decide(&facts, &gate->config->stance);
	if (verdict.would != ACTION_BLOCK)
		return;
	if (end.kind == COMMITMENT_END)
		verdict.action = verdict.would = ACTION_ALERT;
	start_event(gate, &event, flow);
	fill_event(gate, &event, &facts, &hop, &verdict);
	tell(gate, flow, &event);
}

void gate_judge_end(struct gate *gate, struct flow *flow, const char *how)
{
	if (flow->is_end_judged || flow->phase == FLOW_OFFLOADED)
		return;
	flow->is_end_judged = true;
	session_end(flow->session);
	if (has_lost_tls(session_facts(flow->session)))
		remember_broken(gate, flow, how);
	if (!flow->domain) /* else it has had its verdict */
		tell_ended(gate, flow);
}

void gate_ask_words(struct gate *gate, struct flow *flow)
{
	const char *const words[] = { session_banner_name(flow->session),
		                      session_ehlo_name(flow->session) };
	struct hop hop;
	char name[DOMAIN_NAME_MAX];

	if (flow->are_words_asked || words[1][0] == '\0')
		return;
	flow->are_words_asked = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (peer_name_normalise(name, words[i]))
			find_hop(gate, &hop, QUESTION_HOST, name, &flow->server.address);
	}
}

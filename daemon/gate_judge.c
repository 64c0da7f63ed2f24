/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdio.h>
#include <string.h>

/* With on-failure = open a connection outlives its guard's death, whatever it was at. */
static bool is_hop_unseen(const struct gate *gate, const struct facts *facts, const struct hop *hop,
                          const struct hop_query *query)
{
	return facts->is_midstream && !gate->config->fails_open && hop->domain[0] == '\0' &&
	       query->banner_name[0] == '\0' && query->ehlo_name[0] == '\0';
}

/* What came of a commitment: facts and hop of the candidate that decided. */
struct judged {
	struct facts facts;
	struct hop hop;
	struct verdict verdict;
	struct key_finding finding;
	const struct broken_note *broken;
	/* Of domains that a client was led here for, those whose promise is kept, and the last of them. */
	size_t met_count;
	size_t met;
};

/* Completes the wire's facts by what one hop promised. */
static const struct broken_note *complete_facts(struct gate *gate, struct facts *facts,
                                                const struct candidates *candidates,
                                                const struct candidate *candidate,
                                                const struct hop_query *query)
{
	const struct hop *hop = &candidate->hop;
	const struct broken_note *broken = gate_find_broken(gate, query, hop->domain);

	facts->commitment = query->commitment->kind;
	facts->is_protocol_violated |= candidates->is_recipient_unreadable;
	facts->promise = hop->promise.state;
	facts->promise_source = hop->promise.source;
	facts->promise_only_alerts = hop->promise.only_alerts;
	facts->is_recipient_dripping = query->is_line_overdue && query->commitment->is_rest;
	facts->is_hop_unseen = is_hop_unseen(gate, facts, hop, query);
	facts->is_hop_unknown = candidates->is_hop_unknown;
	facts->place = hop->place;
	facts->mx_security = hop->mx_security;
	facts->another_host_promises = hop->sibling_promise.state != PROMISE_UNKNOWN;
	facts->was_offered_before = hop->offered_before[0] != '\0';
	facts->is_led_astray = candidate->is_led_astray;
	facts->is_named = candidate->is_named;
	facts->is_answer_awaited = candidate->is_heard || candidate->is_awaited;
	facts->is_handshake_broken_before = broken != NULL;
	return broken;
}

/* A policy that changed without our knowing, or a key that changed with its record, must not stop mail: it is asked for again first. */
static bool should_ask_afresh(struct gate *gate, const struct judged *judged)
{
	return judged->verdict.would == ACTION_BLOCK && !judged->facts.is_hold_over &&
	       judged->facts.commitment != COMMITMENT_END &&
	       (judged->hop.promise.source == SOURCE_MTA_STS || key_is_wrong(judged->facts.key)) &&
	       gate_ask_afresh(gate, &judged->hop);
}

static void judge_candidate(struct gate *gate, struct judged *judged,
                            const struct candidates *candidates, const struct candidate *candidate,
                            const struct hop_query *query)
{
	judged->hop = candidate->hop;
	judged->broken = complete_facts(gate, &judged->facts, candidates, candidate, query);
	gate_complete_key(gate, &judged->facts, &judged->finding, &candidate->hop, query);
	judged->verdict = decide(&judged->facts, &gate->config->stance);
	if (should_ask_afresh(gate, judged))
		judged->verdict = (struct verdict){
			.action = ACTION_WAIT,
			.would = ACTION_WAIT,
			.rule = "promise is looked up again before anything is refused",
		};
}

/* judged->facts: what the wire showed. */
static void judge(struct gate *gate, struct judged *judged, const struct hop_query *query)
{
	struct opinion opinions[CANDIDATES_MAX];
	struct candidates *candidates = &gate->candidates;
	const struct facts wire = judged->facts;
	struct verdict verdict;
	size_t chosen;

	gate_find_candidates(gate, candidates, query);
	for (size_t i = 0; i < candidates->count; i++) {
		const struct candidate *candidate = &candidates->list[i];

		judged->facts = wire;
		judge_candidate(gate, judged, candidates, candidate, query);
		opinions[i] = (struct opinion){
			.verdict = judged->verdict,
			.counts = judged->facts.promise > PROMISE_NONE || candidate->is_heard ||
			          candidate->is_known,
			.binds = candidate->binds,
		};
		gate_note_key(gate, &judged->facts, &candidate->hop, query);
		if (candidate->is_heard && judged->facts.promise >= PROMISE_TLS &&
		    judged->verdict.would == ACTION_PASS) {
			judged->met_count++;
			judged->met = i;
		}
	}
	chosen = agree(&verdict, opinions, candidates->count);
	if (chosen + 1 < candidates->count) {
		judged->facts = wire;
		judge_candidate(gate, judged, candidates, &candidates->list[chosen], query);
	}
	judged->verdict = verdict;
}

static void fill_event(struct gate *gate, struct event *event, const struct judged *judged)
{
	const struct facts *facts = &judged->facts;
	const struct hop *hop = &judged->hop;
	const struct verdict *verdict = &judged->verdict;

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
	if ((facts->promise == PROMISE_NONE || facts->promise_only_alerts) &&
	    facts->promise_source != SOURCE_LOCAL &&
	    gate->config->stance.default_level != LEVEL_MAY && verdict->would == ACTION_BLOCK) {
		event->promise.source = SOURCE_DEFAULT;
		event->promise.state = PROMISE_TLS;
		event->promise.only_alerts = false;
		text_copy(event->promise.detail, sizeof(event->promise.detail),
		          gate->config->stance.default_level == LEVEL_VERIFY
		                  ? "default-level = verify"
		                  : "default-level = encrypt");
	}
	if (verdict->reason == REASON_STARTTLS_REGRESSED) {
		event->promise.source = SOURCE_SEEN;
		snprintf(event->promise.detail, sizeof(event->promise.detail),
		         "offered STARTTLS %s", hop->offered_before);
	}
	memcpy(event->domain, hop->domain, sizeof(event->domain));
	memcpy(event->mx, hop->mx, sizeof(event->mx));
	event->place = verdict->reason == REASON_MX_MISMATCH ? hop->place : PLACE_UNKNOWN;
	event->ehlo = facts->ehlo;
	event->starttls = facts->starttls;
	event->starttls_answer = facts->starttls_answer;
	event->starttls_code = facts->starttls_code;
	event->tls = facts->tls;
	event->key_sight = facts->key_sight;
	event->key = judged->finding;
	text_copy(event->probe, sizeof(event->probe), gate_probe_why(gate));
	text_copy(event->rule, sizeof(event->rule), verdict->rule);
}

static void start_event(struct gate *gate, struct event *event, struct flow *flow)
{
	const char *ehlo_name = session_ehlo_name(flow->session);

	memset(event, 0, sizeof(*event));
	gate_write_id(gate, event->id, flow);
	event->client = flow->client;
	event->server = flow->server;
	event->hook = flow->hook;
	text_copy(event->ehlo_name, sizeof(event->ehlo_name),
	          ehlo_name[0] ? ehlo_name : session_banner_name(flow->session));
	event->tls_version = session_tls_version(flow->session);
	text_copy(event->sni, sizeof(event->sni), session_server_name(flow->session));
	if (flow->wait->waiting_since_ms)
		event->held_ms = (uint32_t)(gate->now_ms - flow->wait->waiting_since_ms);
}

void gate_forget_domain(struct gate *gate, struct flow *flow)
{
	if (flow->domain)
		budget_give(&gate->budget, flow->domain, strlen(flow->domain) + 1);
	flow->domain = NULL;
}

/* The flow has had its verdict, or gets it by an afterthought: its end is no news. */
static void note_domain(struct gate *gate, struct flow *flow, const char *domain)
{
	size_t len = strlen(domain) + 1;

	if (flow->domain && strcmp(flow->domain, domain) == 0)
		return;
	gate_forget_domain(gate, flow);
	flow->domain = budget_take(&gate->budget, len);
	if (flow->domain)
		memcpy(flow->domain, domain, len);
}

/* One event per flow and change of verdict; what promised nothing and passed is told only when asked for. */
static void tell(struct gate *gate, struct flow *flow, const struct event *event)
{
	bool is_news = event->action != flow->last_action || event->reason != flow->last_reason ||
	               !flow->domain || strcmp(flow->domain, event->domain) != 0;

	gate->counters.verdicts[event->action]++;
	if (event->reason != REASON_NONE)
		gate->counters.reasons[event->reason]++;
	note_domain(gate, flow, event->domain);
	if (event->action == ACTION_PASS && event->promise.state <= PROMISE_NONE &&
	    !gate->config->events_passes)
		return;
	flow->last_action = event->action;
	flow->last_reason = event->reason;
	if (is_news)
		gate->actions.tell(gate->owner, event);
}

/* is_judged: as in struct afterthought. */
static void think_later(struct gate *gate, const struct facts *facts, const struct hop_query *query,
                        const struct event *event, bool is_judged)
{
	for (size_t i = 0; i < GATE_AFTERTHOUGHTS_MAX; i++) {
		struct afterthought *thought = &gate->afterthoughts[i];

		if (thought->is_used)
			continue;
		thought->is_used = true;
		gate->afterthought_count++;
		thought->facts = *facts;
		thought->commitment = *query->commitment;
		thought->event = *event;
		thought->since_ms = gate->now_ms;
		thought->opened_ms = query->opened_ms;
		thought->is_judged = is_judged;
		text_copy(thought->banner_name, sizeof(thought->banner_name), query->banner_name);
		text_copy(thought->server_name, sizeof(thought->server_name), query->server_name);
		if (query->evidence)
			thought->evidence = *query->evidence;
		return;
	}
	gate->counters.hold_overflows++;
}

static struct hop_query query_of(struct gate *gate, const struct flow *flow,
                                 const struct session_commitment *commitment)
{
	bool is_in_tls = commitment->kind == COMMITMENT_TLS;

	if (is_in_tls)
		gate_read_evidence(gate, &gate->evidence, flow);
	return (struct hop_query){
		.commitment = commitment,
		.client = &flow->client.address,
		.server = &flow->server.address,
		.place = nat64_behind(&gate->config->nat64, &flow->server.address),
		.banner_name = session_banner_name(flow->session),
		.ehlo_name = session_ehlo_name(flow->session),
		.server_name = session_server_name(flow->session),
		.opened_ms = flow->started_ms,
		.judged_ms =
			flow->wait->waiting_since_ms ? flow->wait->waiting_since_ms : gate->now_ms,
		.server_port = flow->server.port,
		.evidence = is_in_tls ? &gate->evidence : NULL,
		.is_line_overdue =
			flow->wait->line_since_ms &&
			gate->now_ms - flow->wait->line_since_ms >= GATE_LINE_PATIENCE_MS,
		.is_authenticated = session_facts(flow->session)->is_authenticated,
	};
}

/* How often something irrevocable had to wait for an answer, and how long. */
static void count_wait(struct gate *gate, struct flow *flow,
                       const struct session_commitment *commitment)
{
	if (commitment->kind == COMMITMENT_MAIL)
		return;
	gate->counters.decisions++;
	if (!flow->wait->waiting_since_ms)
		return;
	gate->counters.decisions_waited++;
	gate->counters.decisions_waited_ms += gate->now_ms - flow->wait->waiting_since_ms;
}

/*
 * Whom the connection is for may still be on its way here: the answer's copy takes its time, and the scout may have other things to do,
 * to which a far end may bring it. Behind judge(). In clear the recipient names the domain, and no answer needs to have been heard.
 */
static bool may_be_named_yet(struct gate *gate, const struct hop_query *query)
{
	return query->commitment->kind == COMMITMENT_TLS && !gate->candidates.is_settled &&
	       !gate_has_heard(gate, query->opened_ms);
}

/* Nobody could say whom it is for. */
static void give_up_names(const struct gate *gate, struct verdict *verdict)
{
	bool defers = gate->config->stance.blocks_undecided;

	if (verdict->would == ACTION_BLOCK || verdict->would == ACTION_DEFER)
		return;
	*verdict = (struct verdict){
		.action = defers ? ACTION_DEFER : ACTION_ALERT,
		.would = defers ? ACTION_DEFER : ACTION_ALERT,
		.reason = REASON_UNDECIDED,
		.rule = "hold-seconds are over, and the scout has not said whom it may be for",
	};
}

static enum judgement wait_for_answer(struct gate *gate, struct flow *flow)
{
	/* Without memory it is judged again with the client's next try. */
	if (!flow->wait->waiting_since_ms && gate_begin_wait(gate, flow))
		flow->wait->waiting_since_ms = gate->now_ms;
	return JUDGED_WAIT;
}

/* One of several domains may be anybody's: the host alone is remembered then. */
static void tell_sighting(struct gate *gate, const struct judged *judged,
                          const struct hop_query *query, const struct event *event)
{
	gate_tell_sighting(
		gate, event,
		judged->met_count == 1 ? &gate->candidates.list[judged->met].hop : &judged->hop,
		query->evidence, judged->verdict.would == ACTION_PASS && judged->met_count <= 1);
}

enum judgement gate_judge(struct gate *gate, struct flow *flow,
                          const struct session_commitment *commitment, struct verdict *verdict,
                          struct event *event)
{
	const struct hop_query query = query_of(gate, flow, commitment);
	struct judged judged = { .facts = *session_facts(flow->session) };
	bool is_early, is_undecided;

	if (flow->wait->line_since_ms && !query.is_line_overdue)
		return JUDGED_WAIT;
	/* Who only watches loses nothing by waiting for the recipient, and then knows the domain. */
	flow->is_mail_unjudged = gate_only_watches(gate) && commitment->kind == COMMITMENT_MAIL;
	if (flow->is_mail_unjudged)
		return JUDGED_PASS;
	judged.facts.is_retransmit_inconsistent = flow->is_inconsistent;
	judged.facts.is_hold_over =
		flow->wait->waiting_since_ms &&
		gate->now_ms - flow->wait->waiting_since_ms >= gate->config->hold_ms;
	if (query.evidence && !judged.facts.is_protocol_violated)
		gate_accept_sessions(gate, &query);
	judge(gate, &judged, &query);
	is_early = may_be_named_yet(gate, &query);
	if (is_early && judged.facts.is_hold_over) {
		give_up_names(gate, &judged.verdict);
		is_early = false;
	}
	*verdict = judged.verdict;
	is_undecided = verdict->action == ACTION_WAIT;
	if ((is_undecided || is_early) && !gate_only_watches(gate))
		return wait_for_answer(gate, flow);
	start_event(gate, event, flow);
	fill_event(gate, event, &judged);
	gate_name_cause(gate, event, judged.broken);
	if (is_undecided) {
		think_later(gate, &judged.facts, &query, event, false);
		note_domain(gate, flow, event->domain);
		return JUDGED_PASS;
	}
	if (is_early && verdict->action == ACTION_PASS)
		think_later(gate, &judged.facts, &query, event, true);
	count_wait(gate, flow, commitment);
	if (judged.facts.is_hold_over)
		gate->counters.hold_timeouts++;
	tell_sighting(gate, &judged, &query, event);
	/* A MAIL that goes on to its RCPT is no verdict yet. */
	if (verdict->action != ACTION_PASS || commitment->kind != COMMITMENT_MAIL)
		tell(gate, flow, event);
	gate_compare(gate, &judged.facts, &judged.hop, &query, event);
	if (verdict->would == ACTION_PASS && query.evidence)
		gate_let_sessions_pass(gate, query.evidence);
	if (verdict->action != ACTION_BLOCK && verdict->action != ACTION_DEFER)
		return JUDGED_PASS;
	/* What we refuse here the client has not refused itself: it may come back in clear. */
	if (verdict->reason == REASON_INJECTED && gate_has_lost_tls(&judged.facts))
		gate_remember_broken(gate, flow, "our refusal of injected octets");
	else if (commitment->kind == COMMITMENT_TLS)
		gate_remember_broken(gate, flow, reason_words(verdict->reason, event->place));
	return JUDGED_REFUSE;
}

static bool says_the_same(const struct event *a, const struct event *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->domain, b->domain) == 0 &&
	       a->action == b->action && a->reason == b->reason;
}

/* Others may have said something of its session meanwhile. */
static void recall(struct gate *gate, struct afterthought *thought, const struct hop_query *query)
{
	if (!query->evidence || thought->evidence.resumed == 0)
		return;
	gate_recall_session(gate, &thought->evidence);
	if (!thought->facts.is_protocol_violated)
		gate_accept_sessions(gate, query);
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
			.place = nat64_behind(&gate->config->nat64, &event->server.address),
			.banner_name = thought->banner_name,
			.ehlo_name = event->ehlo_name,
			.server_name = thought->server_name,
			.opened_ms = thought->opened_ms,
			.judged_ms = thought->since_ms,
			.server_port = event->server.port,
			.evidence = thought->commitment.kind == COMMITMENT_TLS ? &thought->evidence
			                                                       : NULL,
			.is_authenticated = thought->facts.is_authenticated,
		};
		struct judged judged = { .facts = thought->facts };

		if (!thought->is_used)
			continue;
		recall(gate, thought, &query);
		judged.facts.is_hold_over =
			gate->now_ms - thought->since_ms >= gate->config->hold_ms;
		judge(gate, &judged, &query);
		if (judged.verdict.action == ACTION_WAIT ||
		    (may_be_named_yet(gate, &query) && !judged.facts.is_hold_over))
			continue;
		thought->is_used = false;
		gate->afterthought_count--;
		if (judged.verdict.would == ACTION_PASS && query.evidence)
			gate_let_sessions_pass(gate, query.evidence);
		if (thought->is_judged && judged.verdict.action == ACTION_PASS)
			continue;
		fill_event(gate, event, &judged);
		gate_name_cause(gate, event, judged.broken);
		if (!thought->is_judged)
			tell_sighting(gate, &judged, &query, event);
		gate->counters.verdicts[judged.verdict.action]++;
		if (judged.verdict.reason != REASON_NONE)
			gate->counters.reasons[judged.verdict.reason]++;
		if (judged.verdict.action == ACTION_PASS && event->promise.state <= PROMISE_NONE &&
		    !gate->config->events_passes)
			continue;
		if (!told || !says_the_same(told, event))
			gate->actions.tell(gate->owner, event);
		told = event;
		gate_compare(gate, &judged.facts, &judged.hop, &query, event);
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
	struct hop_query query = query_of(gate, flow, &end);
	struct judged judged = { .facts = *session_facts(flow->session) };
	struct event event;

	query.is_line_overdue = false;
	judge(gate, &judged, &query);
	if (judged.verdict.would != ACTION_BLOCK)
		return;
	if (end.kind == COMMITMENT_END)
		judged.verdict.action = judged.verdict.would = ACTION_ALERT;
	start_event(gate, &event, flow);
	fill_event(gate, &event, &judged);
	tell(gate, flow, &event);
	gate_compare(gate, &judged.facts, &judged.hop, &query, &event);
}

void gate_judge_end(struct gate *gate, struct flow *flow, const char *how)
{
	if (flow->is_end_judged || flow->phase == FLOW_OFFLOADED)
		return;
	flow->is_end_judged = true;
	session_end(flow->session);
	if (gate_has_lost_tls(session_facts(flow->session)))
		gate_remember_broken(gate, flow, how);
	if (!flow->domain) /* else it has had its verdict */
		tell_ended(gate, flow);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <stdio.h>
#include <string.h>

#include "policy/peer_names.h"
#include "wire/tls_hello.h"

/* default-level = verify asks for a name: the client's word, else the host of the candidate. */
static bool ask_for_a_name(struct key_rules *rules, const struct hop *hop,
                           const struct hop_query *query)
{
	char name[DOMAIN_NAME_MAX];
	struct key_rule rule = { .kind = KEY_RULE_PKIX, .source = SOURCE_DEFAULT };

	if (query->server_name[0] != '\0' && peer_name_normalise(name, query->server_name))
		rule.names = bytes_of_string(name);
	else
		rule.names = bytes_of_string(hop->mx);
	rules->count = rules->len = 0;
	return key_rules_add(rules, &rule);
}

/* The client was led to a host that our own look-up does not know, and the policy does: its name is as good as theirs. */
static void add_named_host(struct key_rules *rules, const struct hop *hop)
{
	const struct key_rule rule = {
		.kind = KEY_RULE_PKIX,
		.source = hop->promise.source,
		.group = GATE_NAMED_HOST_GROUP,
		.names = bytes_of_string(hop->mx),
	};

	if (hop->place == PLACE_UNRELATED && hop->mx[0] != '\0' &&
	    promise_is_of_policy(hop->promise.source))
		(void)key_rules_add(rules, &rule);
}

bool gate_find_rules(struct gate *gate, const struct hop *hop, const struct hop_query *query)
{
	const struct promise *promise = &hop->promise;
	struct key_rules *rules = &gate->keys->rules;

	rules->count = rules->len = 0;
	if (!asks_for_key(promise, &gate->config->stance))
		return false;
	if (promise->state == PROMISE_KEY) {
		if (!promise_cache_keys(rules, gate->cache, hop, &query->place, gate->now_ms))
			rules->count = 0;
		add_named_host(rules, hop);
		return true;
	}
	return ask_for_a_name(rules, hop, query);
}

static struct bytes rules_of(const struct gate *gate)
{
	return bytes_of(gate->keys->rules.octets, gate->keys->rules.len);
}

static void take_finding(struct facts *facts, struct key_finding *finding,
                         const struct key_finding *found, enum key_sight sight)
{
	*finding = *found;
	facts->key = found->outcome;
	facts->key_sight = sight;
}

/* Nobody can be asked about the certificate that crossed the wire. */
static void judge_unread(struct facts *facts, struct key_finding *finding,
                         const struct key_evidence *evidence)
{
	facts->key = finding->outcome = KEY_UNREADABLE;
	if (evidence->handshake == 0 && evidence->is_list_cut) {
		facts->is_inspection_cut_short = true;
		snprintf(finding->why, sizeof(finding->why),
		         "the list of certificates is longer than %d octets, its first than %d",
		         SESSION_CHAIN_MAX, SESSION_LEAF_MAX);
	} else if (evidence->is_beginning_lost) {
		facts->is_inspection_cut_short = true;
		text_copy(finding->why, sizeof(finding->why),
		          "nobody can tell which handshake began this session");
	} else if (evidence->is_unkept) {
		facts->is_inspection_cut_short = true;
		text_copy(finding->why, sizeof(finding->why), "no memory for the certificates");
	} else {
		text_copy(finding->why, sizeof(finding->why),
		          evidence->is_unsigned ? "nothing is signed by the server's key"
		                                : "no certificate was shown");
	}
}

/* Those behind the first were not read: where they might have mattered, nobody can tell. */
static void limit_to_leaf(struct gate *gate, struct facts *facts, struct key_finding *finding)
{
	if (!key_is_wrong(facts->key) || facts->key >= KEY_UNPROVEN ||
	    key_rules_ask_leaf_alone(rules_of(gate)))
		return;
	facts->is_inspection_cut_short = true;
	snprintf(finding->why, sizeof(finding->why),
	         "the list of certificates is longer than %d octets, and the first is not enough",
	         SESSION_CHAIN_MAX);
}

/* The certificate crossed the wire. */
static void judge_shown(struct gate *gate, struct facts *facts, struct key_finding *finding,
                        const struct key_evidence *evidence)
{
	const struct key_finding *found;
	bool is_lost = true;

	facts->key_sight = SIGHT_WIRE;
	if (evidence->is_unsigned || evidence->handshake == 0) {
		judge_unread(facts, finding, evidence);
		return;
	}
	found = gate_check(gate, &is_lost, evidence->handshake, rules_of(gate));
	if (found)
		take_finding(facts, finding, found, SIGHT_WIRE);
	if (evidence->is_list_cut)
		limit_to_leaf(gate, facts, finding);
	/* A wrong certificate is wrong at once, a right one when its owner has shown himself. */
	if (found && found->outcome == KEY_MET && evidence->is_server_unfinished)
		facts->key = KEY_UNKNOWN;
	facts->is_key_awaited = facts->key == KEY_UNKNOWN && !is_lost;
	facts->is_inspection_cut_short |= !found && is_lost;
}

static struct met_promise promise_of(const struct gate *gate, const struct hop *hop)
{
	char names[sizeof(hop->domain) + sizeof(hop->mx)] = { 0 };

	text_copy(names, sizeof(hop->domain), hop->domain);
	text_copy(names + sizeof(hop->domain), sizeof(hop->mx), hop->mx);
	return (struct met_promise){
		.hop = gate_hash_octets(gate, bytes_of(names, sizeof(names))),
		.rules = gate_hash_rules(gate, rules_of(gate)),
	};
}

static void take_met(struct gate *gate, struct facts *facts, struct key_finding *finding,
                     const struct check_key *met)
{
	const struct check *check = table_find(gate->keys->checks, met);

	if (check && check->is_answered)
		*finding = check->finding;
	facts->key = KEY_MET;
	facts->key_sight = SIGHT_WIRE;
}

static bool may_probe(const struct gate *gate)
{
	return gate->config->tls13 == TLS13_PROBE && gate->actions.probe;
}

/* What the host promised before it was met; what its handshake showed may meet what it promises now, too. False: a probe must tell. */
static bool judge_replaced(struct gate *gate, struct facts *facts, struct key_finding *finding,
                           const struct key_evidence *evidence)
{
	const struct facts before = *facts;

	if (!gate_is_handshake_kept(gate, evidence->handshake))
		return false;
	judge_shown(gate, facts, finding, evidence);
	if (facts->key == KEY_MET || facts->is_key_awaited)
		return true;
	memset(finding, 0, sizeof(*finding));
	*facts = before;
	return false;
}

/*
 * A session that goes on shows no certificate, but whoever can go on with it had the key of the handshake that began it. False: that does
 * not tell, a probe must; and where *leaf is not 0, it must be shown this certificate, which is all that is known yet of that handshake.
 */
static bool judge_resumed(struct gate *gate, struct facts *facts, struct key_finding *finding,
                          const struct hop *hop, const struct hop_query *query, uint64_t *leaf)
{
	const struct key_evidence *evidence = query->evidence;
	const struct met_promise asked = promise_of(gate, hop);
	enum session_met met = gate_has_session_met(gate, evidence, &asked);
	bool is_accepted = evidence->is_beginning_accepted || met != SESSION_MET_NOTHING;

	if (evidence->is_beginning_lost) {
		facts->key_sight = SIGHT_WIRE;
		judge_unread(facts, finding, evidence);
		return true;
	}
	/* What others never said might have spoken against it; what is known here does so still. */
	if (is_accepted && !gate_have_names_come(gate, query->judged_ms)) {
		facts->key_sight = SIGHT_WIRE;
		facts->is_key_awaited = !facts->is_hold_over &&
		                        gate->now_ms - query->judged_ms < GATE_NAMES_PATIENCE_MS;
		if (facts->is_key_awaited || met == SESSION_MET_BEFORE)
			return facts->is_key_awaited;
		is_accepted = false;
		met = SESSION_MET_NOTHING;
	}
	if (met == SESSION_MET_THIS)
		take_met(gate, facts, finding,
		         &(struct check_key){ evidence->handshake, asked.rules });
	if (met == SESSION_MET_BEFORE)
		return judge_replaced(gate, facts, finding, evidence);
	if (!evidence->is_beginning_known || met == SESSION_MET_THIS)
		return met == SESSION_MET_THIS;
	if ((evidence->has_beginning_passed || may_probe(gate)) && evidence->leaf != 0 &&
	    !gate_is_handshake_kept(gate, evidence->handshake)) {
		*leaf = evidence->leaf;
		return false;
	}
	judge_shown(gate, facts, finding, evidence);
	if (facts->key != KEY_MET || is_accepted)
		return true;
	/* Whoever gave this client a session of the same name before may have relayed that one. */
	memset(finding, 0, sizeof(*finding));
	facts->key = KEY_UNKNOWN;
	return false;
}

/* Its handshake is no longer kept, and showed another certificate than a probe is shown. */
static void doubt_resumed(struct facts *facts, struct key_finding *finding,
                          const struct key_evidence *evidence)
{
	memset(finding, 0, sizeof(*finding));
	facts->key = KEY_UNKNOWN;
	facts->key_sight = SIGHT_HIDDEN;
	/* Of most of these nothing was ever asked. */
	if (evidence->has_beginning_passed)
		return;
	facts->is_inspection_cut_short = true;
	facts->key_sight = SIGHT_WIRE;
	text_copy(finding->why, sizeof(finding->why),
	          "this session began with another certificate than the host has now");
}

/* What a probe was shown, held against what this hop promised. True: it says something. */
static bool judge_probe(struct gate *gate, struct facts *facts, struct key_finding *finding,
                        const struct probe_note *probe)
{
	const struct key_finding *found;
	bool is_lost;

	if (!probe) {
		facts->is_key_awaited = true;
		return false;
	}
	if (probe->outcome != PROBE_SHOWN) {
		memcpy(gate->keys->probe_why, probe->why, sizeof(probe->why));
		return false;
	}
	found = gate_check(gate, &is_lost, probe->handshake, rules_of(gate));
	facts->is_key_awaited = !found && !is_lost;
	if (found)
		take_finding(facts, finding, found, SIGHT_PROBE);
	return found != NULL;
}

/* What a probe was shown before somebody came between excuses nothing. NULL: none is fresh, and where there is time, one is asked for. */
static const struct probe_note *find_fresh_probe(struct gate *gate, const struct facts *facts,
                                                 const struct hop_query *query,
                                                 const char *server_name)
{
	const struct probe_note *probe = gate_find_probe(gate, query, server_name, false);

	if (!probe || probe->outcome != PROBE_SHOWN ||
	    gate->now_ms - probe->seen_ms < GATE_PROBE_WRONG_MS)
		return probe;
	return facts->is_hold_over ? NULL : gate_find_probe(gate, query, server_name, true);
}

/*
 * Whoever sends no name is shown this key, not this client alone: else somebody else answers it, and lets through who looks for him.
 * *is_awaited: that is not known yet.
 */
static bool is_shown_to_all_nameless(struct gate *gate, bool *is_awaited, const struct facts *facts,
                                     const struct hop_query *query)
{
	const struct probe_note *probe;

	*is_awaited = false;
	/* It was shown to such a probe, not on the wire. */
	if (facts->key_sight == SIGHT_PROBE)
		return true;
	probe = find_fresh_probe(gate, facts, query, "");
	*is_awaited = !probe;
	return probe && probe->outcome == PROBE_SHOWN && probe->leaf != 0 &&
	       probe->leaf == query->evidence->leaf;
}

/*
 * Whom a sender that knows of TLSA records names (RFC 7672 section 8.1): where they stand, to which an alias may only lead. Else it
 * is the MX host.
 */
static void name_host(char name[DOMAIN_NAME_MAX], const struct gate *gate, const struct hop *hop)
{
	const struct bytes mx = bytes_of_string(hop->mx);
	struct cursor rules = cursor_over(rules_of(gate));
	struct bytes base = mx;
	struct key_rule rule;
	bool is_found = false;

	/* Where hosts share an address, that of this one if it has any. */
	while (key_rule_next(&rule, &rules)) {
		struct bytes first = bytes_slice(rule.names, 0, bytes_find(rule.names, ':'));

		if (rule.kind != KEY_RULE_TLSA || first.len == 0 || first.len >= DOMAIN_NAME_MAX)
			continue;
		if (!is_found || bytes_equal(first, mx))
			base = first;
		is_found = true;
	}
	memcpy(name, base.data, base.len);
	name[base.len] = '\0';
}

/*
 * A host of many names shows its key to who names it: before the key is called wrong, it is asked for by name, and once more without
 * one. What is not known in time excuses nothing.
 */
static void judge_by_name(struct gate *gate, struct facts *facts, const struct hop *hop,
                          const struct hop_query *query)
{
	struct facts named = { 0 };
	struct key_finding finding;
	char name[DOMAIN_NAME_MAX];
	bool is_shown, is_shown_awaited;

	if (query->server_name[0] != '\0' || hop->mx[0] == '\0' || !gate->actions.probe ||
	    facts->promise_only_alerts)
		return;
	is_shown = is_shown_to_all_nameless(gate, &is_shown_awaited, facts, query);
	name_host(name, gate, hop);
	(void)judge_probe(gate, &named, &finding, find_fresh_probe(gate, facts, query, name));
	facts->is_name_unsent = is_shown && named.key == KEY_MET;
	if (facts->is_hold_over || facts->is_name_unsent || !(is_shown || is_shown_awaited) ||
	    !(named.key == KEY_MET || named.is_key_awaited))
		return;
	facts->key = KEY_UNKNOWN;
	facts->is_key_awaited = true;
}

/* He has the key that he shows, and it is another than the promised one: so has a host of many names that was not named. */
static bool may_be_of_another_name(const struct facts *facts, const struct key_evidence *evidence)
{
	return key_is_wrong(facts->key) && facts->key != KEY_UNPROVEN &&
	       facts->key != KEY_UNREADABLE &&
	       !(facts->key_sight == SIGHT_WIRE && evidence->is_server_unfinished);
}

/*
 * The same words, and a lower version: the client has TLS 1.3 with somebody else, who hides what the server that was probed would have
 * shown.
 */
static bool speaks_as_well(const struct probe_note *probe, const struct key_evidence *evidence)
{
	return probe->tls_version >= TLS_VERSION_1_3 || evidence->tls_version < TLS_VERSION_1_3;
}

/* leaf: the certificate that a probe must be shown, whatever was promised; 0: any. */
static void judge_hidden(struct gate *gate, struct facts *facts, struct key_finding *finding,
                         const struct hop_query *query, uint64_t leaf)
{
	const struct probe_note *probe;

	facts->key_sight = SIGHT_HIDDEN;
	/* Of a capture nobody can go and look any more. */
	facts->is_hidden_accepted = gate->config->tls13 == TLS13_PASS ||
	                            (gate->config->tls13 == TLS13_PROBE && !gate->actions.probe);
	if (!may_probe(gate))
		return;
	probe = gate_find_probe(gate, query, query->server_name, false);
	if (!judge_probe(gate, facts, finding, probe))
		return;
	if (facts->key == KEY_MET && leaf != 0 && probe->leaf != leaf) {
		doubt_resumed(facts, finding, query->evidence);
		return;
	}
	if (facts->key == KEY_MET && !speaks_as_well(probe, query->evidence)) {
		memset(finding, 0, sizeof(*finding));
		facts->key = KEY_UNKNOWN;
		facts->key_sight = SIGHT_HIDDEN;
	} else if (!key_is_wrong(facts->key) ||
	           (facts->key == KEY_NAME_MISMATCH && facts->is_name_unknown)) {
		return;
	}
	if (facts->is_hold_over)
		return;
	if (probe->is_confirmed && gate->now_ms - probe->seen_ms < GATE_PROBE_WRONG_MS)
		return;
	/*
	 * One look may meet the wrong machine of a farm, or the old key of a rollover: it takes two. And who was in the way a while ago
	 * may be gone.
	 */
	(void)gate_find_probe(gate, query, query->server_name, true);
	facts->key = KEY_UNKNOWN;
	facts->is_key_awaited = true;
}

const char *gate_probe_why(const struct gate *gate)
{
	return gate->keys->probe_why;
}

void gate_complete_key(struct gate *gate, struct facts *facts, struct key_finding *finding,
                       const struct hop *hop, const struct hop_query *query)
{
	const struct key_evidence *evidence = query->evidence;
	uint64_t leaf = 0;

	memset(finding, 0, sizeof(*finding));
	gate->keys->probe_why[0] = '\0';
	if (!evidence || !gate->actions.check)
		return;
	facts->is_cipher_null = evidence->is_cipher_null;
	facts->is_cipher_anonymous = evidence->is_cipher_anonymous;
	facts->is_tls_weakened = evidence->is_downgraded || evidence->is_weak;
	facts->is_tls_weakened |= gate_is_below_before(gate, query);
	facts->asks_for_key = gate_find_rules(gate, hop, query);
	facts->is_name_unknown = hop->promise.state == PROMISE_NONE && hop->mx[0] == '\0' &&
	                         query->server_name[0] == '\0';
	if (!facts->asks_for_key || facts->is_cipher_anonymous)
		return;
	if (gate->keys->rules.count == 0 || evidence->sight == SIGHT_NONE) {
		facts->is_inspection_cut_short = true;
		return;
	}
	if (evidence->sight == SIGHT_WIRE)
		judge_shown(gate, facts, finding, evidence);
	else if (!judge_resumed(gate, facts, finding, hop, query, &leaf))
		judge_hidden(gate, facts, finding, query, leaf);
	/* The sender asked for that, and took it. */
	facts->is_cipher_anonymous |= facts->key == KEY_UNJUDGED && finding->seen.is_raw;
	/* What is only told does not hold mail up until somebody has gone and looked. */
	if (facts->promise_only_alerts && facts->is_key_awaited &&
	    facts->key_sight == SIGHT_HIDDEN) {
		facts->is_key_awaited = false;
		facts->is_hidden_accepted = true;
	}
	if (may_be_of_another_name(facts, evidence))
		judge_by_name(gate, facts, hop, query);
	if (finding->outcome == KEY_NAME_MISMATCH && facts->is_name_unknown)
		text_copy(finding->why, sizeof(finding->why),
		          "no name to ask for: the sender sends none, and no domain is known here");
}

void gate_note_key(struct gate *gate, const struct facts *facts, const struct hop *hop,
                   const struct hop_query *query)
{
	struct met_promise met;

	if (!query->evidence || !gate->actions.check || facts->key != KEY_MET)
		return;
	gate_note_level(gate, query);
	if (facts->key_sight == SIGHT_WIRE && gate_find_rules(gate, hop, query)) {
		met = promise_of(gate, hop);
		gate_note_sessions(gate, query->evidence, &met);
	}
}

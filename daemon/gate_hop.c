/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

#include "base/nat64.h"
#include "policy/merge.h"
#include "policy/peer_names.h"

void gate_find_hop(struct gate *gate, struct hop *hop, enum question_kind kind, const char *name,
                   const struct address *server)
{
	enum cache_answer answer =
		kind == QUESTION_HOST
			? promise_cache_find_host(hop, gate->cache, name, server, gate->now_ms)
			: promise_cache_find(hop, gate->cache, name, server, gate->now_ms);
	/* Geo-DNS and farms answer each resolver differently: before an address is called wrong, ask afresh. */
	bool is_doubtful = answer == CACHE_FRESH && kind == QUESTION_DOMAIN &&
	                   hop->place == PLACE_UNRELATED && hop->promise.state != PROMISE_NONE &&
	                   !gate_was_asked_afresh(gate, kind, name);

	if (answer == CACHE_FRESH && !is_doubtful)
		return;
	/* What has run out here has run out at the scout, too; only a doubt asks past its cache, and for the policy once more. */
	gate_ask(gate, kind, name, is_doubtful);
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

static void keep_stronger(struct hop *strongest, const struct hop *hop)
{
	if (strength(hop) > strength(strongest))
		*strongest = *hop;
}

/* The server's words are candidates: each counts only if a validated look-up leads back to this address. */
static void find_hop_by_words(struct gate *gate, struct hop *strongest,
                              const struct hop_query *query)
{
	const char *const words[] = { query->banner_name, query->ehlo_name };
	char name[DOMAIN_NAME_MAX];
	struct hop hop;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i][0] == '\0' || !peer_name_normalise(name, words[i]))
			continue;
		/* Without an answer the cache leaves it alone. */
		hop = (struct hop){ 0 };
		gate_find_hop(gate, &hop, QUESTION_HOST, name, &query->place);
		if (hop.promise.state == PROMISE_UNKNOWN || hop.place == PLACE_MX)
			keep_stronger(strongest, &hop);
	}
}

/* What the reverse zone calls that address; NULL: nothing, or it is over. */
static const struct named *find_named(struct gate *gate, const struct address *place)
{
	const struct named *named = table_find(gate->named, place);

	return named && named->expires_ms > gate->now_ms ? named : NULL;
}

/*
 * Whose hop it is, told by the address alone: the hosts that its reverse zone names, which a validated look-up leads back. Anybody else's
 * name for that address, domain or host, does not count: a stranger may point his at any server.
 */
static void find_hop_by_address(struct gate *gate, struct hop *strongest,
                                const struct hop_query *query)
{
	const struct named *named = find_named(gate, &query->place);

	for (size_t i = 0; named && i < GATE_NAMES_PER_ADDRESS && named->hosts[i][0]; i++) {
		struct hop hop = { 0 };

		gate_find_hop(gate, &hop, QUESTION_HOST, named->hosts[i], &query->place);
		if (hop.promise.state != PROMISE_UNKNOWN && hop.place == PLACE_MX)
			keep_stronger(strongest, &hop);
	}
}

static void find_hop_of_host(struct gate *gate, struct hop *hop, const struct hop_query *query)
{
	*hop = (struct hop){ .promise.state = PROMISE_NONE };
	find_hop_by_words(gate, hop, query);
	find_hop_by_address(gate, hop, query);
}

static void find_hop_of_recipient(struct gate *gate, struct candidates *candidates, struct hop *hop,
                                  const struct hop_query *query)
{
	enum smtp_path_kind path = query->commitment->path;
	bool should_name = path == SMTP_PATH_DOMAIN || path == SMTP_PATH_MALFORMED;
	char name[DOMAIN_NAME_MAX];
	bool is_named = should_name && peer_name_normalise(name, query->commitment->domain);
	struct hop by_host;

	if (is_named) {
		gate_find_hop(gate, hop, QUESTION_DOMAIN, name, &query->place);
		text_copy(hop->domain, sizeof(hop->domain), name);
	}
	if (path == SMTP_PATH_DOMAIN && is_named)
		return;
	/* A recipient that we cannot read is one that the server may read as anybody. */
	candidates->is_recipient_unreadable = should_name;
	find_hop_of_host(gate, &by_host, query);
	if (!is_named || strength(&by_host) > strength(hop))
		*hop = by_host;
}

static bool is_of_recipient(const struct hop_query *query)
{
	return query->commitment->kind == COMMITMENT_RCPT && !query->is_line_overdue &&
	       !query->is_authenticated;
}

static struct candidate *add_candidate(struct candidates *candidates)
{
	struct candidate *candidate;

	if (candidates->count == CANDIDATES_MAX)
		return NULL;
	candidate = &candidates->list[candidates->count++];
	*candidate = (struct candidate){ 0 };
	return candidate;
}

static bool is_named_already(const struct candidates *candidates, const struct hop *hop)
{
	for (size_t i = 0; i < candidates->count; i++) {
		const struct hop *other = &candidates->list[i].hop;

		if (strcmp(other->domain, hop->domain) == 0 &&
		    (hop->domain[0] != '\0' || strcmp(other->mx, hop->mx) == 0))
			return true;
	}
	return false;
}

/* The client's own word: it binds, whatever the address. */
static void add_server_name(struct gate *gate, struct candidates *candidates,
                            const struct hop_query *query)
{
	char name[DOMAIN_NAME_MAX];
	struct candidate *candidate;

	if (query->server_name[0] == '\0' || !peer_name_normalise(name, query->server_name))
		return;
	candidate = add_candidate(candidates);
	candidate->binds = candidate->is_awaited = true;
	gate_find_hop(gate, &candidate->hop, QUESTION_HOST, name, &query->place);
	text_copy(candidate->hop.mx, sizeof(candidate->hop.mx), name);
}

/*
 * The client was led to a host that our own look-up does not name. Geo-DNS names others elsewhere, and whoever forges an answer can name
 * any; but only a domain's owner has hosts of its name with a signed address and TLSA records of their own: such a one is the hop.
 */
static void judge_other_host(struct gate *gate, struct candidate *candidate,
                             const struct heard_note *note, const struct address *place)
{
	struct hop *hop = &candidate->hop;
	struct hop other = { 0 };

	candidate->is_led_astray = true;
	if (hop->promise.source != SOURCE_DANE || !peer_name_is_within(note->host, note->domain))
		return;
	gate_find_hop(gate, &other, QUESTION_HOST, note->host, place);
	if (other.promise.state == PROMISE_UNKNOWN) {
		hop->promise.state = PROMISE_UNKNOWN;
		return;
	}
	if (other.place != PLACE_MX || other.promise.state != PROMISE_KEY)
		return;
	text_copy(other.domain, sizeof(other.domain), note->domain);
	other.is_established = hop->is_established;
	*hop = other;
	candidate->is_led_astray = false;
}

/* A policy that names the host stands for it wherever it is, and asks for a certificate of its name (RFC 8461 section 4.1). */
static void take_named_host(struct hop *hop, const struct heard_note *note)
{
	char name[DOMAIN_NAME_MAX];

	if (note->is_named && hop->place == PLACE_UNRELATED &&
	    promise_is_of_policy(hop->promise.source) && peer_name_normalise(name, note->host))
		text_copy(hop->mx, sizeof(hop->mx), name);
}

/* Domains whose mail a guarded client was told to bring here; what our own look-up says of them counts. */
static void add_heard(struct gate *gate, struct candidates *candidates,
                      const struct hop_query *query)
{
	const struct heard_notes *heard = table_find(gate->heard, &query->place);

	for (size_t i = 0; heard && i < GATE_HEARD_PER_ADDRESS; i++) {
		const struct heard_note *note = &heard->notes[i];
		struct candidate *candidate;

		if (note->expires_ms <= gate->now_ms)
			continue;
		candidate = add_candidate(candidates);
		if (!candidate)
			return;
		candidate->is_heard = true;
		candidate->is_named = note->standing == MERGE_STANDING_NAMED;
		gate_find_hop(gate, &candidate->hop, QUESTION_DOMAIN, note->domain, &query->place);
		text_copy(candidate->hop.domain, sizeof(candidate->hop.domain), note->domain);
		if (candidate->hop.promise.state == PROMISE_UNKNOWN)
			continue;
		/* Another address of the right host: farms and geo-DNS have many (the key tells, not the place). */
		if (candidate->hop.place == PLACE_UNRELATED &&
		    !promise_cache_find_mx(&candidate->hop, gate->cache, note->domain, note->host))
			judge_other_host(gate, candidate, note, &query->place);
		take_named_host(&candidate->hop, note);
		/* Unless a host that the policy names takes the domain's mail at that address, too. */
		if (note->is_excluded &&
		    (promise_is_of_domain(candidate->hop.promise.source) ||
		     candidate->hop.promise.state == PROMISE_UNAVAILABLE) &&
		    (candidate->hop.place != PLACE_MX ||
		     strcmp(candidate->hop.mx, note->host) == 0))
			candidate->hop.place = PLACE_EXCLUDED;
		candidate->binds = candidate->hop.is_established || note->standing > 0;
		candidates->is_settled |= candidate->binds;
	}
}

/* Whether the server, or the reverse zone of its address, calls it that: else anybody's name for it is found there. */
static bool calls_itself(struct gate *gate, const struct hop_query *query, const char *host)
{
	const char *const words[] = { query->banner_name, query->ehlo_name };
	const struct named *named = find_named(gate, &query->place);
	char name[DOMAIN_NAME_MAX];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i][0] && peer_name_normalise(name, words[i]) && strcmp(name, host) == 0)
			return true;
	}
	for (size_t i = 0; named && i < GATE_NAMES_PER_ADDRESS; i++) {
		if (strcmp(named->hosts[i], host) == 0)
			return true;
	}
	return false;
}

/* The place is known, what it promised is not any more: asked for again. */
static bool is_outdated(struct gate *gate, const struct hop *hop)
{
	bool is_domain = hop->domain[0] != '\0';

	if (hop->promise.state != PROMISE_UNKNOWN)
		return false;
	gate_ask(gate, is_domain ? QUESTION_DOMAIN : QUESTION_HOST,
	         is_domain ? hop->domain : hop->mx, false);
	return true;
}

/*
 * Whom our own answers name there: domains of table, list and watch, such as had mail before, and the host by its own name. That mail
 * is on its way to one of them right now nobody said, so in TLS none binds: who has moved to a large provider, and forgot to say so in
 * his policy, must not stop all mail to that provider.
 */
static void add_known(struct gate *gate, struct candidates *candidates,
                      const struct hop_query *query)
{
	struct hop hops[PROMISE_CACHE_MENTIONS_MAX];
	size_t count = promise_cache_at(hops, gate->cache, &query->place, gate->now_ms);

	for (size_t i = 0; i < count; i++) {
		bool is_domain = hops[i].domain[0] != '\0';
		struct candidate *candidate;

		if (!(is_domain ? hops[i].is_established : calls_itself(gate, query, hops[i].mx)) ||
		    is_named_already(candidates, &hops[i]))
			continue;
		candidate = add_candidate(candidates);
		if (!candidate)
			return;
		candidate->hop = hops[i];
		candidate->is_known = is_domain;
		candidate->is_awaited = is_outdated(gate, &hops[i]);
		candidates->is_settled |= candidate->is_known;
	}
}

/*
 * A recipient's line that stays incomplete hides him as TLS does: the host's promise binds, and that of each known domain that has its
 * mail there; strangers' domains count as they do in TLS, and stop nobody else's mail.
 */
static void add_all_there(struct gate *gate, struct candidates *candidates,
                          const struct hop_query *query)
{
	candidates->list[0].binds = true;
	add_heard(gate, candidates, query);
	add_known(gate, candidates, query);
	for (size_t i = 1; i < candidates->count; i++) {
		struct candidate *candidate = &candidates->list[i];

		candidate->binds |= candidate->is_known && candidate->hop.place == PLACE_MX;
	}
}

static bool names_a_domain(const struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++) {
		if (candidates->list[i].hop.domain[0] != '\0')
			return true;
	}
	return false;
}

/* Whoever stands at an address may be a smart host that has not been looked up yet: until he is, nothing is decided. */
static bool awaits_next_hops(struct gate *gate, const struct address *place)
{
	const struct config *config = gate->config;
	bool awaits = false;
	struct hop hop;

	if (gate->next_hops_are_known)
		return false;
	for (size_t i = 0; i < config->next_hop_count; i++) {
		const char *name = config->next_hops[i].name;

		if (promise_cache_find_host(&hop, gate->cache, name, place, gate->now_ms) !=
		    CACHE_UNKNOWN)
			continue;
		gate_ask(gate, QUESTION_HOST, name, false);
		awaits = true;
	}
	gate->next_hops_are_known = !awaits;
	return awaits;
}

/*
 * A smart host's addresses come from the DNS, signed or not: where one of them is a place of the recipient's own domain, as a signed
 * answer has it, what that promised is not lost.
 */
static void keep_own_place(struct gate *gate, struct hop *hop, const struct hop_query *query)
{
	char name[DOMAIN_NAME_MAX];
	struct hop own;

	if (query->commitment->kind != COMMITMENT_RCPT || query->is_authenticated ||
	    query->commitment->path != SMTP_PATH_DOMAIN ||
	    !peer_name_normalise(name, query->commitment->domain) ||
	    promise_cache_find(&own, gate->cache, name, &query->place, gate->now_ms) != CACHE_FRESH)
		return;
	if (own.place == PLACE_MX && own.mx_security == DNS_SECURE &&
	    strength(&own) > strength(hop))
		*hop = own;
}

void gate_find_candidates(struct gate *gate, struct candidates *candidates,
                          const struct hop_query *query)
{
	struct candidate *candidate;

	gate->asking = *query->client;
	candidates->count = 0;
	candidates->is_recipient_unreadable = false;
	candidates->is_hop_unknown = false;
	candidates->is_settled = false;
	candidate = add_candidate(candidates);
	if (promise_cache_next_hop(&candidate->hop, gate->cache, &query->place)) {
		candidates->is_settled = true;
		candidate->is_awaited = is_outdated(gate, &candidate->hop);
		keep_own_place(gate, &candidate->hop, query);
		return;
	}
	if (awaits_next_hops(gate, &query->place)) {
		candidate->is_awaited = true;
		return;
	}
	if (query->commitment->kind != COMMITMENT_TLS) {
		if (is_of_recipient(query))
			find_hop_of_recipient(gate, candidates, &candidate->hop, query);
		else
			find_hop_of_host(gate, &candidate->hop, query);
		if (query->commitment->kind == COMMITMENT_RCPT && query->is_line_overdue &&
		    !query->is_authenticated)
			add_all_there(gate, candidates, query);
		return;
	}
	candidates->count = 0;
	add_server_name(gate, candidates, query);
	add_heard(gate, candidates, query);
	add_known(gate, candidates, query);
	candidates->is_hop_unknown = !names_a_domain(candidates);
	if (candidates->count == 0)
		add_candidate(candidates)->hop.promise.state = PROMISE_NONE;
}

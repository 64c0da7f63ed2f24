/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

#include "base/nat64.h"

/* How many addresses are looked at for one that may be given up: a bound on the work for one candidate. */
enum { EVICTION_LOOKS_MAX = 64 };

/*
 * The cost of losing a note: strangers, of whom there may be any number, must drive out neither who would show that mail is led astray,
 * nor the last one that has nothing against the address, for then they alone decide. Days count where more is told than of strangers:
 * somebody with domains of his own has few, or many days' work.
 */
enum worth {
	WORTH_OVER,
	WORTH_CONTENT, /* a stranger's, which may be led to this address */
	WORTH_ASTRAY,  /* a stranger's, which denies the address: an alert */
	WORTH_UNKNOWN, /* a stranger's, not looked up yet, or in vain */
	WORTH_STANDING_CONTENT,
	WORTH_STANDING, /* binds, or may do so */
	WORTH_MOST_CONTENT,
};

static bool is_alive(const struct gate *gate, const struct heard_note *note)
{
	return note->expires_ms > gate->now_ms;
}

/* As far as this guard knows; what it asks for is another matter. */
static enum worth judge_note(struct gate *gate, const struct heard_note *note,
                             const struct address *server)
{
	bool stands = note->standing > 0;
	struct hop hop;

	if (!is_alive(gate, note))
		return WORTH_OVER;
	if (promise_cache_find(&hop, gate->cache, note->domain, server, gate->now_ms) ==
	            CACHE_UNKNOWN ||
	    hop.promise.state == PROMISE_UNAVAILABLE)
		return stands ? WORTH_STANDING : WORTH_UNKNOWN;
	if (hop.place == PLACE_EXCLUDED || note->is_excluded ||
	    (hop.place == PLACE_UNRELATED && hop.promise.state != PROMISE_NONE &&
	     !promise_cache_find_mx(&hop, gate->cache, note->domain, note->host)))
		return stands ? WORTH_STANDING : WORTH_ASTRAY;
	return stands ? WORTH_STANDING_CONTENT : WORTH_CONTENT;
}

struct ranking {
	const struct heard_note *note;
	enum worth worth;
};

static bool is_worth_less(const struct ranking *a, const struct ranking *b)
{
	if (a->worth != b->worth)
		return a->worth < b->worth;
	return a->note->standing < b->note->standing;
}

/* Of those that have nothing against the address the best known stays before all others. */
static void raise_most_content(struct ranking *rankings, size_t count)
{
	struct ranking *most = NULL;

	for (size_t i = 0; i < count; i++) {
		if ((rankings[i].worth == WORTH_CONTENT ||
		     rankings[i].worth == WORTH_STANDING_CONTENT) &&
		    (!most || is_worth_less(most, &rankings[i])))
			most = &rankings[i];
	}
	if (most)
		most->worth = WORTH_MOST_CONTENT;
}

/* The place of the one that is worth least; of equals that which was told first. NULL: all are worth more than the new one. */
static struct heard_note *choose_note(struct gate *gate, struct heard_notes *notes,
                                      const struct heard_note *added, const struct address *server)
{
	struct ranking rankings[GATE_HEARD_PER_ADDRESS + 1];
	const struct ranking *least = &rankings[0];
	size_t at;

	for (size_t i = 0; i <= GATE_HEARD_PER_ADDRESS; i++) {
		rankings[i].note =
			i == GATE_HEARD_PER_ADDRESS
				? added
				: &notes->notes[(notes->next + i) % GATE_HEARD_PER_ADDRESS];
		rankings[i].worth = judge_note(gate, rankings[i].note, server);
	}
	raise_most_content(rankings, GATE_HEARD_PER_ADDRESS + 1);
	for (size_t i = 1; i <= GATE_HEARD_PER_ADDRESS; i++) {
		if (is_worth_less(&rankings[i], least))
			least = &rankings[i];
	}
	if (least->note == added)
		return NULL;
	at = (notes->next + (size_t)(least - rankings)) % GATE_HEARD_PER_ADDRESS;
	notes->next = at + 1;
	return &notes->notes[at];
}

static bool has_standing(const struct gate *gate, const struct heard_notes *notes)
{
	for (size_t i = 0; i < GATE_HEARD_PER_ADDRESS; i++) {
		if (is_alive(gate, &notes->notes[i]) && notes->notes[i].standing > 0)
			return true;
	}
	return false;
}

/* A full table gives up its oldest: those that must stay become young before that. */
static void make_room(struct gate *gate)
{
	const struct heard_notes *oldest;
	const void *key;

	for (int i = 0; i < EVICTION_LOOKS_MAX; i++) {
		if (table_count(gate->heard) < GATE_HEARD_ADDRESSES_MAX)
			return;
		oldest = table_oldest(gate->heard, &key);
		if (!has_standing(gate, oldest))
			return;
		(void)table_find(gate->heard, key);
	}
}

/* One more name of that address. Names of the same look-up come one after the other; those of an older one are over by then. */
static void learn_name(struct gate *gate, const struct address *place,
                       const struct message_candidate *candidate)
{
	struct named *named = table_find(gate->named, place);
	size_t i;

	if (!named)
		named = table_insert(gate->named, place);
	if (!named)
		return;
	if (named->expires_ms <= gate->now_ms)
		memset(named, 0, sizeof(*named));
	for (i = 0; i < GATE_NAMES_PER_ADDRESS && named->hosts[i][0]; i++) {
		if (strcmp(named->hosts[i], candidate->host) == 0)
			break;
	}
	if (i < GATE_NAMES_PER_ADDRESS)
		memcpy(named->hosts[i], candidate->host, sizeof(named->hosts[i]));
	named->expires_ms = gate->now_ms + (uint64_t)candidate->life_s * 1000;
}

static struct heard_note *find_note(struct heard_notes *notes, const struct heard_note *same)
{
	for (size_t i = 0; i < GATE_HEARD_PER_ADDRESS; i++) {
		struct heard_note *note = &notes->notes[i];

		if (strcmp(note->domain, same->domain) == 0 && strcmp(note->host, same->host) == 0)
			return note;
	}
	return NULL;
}

static struct heard_notes *find_notes(struct gate *gate, const struct address *place)
{
	struct heard_notes *notes = table_find(gate->heard, place);

	if (notes)
		return notes;
	make_room(gate);
	return table_insert(gate->heard, place);
}

/* The same again lives longer. */
void gate_candidate(struct gate *gate, const struct message_candidate *candidate, uint64_t now_ms)
{
	const struct address place = nat64_behind(&gate->config->nat64, &candidate->server);
	struct heard_note added = {
		.expires_ms = now_ms + (uint64_t)candidate->life_s * 1000,
		.is_excluded = candidate->is_excluded != 0,
		.is_named = candidate->is_named != 0,
		.standing = candidate->standing,
	};
	struct heard_notes *notes;
	struct heard_note *note;

	gate->now_ms = now_ms;
	if (candidate->domain[0] == '\0') {
		learn_name(gate, &place, candidate);
		return;
	}
	gate->counters.candidates++;
	memcpy(added.domain, candidate->domain, sizeof(added.domain));
	memcpy(added.host, candidate->host, sizeof(added.host));
	notes = find_notes(gate, &place);
	if (!notes)
		return;
	note = find_note(notes, &added);
	/* A scout that started anew may not have its memory yet. */
	if (note && is_alive(gate, note) && note->standing > added.standing)
		added.standing = note->standing;
	if (!note)
		note = choose_note(gate, notes, &added, &place);
	if (note)
		*note = added;
}

static uint64_t *echo_asked_ms(struct echo *echo, uint32_t number)
{
	return &echo->asked_ms[number % GATE_ECHOES_MAX];
}

bool gate_has_heard(struct gate *gate, uint64_t opened_ms)
{
	struct echo *echo = &gate->echo;

	if (!gate->actions.echo || echo->answered_ms > opened_ms)
		return true;
	/* Asked within the same millisecond, it may have been before the answer. */
	if (gate->now_ms <= opened_ms ||
	    (echo->is_under_way &&
	     gate->now_ms - *echo_asked_ms(echo, echo->number) < GATE_ECHO_AGAIN_MS))
		return false;
	echo->number++;
	echo->is_under_way = true;
	*echo_asked_ms(echo, echo->number) = gate->now_ms;
	gate->actions.echo(gate->owner, echo->number);
	return false;
}

void gate_hear_ahead(struct gate *gate, const struct flow *flow)
{
	if (session_facts(flow->session)->starttls_answer != STARTTLS_NOT_ASKED)
		(void)gate_has_heard(gate, flow->started_ms);
}

/* Also of one that was asked again meanwhile: a scout that is always behind by more than that would never be understood. */
void gate_echoed(struct gate *gate, uint32_t number, uint64_t now_ms, uint64_t time_ms)
{
	struct echo *echo = &gate->echo;
	uint64_t asked_ms = *echo_asked_ms(echo, number);

	if (echo->number - number >= GATE_ECHOES_MAX || asked_ms <= echo->answered_ms)
		return;
	echo->is_under_way &= number != echo->number;
	echo->answered_ms = asked_ms;
	gate_go_on(gate, NULL, now_ms, time_ms);
}

bool gate_cares_for(const struct gate *gate, const char *domain)
{
	return promise_cache_is_established(gate->cache, domain);
}

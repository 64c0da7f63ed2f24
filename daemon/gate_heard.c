/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

#include "base/nat64.h"

/* How many addresses are looked at for one that may be given up: a bound on the work for one candidate. */
enum { EVICTION_LOOKS_MAX = 64 };

/* The cost of losing a note. Whoever has domains of his own must not drive out what would show that mail is led astray. */
enum worth { WORTH_OVER, WORTH_STRANGER, WORTH_UNKNOWN, WORTH_ESTABLISHED };

static enum worth worth_of(struct gate *gate, const struct heard_note *note,
                           const struct address *server)
{
	struct hop hop;

	if (note->expires_ms <= gate->now_ms)
		return WORTH_OVER;
	if (promise_cache_find(&hop, gate->cache, note->domain, server, gate->now_ms) ==
	    CACHE_UNKNOWN)
		return WORTH_UNKNOWN;
	return hop.is_established ? WORTH_ESTABLISHED : WORTH_STRANGER;
}

/* The one that is worth least; of equals that which was told first. */
static struct heard_note *choose_note(struct gate *gate, struct heard_notes *notes,
                                      const struct address *server)
{
	struct heard_note *chosen = NULL;
	enum worth least = WORTH_OVER;

	for (size_t i = 0; i < GATE_HEARD_PER_ADDRESS; i++) {
		struct heard_note *note = &notes->notes[(notes->next + i) % GATE_HEARD_PER_ADDRESS];
		enum worth worth = worth_of(gate, note, server);

		if (chosen && worth >= least)
			continue;
		chosen = note;
		least = worth;
	}
	notes->next = (size_t)(chosen - notes->notes) + 1;
	return chosen;
}

static bool has_established(struct gate *gate, const struct heard_notes *notes,
                            const struct address *server)
{
	for (size_t i = 0; i < GATE_HEARD_PER_ADDRESS; i++) {
		if (worth_of(gate, &notes->notes[i], server) == WORTH_ESTABLISHED)
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
		if (!has_established(gate, oldest, key))
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

/* The same again lives longer. */
void gate_candidate(struct gate *gate, const struct message_candidate *candidate, uint64_t now_ms)
{
	const struct address place = nat64_behind(&gate->config->nat64, &candidate->server);
	struct heard_notes *notes = table_find(gate->heard, &place);
	struct heard_note *note = NULL;

	gate->now_ms = now_ms;
	if (candidate->domain[0] == '\0') {
		learn_name(gate, &place, candidate);
		return;
	}
	gate->counters.candidates++;
	if (!notes) {
		make_room(gate);
		notes = table_insert(gate->heard, &place);
	}
	if (!notes)
		return;
	for (size_t i = 0; i < GATE_HEARD_PER_ADDRESS && !note; i++) {
		if (strcmp(notes->notes[i].domain, candidate->domain) == 0 &&
		    strcmp(notes->notes[i].host, candidate->host) == 0)
			note = &notes->notes[i];
	}
	if (!note)
		note = choose_note(gate, notes, &place);
	note->expires_ms = now_ms + (uint64_t)candidate->life_s * 1000;
	note->is_excluded = candidate->is_excluded != 0;
	memcpy(note->domain, candidate->domain, sizeof(note->domain));
	memcpy(note->host, candidate->host, sizeof(note->host));
}

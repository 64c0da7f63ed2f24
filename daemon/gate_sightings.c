/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/nat64.h"
#include "base/siphash.h"

/* What makes one sighting another. */
struct told {
	struct address server;
	char host[DOMAIN_NAME_MAX];
	char domain[DOMAIN_NAME_MAX];
	uint32_t tls_version;
	uint32_t met;
	uint64_t leaf;
	uint8_t digest[KEY_DIGEST_LEN];
};

/* Each thing that a host showed is told once in a while, and at once when it is another. */
static bool is_told_lately(struct gate *gate, const struct message_sighting *sighting,
                           uint64_t leaf)
{
	struct told told;
	uint64_t key, *told_ms;

	/* Padding is hashed, too. */
	memset(&told, 0, sizeof(told));
	told.server = sighting->server;
	memcpy(told.host, sighting->host, sizeof(told.host));
	memcpy(told.domain, sighting->domain, sizeof(told.domain));
	told.tls_version = sighting->tls_version;
	told.met = sighting->met;
	told.leaf = leaf;
	memcpy(told.digest, sighting->key.seen.leaf_digest, sizeof(told.digest));
	key = siphash(gate->secret, &told, sizeof(told));
	told_ms = table_find(gate->sighted, &key);
	if (told_ms && *told_ms != 0 && gate->now_ms - *told_ms < GATE_SIGHTING_AGAIN_MS)
		return true;
	if (!told_ms)
		told_ms = table_insert(gate->sighted, &key);
	if (told_ms)
		*told_ms = gate->now_ms;
	return false;
}

/* What the verifier said of the hop that is told of: of another's rules it says nothing here. */
static bool has_finding(const struct event *event, const struct hop *hop)
{
	return (event->key_sight == SIGHT_WIRE || event->key_sight == SIGHT_PROBE) &&
	       event->key.seen.has_leaf && strcmp(event->mx, hop->mx) == 0 &&
	       strcmp(event->domain, hop->domain) == 0;
}

/* Without rules the answer is which key it is; told now where it is known already, else when it comes. */
static void ask_for_key(struct gate *gate, struct message_sighting *sighting, uint64_t handshake)
{
	struct gate_keys *keys = gate->keys;
	const struct key_finding *found;
	struct open_sighting *open;
	bool is_lost;

	found = gate_check(gate, &is_lost, handshake, bytes_of(NULL, 0));
	if (found) {
		sighting->key = *found;
		sighting->key_sight = SIGHT_WIRE;
	}
	if (found || is_lost)
		return;
	open = &keys->sightings[keys->sighting_next++ % GATE_SIGHTINGS_OPEN_MAX];
	open->handshake = handshake;
	open->sighting = *sighting;
}

void gate_tell_sighting(struct gate *gate, const struct event *event, const struct hop *hop,
                        const struct key_evidence *evidence, bool is_met)
{
	struct message_sighting sighting;
	bool asks;

	if (hop->mx[0] == '\0' || hop->place != PLACE_MX || event->starttls != STARTTLS_OFFERED)
		return;
	memset(&sighting, 0, sizeof(sighting));
	sighting.type = MESSAGE_SIGHTING;
	sighting.offers_starttls = 1;
	sighting.met =
		is_met && (hop->promise.state == PROMISE_TLS || hop->promise.state == PROMISE_KEY);
	sighting.tls_version = event->tls_version;
	sighting.server = nat64_behind(&gate->config->nat64, &event->server.address);
	memcpy(sighting.host, hop->mx, sizeof(sighting.host));
	memcpy(sighting.domain, hop->domain, sizeof(sighting.domain));
	if (has_finding(event, hop)) {
		sighting.key_sight = event->key_sight;
		sighting.key = event->key;
	}
	if (is_told_lately(gate, &sighting, evidence ? evidence->leaf : 0))
		return;
	/* Nobody waits for it: what is known so far is told now, the rest when it comes. */
	asks = sighting.key_sight == SIGHT_NONE && evidence && evidence->sight == SIGHT_WIRE &&
	       evidence->handshake != 0 && gate->actions.check;
	if (asks)
		ask_for_key(gate, &sighting, evidence->handshake);
	gate->actions.sighting(gate->owner, &sighting);
}

void gate_complete_sightings(struct gate *gate, uint64_t handshake,
                             const struct key_finding *finding)
{
	for (size_t i = 0; i < GATE_SIGHTINGS_OPEN_MAX; i++) {
		struct open_sighting *open = &gate->keys->sightings[i];

		if (open->handshake != handshake)
			continue;
		open->handshake = 0;
		open->sighting.key_sight = SIGHT_WIRE;
		open->sighting.key = *finding;
		gate->actions.sighting(gate->owner, &open->sighting);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

uint64_t gate_hash_octets(const struct gate *gate, struct bytes octets)
{
	uint64_t key = siphash(gate->secret, octets.data, octets.len);

	return octets.len == 0 ? 0 : key + (key == 0);
}

static void on_handshake_leave(void *owner, const void *key, void *value)
{
	struct gate *gate = owner;
	struct handshake **handshake = value;

	(void)key;
	if (*handshake)
		budget_refund(&gate->handshakes, (*handshake)->octets);
	free(*handshake);
}

struct gate_keys *gate_keys_new(struct gate *gate)
{
	struct gate_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->gate = gate;
	memcpy(keys->names_secret, gate->secret, sizeof(keys->names_secret));
	keys->handshakes =
		table_new(GATE_HANDSHAKES_MAX, sizeof(uint64_t), sizeof(struct handshake *),
	                  gate->secret, on_handshake_leave, gate);
	keys->checks = table_new(GATE_CHECKS_MAX, sizeof(struct check_key), sizeof(struct check),
	                         gate->secret, NULL, NULL);
	keys->requests = table_new(GATE_CHECKS_MAX, sizeof(uint32_t), sizeof(struct check_key),
	                           gate->secret, NULL, NULL);
	keys->sessions = table_new(GATE_SESSIONS_MAX, sizeof(uint64_t), sizeof(struct session_note),
	                           gate->secret, gate_on_session_leave, gate);
	keys->unread = table_new(GATE_UNREAD_MAX, sizeof(uint64_t), sizeof(struct unread_note),
	                         gate->secret, gate_on_unread_leave, gate);
	keys->probes = table_new(GATE_PROBES_MAX, sizeof(uint64_t), sizeof(struct probe_note),
	                         gate->secret, NULL, NULL);
	keys->levels = table_new(GATE_LEVELS_MAX, sizeof(struct level_key), sizeof(struct level),
	                         gate->secret, NULL, NULL);
	keys->sightings = calloc(GATE_SIGHTINGS_OPEN_MAX, sizeof(*keys->sightings));
	keys->differences = calloc(GATE_DIFFERENCES_MAX, sizeof(*keys->differences));
	keys->passed = calloc(GATE_PASSED_MAX, sizeof(*keys->passed));
	if (keys->handshakes && keys->checks && keys->requests && keys->sessions && keys->unread &&
	    keys->probes && keys->levels && keys->sightings && keys->differences && keys->passed)
		return keys;
	gate_keys_free(keys);
	return NULL;
}

void gate_keys_free(struct gate_keys *keys)
{
	if (!keys)
		return;
	table_free(keys->handshakes);
	table_free(keys->checks);
	table_free(keys->requests);
	table_free(keys->sessions);
	table_free(keys->unread);
	table_free(keys->probes);
	table_free(keys->levels);
	free(keys->sightings);
	free(keys->differences);
	free(keys->passed);
	free(keys);
}

static struct handshake *new_handshake(struct gate *gate, struct bytes chain, struct bytes exchange)
{
	size_t octets = sizeof(struct handshake) + chain.len + exchange.len;
	struct handshake *handshake;

	if (chain.len > CHECK_CHAIN_MAX || exchange.len > CHECK_EXCHANGE_MAX ||
	    !budget_charge(&gate->handshakes, octets))
		return NULL;
	handshake = calloc(1, octets);
	if (!handshake) {
		budget_refund(&gate->handshakes, octets);
		return NULL;
	}
	handshake->octets = octets;
	handshake->chain_len = (uint32_t)chain.len;
	handshake->exchange_len = (uint32_t)exchange.len;
	if (chain.len > 0)
		memcpy(handshake->chain_and_exchange, chain.data, chain.len);
	if (exchange.len > 0)
		memcpy(handshake->chain_and_exchange + chain.len, exchange.data, exchange.len);
	return handshake;
}

/* Under its own hash, unless the same is kept already. It is the table's from here on. 0: out of memory. */
static uint64_t keep(struct gate *gate, struct handshake *handshake)
{
	const size_t head = offsetof(struct handshake, version);
	struct handshake **place;
	uint64_t key;

	if (!handshake)
		return 0;
	key = siphash(gate->secret, (const uint8_t *)handshake + head, handshake->octets - head);
	key += key == 0;
	place = table_find(gate->keys->handshakes, &key);
	if (!place) {
		place = table_insert(gate->keys->handshakes, &key);
		if (place) {
			*place = handshake;
			return key;
		}
		key = 0;
	}
	budget_refund(&gate->handshakes, handshake->octets);
	free(handshake);
	return key;
}

uint64_t gate_keep_handshake(struct gate *gate, const struct session_keys *keys)
{
	struct handshake *handshake = new_handshake(gate, keys->chain, keys->key_exchange);

	if (!handshake)
		return 0;
	handshake->version = keys->version;
	handshake->cipher_suite = keys->cipher_suite;
	memcpy(handshake->client_random, keys->client_random, CHECK_RANDOM_LEN);
	memcpy(handshake->server_random, keys->server_random, CHECK_RANDOM_LEN);
	return keep(gate, handshake);
}

uint64_t gate_keep_chain(struct gate *gate, struct bytes chain, uint16_t version)
{
	struct handshake *handshake = new_handshake(gate, chain, (struct bytes){ 0 });

	if (handshake)
		handshake->version = version;
	return keep(gate, handshake);
}

bool gate_is_handshake_kept(struct gate *gate, uint64_t handshake)
{
	return table_find(gate->keys->handshakes, &handshake) != NULL;
}

uint64_t gate_hash_rules(const struct gate *gate, struct bytes rules)
{
	return siphash(gate->secret, rules.data, rules.len);
}

static void send(struct gate *gate, uint32_t request, const struct handshake *handshake,
                 struct bytes rules)
{
	struct message_check *message = &gate->keys->message;
	size_t len = rules.len + handshake->chain_len + handshake->exchange_len;

	memset(message, 0, CHECK_HEAD_LEN);
	message->type = MESSAGE_CHECK;
	message->request = request;
	message->tls_version = handshake->version;
	message->cipher_suite = handshake->cipher_suite;
	message->rules_len = (uint32_t)rules.len;
	message->chain_len = handshake->chain_len;
	message->exchange_len = handshake->exchange_len;
	memcpy(message->client_random, handshake->client_random, CHECK_RANDOM_LEN);
	memcpy(message->server_random, handshake->server_random, CHECK_RANDOM_LEN);
	if (rules.len > 0)
		memcpy(message->octets, rules.data, rules.len);
	memcpy(message->octets + rules.len, handshake->chain_and_exchange,
	       handshake->chain_len + handshake->exchange_len);
	gate->actions.check(gate->owner, message, CHECK_HEAD_LEN + len);
}

/* Under the same number until it is answered: a verifier that is behind has the first question yet, and it is the same. */
static void ask(struct gate *gate, struct check *check, const struct check_key *key,
                const struct handshake *handshake, struct bytes rules)
{
	struct gate_keys *keys = gate->keys;
	struct check_key *asked;

	if (check->request == 0 || check->is_answered) {
		keys->last_request++;
		keys->last_request += keys->last_request == 0;
		check->request = keys->last_request;
	}
	check->asked_ms = gate->now_ms;
	check->is_answered = false;
	asked = table_find(keys->requests, &check->request);
	if (!asked)
		asked = table_insert(keys->requests, &check->request);
	if (!asked)
		return;
	*asked = *key;
	gate->counters.key_checks++;
	send(gate, check->request, handshake, rules);
}

const struct key_finding *gate_check(struct gate *gate, bool *is_lost, uint64_t handshake,
                                     struct bytes rules)
{
	const struct check_key key = { handshake, gate_hash_rules(gate, rules) };
	struct check *check = table_find(gate->keys->checks, &key);
	struct handshake **kept;

	*is_lost = false;
	if (check && check->is_answered && gate->now_ms - check->answered_ms < GATE_CHECK_LIFE_MS)
		return &check->finding;
	if (check && !check->is_answered && gate->now_ms - check->asked_ms < GATE_CHECK_AGAIN_MS)
		return NULL;
	kept = table_find(gate->keys->handshakes, &handshake);
	if (!kept && check && check->is_answered)
		return &check->finding;
	if (kept && !check)
		check = table_insert(gate->keys->checks, &key);
	if (!kept || !check) {
		*is_lost = true;
		return NULL;
	}
	ask(gate, check, &key, *kept, rules);
	return NULL;
}

void gate_checked(struct gate *gate, const struct message_checked *checked, uint64_t now_ms,
                  uint64_t time_ms)
{
	const struct check_key *found = table_find(gate->keys->requests, &checked->request);
	const struct check_key key = found ? *found : (struct check_key){ 0 };
	struct check *check = found ? table_find(gate->keys->checks, &key) : NULL;

	table_remove(gate->keys->requests, &checked->request);
	if (!check || check->request != checked->request)
		return;
	check->is_answered = true;
	check->answered_ms = now_ms;
	check->finding = checked->finding;
	gate->now_ms = now_ms;
	gate->time_ms = time_ms;
	if (key.rules == gate_hash_rules(gate, bytes_of(NULL, 0)))
		gate_complete_sightings(gate, key.handshake, &checked->finding);
	gate_compare_keys(gate);
	gate_resolve_doubts(gate);
	gate_go_on(gate, NULL, now_ms, time_ms);
}

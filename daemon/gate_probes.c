/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/siphash.h"
#include "wire/tls_certificate.h"
#include "wire/tls_hello.h"

/* As much of the client's own words as there is room for: what does not fit is left to the prober. */
static uint16_t put_list(struct key_evidence *evidence, size_t *at, struct bytes list)
{
	if (list.len > sizeof(evidence->probe.shape) - *at)
		return 0;
	if (list.len > 0)
		memcpy(evidence->probe.shape + *at, list.data, list.len);
	*at += list.len;
	return (uint16_t)list.len;
}

/*
 * Who has no list of versions offers none above TLS 1.2 (RFC 8446 section 4.2.1), and takes what is below. In TLS 1.3, which the
 * prober would offer, a server may choose another of its keys.
 */
static uint16_t put_versions(struct key_evidence *evidence, size_t *at,
                             const struct session_keys *keys, uint16_t offered)
{
	uint8_t list[2 * sizeof(uint16_t)];

	if (keys->shape.versions.len > 0 || offered < TLS_VERSION_1_0)
		return put_list(evidence, at, keys->shape.versions);
	put_u16(list, offered);
	put_u16(list + sizeof(uint16_t), TLS_VERSION_1_0);
	return put_list(evidence, at, bytes_of(list, sizeof(list)));
}

static size_t shape_len(const struct key_evidence *evidence)
{
	const uint16_t *lens = evidence->probe.shape_lens;

	return (size_t)lens[0] + lens[1] + lens[2] + lens[3];
}

void gate_plan_probe(struct gate *gate, struct key_evidence *evidence, const struct flow *flow,
                     const struct session_keys *keys)
{
	const struct session_shape *shape = &keys->shape;
	uint16_t *lens = evidence->probe.shape_lens;
	size_t at = 0;

	lens[0] = put_list(evidence, &at, shape->cipher_suites);
	lens[1] = put_list(evidence, &at, shape->groups);
	lens[2] = put_list(evidence, &at, shape->signature_algorithms);
	lens[3] = put_versions(evidence, &at, keys, session_offered_version(flow->session));
	text_copy(evidence->probe.ehlo_name, sizeof(evidence->probe.ehlo_name),
	          session_client_name(flow->session));
	evidence->probe.key = siphash(gate->secret, evidence->probe.shape, at);
}

/* RFC 8701: values that mean nothing, and differ each time, so that nobody learns to rely on their absence. */
static bool is_grease(const uint8_t *entry)
{
	return entry[0] == entry[1] && (entry[0] & 0x0f) == 0x0a;
}

/* Two hellos that ask for the same get the same answer. */
uint64_t gate_probe_key(const struct gate *gate, const struct hop_query *query,
                        const char *server_name)
{
	const struct key_evidence *evidence = query->evidence;
	struct {
		struct address server;
		char server_name[DOMAIN_NAME_MAX];
		uint16_t lens[4];
		uint16_t port;
		uint8_t shape[PROBE_SHAPE_MAX];
	} asked;
	size_t len = shape_len(evidence);

	memset(&asked, 0, sizeof(asked));
	asked.server = *query->server;
	asked.port = query->server_port;
	text_copy(asked.server_name, sizeof(asked.server_name), server_name);
	memcpy(asked.lens, evidence->probe.shape_lens, sizeof(asked.lens));
	for (size_t i = 0; i + 1 < len; i += 2) {
		if (!is_grease(evidence->probe.shape + i))
			memcpy(asked.shape + i, evidence->probe.shape + i, 2);
	}
	return siphash(gate->secret, &asked, sizeof(asked));
}

static void ask(struct gate *gate, uint64_t key, const struct hop_query *query,
                const char *server_name, bool is_again)
{
	const struct key_evidence *evidence = query->evidence;
	struct message_probe *message = &gate->keys->probe;
	size_t len = shape_len(evidence);

	memset(message, 0, PROBE_HEAD_LEN);
	message->type = MESSAGE_PROBE;
	message->is_again = is_again;
	message->key = key;
	message->client = *query->client;
	message->server = (struct endpoint){ *query->server, query->server_port };
	text_copy(message->server_name, sizeof(message->server_name), server_name);
	text_copy(message->ehlo_name, sizeof(message->ehlo_name), evidence->probe.ehlo_name);
	message->cipher_suites_len = evidence->probe.shape_lens[0];
	message->groups_len = evidence->probe.shape_lens[1];
	message->signature_algorithms_len = evidence->probe.shape_lens[2];
	message->versions_len = evidence->probe.shape_lens[3];
	memcpy(message->shape, evidence->probe.shape, len);
	gate->counters.probes++;
	gate->actions.probe(gate->owner, message, PROBE_HEAD_LEN + len);
}

/* What it was shown may have to be verified again. */
static bool is_believed(struct gate *gate, const struct probe_note *note)
{
	uint64_t life_ms =
		note->outcome == PROBE_SHOWN ? gate->config->probe_life_ms : GATE_PROBE_FAILED_MS;

	return note->answered_ms != 0 && gate->now_ms - note->seen_ms < life_ms &&
	       (note->outcome != PROBE_SHOWN || gate_is_handshake_kept(gate, note->handshake));
}

/* Whoever probes is to know that it is still of use, and looks anew before it ends. */
static void tell_use(struct gate *gate, struct probe_note *note, uint64_t key,
                     const struct hop_query *query, const char *server_name)
{
	if (note->outcome != PROBE_SHOWN ||
	    gate->now_ms - note->asked_ms < gate->config->probe_life_ms / GATE_PROBE_USE_PARTS)
		return;
	note->asked_ms = gate->now_ms;
	ask(gate, key, query, server_name, false);
}

const struct probe_note *gate_find_probe(struct gate *gate, const struct hop_query *query,
                                         const char *server_name, bool is_again)
{
	uint64_t key = gate_probe_key(gate, query, server_name);
	struct probe_note *note = table_find(gate->keys->probes, &key);

	if (note && !is_again && is_believed(gate, note)) {
		tell_use(gate, note, key, query, server_name);
		return note;
	}
	/* One is under way, of whichever flow. */
	if (note && note->is_under_way && gate->now_ms - note->asked_ms < GATE_PROBE_AGAIN_MS)
		return NULL;
	if (!note)
		note = table_insert(gate->keys->probes, &key);
	if (!note)
		return NULL;
	note->asked_ms = gate->now_ms;
	note->is_under_way = true;
	if (is_again)
		note->again_ms = gate->now_ms;
	else
		note->answered_ms = 0;
	ask(gate, key, query, server_name, is_again);
	return NULL;
}

static uint64_t hash_leaf(const struct gate *gate, struct bytes chain)
{
	struct tls_certificates list = { .kept = chain, .left_len = chain.len };
	struct bytes leaf = { 0 };

	if (tls_certificates_next(&leaf, &list) != PARSE_OK)
		return 0;
	return gate_hash_octets(gate, leaf);
}

void gate_probed(struct gate *gate, const struct message_probed *probed, uint64_t now_ms,
                 uint64_t time_ms)
{
	struct probe_note *note = table_find(gate->keys->probes, &probed->key);
	uint64_t handshake = 0, seen_ms;

	gate->now_ms = now_ms;
	if (!note)
		return;
	/* Who only was to hear that it is of use could not tell this time: what was seen before holds as long as it would have. */
	if (probed->outcome == PROBE_FAILED && note->again_ms == 0 &&
	    note->outcome == PROBE_SHOWN && is_believed(gate, note))
		return;
	if (probed->outcome == PROBE_SHOWN)
		handshake = gate_keep_chain(gate, bytes_of(probed->chain, probed->chain_len),
		                            probed->tls_version);
	seen_ms = now_ms > probed->age_ms ? now_ms - probed->age_ms : 0;
	/* What is told unasked, or a second time, confirms nothing. */
	if (note->again_ms != 0 && seen_ms >= note->again_ms)
		note->is_confirmed = note->answered_ms != 0;
	else
		note->is_confirmed &= note->answered_ms != 0 && handshake == note->handshake;
	if (seen_ms >= note->again_ms)
		note->again_ms = 0;
	note->answered_ms = now_ms;
	note->is_under_way = note->again_ms != 0;
	note->seen_ms = seen_ms;
	/* Without memory for it nothing was shown. */
	note->outcome = probed->outcome == PROBE_SHOWN && handshake == 0
	                        ? PROBE_FAILED
	                        : (enum probe_outcome)probed->outcome;
	note->handshake = handshake;
	note->leaf =
		handshake == 0 ? 0 : hash_leaf(gate, bytes_of(probed->chain, probed->chain_len));
	note->tls_version = probed->tls_version;
	text_copy(note->why, sizeof(note->why), note->outcome == PROBE_SHOWN ? "" : probed->why);
	gate->time_ms = time_ms;
	gate_compare_probe(gate, probed->key);
	gate_doubt_passed(gate, probed->key);
	gate_go_on(gate, NULL, now_ms, time_ms);
}

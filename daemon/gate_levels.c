/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "wire/tls_hello.h"

static struct level_key key_of(const struct hop_query *query)
{
	struct level_key key;

	/* Padding is hashed, too. */
	memset(&key, 0, sizeof(key));
	key.client = *query->client;
	key.server = *query->server;
	return key;
}

static bool is_recent(const struct gate *gate, const struct level *level)
{
	return level->noted_ms != 0 && gate->now_ms - level->noted_ms < GATE_LEVEL_LIFE_MS;
}

/* As good as what was noted: that is as young as this one then. */
static bool is_as_good(const struct key_evidence *evidence, const struct level *level)
{
	return evidence->tls_version >= level->tls_version &&
	       (!evidence->is_cipher_weak || level->is_cipher_weak);
}

void gate_note_level(struct gate *gate, const struct hop_query *query)
{
	const struct level_key key = key_of(query);
	const struct key_evidence *evidence = query->evidence;
	struct level *level = table_find(gate->keys->levels, &key);

	if (evidence->tls_version == 0)
		return;
	if (!level)
		level = table_insert(gate->keys->levels, &key);
	/* Who is pressed lower once does not forget what was before: it ends by its age alone. */
	if (!level || (is_recent(gate, level) && !is_as_good(evidence, level)))
		return;
	level->noted_ms = gate->now_ms;
	level->tls_version = evidence->tls_version;
	level->is_cipher_weak = evidence->is_cipher_weak;
}

bool gate_is_below_before(struct gate *gate, const struct hop_query *query)
{
	const struct level_key key = key_of(query);
	const struct key_evidence *evidence = query->evidence;
	const struct level *level = table_peek(gate->keys->levels, &key);

	if (!level || !is_recent(gate, level) || evidence->tls_version == 0)
		return false;
	/* RFC 8996: what is below TLS 1.2 is too little; a step from 1.3 to 1.2 is a server that was set so. */
	if (evidence->tls_version < TLS_VERSION_1_2 && evidence->tls_version < level->tls_version)
		return true;
	return evidence->is_cipher_weak && !level->is_cipher_weak;
}

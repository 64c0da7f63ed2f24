/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake has shown. */
#include "gate_keys_state.h"

#include <string.h>

#include "wire/tls_cipher.h"
#include "wire/tls_hello.h"
#include "wire/tls_key_exchange.h"

enum { FIELD_LEN_MIN = 1024 / 8 };

/*
 * A finite field of few bits is solved while the client waits: an attacker has the server sign one for a suite that the client never
 * offered (Logjam, CVE-2015-4000), and has the secret without the server's key. OpenSSL's first level of security asks for as many.
 */
static bool is_field_small(const struct session_keys *keys)
{
	struct tls_key_exchange exchange;
	struct bytes prime;

	if (keys->key_exchange.len == 0 ||
	    tls_key_exchange_parse(&exchange, keys->key_exchange, keys->version,
	                           keys->cipher_suite) != PARSE_OK)
		return false;
	prime = exchange.prime;
	while (prime.len > 0 && prime.data[0] == 0)
		prime = bytes_after(prime, 1);
	return exchange.prime.len > 0 && prime.len < FIELD_LEN_MIN;
}

static bool is_anonymous(uint16_t cipher_suite)
{
	enum tls_authentication authentication = tls_cipher_authentication(cipher_suite);

	return authentication == TLS_AUTHENTICATION_NONE ||
	       authentication == TLS_AUTHENTICATION_SECRET;
}

void gate_read_full(struct gate *gate, struct key_evidence *evidence, const struct flow *flow,
                    const struct session_keys *keys)
{
	bool is_by_finished =
		tls_cipher_authentication(keys->cipher_suite) == TLS_AUTHENTICATION_DECRYPTION;

	evidence->sight = SIGHT_WIRE;
	evidence->is_weak |= is_field_small(keys);
	evidence->is_downgraded = session_is_downgraded(flow->session);
	evidence->beginning = gate_hash_beginning(gate, keys);
	evidence->is_cipher_anonymous = is_anonymous(keys->cipher_suite);
	evidence->is_server_finished = keys->is_server_finished;
	evidence->is_client_early = keys->is_client_early;
	evidence->is_server_unfinished = is_by_finished && !keys->is_server_finished;
	evidence->is_unsigned = !is_by_finished && keys->key_exchange.len == 0;
	if (keys->chain.len > 0)
		evidence->handshake = gate_keep_handshake(gate, keys);
	evidence->is_list_cut = keys->is_list_cut;
	evidence->is_unkept = keys->chain.len > 0 && evidence->handshake == 0;
	evidence->begun[0] = gate_hash_name(gate, keys->server_session_id);
	evidence->begun[1] = gate_hash_name(gate, keys->new_ticket);
	evidence->leaf = gate_hash_octets(gate, session_leaf(flow->session));
}

/* The same where an earlier session goes on. */
static void read_resumed(struct gate *gate, struct key_evidence *evidence,
                         const struct session_keys *keys)
{
	evidence->sight = SIGHT_HIDDEN;
	evidence->is_cipher_anonymous = is_anonymous(keys->cipher_suite);
	evidence->resumed = gate_hash_name(gate, gate_offered_session(keys));
	evidence->begun[1] = gate_hash_name(gate, keys->new_ticket);
	gate_recall_session(gate, evidence);
}

void gate_read_evidence(struct gate *gate, struct key_evidence *evidence, const struct flow *flow)
{
	struct session_keys keys;

	memset(evidence, 0, sizeof(*evidence));
	evidence->is_downgraded = session_is_downgraded(flow->session);
	if (!session_keys(&keys, flow->session))
		return;
	evidence->tls_version = keys.version;
	evidence->ends = gate_hash_ends(gate, flow);
	evidence->is_cipher_weak = tls_cipher_is_weak(keys.cipher_suite);
	evidence->is_cipher_null = tls_cipher_is_null(keys.cipher_suite);
	evidence->is_weak =
		keys.version < TLS_VERSION_1_0 || tls_cipher_is_export(keys.cipher_suite);
	if (keys.is_hidden)
		evidence->sight = SIGHT_HIDDEN;
	else if (keys.is_resumed)
		read_resumed(gate, evidence, &keys);
	else
		gate_read_full(gate, evidence, flow, &keys);
	gate_plan_probe(gate, evidence, flow, &keys);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

#include "base/nat64.h"
#include "policy/peer_names.h"

static bool is_recent(uint64_t when_ms, uint64_t now_ms, uint64_t life_ms)
{
	return when_ms != 0 && now_ms - when_ms < life_ms;
}

static void asked_key_of(struct asked_key *key, enum question_kind kind, const char *name,
                         bool is_refresh)
{
	memset(key, 0, sizeof(*key));
	key->kind = (uint16_t)kind;
	key->is_refresh = is_refresh;
	memcpy(key->name, name, strnlen(name, sizeof(key->name) - 1));
}

const struct address *gate_asks_for(const struct gate *gate)
{
	return &gate->asking;
}

void gate_ask(struct gate *gate, enum question_kind kind, const char *name, bool is_refresh)
{
	struct asked_key key;
	struct asked *asked;

	gate_note_question(gate, name);
	asked_key_of(&key, kind, name, is_refresh);
	asked = table_find(gate->asked, &key);
	if (asked && asked->answered_ms == 0 &&
	    is_recent(asked->asked_ms, gate->now_ms, GATE_ASK_AGAIN_MS))
		return;
	if (!asked)
		asked = table_insert(gate->asked, &key);
	if (asked)
		*asked = (struct asked){ .asked_ms = gate->now_ms };
	gate->counters.questions++;
	gate->actions.ask(gate->owner, kind, name, is_refresh);
}

bool gate_was_asked_afresh(struct gate *gate, enum question_kind kind, const char *name)
{
	struct asked_key key;
	const struct asked *asked;

	asked_key_of(&key, kind, name, true);
	asked = table_find(gate->asked, &key);
	return asked && is_recent(asked->answered_ms, gate->now_ms, GATE_REFRESH_VALID_MS);
}

bool gate_ask_afresh(struct gate *gate, const struct hop *hop)
{
	enum question_kind kind = hop->domain[0] ? QUESTION_DOMAIN : QUESTION_HOST;
	const char *name = hop->domain[0] ? hop->domain : hop->mx;

	if (name[0] == '\0' || gate_was_asked_afresh(gate, kind, name))
		return false;
	gate_ask(gate, kind, name, true);
	return true;
}

void gate_note_answer(struct gate *gate, const struct destination *destination)
{
	enum question_kind kind =
		destination->mx_state == MX_HOST ? QUESTION_HOST : QUESTION_DOMAIN;
	struct asked_key key;
	struct asked *asked;

	for (int i = 0; i < (destination->is_afresh ? 2 : 1); i++) {
		asked_key_of(&key, kind, destination->name, i == 1);
		asked = table_find(gate->asked, &key);
		if (asked)
			asked->answered_ms = gate->now_ms;
	}
}

void gate_forget_asked(struct gate *gate, const char *name)
{
	struct asked_key key;

	for (int i = 0; i < 4; i++) {
		asked_key_of(&key, i & 1 ? QUESTION_HOST : QUESTION_DOMAIN, name, (i & 2) != 0);
		table_remove(gate->asked, &key);
	}
}

void gate_ask_address(struct gate *gate, const struct address *server)
{
	const struct address place = nat64_behind(&gate->config->nat64, server);
	struct asked_key key;
	struct asked *asked;
	char text[ADDRESS_TEXT_MAX];

	asked_key_of(&key, QUESTION_ADDRESS, address_format(text, &place), false);
	asked = table_find(gate->asked, &key);
	if (asked && is_recent(asked->asked_ms, gate->now_ms, GATE_ADDRESS_AGAIN_MS))
		return;
	gate_ask(gate, QUESTION_ADDRESS, text, false);
}

void gate_ask_words(struct gate *gate, struct flow *flow)
{
	const char *const words[] = { session_banner_name(flow->session),
		                      session_ehlo_name(flow->session) };
	const struct address place = nat64_behind(&gate->config->nat64, &flow->server.address);
	struct hop hop;
	char name[DOMAIN_NAME_MAX];

	if (flow->are_words_asked || words[1][0] == '\0')
		return;
	flow->are_words_asked = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (peer_name_normalise(name, words[i]))
			gate_find_hop(gate, &hop, QUESTION_HOST, name, &place);
	}
}

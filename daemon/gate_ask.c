/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <string.h>

#include "base/nat64.h"
#include "base/siphash.h"
#include "policy/peer_names.h"

static bool is_recent(uint64_t when_ms, uint64_t now_ms, uint64_t life_ms)
{
	return when_ms != 0 && now_ms - when_ms < life_ms;
}

/* A hash in place of 256 octets, of what there is of the name. */
static uint64_t asked_key(const struct gate *gate, enum question_kind kind, bool is_refresh,
                          struct bytes name)
{
	uint8_t asked[2 + DOMAIN_NAME_MAX];

	asked[0] = (uint8_t)kind;
	asked[1] = is_refresh;
	memcpy(asked + 2, name.data, name.len);
	return siphash(gate->secret, asked, 2 + name.len);
}

static struct bytes name_octets(const char *name)
{
	return bytes_of(name, strnlen(name, DOMAIN_NAME_MAX));
}

const struct address *gate_asks_for(const struct gate *gate)
{
	return &gate->asking;
}

static void ask(struct gate *gate, uint64_t key, enum question_kind kind, const char *name,
                bool is_refresh)
{
	struct asked *asked = table_find(gate->asked, &key);

	gate_note_question(gate, name);
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

void gate_ask(struct gate *gate, enum question_kind kind, const char *name, bool is_refresh)
{
	ask(gate, asked_key(gate, kind, is_refresh, name_octets(name)), kind, name, is_refresh);
}

bool gate_was_asked_afresh(struct gate *gate, enum question_kind kind, const char *name)
{
	uint64_t key = asked_key(gate, kind, true, name_octets(name));
	const struct asked *asked = table_find(gate->asked, &key);

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

	for (int i = 0; i < (destination->is_afresh ? 2 : 1); i++) {
		uint64_t key = asked_key(gate, kind, i == 1, name_octets(destination->name));
		struct asked *asked = table_find(gate->asked, &key);

		if (asked)
			asked->answered_ms = gate->now_ms;
	}
}

void gate_forget_asked(struct gate *gate, const char *name)
{
	for (int i = 0; i < 4; i++) {
		enum question_kind kind = i & 1 ? QUESTION_HOST : QUESTION_DOMAIN;
		uint64_t key = asked_key(gate, kind, (i & 2) != 0, name_octets(name));

		table_remove(gate->asked, &key);
	}
}

void gate_ask_address(struct gate *gate, const struct address *server)
{
	const struct address place = nat64_behind(&gate->config->nat64, server);
	/* Of its octets: the text is needed only for the question itself. */
	uint64_t key = asked_key(gate, QUESTION_ADDRESS, false,
	                         bytes_of(place.octets, address_len(&place)));
	char text[ADDRESS_TEXT_MAX];
	const struct asked *asked = table_find(gate->asked, &key);

	if (asked && is_recent(asked->asked_ms, gate->now_ms, GATE_ADDRESS_AGAIN_MS))
		return;
	ask(gate, key, QUESTION_ADDRESS, address_format(text, &place), false);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

/*
 * The kernel spreads connections over the guards by the pair of their addresses, and a name may be given to another pair as well. So each
 * guard tells the others what names it gave, and by which handshake. Whoever has a name of another handshake disputes it, and tells the
 * giver: of two that give it at the same time each hears of the other behind its own note, of two that do not the second is told by the
 * first. Nobody keeps what others gave.
 */

enum { NAMES_MAX = sizeof(((struct message_names *)0)->names) / sizeof(uint64_t) };

/* What was known before this guard began is as good as pushed out. */
void gate_share_names(struct gate *gate, const uint8_t secret[SIPHASH_KEY_LEN], uint64_t now_ms)
{
	memcpy(gate->keys->names_secret, secret, SIPHASH_KEY_LEN);
	gate->keys->are_names_shared = true;
	gate->keys->pushed_out_ms = now_ms;
	/* None of its predecessor's, which asked less often than each millisecond. */
	gate->keys->question.number = now_ms;
}

uint64_t gate_hash_name(const struct gate *gate, struct bytes octets)
{
	uint64_t key = siphash(gate->keys->names_secret, octets.data, octets.len);

	return octets.len == 0 ? 0 : key + (key == 0);
}

static void tell(struct gate *gate, const struct message_names *names)
{
	if (!gate->actions.names(gate->owner, names))
		gate->keys->names_lost_ms = gate->now_ms;
}

void gate_tell_names(struct gate *gate, const uint64_t names[2], const struct session_note *begun)
{
	const struct message_names given = {
		.type = MESSAGE_NAMES,
		.word = NAMES_GIVEN,
		.names = { names[0], names[1] != names[0] ? names[1] : 0 },
		.beginning = begun->beginning,
		.opened_ms = begun->opened_ms,
	};

	if (gate->keys->are_names_shared)
		tell(gate, &given);
}

/* NAMES_GIVEN: nothing speaks against it. */
static enum names_word judge_given(struct gate *gate, uint64_t name,
                                   const struct message_names *given)
{
	const struct session_note *note = table_peek(gate->keys->sessions, &name);

	if (note && note->expires_ms > gate->now_ms)
		return note->beginning == given->beginning ? NAMES_GIVEN : NAMES_DISPUTED;
	return given->opened_ms <= gate->keys->pushed_out_ms ? NAMES_DOUBTED : NAMES_GIVEN;
}

static void hear_given(struct gate *gate, const struct message_names *given)
{
	struct message_names answers[NAMES_WORD_COUNT];

	memset(answers, 0, sizeof(answers));
	for (size_t i = 0; i < NAMES_MAX; i++) {
		uint64_t name = given->names[i];
		enum names_word word = name != 0 ? judge_given(gate, name, given) : NAMES_GIVEN;
		struct session_note *note = NULL;

		answers[word].names[i] = name;
		if (word == NAMES_DISPUTED)
			note = gate_find_session(gate, name);
		if (note)
			gate_dispute_session(gate, note);
	}
	for (enum names_word word = NAMES_DISPUTED; word <= NAMES_DOUBTED; word++) {
		if (answers[word].names[0] == 0 && answers[word].names[1] == 0)
			continue;
		answers[word].type = MESSAGE_NAMES;
		answers[word].word = word;
		answers[word].giver = given->giver;
		tell(gate, &answers[word]);
	}
}

static void hear_against(struct gate *gate, const struct message_names *names)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		struct session_note *note = gate_find_session(gate, names->names[i]);

		if (note && names->word == NAMES_DISPUTED)
			gate_dispute_session(gate, note);
		else if (note)
			note->is_doubted = true;
	}
}

bool gate_are_names_in(const struct gate *gate, uint64_t since_ms)
{
	return !gate->keys->are_names_shared || gate->keys->question.answered_ms >= since_ms;
}

/*
 * A client may go on with a session that another guard has just seen given: before that guard answers, whatever it said of it has come, and
 * it has heard what was said here.
 */
bool gate_have_names_come(struct gate *gate, uint64_t since_ms)
{
	struct names_question *question = &gate->keys->question;
	bool is_answered = question->come == UINT64_MAX;
	struct message_names asked = { .type = MESSAGE_NAMES, .word = NAMES_ASKED };

	if (gate_are_names_in(gate, since_ms))
		return true;
	if (question->asked_ms != 0 &&
	    gate->now_ms - question->asked_ms <
	            (is_answered ? GATE_NAMES_ASK_MS : GATE_NAMES_AGAIN_MS))
		return false;
	question->asked_ms = gate->now_ms;
	question->come = 0;
	asked.beginning = ++question->number;
	tell(gate, &asked);
	return false;
}

static void hear_come(struct gate *gate, const struct message_names *come, uint64_t time_ms)
{
	struct names_question *question = &gate->keys->question;

	if (come->beginning != question->number || question->come == UINT64_MAX)
		return;
	question->come |= come->names[0];
	if (question->come != UINT64_MAX)
		return;
	question->answered_ms = question->asked_ms;
	gate_go_on(gate, NULL, gate->now_ms, time_ms);
}

static void answer(struct gate *gate, const struct message_names *asked)
{
	struct message_names come = *asked;

	come.word = NAMES_COME;
	tell(gate, &come);
}

void gate_hear_names(struct gate *gate, const struct message_names *names, uint64_t now_ms,
                     uint64_t time_ms)
{
	gate->now_ms = now_ms;
	if (!gate->keys->are_names_shared)
		return;
	switch ((enum names_word)names->word) {
	case NAMES_GIVEN:
		hear_given(gate, names);
		break;
	case NAMES_DISPUTED:
	case NAMES_DOUBTED:
		hear_against(gate, names);
		break;
	case NAMES_LOST:
		gate_lose_names(gate, now_ms);
		break;
	case NAMES_ASKED:
		answer(gate, names);
		break;
	case NAMES_COME:
		hear_come(gate, names, time_ms);
		break;
	case NAMES_WORD_COUNT:
		break;
	}
}

void gate_lose_names(struct gate *gate, uint64_t now_ms)
{
	if (gate->keys->are_names_shared)
		gate->keys->names_lost_ms = now_ms;
}

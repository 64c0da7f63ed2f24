/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of sessions, from one guard to the others. Nothing is kept here; what cannot be handed on is lost, and who missed it hears that. */
#include "scout_state.h"

#include <errno.h>

static void tell_lost(struct scout *scout, unsigned guard)
{
	static const struct message_names lost = { .type = MESSAGE_NAMES, .word = NAMES_LOST };
	int err = process_send(scout->process, ROLE_GUARD, guard, &lost, sizeof(lost));

	/* The successor of one that died knows nothing that could have been lost to it. */
	scout->names[guard].is_lost = err == -EAGAIN;
	if (err == -EAGAIN)
		(void)process_await_writable(scout->process, ROLE_GUARD, guard);
}

static void tell_all_lost(struct scout *scout)
{
	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++)
		tell_lost(scout, i);
}

/* 0 or -errno. Nothing comes before the word that something is missing. */
static int hand_on(struct scout *scout, unsigned guard, const struct message_names *names)
{
	int err = -EAGAIN;

	if (scout->names[guard].is_lost)
		tell_lost(scout, guard);
	if (!scout->names[guard].is_lost)
		err = process_send(scout->process, ROLE_GUARD, guard, names, sizeof(*names));
	if (err == -EAGAIN)
		tell_lost(scout, guard);
	return err;
}

/* For itself, and for those that are not there: all that these had said was read before. */
static void answer_for(struct scout *scout, unsigned guard, const struct message_names *asked,
                       uint64_t absent)
{
	struct message_names come = *asked;

	come.word = NAMES_COME;
	come.names[0] = absent | UINT64_C(1) << guard;
	(void)hand_on(scout, guard, &come);
}

bool scout_take_names(struct scout *scout, unsigned guard, const struct message_names *names)
{
	bool is_answer = names->word == NAMES_DISPUTED || names->word == NAMES_DOUBTED ||
	                 names->word == NAMES_COME;
	uint32_t *count = &scout->names[guard].count;
	struct message_names told = *names;
	uint64_t absent = 0;

	if (is_answer && names->giver == guard)
		return false;
	if (*count > SCOUT_NAMES_PER_SECOND)
		return true;
	++*count;
	if (*count > SCOUT_NAMES_PER_SECOND) {
		tell_all_lost(scout);
		return true;
	}
	if (is_answer) {
		if (names->word == NAMES_COME)
			told.names[0] = UINT64_C(1) << guard;
		(void)hand_on(scout, names->giver, &told);
		return true;
	}
	told.giver = guard;
	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if (i != guard && hand_on(scout, i, &told) == -ENOTCONN)
			absent |= UINT64_C(1) << i;
	}
	if (names->word == NAMES_ASKED)
		answer_for(scout, guard, &told, absent);
	return true;
}

void scout_names_go_on(struct scout *scout, unsigned guard)
{
	if (scout->names[guard].is_lost)
		tell_lost(scout, guard);
}

void scout_names_second(struct scout *scout)
{
	bool is_beyond = false;

	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++) {
		is_beyond |= scout->names[i].count > SCOUT_NAMES_PER_SECOND;
		scout->names[i].count = 0;
		scout_names_go_on(scout, i);
	}
	if (is_beyond)
		tell_all_lost(scout);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policy/reverse.h"

enum {
	ADDRESSES_MAX = 256, /* beyond, an address is left to what its server calls itself */
	NAME_LIFE_S = 3600,  /* a guard asks again before, as long as mail goes there */
};

/* Who stands at that address? The names that come of it are looked up for those guards. */
struct address_question {
	struct scout *scout;
	struct address address;
	uint64_t guards; /* a bit for each index */
	struct reverse *reverse;
};

static void on_leave(void *owner, const void *key, void *value)
{
	struct address_question *question = *(struct address_question **)value;

	(void)owner;
	(void)key;
	if (!question)
		return;
	if (question->reverse)
		reverse_cancel(question->reverse);
	free(question);
}

struct table *scout_addresses_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	return table_new(ADDRESSES_MAX, sizeof(struct address), sizeof(struct address_question *),
	                 secret, on_leave, NULL);
}

static void ask_host(struct scout *scout, uint64_t guards, const char *name)
{
	struct message_question question = { .type = MESSAGE_QUESTION, .kind = QUESTION_HOST };

	/* Whoever owns the reverse zone chooses the names: what is left is for mail. */
	if (enquiries_count(scout->enquiries) >= ENQUIRIES_AHEAD_MAX)
		return;
	text_copy(question.name, sizeof(question.name), name);
	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if (guards >> i & 1)
			scout_answer(scout, i, &question);
	}
}

static void tell_name(struct scout *scout, uint64_t guards, const struct address *address,
                      const char *name)
{
	struct message_candidate candidate = { .type = MESSAGE_CANDIDATE,
		                               .life_s = NAME_LIFE_S,
		                               .server = *address };

	text_copy(candidate.host, sizeof(candidate.host), name);
	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if (guards >> i & 1)
			(void)process_send(scout->process, ROLE_GUARD, i, &candidate,
			                   sizeof(candidate));
	}
}

static void on_names(void *owner, const struct reverse_names *names)
{
	struct address_question *question = owner;
	struct scout *scout = question->scout;
	const struct address address = question->address;
	uint64_t guards = question->guards;

	question->reverse = NULL;
	table_remove(scout->addresses, &address);
	for (size_t i = 0; i < names->count; i++) {
		tell_name(scout, guards, &address, names->names[i]);
		ask_host(scout, guards, names->names[i]);
	}
}

/* Who was there before is asked first: that needs no look-up of ours to be known. */
static void ask_remembered(struct scout *scout, unsigned guard, const struct address *address)
{
	char names[SEEN_NAMES_MAX][DOMAIN_NAME_MAX];
	size_t count = seen_names_at(names, SEEN_NAMES_MAX, scout_rows_seen(scout->rows), address,
	                             process_time_ms());

	for (size_t i = 0; i < count; i++)
		ask_host(scout, (uint64_t)1 << guard, names[i]);
}

void scout_ask_address(struct scout *scout, unsigned guard, const char *text)
{
	struct address_question *question, **slot;
	struct address address;

	if (!address_parse(&address, text))
		return;
	ask_remembered(scout, guard, &address);
	slot = table_peek(scout->addresses, &address);
	if (slot) {
		(*slot)->guards |= (uint64_t)1 << guard;
		return;
	}
	if (table_count(scout->addresses) == ADDRESSES_MAX)
		return;
	slot = table_insert(scout->addresses, &address);
	question = slot ? calloc(1, sizeof(*question)) : NULL;
	if (question) {
		*slot = question;
		question->scout = scout;
		question->address = address;
		question->guards = (uint64_t)1 << guard;
		question->reverse = reverse_ask(scout->resolver, &address, on_names, question);
		if (question->reverse)
			return;
	}
	table_remove(scout->addresses, &address);
}

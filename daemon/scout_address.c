/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "enquiries.h"
#include "policy/resolver.h"
#include "policy/reverse.h"

enum {
	ADDRESSES_MAX = 256, /* beyond, an address is left to what its server calls itself */
	NAME_LIFE_S = 3600,  /* a guard asks again before, as long as mail goes there */
};

/* Who stands at that address? The names that come of it are looked up for those guards. */
struct address_question {
	struct scout *scout;
	struct address address;
	struct address client; /* whose mail goes there, of the first that asked */
	uint64_t guards;       /* a bit for each index */
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

static void ask_host(struct scout *scout, uint64_t guards, const struct address *client,
                     const char *name)
{
	struct message_question question = { .type = MESSAGE_QUESTION,
		                             .kind = QUESTION_HOST,
		                             .client = *client };

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
	const struct address address = question->address, client = question->client;
	uint64_t guards = question->guards;

	question->reverse = NULL;
	table_remove(scout->addresses, &address);
	for (size_t i = 0; i < names->count; i++) {
		tell_name(scout, guards, &address, names->names[i]);
		ask_host(scout, guards, &client, names->names[i]);
	}
}

/* Who was there before is asked first: that needs no look-up of ours to be known. */
static void ask_remembered(struct scout *scout, unsigned guard, const struct address *address,
                           const struct address *client)
{
	char names[SEEN_NAMES_MAX][DOMAIN_NAME_MAX];
	size_t count = seen_names_at(names, SEEN_NAMES_MAX, scout_rows_seen(scout->rows), address,
	                             process_time_ms());

	for (size_t i = 0; i < count; i++)
		ask_host(scout, (uint64_t)1 << guard, client, names[i]);
}

/* A client has as many open questions as it leaves room for: who mails to many places keeps nobody's out. */
static bool has_room(const struct table *addresses, const struct address *client)
{
	struct address_question **slot;
	size_t its_own = 0;

	for (slot = table_oldest(addresses, NULL); slot;
	     slot = table_younger(addresses, slot, NULL))
		its_own += *slot && address_equal(&(*slot)->client, client);
	return table_count(addresses) + its_own < ADDRESSES_MAX;
}

static struct reverse *look_up(struct scout *scout, struct address_question *question,
                               const char *text)
{
	static const struct party nobody;
	const struct party party = enquiries_party(scout->enquiries, &question->client, text);
	struct reverse *reverse;

	resolver_ask_for(scout->resolver, &party);
	reverse = reverse_ask(scout->resolver, &question->address, on_names, question);
	resolver_ask_for(scout->resolver, &nobody);
	return reverse;
}

void scout_ask_address(struct scout *scout, unsigned guard, const struct message_question *asked)
{
	struct address_question *question, **slot;
	struct address address;

	if (!address_parse(&address, asked->name))
		return;
	ask_remembered(scout, guard, &address, &asked->client);
	slot = table_peek(scout->addresses, &address);
	if (slot) {
		(*slot)->guards |= (uint64_t)1 << guard;
		return;
	}
	if (!has_room(scout->addresses, &asked->client)) {
		scout_put_off(scout, &asked->client);
		return;
	}
	slot = table_insert(scout->addresses, &address);
	question = slot ? calloc(1, sizeof(*question)) : NULL;
	if (question) {
		*slot = question;
		question->scout = scout;
		question->address = address;
		question->client = asked->client;
		question->guards = (uint64_t)1 << guard;
		question->reverse = look_up(scout, question, asked->name);
		if (question->reverse)
			return;
	}
	table_remove(scout->addresses, &address);
}

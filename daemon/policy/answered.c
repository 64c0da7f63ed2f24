/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/answered.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/siphash.h"
#include "verdict/promise.h"

struct answered {
	struct table *questions; /* a hash → nothing */
	uint8_t secret[TABLE_SECRET_LEN];
};

struct answered *answered_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct answered *answered = calloc(1, sizeof(*answered));

	if (!answered)
		return NULL;
	answered->questions = table_new(ANSWERED_MAX, sizeof(uint64_t), 1, secret, NULL, NULL);
	if (!answered->questions) {
		free(answered);
		return NULL;
	}
	memcpy(answered->secret, secret, sizeof(answered->secret));
	return answered;
}

void answered_free(struct answered *answered)
{
	if (!answered)
		return;
	table_free(answered->questions);
	free(answered);
}

static uint64_t hash_question(const struct answered *answered, const char *name, enum dns_type type)
{
	struct {
		char name[DOMAIN_NAME_MAX];
		uint32_t type;
	} question;

	memset(&question, 0, sizeof(question));
	text_copy(question.name, sizeof(question.name), name);
	question.type = type;
	return siphash(answered->secret, &question, sizeof(question));
}

void answered_add(struct answered *answered, const char *name, enum dns_type type)
{
	uint64_t question = hash_question(answered, name, type);

	if (!table_find(answered->questions, &question))
		(void)table_insert(answered->questions, &question);
}

bool answered_has(struct answered *answered, const char *name, enum dns_type type)
{
	uint64_t question = hash_question(answered, name, type);

	return table_find(answered->questions, &question) != NULL;
}

void answered_clear(struct answered *answered)
{
	table_clear(answered->questions);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_questions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/siphash.h"

/* Zeroed before it is filled: it is hashed whole. */
struct key {
	struct endpoint client;
	struct endpoint server;
	uint64_t name; /* hashed with the secret, as it is long */
	uint16_t id;
	uint16_t type;
	uint16_t class;
	uint16_t is_stream;
};

struct question {
	TAILQ_ENTRY(question) link; /* of its client's, the oldest first */
	struct asker *asker;
	struct key key;
	uint64_t asked_ms;
	unsigned answers;
	uint64_t told[DNS_QUESTION_TOLD_APART]; /* hashes of answers, a ring */
};

TAILQ_HEAD(question_list, question);

struct asker {
	struct question_list list;
	size_t count;
};

struct dns_questions {
	struct table *table;  /* struct key → struct question */
	struct table *askers; /* struct address → struct asker */
	uint8_t secret[TABLE_SECRET_LEN];
	uint64_t now_ms; /* of the call at hand */
	uint64_t lost;
};

static bool is_alive(const struct question *question, uint64_t now_ms)
{
	return now_ms - question->asked_ms < DNS_QUESTION_LIFE_MS;
}

static void on_question_leave(void *owner, const void *key, void *value)
{
	struct dns_questions *questions = owner;
	struct question *question = value;

	(void)key;
	questions->lost += question->answers == 0 && is_alive(question, questions->now_ms);
	if (!question->asker)
		return;
	TAILQ_REMOVE(&question->asker->list, question, link);
	question->asker->count--;
}

static void on_asker_leave(void *owner, const void *key, void *value)
{
	struct dns_questions *questions = owner;
	struct asker *asker = value;
	struct question *question;

	(void)key;
	while ((question = TAILQ_FIRST(&asker->list)) != NULL)
		table_remove(questions->table, &question->key);
}

struct dns_questions *dns_questions_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct dns_questions *questions = calloc(1, sizeof(*questions));

	if (!questions)
		return NULL;
	memcpy(questions->secret, secret, TABLE_SECRET_LEN);
	questions->table = table_new(DNS_QUESTIONS_MAX, sizeof(struct key), sizeof(struct question),
	                             secret, on_question_leave, questions);
	questions->askers = table_new(DNS_QUESTIONS_CLIENTS_MAX, sizeof(struct address),
	                              sizeof(struct asker), secret, on_asker_leave, questions);
	if (questions->table && questions->askers)
		return questions;
	dns_questions_free(questions);
	return NULL;
}

void dns_questions_free(struct dns_questions *questions)
{
	if (!questions)
		return;
	table_free(questions->askers);
	table_free(questions->table);
	free(questions);
}

static struct key key_of(const struct dns_questions *questions, const struct dns_path *path,
                         const struct dns_message *message)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.client.address = path->client.address;
	key.client.port = path->client.port;
	key.server.address = path->server.address;
	key.server.port = path->server.port;
	/* The parser has made it lower case. */
	key.name = siphash(questions->secret, message->name, strlen(message->name));
	key.id = message->id;
	key.type = message->type;
	key.class = message->class;
	key.is_stream = path->is_stream;
	return key;
}

/* A host has as many addresses as it likes within its IPv6 network. */
static struct asker *obtain_asker(struct dns_questions *questions, const struct address *address)
{
	struct address client = *address;
	struct asker *asker;

	if (client.family == 6)
		memset(client.octets + 8, 0, 8);
	asker = table_find(questions->askers, &client);
	if (asker)
		return asker;
	asker = table_insert(questions->askers, &client);
	if (asker)
		TAILQ_INIT(&asker->list);
	return asker;
}

void dns_questions_ask(struct dns_questions *questions, const struct dns_path *path,
                       const struct dns_message *message, uint64_t now_ms)
{
	struct key key = key_of(questions, path, message);
	struct asker *asker = obtain_asker(questions, &path->client.address);
	struct question *question;

	questions->now_ms = now_ms;
	if (!asker)
		return;
	question = table_find(questions->table, &key);
	if (question) {
		TAILQ_REMOVE(&asker->list, question, link);
		asker->count--;
	} else {
		if (asker->count == DNS_QUESTIONS_CLIENT_MAX)
			table_remove(questions->table, &TAILQ_FIRST(&asker->list)->key);
		question = table_insert(questions->table, &key);
	}
	if (!question)
		return;
	*question = (struct question){ .asker = asker, .key = key, .asked_ms = now_ms };
	TAILQ_INSERT_TAIL(&asker->list, question, link);
	asker->count++;
}

static bool was_told(const struct question *question, uint64_t hash)
{
	for (unsigned i = 0; i < DNS_QUESTION_TOLD_APART && i < question->answers; i++) {
		if (question->told[i] == hash)
			return true;
	}
	return false;
}

enum dns_reply dns_questions_answer(struct dns_questions *questions, const struct dns_path *path,
                                    const struct dns_message *answer, unsigned answers_max,
                                    uint64_t now_ms)
{
	struct key key = key_of(questions, path, answer);
	struct question *question = table_peek(questions->table, &key);
	uint64_t hash;

	if (!question || !is_alive(question, now_ms))
		return DNS_REPLY_UNASKED;
	hash = siphash(questions->secret, answer->octets.data, answer->octets.len);
	if (was_told(question, hash))
		return DNS_REPLY_SAME;
	if (question->answers >= answers_max)
		return DNS_REPLY_TOO_MANY;
	question->told[question->answers++ % DNS_QUESTION_TOLD_APART] = hash;
	return DNS_REPLY_NEW;
}

uint64_t dns_questions_lost(const struct dns_questions *questions)
{
	return questions->lost;
}

size_t dns_questions_count(const struct dns_questions *questions)
{
	return table_count(questions->table);
}

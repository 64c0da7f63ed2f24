/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of a client and of whoever answers it, each behind an octet: who speaks, and how. An answer counts only where its question was
 * asked, on the same path; the same answer again is told as such; and the number of those that differ has its bound.
 */

#include "require.h"

#include <strings.h>

#include "flow/dns_questions.h"

enum { LEN_BITS = 6, ANSWERS_MAX = 3, MESSAGES_MAX = 64 };

struct scene {
	struct dns_questions *questions;
	uint64_t now_ms;
	size_t asked_count;
	struct dns_message asked[MESSAGES_MAX];
	unsigned news;
};

static bool was_asked(const struct scene *scene, const struct dns_message *answer)
{
	for (size_t i = 0; i < scene->asked_count; i++) {
		const struct dns_message *question = &scene->asked[i];

		if (question->id == answer->id && question->type == answer->type &&
		    question->class == answer->class &&
		    strcasecmp(question->name, answer->name) == 0)
			return true;
	}
	return false;
}

static void answer(struct scene *scene, const struct dns_path *path,
                   const struct dns_message *message)
{
	enum dns_reply reply =
		dns_questions_answer(scene->questions, path, message, ANSWERS_MAX, scene->now_ms);
	enum dns_reply again;
	struct dns_path other = *path;

	REQUIRE(reply == DNS_REPLY_UNASKED || was_asked(scene, message));
	if (reply == DNS_REPLY_NEW || reply == DNS_REPLY_SAME) {
		again = dns_questions_answer(scene->questions, path, message, ANSWERS_MAX,
		                             scene->now_ms);
		REQUIRE(again == DNS_REPLY_SAME);
	}
	other.client.port++;
	REQUIRE(dns_questions_answer(scene->questions, &other, message, ANSWERS_MAX,
	                             scene->now_ms) == DNS_REPLY_UNASKED);
	other = *path;
	other.is_stream = !other.is_stream;
	REQUIRE(dns_questions_answer(scene->questions, &other, message, ANSWERS_MAX,
	                             scene->now_ms) == DNS_REPLY_UNASKED);
}

static void take(struct scene *scene, struct bytes octets, bool is_answer)
{
	const struct dns_path path = {
		.client = { { 4, { 192, 0, 2, 1 } }, 4711 },
		.server = { { 4, { 192, 0, 2, 53 } }, 53 },
	};
	struct dns_message message;

	if (dns_message_parse(&message, octets) != PARSE_OK)
		return;
	if (is_answer) {
		answer(scene, &path, &message);
	} else if (scene->asked_count < MESSAGES_MAX) {
		dns_questions_ask(scene->questions, &path, &message, scene->now_ms);
		scene->asked[scene->asked_count++] = message;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t secret[TABLE_SECRET_LEN];
	static struct scene scene;
	static uint64_t now_ms = 1000;
	struct cursor input = cursor_over(bytes_of(data, len));

	if (!scene.questions)
		scene.questions = dns_questions_new(secret);
	REQUIRE(scene.questions);
	/* What was asked before is over. */
	now_ms += 2 * DNS_QUESTION_LIFE_MS;
	scene.now_ms = now_ms;
	scene.asked_count = 0;
	while (cursor_left(&input) > 0) {
		uint8_t head = cursor_u8(&input);
		size_t message_len = head & ((1u << LEN_BITS) - 1);
		struct bytes copy;

		if (message_len > cursor_left(&input))
			message_len = cursor_left(&input);
		copy = exact_copy(cursor_bytes(&input, message_len));
		take(&scene, copy, head >> LEN_BITS & 1);
		exact_free(copy);
	}
	return 0;
}

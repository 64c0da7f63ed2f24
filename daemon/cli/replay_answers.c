/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_answers.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "policy/combine.h"
#include "policy/combine_keys.h"
#include "policy/local.h"
#include "policy/merge.h"
#include "policy/resolver.h"
#include "process.h"
#include "scout.h"

/* More names in one packet's wake than any packet has. */
enum { OPEN_MAX = 64 };

struct open_question {
	enum question_kind kind;
	char name[DOMAIN_NAME_MAX];
};

struct replay_answers {
	struct event_base *base; /* NULL: nothing is looked up */
	struct resolver *resolver;
	struct local *local; /* the configuration's table */
	struct merge_sources sources;
	struct open_question open[OPEN_MAX];
	size_t open_count;
	bool is_answered;
	struct destination answer;
};

static bool read_table(struct replay_answers *answers, const struct config *config)
{
	static const uint8_t secret[SIPHASH_KEY_LEN]; /* nobody feeds names to a replay for days */
	size_t i;

	answers->local = local_new(secret);
	if (!answers->local)
		return false;
	for (i = 0; i < config->destination_count; i++)
		(void)local_add(answers->local, LOCAL_FROM_CONFIG, &config->destinations[i]);
	for (i = 0; i < config->next_hop_count; i++)
		(void)local_add(answers->local, LOCAL_FROM_CONFIG, &config->next_hops[i]);
	return true;
}

enum cli_status replay_answers_new(struct replay_answers **made, const struct config *config,
                                   bool looks_up)
{
	struct replay_answers *answers = calloc(1, sizeof(*answers));
	struct resolver_options options;
	enum cli_status status = CLI_SYSTEM;
	const char *trouble;
	int err;

	if (!answers || !read_table(answers, config)) {
		fputs("hopguard: out of memory\n", stderr);
		free(answers);
		return CLI_SYSTEM;
	}
	if (looks_up) {
		scout_resolver_options(&options, config);
		answers->base = event_base_new();
		err = answers->base ? resolver_new(&answers->resolver, answers->base, &options)
		                    : -ENOMEM;
		answers->sources = (struct merge_sources){ .base = answers->base,
			                                   .resolver = answers->resolver,
			                                   .local = answers->local,
			                                   .now_ms = process_now_ms,
			                                   .time_ms = process_time_ms };
		if (err) {
			fprintf(stderr, "hopguard: the resolver did not start: %s\n",
			        strerror(-err));
			goto free_answers;
		}
		/* An anchor or hints that cannot be read make every answer bogus. */
		trouble = resolver_trouble(answers->resolver);
		if (trouble[0]) {
			fprintf(stderr, "hopguard: %s\n", trouble);
			status = CLI_USAGE;
			goto free_answers;
		}
	}
	*made = answers;
	return CLI_GOOD;

free_answers:
	replay_answers_free(answers);
	return status;
}

void replay_answers_free(struct replay_answers *answers)
{
	if (!answers)
		return;
	if (answers->resolver)
		resolver_free(answers->resolver);
	if (answers->base)
		event_base_free(answers->base);
	local_free(answers->local);
	free(answers);
}

void replay_answers_ask(struct replay_answers *answers, enum question_kind kind, const char *name)
{
	struct open_question *question;

	/* Who stands at an address now is not who stood there then. */
	if (kind == QUESTION_ADDRESS || answers->open_count == OPEN_MAX)
		return; /* the gate asks again */
	question = &answers->open[answers->open_count++];
	question->kind = kind;
	text_copy(question->name, sizeof(question->name), name);
}

static void on_answer(void *owner, const struct destination *destination)
{
	struct replay_answers *answers = owner;

	answers->answer = *destination;
	/* There is nothing older to answer from. */
	answers->answer.is_afresh = true;
	answers->is_answered = true;
}

/* Without look-ups the table is all there is. */
static void ask_table(struct replay_answers *answers, bool is_host)
{
	struct destination *answer = &answers->answer;
	struct local_entry entry;
	bool has_entry =
		is_host ? local_find_host(answers->local, &entry, answer->name, process_time_ms())
			: local_find(answers->local, &entry, answer->name, process_time_ms());
	struct dane_keys *const none[MX_HOSTS_MAX] = { NULL };
	const struct key_sources keys = { .entry = &entry, .dane = none, .canonical = "" };

	if (!has_entry)
		return;
	combine(answer, &entry, NULL, 0);
	combine_keys(answer, &keys);
}

const struct destination *replay_answers_next(struct replay_answers *answers)
{
	struct open_question question;
	bool is_host;

	if (answers->open_count == 0)
		return NULL;
	question = answers->open[0];
	memmove(answers->open, answers->open + 1, --answers->open_count * sizeof(answers->open[0]));
	is_host = question.kind == QUESTION_HOST;
	answers->is_answered = false;
	answers->answer = (struct destination){
		.is_afresh = true,
		.mx_state = is_host         ? MX_HOST
		            : answers->base ? MX_UNAVAILABLE
		                            : MX_IMPLICIT,
		.ttl_s = 3600,
	};
	text_copy(answers->answer.name, sizeof(answers->answer.name), question.name);
	if (!answers->base) {
		ask_table(answers, is_host);
	} else {
		const struct merge_question asked = {
			.subject = is_host ? MERGE_HOST : MERGE_DOMAIN,
			.name = question.name,
		};

		/* Every look-up ends within dns.timeout-seconds each, so this loop does. */
		if (merge_ask(&answers->sources, &asked, on_answer, answers))
			while (!answers->is_answered &&
			       event_base_loop(answers->base, EVLOOP_ONCE) == 0)
				;
	}
	return &answers->answer;
}

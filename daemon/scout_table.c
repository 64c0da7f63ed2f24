/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policy/postfix_table.h"
#include "scout_state.h"

enum {
	STANDING_RATE = 20,                /* look-ups a second */
	STANDING_INTERVAL_S = 60,          /* between two of a name, however short its TTL */
	STANDING_RETRY_S = 30,             /* without an answer for so long, it is asked again */
	SOON_MS = 7 * 24 * 60 * 60 * 1000, /* an exception's end is told so long before */
	PROBLEMS_LOGGED_MAX = 100,         /* of one table; the others are counted */
};

/* Reading one table. */
struct reading {
	struct local *local;
	const char *path;
	char *problem;
	size_t room;
	size_t entries, ignored, problems;
};

int scout_table_open(struct scout *scout, const uint8_t secret[SIPHASH_KEY_LEN])
{
	struct scout_table *table = &scout->table;

	memcpy(table->secret, secret, sizeof(table->secret));
	table->standing = calloc(STANDING_MAX, sizeof(*table->standing));
	if (!table->standing)
		return -ENOMEM;
	return scout_table_configure(scout, process_config(scout->process));
}

void scout_table_close(struct scout *scout)
{
	for (size_t i = 0; i < scout->table.postfix_count; i++)
		free(scout->table.postfix[i].octets);
	free(scout->table.standing);
	local_free(scout->table.local);
}

static int take_entry(void *owner, const struct local_entry *entry)
{
	struct reading *reading = owner;
	int err = local_add(reading->local, LOCAL_FROM_POSTFIX, entry);

	reading->entries += err == 0;
	return err;
}

static void tell_problem(void *owner, const struct postfix_problem *problem)
{
	struct reading *reading = owner;
	bool is_ignored = problem->severity == POSTFIX_IGNORED;

	/* What only the mail server can do (ciphers, protocols) is no trouble: it is logged, and the entry counts. */
	if (is_ignored)
		reading->ignored++;
	else if (reading->problems++ == 0)
		snprintf(reading->problem, reading->room, "%s", problem->text);
	if (reading->ignored + reading->problems > PROBLEMS_LOGGED_MAX)
		return;
	if (is_ignored)
		log_info("postfix table %s", problem->text);
	else
		log_warn("postfix table %s", problem->text);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void read_postfix(struct local *local, const struct postfix_text *text, char *problem,
                         size_t room)
{
	struct reading reading = {
		.local = local, .path = text->path, .problem = problem, .room = room
	};
	const struct postfix_sink sink = { .owner = &reading,
		                           .take_entry = take_entry,
		                           .tell = tell_problem };
	size_t len;

	problem[0] = '\0';
	(void)postfix_table_parse(&sink, base_name(text->path), bytes_of(text->octets, text->len));
	log_info("postfix table taken file=%s entries=%zu ignored=%zu problems=%zu", text->path,
	         reading.entries, reading.ignored, reading.problems);
	len = strlen(problem);
	if (reading.problems > 1)
		snprintf(problem + len, room - len, " (and %zu more, in the log)",
		         reading.problems - 1);
}

static void stand(struct scout_table *table, const char *name, bool is_host)
{
	struct standing *standing;

	if (table->standing_count == STANDING_MAX)
		return;
	standing = &table->standing[table->standing_count++];
	*standing = (struct standing){ .is_host = is_host };
	text_copy(standing->name, sizeof(standing->name), name);
}

static void stand_all(struct scout_table *table, const struct config *config)
{
	struct local_entry entry;
	size_t i;

	table->standing_count = 0;
	for (i = 0; local_at(table->local, &entry, i) && table->standing_count < STANDING_HOSTS_MAX;
	     i++) {
		if (entry.scope == LOCAL_HOST)
			stand(table, entry.name, true);
	}
	for (i = 0; i < config->destination_count; i++) {
		if (config->destinations[i].scope == LOCAL_DOMAIN)
			stand(table, config->destinations[i].name, false);
	}
}

/* All of the set anew, as one of its sources changed. Problems of the tables are of no interest but for `path`. */
static int build(struct scout *scout, const struct config *config, const char *path, char *problem,
                 size_t room)
{
	struct scout_table *table = &scout->table;
	struct local *local = local_new(table->secret);
	char unwanted[POSTFIX_PROBLEM_MAX] = "";
	size_t i;

	if (!local)
		return -ENOMEM;
	for (i = 0; i < config->destination_count; i++)
		(void)local_add(local, LOCAL_FROM_CONFIG, &config->destinations[i]);
	for (i = 0; i < config->next_hop_count; i++)
		(void)local_add(local, LOCAL_FROM_CONFIG, &config->next_hops[i]);
	for (i = 0; i < table->postfix_count; i++) {
		bool is_wanted = path && strcmp(table->postfix[i].path, path) == 0;

		read_postfix(local, &table->postfix[i], is_wanted ? problem : unwanted,
		             is_wanted ? room : sizeof(unwanted));
	}
	if (table->local)
		local_take_over(local, table->local);
	local_free(table->local);
	table->local = local;
	scout->sources.local = local;
	stand_all(table, config);
	return 0;
}

static void drop_unconfigured(struct scout_table *table, const struct config *config)
{
	size_t kept = 0, i, j;

	for (i = 0; i < table->postfix_count; i++) {
		for (j = 0; j < config->postfix_policy_count; j++) {
			if (strcmp(config->postfix_policies[j].path, table->postfix[i].path) == 0)
				break;
		}
		if (j < config->postfix_policy_count)
			table->postfix[kept++] = table->postfix[i];
		else
			free(table->postfix[i].octets);
	}
	table->postfix_count = kept;
}

int scout_table_configure(struct scout *scout, const struct config *config)
{
	struct scout_table *table = &scout->table;

	drop_unconfigured(table, config);
	return build(scout, config, NULL, NULL, 0);
}

static struct postfix_text *text_of(struct scout_table *table, const char *path)
{
	struct postfix_text *text;

	for (size_t i = 0; i < table->postfix_count; i++) {
		if (strcmp(table->postfix[i].path, path) == 0)
			return &table->postfix[i];
	}
	if (table->postfix_count == CONFIG_POSTFIX_POLICIES_MAX)
		return NULL;
	text = &table->postfix[table->postfix_count++];
	*text = (struct postfix_text){ .octets = NULL };
	text_copy(text->path, sizeof(text->path), path);
	return text;
}

void scout_table_take(struct scout *scout, const char *path, struct bytes text, char *problem,
                      size_t room)
{
	struct postfix_text *kept = text_of(&scout->table, path);
	uint8_t *copy = malloc(text.len + 1);

	if (!kept || !copy) {
		free(copy);
		snprintf(problem, room, "out of memory: the table before holds");
		return;
	}
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	free(kept->octets);
	kept->octets = copy;
	kept->len = text.len;
	if (build(scout, process_config(scout->process), path, problem, room))
		snprintf(problem, room, "out of memory: the table before holds");
}

void scout_table_remind(struct scout *scout)
{
	const struct scout_table *table = &scout->table;
	uint32_t age_s;

	scout->answer.type = MESSAGE_DESTINATION;
	for (size_t i = 0; i < table->standing_count; i++) {
		if (!table->standing[i].is_host ||
		    promise_cache_get(&scout->answer.destination, &age_s, scout->cache,
		                      table->standing[i].name, true,
		                      process_now_ms()) == CACHE_UNKNOWN)
			continue;
		(void)process_send_guards(scout->process, &scout->answer, sizeof(scout->answer),
		                          -1);
	}
}

void scout_table_renew(struct scout *scout)
{
	for (size_t i = 0; i < scout->table.standing_count; i++)
		scout->table.standing[i].due_ms = 0;
}

static void ask_standing(struct scout *scout)
{
	struct scout_table *table = &scout->table;
	uint64_t now_ms = process_now_ms();
	int asked = 0;

	for (size_t i = 0; i < table->standing_count && asked < STANDING_RATE; i++) {
		struct standing *standing = &table->standing[i];

		if (standing->due_ms > now_ms)
			continue;
		if (!enquiries_ask_ahead(scout->enquiries,
		                         standing->is_host ? MERGE_HOST : MERGE_DOMAIN,
		                         standing->name))
			return;
		standing->due_ms = now_ms + STANDING_RETRY_S * 1000;
		asked++;
	}
}

static void on_end(void *owner, const struct local_entry *entry, enum local_end end)
{
	struct scout *scout = owner;
	char name[DOMAIN_NAME_MAX + 2], until[32], text[EVENT_TEXT_MAX + 64];

	snprintf(text, sizeof(text), "%s: the entry for %.100s (%s%s) %s %s%s%.60s", entry->origin,
	         local_name_print(name, entry), entry->level == LOCAL_UNSET ? "no level" : "level ",
	         local_level_name(entry->level), end == LOCAL_ENDED ? "ended on" : "ends on",
	         local_time_print(until, entry->until_ms), entry->reason[0] ? ": " : "",
	         entry->reason);
	scout_tell_policy(scout, SOURCE_LOCAL, entry->name, REASON_NONE, text);
	scout->table.has_ended |= end == LOCAL_ENDED;
}

void scout_table_second(struct scout *scout)
{
	/* Before memory is there, an answer would be one without the policies that it keeps. */
	if (scout_rows_are_in(scout->rows))
		ask_standing(scout);
	scout->table.has_ended = false;
	local_tell_ends(scout->table.local, process_time_ms(), SOON_MS, on_end, scout);
	if (scout->table.has_ended)
		scout_forget_answers(scout);
}

/* Who forges an unsigned address is the smart host, and where nothing is asked of it, mail for everybody is his. */
static void warn_of_unsigned(struct scout *scout, struct standing *standing,
                             const struct destination *destination)
{
	const struct mx_host *host = &destination->hosts[0];

	if (standing->is_warned_of || !destination->is_next_hop || destination->host_count == 0 ||
	    host->address_security != DNS_INSECURE || host->promise.state != PROMISE_NONE)
		return;
	standing->is_warned_of = true;
	scout_tell_policy(
		scout, SOURCE_LOCAL, standing->name, REASON_NONE,
		"next-hop: its address is not signed, and nothing is asked of it: whoever forges "
		"the one gets all its mail; name it by address, or give it a level (verify)");
}

void scout_table_learn(struct scout *scout, const struct destination *destination)
{
	struct scout_table *table = &scout->table;
	bool is_host = destination->mx_state == MX_HOST;
	uint32_t ttl_s =
		destination->ttl_s < STANDING_INTERVAL_S ? STANDING_INTERVAL_S : destination->ttl_s;

	for (size_t i = 0; i < table->standing_count; i++) {
		struct standing *standing = &table->standing[i];

		if (standing->is_host != is_host || strcmp(standing->name, destination->name) != 0)
			continue;
		standing->due_ms = process_now_ms() + (uint64_t)ttl_s * 1000;
		warn_of_unsigned(scout, standing, destination);
	}
}

void scout_table_tell_guard(struct scout *scout, unsigned guard)
{
	const struct scout_table *table = &scout->table;

	/* Else each is looked up for all guards as soon as they are. */
	for (size_t i = 0; scout_rows_are_in(scout->rows) && i < table->standing_count; i++) {
		struct message_question question = {
			.type = MESSAGE_QUESTION,
			.kind = table->standing[i].is_host ? QUESTION_HOST : QUESTION_DOMAIN,
		};

		text_copy(question.name, sizeof(question.name), table->standing[i].name);
		scout_answer(scout, guard, &question);
	}
}

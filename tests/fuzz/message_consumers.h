/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_MESSAGE_CONSUMERS_H
#define HOPGUARD_TESTS_FUZZ_MESSAGE_CONSUMERS_H

/* What each process does with a message that is sound: what is printed is terminated and plain, and what is kept is sound when it is read. */

#include "require.h"

#include "config.h"
#include "counters.h"
#include "gate.h"
#include "gate_keys_state.h"
#include "message_sound.h"
#include "policy/last_keys.h"
#include "policy/promise_cache.h"
#include "report/event_json.h"
#include "report/event_line.h"
#include "report/event_text.h"
#include "report/explain_page.h"
#include "report/explain_text.h"
#include "report/flow_page.h"
#include "report/repetition.h"
#include "report/status_page.h"
#include "support/silent_owner.h"
#include "verdict/sound.h"

static const struct troubles no_troubles;
static const uint8_t consumer_secret[TABLE_SECRET_LEN];

static inline void require_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		REQUIRE((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n');
}

/* Of JSON everything but control characters may stand there. */
static inline void require_json(const char *text, size_t len, size_t room)
{
	REQUIRE(len > 0 && len < room && strnlen(text, room) == len);
	for (size_t i = 0; i < len; i++)
		REQUIRE((uint8_t)text[i] >= ' ');
}

static inline void on_told(void *owner, const struct event *event)
{
	(void)owner;
	REQUIRE(event_is_sound(event));
}

static inline void consume_event(const struct event *event)
{
	static struct repetition *repetition;
	static uint64_t now_ms = 1000;
	char json[EVENT_JSON_MAX], line[EVENT_LINE_MAX], sentence[EVENT_SENTENCE_MAX];
	size_t len = event_json_print(json, event);

	require_json(json, len, sizeof(json));
	REQUIRE(event_text_print(sentence, json, false));
	REQUIRE(strnlen(sentence, sizeof(sentence)) < sizeof(sentence));
	require_plain(sentence, strlen(sentence));
	len = event_line_print(line, event);
	REQUIRE(len < sizeof(line) && strnlen(line, sizeof(line)) == len);
	require_plain(line, len);
	REQUIRE(event_line_priority(event) >= 0 && event_line_priority(event) <= 7);
	if (!repetition)
		repetition = repetition_new(consumer_secret, on_told, NULL);
	REQUIRE(repetition);
	repetition_add(repetition, event, now_ms);
	repetition_add(repetition, event, now_ms + 1);
	now_ms += REPETITION_WINDOW_MS + 1000;
	repetition_tick(repetition, now_ms);
}

typedef bool (*print_page_fn)(FILE *out, const char *json);

static inline bool print_explanation(FILE *out, const char *json)
{
	return explain_text_print(out, json, false);
}

static inline bool print_status(FILE *out, const char *json)
{
	return status_text_print(out, json, false);
}

static inline void consume_page(print_page_fn print, const char *json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	REQUIRE(out && print(out, json));
	REQUIRE(fclose(out) == 0);
	require_plain(text, len);
	free(text);
}

static inline void consume_explanation(const struct explanation *asked)
{
	static char json[EXPLAIN_JSON_MAX];
	static const struct stance stance = { .mode = MODE_ENFORCE };
	struct explanation explanation = *asked;
	size_t len;

	explanation.stance = &stance;
	len = explain_json_print(json, &explanation);
	require_json(json, len, sizeof(json));
	consume_page(print_explanation, json);
	(void)explain_is_finding(&explanation);
}

static inline void require_hop(const struct hop *hop)
{
	REQUIRE(strnlen(hop->domain, DOMAIN_NAME_MAX) < DOMAIN_NAME_MAX);
	REQUIRE(strnlen(hop->mx, DOMAIN_NAME_MAX) < DOMAIN_NAME_MAX);
	REQUIRE(strnlen(hop->promise.detail, PROMISE_DETAIL_MAX) < PROMISE_DETAIL_MAX);
	REQUIRE(hop->place <= PLACE_EXCLUDED && hop->promise.state <= PROMISE_UNAVAILABLE);
}

static inline void consume_at(struct promise_cache *cache, const struct destination *destination,
                              const struct address *address)
{
	static struct hop hops[PROMISE_CACHE_MENTIONS_MAX];
	static struct key_rules rules;
	struct hop hop;
	size_t count = promise_cache_at(hops, cache, address, 2000);

	REQUIRE(count <= PROMISE_CACHE_MENTIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		require_hop(&hops[i]);
		if (promise_cache_keys(&rules, cache, &hops[i], address, 2000))
			REQUIRE(key_rules_are_sound(bytes_of(rules.octets, rules.len)));
	}
	if (promise_cache_strongest(&hop, cache, address, 2000))
		require_hop(&hop);
	if (promise_cache_next_hop(&hop, cache, address))
		require_hop(&hop);
	if (promise_cache_find(&hop, cache, destination->name, address, 2000) != CACHE_UNKNOWN)
		require_hop(&hop);
	if (promise_cache_find_host(&hop, cache, destination->name, address, 2000) != CACHE_UNKNOWN)
		require_hop(&hop);
}

static inline void consume_in_cache(const struct destination *destination)
{
	static struct promise_cache *cache;
	static struct destination again;
	const struct address stranger = { 6, { 0x20, 0x01 } };
	bool is_host = destination->mx_state == MX_HOST;
	uint32_t age_s;

	if (!cache)
		cache = promise_cache_new(64, consumer_secret);
	REQUIRE(cache && promise_cache_put(cache, destination, 1000) == 0);
	for (size_t i = 0; i < destination->place_count && i < 4; i++)
		consume_at(cache, destination, &destination->places[i].address);
	consume_at(cache, destination, &stranger);
	if (promise_cache_get(&again, &age_s, cache, destination->name, is_host, 2000) !=
	    CACHE_UNKNOWN)
		REQUIRE(destination_is_sound(&again));
	promise_cache_clear(cache);
	REQUIRE(promise_cache_count(cache) == 0);
}

static inline void consume_last_key(const struct last_key *key)
{
	static struct last_keys *keys;
	struct last_key found;

	if (!keys)
		keys = last_keys_new(consumer_secret);
	REQUIRE(keys);
	last_keys_note(keys, "mx.a.test", key, 1000);
	last_keys_find(&found, keys, "mx.a.test", 2000);
	REQUIRE(last_keys_are_sound(&found, 1));
}

static inline void consume_flow(const struct message_flow *flow)
{
	const struct flow_row row = {
		.client = flow->client,
		.server = flow->server,
		.state = flow->state,
		.domain = flow->domain,
		.age_s = flow->age_s,
		.idle_s = flow->idle_s,
		.held_packets = flow->held_packets,
	};
	char json[FLOW_JSON_MAX];
	size_t len = flow_json_print(json, &row);

	require_json(json, len, sizeof(json));
	consume_page(flow_text_print, json);
}

static inline void print_status_page(const struct status *status)
{
	static char json[STATUS_JSON_MAX];
	size_t len = status_json_print(json, status);

	require_json(json, len, sizeof(json));
	consume_page(print_status, json);
}

static inline void consume_counters(const struct counters *counters)
{
	static struct status status;
	struct counters sum = *counters;

	memset(&status, 0, sizeof(status));
	status.troubles = &no_troubles;
	status.version = status.user = status.backend = "";
	status.passage = status.passage_why = "";
	status.database.problem = "";
	counters_add(&sum, counters);
	counters_fill(&status, &sum);
	REQUIRE(status.figure_count <= STATUS_FIGURES_MAX);
	print_status_page(&status);
}

/* As the ledger fills it. */
static inline void consume_state(const struct message_state *state)
{
	static struct status status;

	memset(&status, 0, sizeof(status));
	status.troubles = &no_troubles;
	status.version = status.database.problem = "";
	status.user = state->user;
	status.backend = state->backend;
	status.passage = state->passage;
	status.passage_why = state->passage_why;
	for (size_t i = 0; i < state->child_count; i++)
		status.processes[status.process_count++] = (struct status_process){
			.role = "guard",
			.index = state->children[i].index,
			.pid = state->children[i].pid,
			.is_ready = state->children[i].is_ready != 0,
			.restarts = state->children[i].restarts,
		};
	print_status_page(&status);
}

static inline void ignore_question(void *owner, enum question_kind kind, const char *name,
                                   bool is_refresh)
{
	(void)owner;
	(void)is_refresh;
	REQUIRE(kind <= QUESTION_ADDRESS && strlen(name) < DOMAIN_NAME_MAX);
}

/* Only what is given is answered, and the giver alone. */
static inline bool on_names(void *owner, const struct message_names *names)
{
	(void)owner;
	REQUIRE(message_is_sound(names, sizeof(*names)));
	REQUIRE(names->word == NAMES_DISPUTED || names->word == NAMES_DOUBTED ||
	        names->word == NAMES_COME);
	return true;
}

/* The name 1 is that of a session which began at 2. */
static inline void begin_session(struct gate *gate)
{
	const uint64_t name = 1;
	struct session_note *note = table_insert(gate->keys->sessions, &name);

	REQUIRE(note);
	note->beginning = 2;
	note->expires_ms = UINT64_MAX;
}

static inline struct gate *consumer_gate(void)
{
	struct gate_actions actions = silent_owner();
	static struct config config;
	static struct gate *gate;
	char error[CONFIG_ERROR_MAX];

	if (gate)
		return gate;
	REQUIRE(config_parse(&config, "t.conf", "", NULL, 0, error) == 0);
	actions.ask = ignore_question;
	actions.tell = on_told;
	actions.names = on_names;
	gate = gate_new(&config, consumer_secret, &actions, NULL);
	REQUIRE(gate);
	gate_share_names(gate, consumer_secret, 100);
	begin_session(gate);
	return gate;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/repetition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct finding_key {
	uint32_t kind;
	uint32_t source;
	uint32_t action;
	uint32_t would;
	uint32_t reason;
	uint32_t is_monitored;
	struct address client;
	struct address server;
	char domain[DOMAIN_NAME_MAX];
	char text[EVENT_TEXT_MAX]; /* without a connection all that is said stands there */
};

struct finding {
	uint64_t window_start_ms;
	uint32_t repeats; /* since the last one told */
	struct event last;
};

struct repetition {
	struct table *findings;
	repetition_tell_fn tell;
	void *owner;
	uint64_t second_start_ms;
	unsigned told;         /* in this second */
	uint32_t left_out_now; /* in this second */
	uint64_t left_out;
	struct event last_left_out;
};

/* A summary stands for many, so the bound per second does not apply to it. */
static void tell_summary(struct repetition *repetition, struct finding *finding)
{
	if (finding->repeats == 0)
		return;
	finding->last.count = finding->repeats;
	finding->repeats = 0;
	repetition->tell(repetition->owner, &finding->last);
}

static void on_leave(void *owner, const void *key, void *value)
{
	(void)key;
	tell_summary(owner, value);
}

struct repetition *repetition_new(const uint8_t secret[TABLE_SECRET_LEN], repetition_tell_fn tell,
                                  void *owner)
{
	struct repetition *repetition = calloc(1, sizeof(*repetition));

	if (!repetition)
		return NULL;
	repetition->tell = tell;
	repetition->owner = owner;
	repetition->findings = table_new(REPETITION_KINDS_MAX, sizeof(struct finding_key),
	                                 sizeof(struct finding), secret, on_leave, repetition);
	if (!repetition->findings) {
		free(repetition);
		return NULL;
	}
	return repetition;
}

static void tell_left_out(struct repetition *repetition)
{
	struct event event = { .kind = EVENT_DEGRADED, .count = 1 };

	if (repetition->left_out_now == 0)
		return;
	event.time_ms = repetition->last_left_out.time_ms;
	snprintf(event.text, sizeof(event.text),
	         "%u events in one second were left out (the first %d were told); the counters of "
	         "`hopguard status` have them all",
	         repetition->left_out_now, REPETITION_PER_SECOND_MAX);
	repetition->left_out_now = 0;
	repetition->tell(repetition->owner, &event);
}

void repetition_free(struct repetition *repetition)
{
	if (!repetition)
		return;
	table_free(repetition->findings);
	tell_left_out(repetition);
	free(repetition);
}

static void begin_second(struct repetition *repetition, uint64_t now_ms)
{
	if (now_ms - repetition->second_start_ms < 1000)
		return;
	repetition->second_start_ms = now_ms;
	repetition->told = 0;
	tell_left_out(repetition);
}

static void tell_within_rate(struct repetition *repetition, const struct event *event)
{
	if (repetition->told >= REPETITION_PER_SECOND_MAX) {
		repetition->left_out_now++;
		repetition->left_out++;
		repetition->last_left_out = *event;
		return;
	}
	repetition->told++;
	repetition->tell(repetition->owner, event);
}

static struct finding_key key_of(const struct event *event)
{
	struct finding_key key;

	/* Padding is hashed, too. */
	memset(&key, 0, sizeof(key));
	key.kind = event->kind;
	if (event->kind == EVENT_POLICY) {
		key.source = event->promise.source;
		text_copy(key.text, sizeof(key.text), event->text);
	}
	key.action = event->action;
	key.would = event->would;
	key.reason = event->reason;
	key.is_monitored = event->mode;
	key.client = event->client.address;
	key.server = event->server.address;
	text_copy(key.domain, sizeof(key.domain), event->domain);
	return key;
}

static uint32_t count_of(const struct event *event)
{
	return event->count > 0 ? event->count : 1;
}

void repetition_add(struct repetition *repetition, const struct event *event, uint64_t now_ms)
{
	struct finding_key key;
	struct finding *finding;

	begin_second(repetition, now_ms);
	if (event->kind != EVENT_VERDICT && event->kind != EVENT_POLICY) {
		tell_within_rate(repetition, event);
		return;
	}
	key = key_of(event);
	finding = table_find(repetition->findings, &key);
	if (finding) {
		uint32_t count = count_of(event);

		finding->repeats = finding->repeats > UINT32_MAX - count ? UINT32_MAX
		                                                         : finding->repeats + count;
		finding->last = *event;
		return;
	}
	finding = table_insert(repetition->findings, &key);
	if (finding)
		finding->window_start_ms = now_ms;
	tell_within_rate(repetition, event);
}

void repetition_tick(struct repetition *repetition, uint64_t now_ms)
{
	const void *key;
	struct finding *finding = table_oldest(repetition->findings, &key);

	begin_second(repetition, now_ms);
	while (finding) {
		const void *next_key = NULL;
		struct finding *next = table_younger(repetition->findings, finding, &next_key);

		if (now_ms - finding->window_start_ms >= REPETITION_WINDOW_MS) {
			if (finding->repeats > 0) {
				tell_summary(repetition, finding);
				finding->window_start_ms = now_ms;
			} else {
				table_remove(repetition->findings, key);
			}
		}
		finding = next;
		key = next_key;
	}
}

uint64_t repetition_left_out(const struct repetition *repetition)
{
	return repetition->left_out;
}

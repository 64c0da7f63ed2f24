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
	struct table *clients; /* struct address → unsigned, findings told in this second */
	repetition_tell_fn tell;
	void *owner;
	uint64_t second_start_ms;
	unsigned told;         /* findings in this second */
	unsigned told_own;     /* other events in this second */
	uint32_t left_out_now; /* in this second */
	uint64_t left_out;
	struct event last_left_out;
};

/* At the end of a window. It stands for many, and there are no more than findings remembered: the bound per second does not apply. */
static void tell_summary(struct repetition *repetition, struct finding *finding)
{
	if (finding->repeats == 0)
		return;
	finding->last.count = finding->repeats;
	finding->repeats = 0;
	repetition->tell(repetition->owner, &finding->last);
}

static uint32_t count_of(const struct event *event)
{
	return event->count > 0 ? event->count : 1;
}

static void leave_out(struct repetition *repetition, const struct event *event)
{
	repetition->left_out_now += count_of(event);
	repetition->left_out += count_of(event);
	repetition->last_left_out = *event;
}

/* Whoever brings up many findings for one client does not hide what happens to another. */
static bool takes_share(struct repetition *repetition, const struct event *event)
{
	const struct address *client = &event->client.address;
	unsigned left = REPETITION_PER_SECOND_MAX - repetition->told;
	unsigned *told = table_find(repetition->clients, client);

	if (left == 0 || (told && *told >= left))
		return false;
	if (!told)
		told = table_insert(repetition->clients, client);
	if (told)
		++*told;
	repetition->told++;
	return true;
}

static void tell_within_rate(struct repetition *repetition, const struct event *event)
{
	if (takes_share(repetition, event))
		repetition->tell(repetition->owner, event);
	else
		leave_out(repetition, event);
}

static void tell_own(struct repetition *repetition, const struct event *event)
{
	if (repetition->told_own++ < REPETITION_OWN_PER_SECOND_MAX)
		repetition->tell(repetition->owner, event);
	else
		leave_out(repetition, event);
}

/* Driven out by others, of which there may be any number in a second. */
static void on_leave(void *owner, const void *key, void *value)
{
	struct finding *finding = value;

	(void)key;
	if (finding->repeats == 0)
		return;
	finding->last.count = finding->repeats;
	tell_within_rate(owner, &finding->last);
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
	repetition->clients = table_new(REPETITION_PER_SECOND_MAX, sizeof(struct address),
	                                sizeof(unsigned), secret, NULL, NULL);
	if (repetition->findings && repetition->clients)
		return repetition;
	table_free(repetition->findings);
	table_free(repetition->clients);
	free(repetition);
	return NULL;
}

static void tell_left_out(struct repetition *repetition)
{
	struct event event = { .kind = EVENT_DEGRADED, .count = 1 };
	char client[ADDRESS_TEXT_MAX];

	if (repetition->left_out_now == 0)
		return;
	event.time_ms = repetition->last_left_out.time_ms;
	snprintf(event.text, sizeof(event.text),
	         "%u events in one second were left out, the last of %s (of all clients %d are "
	         "told, of "
	         "one half); the counters of `hopguard status` have them all",
	         repetition->left_out_now,
	         address_format(client, &repetition->last_left_out.client.address),
	         REPETITION_PER_SECOND_MAX);
	repetition->left_out_now = 0;
	repetition->tell(repetition->owner, &event);
}

void repetition_free(struct repetition *repetition)
{
	struct finding *finding;

	if (!repetition)
		return;
	/* At the end nothing is left out. */
	for (finding = table_oldest(repetition->findings, NULL); finding;
	     finding = table_younger(repetition->findings, finding, NULL))
		tell_summary(repetition, finding);
	table_free(repetition->findings);
	tell_left_out(repetition);
	table_free(repetition->clients);
	free(repetition);
}

static void begin_second(struct repetition *repetition, uint64_t now_ms)
{
	if (now_ms - repetition->second_start_ms < 1000)
		return;
	repetition->second_start_ms = now_ms;
	repetition->told = 0;
	repetition->told_own = 0;
	table_clear(repetition->clients);
	tell_left_out(repetition);
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

void repetition_add(struct repetition *repetition, const struct event *event, uint64_t now_ms)
{
	struct finding_key key;
	struct finding *finding;

	begin_second(repetition, now_ms);
	if (event->kind != EVENT_VERDICT && event->kind != EVENT_POLICY) {
		tell_own(repetition, event);
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

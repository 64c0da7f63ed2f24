/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_line.h"

#include <stdio.h>
#include <syslog.h>

#include "report/line.h"

static void add_endpoint(struct line *line, const char *key, const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_MAX];

	if (endpoint->address.family != 0)
		line_pair(line, key, endpoint_format(text, endpoint));
}

static void add_promise(struct line *line, const struct promise *promise)
{
	char text[PROMISE_DETAIL_MAX + 64];

	if (promise->state == PROMISE_UNKNOWN && promise->source == SOURCE_NONE)
		return;
	snprintf(text, sizeof(text), "%s%s%s", promise_source_name(promise->source),
	         promise->detail[0] ? " " : "", promise->detail);
	line_pair(line, "promise", text);
}

/* "starttls offered ready, ehlo accepted by mx1.example.org, tls established 1.3, sni mx1.example.org" */
static void add_seen(struct line *line, const struct event *event)
{
	char text[2 * DOMAIN_NAME_MAX + 192 + PROBE_WHY_MAX];
	struct line seen;

	line_init(&seen, text, sizeof(text));
	line_add(&seen, "starttls %s", starttls_offer_name(event->starttls));
	if (event->starttls_answer != STARTTLS_NOT_ASKED)
		line_add(&seen, " %s", starttls_answer_name(event->starttls_answer));
	if (event->starttls_code != 0)
		line_add(&seen, " %u", event->starttls_code);
	line_add(&seen, ", ehlo %s", ehlo_outcome_name(event->ehlo));
	if (event->ehlo_name[0])
		line_add(&seen, " by %s", event->ehlo_name);
	line_add(&seen, ", tls %s", tls_progress_name(event->tls));
	if (tls_version_name(event->tls_version)[0])
		line_add(&seen, " %s", tls_version_name(event->tls_version));
	if (event->sni[0])
		line_add(&seen, ", sni %s", event->sni);
	if (event->place != PLACE_UNKNOWN)
		line_add(&seen, ", place %s", place_name(event->place));
	if (event->probe[0])
		line_add(&seen, ", no probe could tell: %s", event->probe);
	line_pair(line, "seen", text);
}

/* "met, proven, 3 1 1 60b875…"; of a wrong one why, and whose it seems to be. */
static void add_key(struct line *line, const struct event *event)
{
	const struct key_finding *key = &event->key;
	bool is_hidden = event->key_sight == SIGHT_HIDDEN && key->outcome == KEY_UNKNOWN;
	char text[5 * KEY_TEXT_MAX];
	struct line words;

	if (event->key_sight == SIGHT_NONE)
		return;
	line_init(&words, text, sizeof(text));
	line_add(&words, "%s", is_hidden ? "hidden" : key_outcome_name(key->outcome));
	if (event_assurance(event)[0])
		line_add(&words, ", %s", event_assurance(event));
	if (key->matched[0])
		line_add(&words, ", %s", key->matched);
	if (key->why[0])
		line_add(&words, ", %s", key->why);
	if (key->outcome > KEY_MET && key->seen.names[0])
		line_add(&words, ", names %s", key->seen.names);
	if (key->outcome > KEY_MET && key->seen.issuer[0])
		line_add(&words, ", issued by %s", key->seen.issuer);
	line_pair(line, "key", text);
}

static void add_verdict(struct line *line, const struct event *event)
{
	line_pair(line, "action", action_name(event->action));
	if (event->reason != REASON_NONE)
		line_pair(line, "reason", reason_name(event->reason));
	if (event->would != event->action)
		line_pair(line, "would", action_name(event->would));
	add_endpoint(line, "client", &event->client);
	add_endpoint(line, "server", &event->server);
	line_pair(line, "domain", event->domain);
	line_pair(line, "mx", event->mx);
	if (event->promise.state != PROMISE_UNKNOWN)
		add_promise(line, &event->promise);
	add_seen(line, event);
	add_key(line, event);
	line_number(line, "held_ms", event->held_ms);
}

static void add_policy(struct line *line, const struct event *event)
{
	line_pair(line, "action", action_name(event->action));
	if (event->reason != REASON_NONE)
		line_pair(line, "reason", reason_name(event->reason));
	add_endpoint(line, "client", &event->client);
	add_endpoint(line, "server", &event->server);
	line_pair(line, "domain", event->domain);
	add_promise(line, &event->promise);
}

size_t event_line_print(char text[EVENT_LINE_MAX], const struct event *event)
{
	struct line line;

	line_init(&line, text, EVENT_LINE_MAX);
	line_add(&line, "%s", event_kind_name(event->kind));
	if (event->kind == EVENT_VERDICT)
		add_verdict(&line, event);
	if (event->kind == EVENT_POLICY)
		add_policy(&line, event);
	line_pair(&line, "id", event->id);
	line_pair(&line, "cause", event->cause);
	line_pair(&line, "text", event->text);
	if (event->kind == EVENT_VERDICT || event->count > 1)
		line_number(&line, "count", event->count > 0 ? event->count : 1);
	if (event->kind == EVENT_POLICY ||
	    (event->kind == EVENT_VERDICT && event->action != ACTION_PASS))
		line_pair(&line, "advice", event_advice(event));
	return line.len;
}

int event_line_priority(const struct event *event)
{
	switch (event->kind) {
	case EVENT_VERDICT:
		return event->action == ACTION_PASS ? LOG_INFO : LOG_WARNING;
	case EVENT_POLICY:
		return LOG_WARNING;
	case EVENT_READY:
	case EVENT_RECOVERED:
	case EVENT_RELOADED:
	case EVENT_STOPPING:
		return LOG_NOTICE;
	case EVENT_DEGRADED:
	case EVENT_CHILD_DIED:
		return LOG_ERR;
	}
	return LOG_NOTICE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_json.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "report/key_object.h"
#include "report/object.h"

/* RFC 3339, UTC, milliseconds. */
static void put_time(json_t *object, uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char date[32], text[48];
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		return;
	snprintf(text, sizeof(text), "%s.%03uZ", date, (unsigned)(time_ms % 1000));
	object_put(object, "time", text);
}

static void put_endpoint(json_t *object, const char *key, const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_MAX];

	if (endpoint->address.family != 0)
		object_put(object, key, endpoint_format(text, endpoint));
}

static void put_promise(json_t *object, const struct promise *promise)
{
	json_t *part;

	if (promise->state == PROMISE_UNKNOWN && promise->source == SOURCE_NONE)
		return;
	part = json_object();
	if (promise->state != PROMISE_UNKNOWN)
		object_put(part, "state", promise_state_name(promise->state));
	if (promise->only_alerts)
		(void)json_object_set_new(part, "only_alerts", json_true());
	if (promise->source != SOURCE_NONE)
		object_put(part, "source", promise_source_name(promise->source));
	object_put(part, "detail", promise->detail);
	(void)json_object_set_new(object, "promise", part);
}

static void put_seen(json_t *object, const struct event *event)
{
	json_t *part = json_object();

	if (event->starttls != STARTTLS_UNSEEN)
		object_put(part, "starttls", starttls_offer_name(event->starttls));
	if (event->starttls_answer != STARTTLS_NOT_ASKED)
		object_put(part, "starttls_answer", starttls_answer_name(event->starttls_answer));
	if (event->starttls_code != 0)
		object_put_number(part, "starttls_code", event->starttls_code);
	object_put(part, "ehlo", event->ehlo_name);
	if (event->ehlo != EHLO_UNSEEN)
		object_put(part, "ehlo_outcome", ehlo_outcome_name(event->ehlo));
	object_put(part, "tls", tls_progress_name(event->tls));
	object_put(part, "tls_version", tls_version_name(event->tls_version));
	object_put(part, "sni", event->sni);
	if (event->place != PLACE_UNKNOWN)
		object_put(part, "place", place_name(event->place));
	object_put(part, "probe", event->probe);
	key_object_put(part, "key", &event->key);
	(void)json_object_set_new(object, "seen", part);
}

static void put_verdict(json_t *object, const struct event *event)
{
	object_put(object, "action", action_name(event->action));
	if (event->would != event->action)
		object_put(object, "would", action_name(event->would));
	if (event->reason != REASON_NONE) {
		object_put(object, "reason", reason_name(event->reason));
		if (event_reason_kind(event) != KIND_NONE)
			object_put(object, "kind", reason_kind_name(event_reason_kind(event)));
	}
	object_put(object, "mode", event->mode == MODE_ENFORCE ? "enforce" : "monitor");
	put_endpoint(object, "client", &event->client);
	put_endpoint(object, "server", &event->server);
	object_put(object, "domain", event->domain);
	object_put(object, "mx", event->mx);
	if (event->promise.state != PROMISE_UNKNOWN)
		put_promise(object, &event->promise);
	put_seen(object, event);
	object_put(object, "assurance", event_assurance(event));
	object_put(object, "rule", event->rule);
	object_put_number(object, "held_ms", event->held_ms);
	if (event->hook != HOOK_UNKNOWN)
		object_put(object, "hook", hook_name(event->hook));
	if (event->queue != 0)
		object_put_number(object, "queue", event->queue);
}

/* Of a promise, not of a connection. */
static void put_policy(json_t *object, const struct event *event)
{
	object_put(object, "action", action_name(event->action));
	if (event->reason != REASON_NONE) {
		object_put(object, "reason", reason_name(event->reason));
		object_put(object, "kind", reason_kind_name(reason_kind(event->reason)));
	}
	put_endpoint(object, "client", &event->client);
	put_endpoint(object, "server", &event->server);
	object_put(object, "domain", event->domain);
	put_promise(object, &event->promise);
}

static bool is_finding(const struct event *event)
{
	return event->kind == EVENT_POLICY ||
	       (event->kind == EVENT_VERDICT && event->action != ACTION_PASS);
}

size_t event_json_print(char text[EVENT_JSON_MAX], const struct event *event)
{
	json_t *object = json_object();

	if (!object)
		return 0;
	put_time(object, event->time_ms);
	object_put(object, "event", event_kind_name(event->kind));
	object_put(object, "id", event->id);
	if (event->kind == EVENT_VERDICT)
		put_verdict(object, event);
	if (event->kind == EVENT_POLICY)
		put_policy(object, event);
	if (event->pid > 0)
		object_put_number(object, "pid", (uint64_t)event->pid);
	object_put(object, "cause", event->cause);
	object_put(object, "subject", event->subject);
	object_put(object, "text", event->text);
	object_put_number(object, "count", event->count > 0 ? event->count : 1);
	if (is_finding(event))
		object_put(object, "advice", event_advice(event));
	return object_print(text, EVENT_JSON_MAX, object);
}

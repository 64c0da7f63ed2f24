/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/event_text.h"

#include <jansson.h>
#include <string.h>

#include "report/line.h"
#include "report/object.h"
#include "verdict/key_finding.h"
#include "verdict/reason.h"

/* ECMA-48 colours: what broke a promise is red, what should be looked at is yellow. */
static const struct {
	const char *word;
	const char *colour;
} colours[] = {
	{ "block", "\033[1;31m" },    { "defer", "\033[1;33m" },      { "alert", "\033[1;33m" },
	{ "pass", "\033[32m" },       { "ready", "\033[1;32m" },      { "recovered", "\033[32m" },
	{ "degraded", "\033[1;31m" }, { "child-died", "\033[1;31m" },
};

static const char *colour_of(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		if (strcmp(word, colours[i].word) == 0)
			return colours[i].colour;
	}
	return "";
}

static enum reason reason_of(const char *name)
{
	unsigned i;

	for (i = 0; i < REASON_COUNT; i++) {
		if (strcmp(name, reason_name((enum reason)i)) == 0)
			return (enum reason)i;
	}
	return REASON_NONE;
}

/* What words depend on; anything else is unknown. */
static enum place place_of(const json_t *seen)
{
	const char *excluded = place_name(PLACE_EXCLUDED);

	return strcmp(object_text(seen, "place"), excluded) == 0 ? PLACE_EXCLUDED : PLACE_UNKNOWN;
}

static void add_who(struct line *line, const json_t *event)
{
	const char *domain = object_text(event, "domain");
	const char *mx = object_text(event, "mx");
	const char *client = object_text(event, "client");
	const char *server = object_text(event, "server");

	if (domain[0])
		line_add(line, " mail for %s", domain);
	if (client[0])
		line_add(line, " from %s", client);
	if (server[0])
		line_add(line, " to %s", server);
	if (mx[0])
		line_add(line, " (%s)", mx);
}

static void add_promise(struct line *line, const json_t *promise)
{
	const char *source = object_text(promise, "source");
	const char *detail = object_text(promise, "detail");

	if (source[0])
		line_add(line, "; promised by %s", source);
	else if (detail[0])
		line_add(line, "; promise");
	if (detail[0])
		line_add(line, ": %s", detail);
}

/* What is wrong with it, and whose it seems to be. */
static void add_wrong_key(struct line *line, const json_t *key)
{
	const char *why = object_text(key, "why");
	const char *const texts[] = { "names", "issuer", "spki" };
	const char *const words[] = { "its names: ", "issued by ", "digest of its key: " };

	line_add(line, "; %s", why[0] ? why : object_text(key, "outcome"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (object_text(key, texts[i])[0])
			line_add(line, "; %s%s", words[i], object_text(key, texts[i]));
	}
	/* The day is enough for a person. */
	if (object_text(key, "not_after")[0])
		line_add(line, "; good until %.10s", object_text(key, "not_after"));
}

static void add_key(struct line *line, const json_t *key, const char *assurance)
{
	const char *matched = object_text(key, "matched");
	bool is_met = strcmp(object_text(key, "outcome"), key_outcome_name(KEY_MET)) == 0;

	if (!key) {
		if (strcmp(assurance, "assumed") == 0)
			line_add(line, "; its key is hidden, and assumed to be right");
		return;
	}
	if (is_met && matched[0])
		line_add(line, "; the key is the promised one (%s)", matched);
	else if (!is_met)
		add_wrong_key(line, key);
	if (assurance[0] && (matched[0] || !is_met))
		line_add(line, ", %s", assurance);
}

static void add_verdict(struct line *line, const json_t *event)
{
	enum reason reason = reason_of(object_text(event, "reason"));
	const json_t *seen = json_object_get(event, "seen");
	const char *ehlo = object_text(seen, "ehlo");
	const char *sni = object_text(seen, "sni");
	long long held_ms = object_number(event, "held_ms");

	if (reason != REASON_NONE)
		line_add(line, " %s", reason_name(reason));
	line_add(line, ":");
	add_who(line, event);
	if (reason != REASON_NONE)
		line_add(line, ": %s", reason_words(reason, place_of(seen)));
	if (ehlo[0])
		line_add(line, "; the server calls itself %s", ehlo);
	if (sni[0])
		line_add(line, "; the client asks for %s", sni);
	if (object_text(seen, "probe")[0])
		line_add(line, "; our own look could not tell: %s", object_text(seen, "probe"));
	add_key(line, json_object_get(seen, "key"), object_text(event, "assurance"));
	add_promise(line, json_object_get(event, "promise"));
	if (held_ms > 0)
		line_add(line, "; waited %lld ms", held_ms);
	if (object_text(event, "cause")[0])
		line_add(line, "; after %s", object_text(event, "cause"));
	if (object_text(event, "advice")[0])
		line_add(line, ". %s", object_text(event, "advice"));
}

static void add_policy(struct line *line, const json_t *event)
{
	if (object_text(event, "reason")[0])
		line_add(line, " %s", object_text(event, "reason"));
	line_add(line, ":");
	add_who(line, event);
	line_add(line, ": %s", object_text(event, "text"));
	if (object_text(event, "advice")[0])
		line_add(line, ". %s", object_text(event, "advice"));
}

/* The only control characters in a line are these, and none of them comes from the event. */
static void add_colour(struct line *line, const char *colour)
{
	size_t len = strlen(colour);

	if (line->room - line->len <= len)
		return;
	memcpy(line->text + line->len, colour, len + 1);
	line->len += len;
}

/* "10:00:00Z block" in the colour of its word; "alert (would block)" in monitor mode. */
static void add_head(struct line *line, const json_t *event, bool is_coloured)
{
	const char *action = object_text(event, "action");
	const char *would = object_text(event, "would");
	const char *word = action[0] ? action : object_text(event, "event");
	const char *colour = is_coloured ? colour_of(would[0] ? would : word) : "";
	const char *time = object_text(event, "time");
	char clock[9] = "--:--:--";

	if (strlen(time) >= 19)
		memcpy(clock, time + 11, 8);
	line_add(line, "%sZ ", clock);
	add_colour(line, colour);
	line_add(line, "%s", word);
	if (would[0])
		line_add(line, " (would %s)", would);
	if (colour[0])
		add_colour(line, "\033[0m");
}

bool event_text_print(char text[EVENT_SENTENCE_MAX], const char *json, bool is_coloured)
{
	json_t *event = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	long long count;
	struct line line;

	if (!event || !object_text(event, "event")[0]) {
		json_decref(event);
		return false;
	}
	line_init(&line, text, EVENT_SENTENCE_MAX);
	add_head(&line, event, is_coloured);
	count = object_number(event, "count");
	if (count > 1)
		line_add(&line, " %lld times", count);
	if (strcmp(object_text(event, "event"), "verdict") == 0)
		add_verdict(&line, event);
	else if (strcmp(object_text(event, "event"), "policy") == 0)
		add_policy(&line, event);
	else
		line_add(&line, ": %s", object_text(event, "text"));
	if (object_text(event, "id")[0] && strcmp(object_text(event, "event"), "verdict") == 0)
		line_add(&line, " [%s]", object_text(event, "id"));
	json_decref(event);
	return true;
}

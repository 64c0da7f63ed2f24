/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const level_names[] = {
	[LOCAL_UNSET] = "",
	[LOCAL_NONE] = "none",
	[LOCAL_MAY] = "may",
	[LOCAL_ENCRYPT] = "encrypt",
	[LOCAL_DANE] = "dane",
	[LOCAL_DANE_ONLY] = "dane-only",
	[LOCAL_FINGERPRINT] = "fingerprint",
	[LOCAL_VERIFY] = "verify",
	[LOCAL_SECURE] = "secure",
};

/* More text, as far as there is room. */
static void add(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void add(char *text, size_t room, const char *format, ...)
{
	size_t len = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + len, room - len, format, arguments);
	va_end(arguments);
}

bool local_level_parse(enum local_level *level, const char *text)
{
	for (size_t i = LOCAL_NONE; i < ARRAY_COUNT(level_names); i++) {
		if (bytes_equal_nocase(bytes_of_string(text), level_names[i])) {
			*level = (enum local_level)i;
			return true;
		}
	}
	return false;
}

const char *local_level_name(enum local_level level)
{
	return level_names[level];
}

bool local_is_exception(const struct local_entry *entry)
{
	return entry->level == LOCAL_NONE || entry->level == LOCAL_MAY || entry->only_alerts;
}

const char *local_name_print(char text[DOMAIN_NAME_MAX + 2], const struct local_entry *entry)
{
	static const char *const before[] = { "", ".", "[" };
	static const char *const behind[] = { "", "", "]" };

	snprintf(text, DOMAIN_NAME_MAX + 2, "%s%s%s", before[entry->scope], entry->name,
	         behind[entry->scope]);
	return text;
}

const char *local_time_print(char text[32], uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		text_copy(text, 32, "?");
	return text;
}

const char *local_match(const struct local_entry *entry)
{
	if (entry->match[0])
		return entry->match;
	if (entry->level == LOCAL_SECURE)
		return "nexthop:dot-nexthop";
	return entry->level == LOCAL_VERIFY ? "hostname" : "";
}

/* "tls_policy:3: .example.org: secure" */
static void add_head(char *text, size_t room, const struct local_entry *entry)
{
	char name[DOMAIN_NAME_MAX + 2];

	add(text, room, "%s: %s", entry->origin, local_name_print(name, entry));
	if (entry->level != LOCAL_UNSET)
		add(text, room, ": %s", local_level_name(entry->level));
}

/* " match=nexthop:dot-nexthop" */
static void add_keys(char *text, size_t room, const struct local_entry *entry)
{
	if (local_match(entry)[0])
		add(text, room, " match=%s", local_match(entry));
	if (entry->fingerprint_count == 0)
		return;
	add(text, room, " sha256=");
	for (size_t i = 0; i < LOCAL_FINGERPRINT_LEN; i++)
		add(text, room, "%02x", entry->fingerprints[0][i]);
	if (entry->fingerprint_count > 1)
		add(text, room, " and %d more", entry->fingerprint_count - 1);
}

static struct promise promise_of_level(const struct local_entry *entry, enum promise_state state)
{
	struct promise promise;

	memset(&promise, 0, sizeof(promise));
	promise.state = state;
	promise.source = SOURCE_LOCAL;
	add_head(promise.detail, sizeof(promise.detail), entry);
	add_keys(promise.detail, sizeof(promise.detail), entry);
	return promise;
}

/* RFC 7672: what the host promised, and nothing else is asked; dane-only does without a host that has nothing usable. */
static struct promise promise_by_dane(const struct local_entry *entry, const struct promise *dane)
{
	struct promise promise;

	switch (dane->state) {
	case PROMISE_UNKNOWN:
	case PROMISE_KEY:
	case PROMISE_UNAVAILABLE:
		return *dane;
	case PROMISE_TLS:
		if (entry->level == LOCAL_DANE)
			return *dane;
		break;
	case PROMISE_NONE:
		if (entry->level == LOCAL_DANE)
			return promise_of_level(entry, PROMISE_NONE);
		break;
	}
	promise = promise_of_level(entry, PROMISE_UNAVAILABLE);
	add(promise.detail, sizeof(promise.detail), ", and there is no TLSA record to be used");
	return promise;
}

struct promise local_promise(const struct local_entry *entry, const struct promise *dane)
{
	struct promise promise = { 0 };

	switch (entry->level) {
	case LOCAL_UNSET:
		break;
	case LOCAL_NONE:
	case LOCAL_MAY:
		promise = promise_of_level(entry, PROMISE_NONE);
		break;
	case LOCAL_ENCRYPT:
		promise = promise_of_level(entry, PROMISE_TLS);
		break;
	case LOCAL_DANE:
	case LOCAL_DANE_ONLY:
		promise = promise_by_dane(entry, dane);
		break;
	case LOCAL_FINGERPRINT:
	case LOCAL_VERIFY:
	case LOCAL_SECURE:
		promise = promise_of_level(entry, PROMISE_KEY);
		break;
	}
	promise.only_alerts |= entry->only_alerts;
	return promise;
}

struct evidence local_evidence(const struct local_entry *entry, uint64_t now_ms)
{
	struct evidence evidence;
	uint64_t left_s = 0;
	char time[32];

	memset(&evidence, 0, sizeof(evidence));
	evidence.source = SOURCE_LOCAL;
	if (entry->until_ms > now_ms)
		left_s = (entry->until_ms - now_ms) / 1000;
	evidence.left_s = left_s < UINT32_MAX ? (uint32_t)left_s : UINT32_MAX;
	if (entry->until_ms != 0 && entry->until_ms <= now_ms)
		evidence.state = EVIDENCE_EXPIRED;
	else if (entry->only_alerts)
		evidence.state = EVIDENCE_ALERTS;
	else
		evidence.state = entry->level == LOCAL_UNSET ? EVIDENCE_NONE : EVIDENCE_BINDS;
	add_head(evidence.detail, sizeof(evidence.detail), entry);
	if (entry->next_hop[0])
		add(evidence.detail, sizeof(evidence.detail), ", next hop %s", entry->next_hop);
	if (entry->only_alerts)
		add(evidence.detail, sizeof(evidence.detail), ", only watched");
	if (entry->until_ms != 0)
		add(evidence.detail, sizeof(evidence.detail), ", %s %s",
		    evidence.state == EVIDENCE_EXPIRED ? "ended" : "until",
		    local_time_print(time, entry->until_ms));
	if (entry->reason[0])
		add(evidence.detail, sizeof(evidence.detail), ", because: %s", entry->reason);
	/* Last, as these may not find room. */
	add_keys(evidence.detail, sizeof(evidence.detail), entry);
	return evidence;
}

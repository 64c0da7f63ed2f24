/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_MESSAGE_MODEL_H
#define HOPGUARD_TESTS_FUZZ_MESSAGE_MODEL_H

/*
 * A sound message of every type that is checked field by field, and where its fields are: what may stand in each, and what may not. For the
 * fuzzer and for the unit test.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "config.h"
#include "messages.h"

enum field_kind {
	FIELD_NUMBER, /* anything */
	FIELD_ENUM,   /* up to `last`, an unsigned of 32 bits; so also counts and truths */
	FIELD_BOOL,   /* a bool */
	FIELD_TEXT,   /* with a NUL */
	FIELD_FAMILY, /* of an address: 4 or 6, and 0 where `last` is 0 */
};

struct field {
	enum field_kind kind;
	size_t at;
	size_t size;
	unsigned last;
	/* So many of it, one in each `stride`; 0: one. */
	size_t count;
	size_t stride;
};

#define SIZE_OF(type, member) sizeof(((struct type *)0)->member)
#define NUMBER(type, member)                                                                       \
	{                                                                                          \
		FIELD_NUMBER, offsetof(struct type, member), SIZE_OF(type, member), 0, 0, 0        \
	}
#define ENUM(type, member, last)                                                                   \
	{                                                                                          \
		FIELD_ENUM, offsetof(struct type, member), 4, last, 0, 0                           \
	}
#define TEXT(type, member)                                                                         \
	{                                                                                          \
		FIELD_TEXT, offsetof(struct type, member), SIZE_OF(type, member), 0, 0, 0          \
	}
#define TRUTH(type, member)                                                                        \
	{                                                                                          \
		FIELD_BOOL, offsetof(struct type, member), 1, 0, 0, 0                              \
	}
#define FAMILY(type, member)                                                                       \
	{                                                                                          \
		FIELD_FAMILY, offsetof(struct type, member), 1, 1, 0, 0                            \
	}
#define FAMILY_OR_NONE(type, member)                                                               \
	{                                                                                          \
		FIELD_FAMILY, offsetof(struct type, member), 1, 0, 0, 0                            \
	}
/* Of a part of a member that is a struct. */
#define PART(kind, type, member, part, last)                                                       \
	{                                                                                          \
		kind,                                                                              \
			offsetof(struct type, member) +                                            \
				offsetof(__typeof__(((struct type *)0)->member), part),            \
			sizeof(((struct type *)0)->member.part), last, 0, 0                        \
	}
/* Of a member of the elements of an array, the first `count` of them. */
#define EACH(kind, type, array, member, last, count)                                               \
	{                                                                                          \
		kind,                                                                              \
			offsetof(struct type, array) +                                             \
				offsetof(__typeof__(((struct type *)0)->array[0]), member),        \
			sizeof(((struct type *)0)->array[0].member), last, count,                  \
			sizeof(((struct type *)0)->array[0])                                       \
	}

#define PROMISE(type, member)                                                                      \
	PART(FIELD_ENUM, type, member, state, PROMISE_UNAVAILABLE),                                \
		PART(FIELD_ENUM, type, member, source, SOURCE_SEEN),                               \
		PART(FIELD_BOOL, type, member, only_alerts, 0),                                    \
		PART(FIELD_TEXT, type, member, detail, 0)
#define FINDING(type, member)                                                                      \
	PART(FIELD_ENUM, type, member, outcome, KEY_UNREADABLE),                                   \
		PART(FIELD_ENUM, type, member, source, SOURCE_SEEN),                               \
		PART(FIELD_TEXT, type, member, matched, 0),                                        \
		PART(FIELD_TEXT, type, member, why, 0),                                            \
		PART(FIELD_BOOL, type, member, seen.has_leaf, 0),                                  \
		PART(FIELD_BOOL, type, member, seen.has_anchor, 0),                                \
		PART(FIELD_TEXT, type, member, seen.names, 0),                                     \
		PART(FIELD_TEXT, type, member, seen.issuer, 0),                                    \
		PART(FIELD_NUMBER, type, member, seen.leaf_digest, 0),                             \
		PART(FIELD_NUMBER, type, member, seen.not_before_s, 0),                            \
		PART(FIELD_NUMBER, type, member, seen.not_after_s, 0)

static const struct field event_fields[] = {
	ENUM(message_event, event.kind, EVENT_POLICY),
	NUMBER(message_event, event.time_ms),
	TEXT(message_event, event.id),
	ENUM(message_event, event.action, ACTION_WAIT),
	ENUM(message_event, event.would, ACTION_WAIT),
	ENUM(message_event, event.reason, REASON_COUNT - 1),
	ENUM(message_event, event.mode, MODE_ENFORCE),
	ENUM(message_event, event.hook, HOOK_CAPTURE),
	FAMILY_OR_NONE(message_event, event.client.address.family),
	NUMBER(message_event, event.client.address.octets),
	NUMBER(message_event, event.client.port),
	FAMILY_OR_NONE(message_event, event.server.address.family),
	TEXT(message_event, event.domain),
	TEXT(message_event, event.mx),
	ENUM(message_event, event.place, PLACE_EXCLUDED),
	PROMISE(message_event, event.promise),
	ENUM(message_event, event.ehlo, EHLO_NOT_SENT),
	TEXT(message_event, event.ehlo_name),
	ENUM(message_event, event.starttls, STARTTLS_MASKED),
	ENUM(message_event, event.starttls_answer, STARTTLS_UNANSWERED),
	NUMBER(message_event, event.starttls_code),
	ENUM(message_event, event.tls, TLS_BROKEN),
	NUMBER(message_event, event.tls_version),
	TEXT(message_event, event.sni),
	TEXT(message_event, event.probe),
	TEXT(message_event, event.subject),
	ENUM(message_event, event.key_sight, SIGHT_HIDDEN),
	FINDING(message_event, event.key),
	TEXT(message_event, event.rule),
	NUMBER(message_event, event.held_ms),
	NUMBER(message_event, event.queue),
	TEXT(message_event, event.cause),
	NUMBER(message_event, event.pid),
	NUMBER(message_event, event.count),
	TEXT(message_event, event.text),
};

#define MODEL_HOSTS  2
#define MODEL_PLACES 3

#define DESTINATION(type)                                                                          \
	NUMBER(type, destination.name[0]), TEXT(type, destination.name),                           \
		ENUM(type, destination.mx_state, MX_HOST),                                         \
		ENUM(type, destination.mx_security, DNS_FAILED),                                   \
		PROMISE(type, destination.promise), TRUTH(type, destination.is_next_hop),          \
		TRUTH(type, destination.is_established), TEXT(type, destination.why),              \
		NUMBER(type, destination.ttl_s), TRUTH(type, destination.is_truncated),            \
		TRUTH(type, destination.is_afresh),                                                \
		{ FIELD_NUMBER, offsetof(struct type, destination.host_count), 1, 0, 0, 0 },       \
		{ FIELD_NUMBER, offsetof(struct type, destination.place_count), 1, 0, 0, 0 },      \
		NUMBER(type, destination.keys_anywhere), NUMBER(type, destination.keys_len),       \
		{ FIELD_NUMBER, offsetof(struct type, destination.keys), 64, 0, 0, 0 },            \
		EACH(FIELD_TEXT, type, destination.hosts, name, 0, MODEL_HOSTS),                   \
		EACH(FIELD_NUMBER, type, destination.hosts, preference, 0, MODEL_HOSTS),           \
		EACH(FIELD_ENUM, type, destination.hosts, address_security, DNS_FAILED,            \
	             MODEL_HOSTS),                                                                 \
		EACH(FIELD_ENUM, type, destination.hosts, promise.state, PROMISE_UNAVAILABLE,      \
	             MODEL_HOSTS),                                                                 \
		EACH(FIELD_ENUM, type, destination.hosts, promise.source, SOURCE_SEEN,             \
	             MODEL_HOSTS),                                                                 \
		EACH(FIELD_BOOL, type, destination.hosts, promise.only_alerts, 0, MODEL_HOSTS),    \
		EACH(FIELD_TEXT, type, destination.hosts, promise.detail, 0, MODEL_HOSTS),         \
		EACH(FIELD_NUMBER, type, destination.hosts, keys, 0, MODEL_HOSTS),                 \
		EACH(FIELD_BOOL, type, destination.hosts, is_excluded, 0, MODEL_HOSTS),            \
		EACH(FIELD_TEXT, type, destination.hosts, offered_before, 0, MODEL_HOSTS),         \
		EACH(FIELD_FAMILY, type, destination.places, address.family, 1, MODEL_PLACES),     \
		EACH(FIELD_NUMBER, type, destination.places, address.octets, 0, MODEL_PLACES),     \
		EACH(FIELD_NUMBER, type, destination.places, host, 0, MODEL_PLACES)

static const struct field destination_fields[] = { DESTINATION(message_destination) };

static const struct field explanation_fields[] = {
	DESTINATION(message_explanation),
	NUMBER(message_explanation, age_s),
	NUMBER(message_explanation, is_cached),
	NUMBER(message_explanation, follows),
	ENUM(message_explanation, evidence_count, EVIDENCE_MAX),
	EACH(FIELD_ENUM, message_explanation, evidence, source, SOURCE_SEEN, 2),
	EACH(FIELD_ENUM, message_explanation, evidence, state, EVIDENCE_PENDING, 2),
	EACH(FIELD_NUMBER, message_explanation, evidence, age_s, 0, 2),
	EACH(FIELD_NUMBER, message_explanation, evidence, left_s, 0, 2),
	EACH(FIELD_TEXT, message_explanation, evidence, detail, 0, 2),
	EACH(FIELD_ENUM, message_explanation, last_keys, sight, SIGHT_HIDDEN, MX_HOSTS_MAX),
	EACH(FIELD_FAMILY, message_explanation, last_keys, server.family, 0, MX_HOSTS_MAX),
	EACH(FIELD_NUMBER, message_explanation, last_keys, age_s, 0, MX_HOSTS_MAX),
	EACH(FIELD_ENUM, message_explanation, last_keys, finding.outcome, KEY_UNREADABLE,
	     MX_HOSTS_MAX),
	EACH(FIELD_ENUM, message_explanation, last_keys, finding.source, SOURCE_SEEN, MX_HOSTS_MAX),
	EACH(FIELD_BOOL, message_explanation, last_keys, finding.seen.has_leaf, 0, MX_HOSTS_MAX),
	EACH(FIELD_NUMBER, message_explanation, last_keys, finding.seen.not_after_s, 0,
	     MX_HOSTS_MAX),
	EACH(FIELD_TEXT, message_explanation, last_keys, finding.matched, 0, MX_HOSTS_MAX),
	EACH(FIELD_TEXT, message_explanation, last_keys, probe, 0, MX_HOSTS_MAX),
	EACH(FIELD_TEXT, message_explanation, last_keys, finding.why, 0, MX_HOSTS_MAX),
	EACH(FIELD_TEXT, message_explanation, last_keys, finding.seen.names, 0, MX_HOSTS_MAX),
	EACH(FIELD_TEXT, message_explanation, last_keys, finding.seen.issuer, 0, MX_HOSTS_MAX),
};

static const struct field question_fields[] = {
	ENUM(message_question, kind, QUESTION_HOST),
	ENUM(message_question, is_refresh, 1),
	TEXT(message_question, name),
};

static const struct field broken_fields[] = {
	NUMBER(message_broken, age_ms),
	FAMILY(message_broken, client.family),
	FAMILY(message_broken, server.family),
	TEXT(message_broken, id),
	TEXT(message_broken, how),
};

static const struct field forget_fields[] = { TEXT(message_forget, name) };
static const struct field explain_fields[] = { TEXT(message_explain, name) };
static const struct field flush_fields[] = { TEXT(message_flush, name) };
static const struct field reloaded_fields[] = {
	NUMBER(message_reloaded, result),
	TEXT(message_reloaded, error),
};

static const struct field flow_fields[] = {
	NUMBER(message_flow, is_end),
	{ FIELD_NUMBER, offsetof(struct message_flow, client.address.family), 1, 0, 0, 0 },
	NUMBER(message_flow, server),
	TEXT(message_flow, state),
	TEXT(message_flow, domain),
	NUMBER(message_flow, age_s),
};

static const struct field state_fields[] = {
	NUMBER(message_state, rules_are_in),
	NUMBER(message_state, started_ms),
	TEXT(message_state, backend),
	TEXT(message_state, user),
	ENUM(message_state, child_count, MESSAGE_CHILDREN_MAX),
	EACH(FIELD_NUMBER, message_state, children, role, 0, MESSAGE_CHILDREN_MAX),
	EACH(FIELD_NUMBER, message_state, children, index, 0, MESSAGE_CHILDREN_MAX),
	EACH(FIELD_NUMBER, message_state, children, pid, 0, MESSAGE_CHILDREN_MAX),
};

static const struct field file_fields[] = {
	ENUM(message_file, kind, FILE_KIND_COUNT - 1),
	TEXT(message_file, path),
	TEXT(message_file, signer),
	TEXT(message_file, why),
};

static const struct field rows_end_fields[] = { ENUM(message_rows_end, is_whole, 1) };

static const struct field sighting_fields[] = {
	ENUM(message_sighting, offers_starttls, 1),
	ENUM(message_sighting, tls_version, UINT16_MAX),
	ENUM(message_sighting, met, 1),
	ENUM(message_sighting, key_sight, SIGHT_PROBE),
	FAMILY(message_sighting, server.family),
	TEXT(message_sighting, host),
	TEXT(message_sighting, domain),
	FINDING(message_sighting, key),
};

static const struct field dns_verdict_fields[] = {
	NUMBER(message_dns_verdict, request),
	ENUM(message_dns_verdict, is_forged, 1),
};

static const struct field candidate_fields[] = {
	NUMBER(message_candidate, life_s),        ENUM(message_candidate, is_excluded, 1),
	NUMBER(message_candidate, is_named),      NUMBER(message_candidate, standing),
	FAMILY(message_candidate, server.family), NUMBER(message_candidate, server.octets),
	TEXT(message_candidate, domain),          TEXT(message_candidate, host),
};

static const struct field checked_fields[] = { FINDING(message_checked, finding) };

static const struct field probed_fields[] = {
	ENUM(message_probed, outcome, PROBE_OUTCOME_COUNT - 1),
	NUMBER(message_probed, key),
	NUMBER(message_probed, age_ms),
	NUMBER(message_probed, tls_version),
	TEXT(message_probed, why),
	{ FIELD_NUMBER, offsetof(struct message_probed, chain_len), 4, 0, 0, 0 },
};

static const struct field sockets_fields[] = {
	{ FIELD_NUMBER, offsetof(struct message_sockets, family), 4, 0, 0, 0 },
	{ FIELD_NUMBER, offsetof(struct message_sockets, client.family), 1, 0, 0, 0 },
};

/* NAMES_LOST, and no names, are asked for together: the unit test has those by themselves. */
static const struct field names_fields[] = {
	ENUM(message_names, giver, CONFIG_QUEUES_MAX - 1),
	ENUM(message_names, is_unused, 0),
	NUMBER(message_names, names),
	NUMBER(message_names, beginning),
	NUMBER(message_names, opened_ms),
};

static const struct field counters_fields[] = {
	{ FIELD_NUMBER, offsetof(struct message_counters, counters), 8, 0,
	  sizeof(struct counters) / 8, 8 },
};

struct model {
	enum message_type type;
	size_t len;
	const struct field *fields;
	size_t field_count;
};

#define MODEL(type, name)                                                                          \
	{                                                                                          \
		type, sizeof(struct message_##name), name##_fields,                                \
			sizeof(name##_fields) / sizeof(name##_fields[0])                           \
	}

static const struct model models[] = {
	MODEL(MESSAGE_EVENT, event),
	MODEL(MESSAGE_DESTINATION, destination),
	MODEL(MESSAGE_EXPLANATION, explanation),
	MODEL(MESSAGE_QUESTION, question),
	MODEL(MESSAGE_BROKEN, broken),
	MODEL(MESSAGE_FORGET, forget),
	MODEL(MESSAGE_EXPLAIN, explain),
	MODEL(MESSAGE_FLUSH, flush),
	MODEL(MESSAGE_RELOADED, reloaded),
	MODEL(MESSAGE_FLOW, flow),
	MODEL(MESSAGE_STATE, state),
	MODEL(MESSAGE_FILE, file),
	MODEL(MESSAGE_ROWS_END, rows_end),
	MODEL(MESSAGE_SIGHTING, sighting),
	MODEL(MESSAGE_DNS_VERDICT, dns_verdict),
	MODEL(MESSAGE_CANDIDATE, candidate),
	MODEL(MESSAGE_CHECKED, checked),
	{ MESSAGE_PROBED, PROBED_HEAD_LEN, probed_fields,
	  sizeof(probed_fields) / sizeof(probed_fields[0]) },
	MODEL(MESSAGE_SOCKETS, sockets),
	MODEL(MESSAGE_COUNTERS, counters),
	MODEL(MESSAGE_NAMES, names),
};

enum { MODEL_COUNT = sizeof(models) / sizeof(models[0]) };

static inline struct address model_address(uint8_t last)
{
	return (struct address){ 4, { 192, 0, 2, last } };
}

static inline struct key_finding model_finding(void)
{
	return (struct key_finding){
		.outcome = KEY_MET,
		.source = SOURCE_DANE,
		.matched = "3 1 1 00",
		.seen = { .has_leaf = true, .names = "mx.a.test", .issuer = "CN=a" },
	};
}

/* Two hosts at three addresses; the first has a record of TLSA. */
static inline void model_destination(struct destination *destination)
{
	struct key_rules rules = { .count = 0 };
	static const uint8_t digest[KEY_DIGEST_LEN];
	const struct key_rule rule = {
		.kind = KEY_RULE_TLSA,
		.source = SOURCE_DANE,
		.names = bytes_of_string("mx.a.test"),
		.record_count = 1,
		.records = { { 3, 1, 1, bytes_of(digest, sizeof(digest)) } },
	};

	(void)key_rules_add(&rules, &rule);
	strcpy(destination->name, "a.test");
	destination->mx_state = MX_FOUND;
	destination->mx_security = DNS_SECURE;
	destination->ttl_s = 60;
	destination->host_count = MODEL_HOSTS;
	destination->place_count = MODEL_PLACES;
	destination->keys_len = (uint16_t)rules.len;
	memcpy(destination->keys, rules.octets, rules.len);
	for (uint8_t i = 0; i < MODEL_PLACES; i++) {
		destination->places[i].address = model_address(i);
		destination->places[i].host = i % MODEL_HOSTS;
	}
	strcpy(destination->hosts[0].name, "mx.a.test");
	destination->hosts[0].promise =
		(struct promise){ PROMISE_KEY, SOURCE_DANE, false, "3 1 1 00" };
	destination->hosts[0].keys.len = (uint16_t)rules.len;
	strcpy(destination->hosts[1].name, "mx2.a.test");
	destination->hosts[1].promise = (struct promise){ PROMISE_NONE, SOURCE_NONE, false, "" };
}

static inline void model_fill_event(struct event *event)
{
	event->kind = EVENT_VERDICT;
	event->time_ms = 1790000000000;
	event->action = ACTION_BLOCK;
	event->reason = REASON_STARTTLS_STRIPPED;
	event->mode = MODE_ENFORCE;
	event->client = (struct endpoint){ model_address(1), 4711 };
	event->server = (struct endpoint){ model_address(2), 25 };
	strcpy(event->domain, "a.test");
	event->promise = (struct promise){ PROMISE_KEY, SOURCE_DANE, false, "3 1 1 00" };
	event->key_sight = SIGHT_WIRE;
	event->key = model_finding();
	event->count = 1;
}

/* What a sound one must have besides its type. */
static inline void model_fill_others(void *message, enum message_type type)
{
	struct message_question *question = message;
	struct message_sighting *sighting = message;
	struct message_broken *broken = message;
	struct message_candidate *candidate = message;

	switch (type) {
	case MESSAGE_QUESTION:
		strcpy(question->name, "a.test");
		break;
	case MESSAGE_SIGHTING:
		strcpy(sighting->host, "mx.a.test");
		strcpy(sighting->domain, "a.test");
		sighting->server = model_address(1);
		sighting->key = model_finding();
		break;
	case MESSAGE_BROKEN:
		broken->client = model_address(1);
		broken->server = model_address(2);
		break;
	case MESSAGE_CANDIDATE:
		candidate->server = model_address(2);
		strcpy(candidate->domain, "a.test");
		strcpy(candidate->host, "mx.a.test");
		break;
	case MESSAGE_CHECKED:
		((struct message_checked *)message)->finding = model_finding();
		break;
	case MESSAGE_DNS_VERDICT:
		((struct message_dns_verdict *)message)->request = 1;
		break;
	case MESSAGE_NAMES:
		((struct message_names *)message)->names[0] = 1;
		break;
	case MESSAGE_SOCKETS:
		((struct message_sockets *)message)->family = 4;
		break;
	default:
		break;
	}
}

/* `message` has room for model->len. */
static inline void model_make(void *message, const struct model *model)
{
	struct message_explanation *explanation = message;

	memset(message, 0, model->len);
	((struct message *)message)->type = model->type;
	switch (model->type) {
	case MESSAGE_EVENT:
		model_fill_event(&((struct message_event *)message)->event);
		break;
	case MESSAGE_DESTINATION:
		model_destination(&((struct message_destination *)message)->destination);
		break;
	case MESSAGE_EXPLANATION:
		model_destination(&explanation->destination);
		explanation->evidence_count = 2;
		explanation->evidence[0] =
			(struct evidence){ SOURCE_MTA_STS, EVIDENCE_BINDS, 1, 2, "mode enforce" };
		explanation->last_keys[0] =
			(struct last_key){ SIGHT_WIRE,      model_address(0), 5,
			                   model_finding(), "421 later",      6 };
		break;
	default:
		model_fill_others(message, model->type);
	}
}

/* The element's octets. */
static inline uint8_t *model_field(void *message, const struct field *field, size_t element)
{
	size_t count = field->count > 0 ? field->count : 1;

	return (uint8_t *)message + field->at + element % count * field->stride;
}

#endif

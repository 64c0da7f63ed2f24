/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_REPORT_FINDINGS_H
#define HOPGUARD_TESTS_REPORT_FINDINGS_H

/* The event that the reports' tests speak of: STARTTLS stripped on the way to a DANE domain. */

#include <string.h>

#include "verdict/event.h"

static inline struct event a_finding(void)
{
	struct event event = {
		.kind = EVENT_VERDICT,
		.time_ms = 1795341600123, /* 2026-11-22T10:00:00.123Z */
		.id = "0123456789abcdef",
		.action = ACTION_BLOCK,
		.would = ACTION_BLOCK,
		.reason = REASON_STARTTLS_STRIPPED,
		.mode = MODE_ENFORCE,
		.hook = HOOK_FORWARD,
		.client = { .address = { .family = 4, .octets = { 192, 0, 2, 2 } }, .port = 40112 },
		.server = { .address = { .family = 4, .octets = { 198, 51, 100, 25 } },
		            .port = 25 },
		.domain = "example.org",
		.mx = "mx1.example.org",
		.promise = { .state = PROMISE_KEY,
		             .source = SOURCE_DANE,
		             .detail = "_25._tcp.mx1.example.org 3 1 1 60b875" },
		.ehlo = EHLO_ACCEPTED,
		.ehlo_name = "mx1.example.org",
		.starttls = STARTTLS_ABSENT,
		.rule = "EHLO reply without STARTTLS",
		.queue = 2500,
		.pid = 4711,
		.count = 1,
	};

	return event;
}

/* TLS 1.2 with a certificate that is somebody else's. */
static inline struct event a_key_finding(void)
{
	struct event event = a_finding();

	event.reason = REASON_NAME_MISMATCH;
	event.starttls = STARTTLS_OFFERED;
	event.starttls_answer = STARTTLS_READY;
	event.tls = TLS_ESTABLISHED;
	event.tls_version = 0x0303;
	event.key_sight = SIGHT_WIRE;
	event.key = (struct key_finding){
		.outcome = KEY_NAME_MISMATCH,
		.source = SOURCE_MTA_STS,
		.why = "none of its names is mx1.example.org",
		.seen = {
			.has_leaf = true,
			.leaf_digest = { 0x0a },
			.has_anchor = true,
			.anchor_digest = { 0x0b },
			.names = "*.thief.example",
			.issuer = "CN=An Authority",
			.not_before_s = 1767225600,
			.not_after_s = 1798761600,
		},
	};
	return event;
}

/* And with the promised one. */
static inline struct event a_met_key(enum key_sight sight)
{
	struct event event = a_key_finding();

	event.action = event.would = ACTION_PASS;
	event.reason = REASON_NONE;
	event.key_sight = sight;
	event.key.outcome = KEY_MET;
	event.key.why[0] = '\0';
	strcpy(event.key.matched, "3 1 1 60b875");
	return event;
}

/* Every string as long as its room allows, of octets that need an escape in JSON. */
static inline struct event the_longest_finding(void)
{
	struct event event = a_finding();

	memset(event.domain, '"', sizeof(event.domain) - 1);
	memset(event.mx, '\\', sizeof(event.mx) - 1);
	memset(event.promise.detail, '"', sizeof(event.promise.detail) - 1);
	memset(event.ehlo_name, '\\', sizeof(event.ehlo_name) - 1);
	memset(event.sni, '"', sizeof(event.sni) - 1);
	event.tls_version = 0x0300;
	memset(event.rule, '"', sizeof(event.rule) - 1);
	memset(event.cause, '"', sizeof(event.cause) - 1);
	memset(event.text, '"', sizeof(event.text) - 1);
	memset(event.subject, '"', sizeof(event.subject) - 1);
	memset(event.probe, '"', sizeof(event.probe) - 1);
	event.key_sight = SIGHT_WIRE;
	event.key.outcome = KEY_NAME_MISMATCH;
	event.key.seen.has_leaf = event.key.seen.has_anchor = true;
	event.key.seen.not_before_s = event.key.seen.not_after_s = 1767225600;
	memset(event.key.matched, '"', sizeof(event.key.matched) - 1);
	memset(event.key.why, '"', sizeof(event.key.why) - 1);
	memset(event.key.seen.names, '"', sizeof(event.key.seen.names) - 1);
	memset(event.key.seen.issuer, '"', sizeof(event.key.seen.issuer) - 1);
	return event;
}

/* Of a promise, without a connection. */
static inline struct event a_policy_event(void)
{
	struct event event = { .kind = EVENT_POLICY,
		               .action = ACTION_ALERT,
		               .would = ACTION_ALERT,
		               .reason = REASON_POLICY_UNAVAILABLE,
		               .promise.source = SOURCE_MTA_STS,
		               .count = 1 };

	strcpy(event.domain, "example.org");
	strcpy(event.text, "the policy cannot be fetched");
	return event;
}

#endif

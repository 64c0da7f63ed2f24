/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_EVENT_H
#define HOPGUARD_VERDICT_EVENT_H

/* One thing worth telling, as a plain value: the ledger writes it as syslog line, JSON line and text. */

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "verdict/decide.h"
#include "verdict/evidence.h"
#include "verdict/promise.h"

enum {
	EVENT_ID_LEN = 16,
	EVENT_TEXT_MAX = 256,
	EVENT_SUBJECT_MAX = 288 /* a path, and what it is */
};

enum event_kind {
	EVENT_VERDICT,
	EVENT_READY,
	EVENT_DEGRADED,
	EVENT_RECOVERED,
	EVENT_RELOADED,
	EVENT_CHILD_DIED,
	EVENT_STOPPING,
	EVENT_POLICY, /* a finding about a destination's promise, without a connection: reason, domain, promise.source, text */
};

/* Which netfilter hook the packet came by. */
enum hook { HOOK_UNKNOWN, HOOK_FORWARD, HOOK_OUTPUT, HOOK_INPUT, HOOK_CAPTURE };

/* Absent where unknown: empty strings, zero addresses, zero numbers are left out of the JSON. */
struct event {
	enum event_kind kind;
	uint64_t time_ms;          /* wall clock, since 1970 */
	char id[EVENT_ID_LEN + 1]; /* hexadecimal; shared by what belongs together */
	/* EVENT_VERDICT */
	enum action action;
	enum action would;
	enum reason reason;
	enum guard_mode mode;
	enum hook hook;
	struct endpoint client;
	struct endpoint server;
	char domain[DOMAIN_NAME_MAX];
	char mx[DOMAIN_NAME_MAX];
	enum place place; /* with mx-mismatch: what is wrong with it */
	struct promise promise;
	enum ehlo_outcome ehlo;
	char ehlo_name[DOMAIN_NAME_MAX]; /* what the server called itself */
	enum starttls_offer starttls;
	enum starttls_answer starttls_answer;
	uint16_t starttls_code;
	enum tls_progress tls;
	uint16_t tls_version;      /* as on the wire: 0x0303 is TLS 1.2 */
	char sni[DOMAIN_NAME_MAX]; /* the host that the client named in its ClientHello */
	enum key_sight key_sight;
	struct key_finding
		key; /* what came of it; KEY_UNKNOWN: nobody asked, or nobody could tell */
	char probe
		[PROBE_WHY_MAX]; /* why a connection of our own was not shown the key; empty: it was, or there was none */
	char rule[64];
	uint32_t held_ms;
	uint16_t queue;
	char cause[EVENT_TEXT_MAX];
	/* Every kind */
	int32_t pid;
	uint32_t count; /* how many of the same this stands for, at least 1 */
	/* degraded: what it is about; recovered: of which it is the end. Empty: it is over as it is told. */
	char subject[EVENT_SUBJECT_MAX];
	char text[EVENT_TEXT_MAX]; /* ready, degraded, child-died: the sentence; verdict: empty */
};

/* KIND_NONE: nobody attacked, and the sender is able; also where nothing was found. */
enum reason_kind event_reason_kind(const struct event *event);
/* What the postmaster should do, one sentence. */
const char *event_advice(const struct event *event);
/* "proven", "probed", "assumed"; empty: there is nothing to be sure of. */
const char *event_assurance(const struct event *event);
const char *event_kind_name(enum event_kind kind); /* "verdict", "child-died" */
const char *hook_name(enum hook hook);
/* "unseen", "offered", "absent", "masked" */
const char *starttls_offer_name(enum starttls_offer offer);
const char *starttls_answer_name(enum starttls_answer answer);
const char *ehlo_outcome_name(enum ehlo_outcome ehlo);
const char *tls_progress_name(enum tls_progress progress);
/* "1.3", "SSL 3.0"; empty: unknown. */
const char *tls_version_name(uint16_t version);

#endif

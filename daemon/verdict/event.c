/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/event.h"

const char *event_kind_name(enum event_kind kind)
{
	switch (kind) {
	case EVENT_VERDICT:
		return "verdict";
	case EVENT_READY:
		return "ready";
	case EVENT_DEGRADED:
		return "degraded";
	case EVENT_RECOVERED:
		return "recovered";
	case EVENT_RELOADED:
		return "reloaded";
	case EVENT_CHILD_DIED:
		return "child-died";
	case EVENT_STOPPING:
		return "stopping";
	case EVENT_POLICY:
		return "policy";
	}
	return "unknown";
}

const char *hook_name(enum hook hook)
{
	switch (hook) {
	case HOOK_UNKNOWN:
		return "unknown";
	case HOOK_FORWARD:
		return "forward";
	case HOOK_OUTPUT:
		return "output";
	case HOOK_INPUT:
		return "input";
	case HOOK_CAPTURE:
		return "capture";
	}
	return "unknown";
}

const char *starttls_offer_name(enum starttls_offer offer)
{
	switch (offer) {
	case STARTTLS_UNSEEN:
		return "unseen";
	case STARTTLS_OFFERED:
		return "offered";
	case STARTTLS_ABSENT:
		return "absent";
	case STARTTLS_MASKED:
		return "masked";
	}
	return "unseen";
}

const char *starttls_answer_name(enum starttls_answer answer)
{
	switch (answer) {
	case STARTTLS_NOT_ASKED:
		return "not-asked";
	case STARTTLS_PENDING:
		return "pending";
	case STARTTLS_READY:
		return "ready";
	case STARTTLS_REFUSED:
		return "refused";
	case STARTTLS_UNANSWERED:
		return "unanswered";
	}
	return "not-asked";
}

const char *ehlo_outcome_name(enum ehlo_outcome ehlo)
{
	switch (ehlo) {
	case EHLO_UNSEEN:
		return "unseen";
	case EHLO_ACCEPTED:
		return "accepted";
	case EHLO_REFUSED:
		return "refused";
	case EHLO_NOT_SENT:
		return "not-sent";
	}
	return "unseen";
}

const char *tls_progress_name(enum tls_progress progress)
{
	switch (progress) {
	case TLS_NONE:
		return "none";
	case TLS_HELLO:
		return "hello";
	case TLS_ESTABLISHED:
		return "established";
	case TLS_BROKEN:
		return "broken";
	}
	return "none";
}

const char *tls_version_name(uint16_t version)
{
	static const char *const names[] = { "SSL 3.0", "1.0", "1.1", "1.2", "1.3" };
	unsigned minor = version - 0x0300U;

	return minor < sizeof(names) / sizeof(names[0]) ? names[minor] : "";
}

static bool lacks_authorities(const struct event *event)
{
	return event->reason == REASON_UNDECIDED && event->key.outcome == KEY_UNJUDGED &&
	       !event->key.seen.is_raw;
}

enum reason_kind event_reason_kind(const struct event *event)
{
	return lacks_authorities(event) ? KIND_NONE : reason_kind(event->reason);
}

const char *event_advice(const struct event *event)
{
	return lacks_authorities(event) ? "This machine knows no authority to judge certificates "
	                                  "by, which is its own trouble and nobody's "
	                                  "attack: install the package ca-certificates, or name a "
	                                  "file under tls { ca-file }."
	                                : reason_advice(event->reason);
}

/* What is missing in clear text is proven by what was seen; what could not be looked up or decided is not. */
static bool is_seen_for_sure(const struct event *event)
{
	return reason_kind(event->reason) != KIND_NONE && event->reason != REASON_MX_MISMATCH &&
	       event->reason != REASON_POLICY_UNAVAILABLE && event->reason != REASON_UNDECIDED &&
	       event->reason != REASON_UNKNOWN_HOP && event->reason != REASON_DNS_BOGUS &&
	       event->reason != REASON_KEY_HIDDEN;
}

const char *event_assurance(const struct event *event)
{
	switch (event->key_sight) {
	case SIGHT_WIRE:
		return event->key.outcome == KEY_MET || key_is_wrong(event->key.outcome) ||
		                       is_seen_for_sure(event)
		               ? "proven"
		               : "";
	case SIGHT_PROBE:
		return "probed";
	case SIGHT_HIDDEN:
		return event->action == ACTION_PASS ? "assumed" : "";
	case SIGHT_NONE:
		break;
	}
	return is_seen_for_sure(event) ? "proven" : "";
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/sound.h"

#include <stddef.h>
#include <string.h>

#include "verdict/key_rule.h"

static bool is_string(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* As unsigned: a compiler may think that an enum cannot be out of its range. */
static bool is_up_to(unsigned value, unsigned last)
{
	return value <= last;
}

static bool address_is_sound(const struct address *address)
{
	return address->family == 0 || address->family == 4 || address->family == 6;
}

/* A bool that is neither 0 nor 1 must not even be read as one. */
static bool is_bool(const bool *value)
{
	unsigned char octet;

	memcpy(&octet, value, sizeof(octet));
	return octet <= 1;
}

static bool promise_is_sound(const struct promise *promise)
{
	return is_up_to(promise->state, PROMISE_UNAVAILABLE) &&
	       is_up_to(promise->source, SOURCE_SEEN) && is_bool(&promise->only_alerts) &&
	       is_string(promise->detail, sizeof(promise->detail));
}

bool key_finding_is_sound(const struct key_finding *finding)
{
	const struct key_seen *seen = &finding->seen;

	return is_up_to(finding->outcome, KEY_UNREADABLE) &&
	       is_up_to(finding->source, SOURCE_SEEN) && is_bool(&seen->has_leaf) &&
	       is_bool(&seen->is_raw) && is_bool(&seen->has_anchor) &&
	       is_string(finding->matched, sizeof(finding->matched)) &&
	       is_string(finding->why, sizeof(finding->why)) &&
	       is_string(seen->names, sizeof(seen->names)) &&
	       is_string(seen->issuer, sizeof(seen->issuer));
}

static bool enums_are_sound(const struct event *event)
{
	return is_up_to(event->kind, EVENT_POLICY) && is_up_to(event->action, ACTION_WAIT) &&
	       is_up_to(event->would, ACTION_WAIT) && is_up_to(event->reason, REASON_COUNT - 1) &&
	       is_up_to(event->mode, MODE_ENFORCE) && is_up_to(event->hook, HOOK_CAPTURE) &&
	       is_up_to(event->place, PLACE_EXCLUDED) && is_up_to(event->ehlo, EHLO_NOT_SENT) &&
	       is_up_to(event->starttls, STARTTLS_MASKED) &&
	       is_up_to(event->starttls_answer, STARTTLS_UNANSWERED) &&
	       is_up_to(event->tls, TLS_BROKEN) && is_up_to(event->key_sight, SIGHT_HIDDEN);
}

bool event_is_sound(const struct event *event)
{
	return enums_are_sound(event) && address_is_sound(&event->client.address) &&
	       address_is_sound(&event->server.address) &&
	       is_string(event->id, sizeof(event->id)) &&
	       is_string(event->domain, sizeof(event->domain)) &&
	       is_string(event->mx, sizeof(event->mx)) && promise_is_sound(&event->promise) &&
	       is_string(event->ehlo_name, sizeof(event->ehlo_name)) &&
	       is_string(event->sni, sizeof(event->sni)) &&
	       is_string(event->probe, sizeof(event->probe)) &&
	       is_string(event->rule, sizeof(event->rule)) &&
	       is_string(event->cause, sizeof(event->cause)) &&
	       is_string(event->subject, sizeof(event->subject)) &&
	       is_string(event->text, sizeof(event->text)) && key_finding_is_sound(&event->key);
}

static bool host_is_sound(const struct mx_host *host)
{
	return is_string(host->name, sizeof(host->name)) &&
	       is_up_to(host->address_security, DNS_FAILED) && promise_is_sound(&host->promise) &&
	       is_bool(&host->is_excluded) &&
	       is_string(host->offered_before, sizeof(host->offered_before));
}

static bool keys_are_sound(const struct destination *destination, struct key_slice slice)
{
	return slice.at <= destination->keys_len && slice.len <= destination->keys_len - slice.at &&
	       key_rules_are_sound(bytes_of(destination->keys + slice.at, slice.len));
}

static bool place_is_sound(const struct mx_place *place, unsigned host_count)
{
	return (place->address.family == 4 || place->address.family == 6) &&
	       place->host < host_count;
}

bool last_keys_are_sound(const struct last_key *keys, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_up_to(keys[i].sight, SIGHT_HIDDEN) || !address_is_sound(&keys[i].server) ||
		    !is_string(keys[i].probe, sizeof(keys[i].probe)) ||
		    !key_finding_is_sound(&keys[i].finding))
			return false;
	}
	return true;
}

bool evidence_is_sound(const struct evidence *evidence, size_t count)
{
	size_t i;

	if (count > EVIDENCE_MAX)
		return false;
	for (i = 0; i < count; i++) {
		if (!is_up_to(evidence[i].source, SOURCE_SEEN) ||
		    !is_up_to(evidence[i].state, EVIDENCE_PENDING) ||
		    !is_string(evidence[i].detail, sizeof(evidence[i].detail)))
			return false;
	}
	return true;
}

bool destination_is_sound(const struct destination *destination)
{
	size_t i;

	if (!is_bool(&destination->is_truncated) || !is_bool(&destination->is_next_hop) ||
	    !is_bool(&destination->is_established) || !is_bool(&destination->is_afresh) ||
	    !promise_is_sound(&destination->promise) || destination->host_count > MX_HOSTS_MAX ||
	    destination->place_count > MX_PLACES_MAX ||
	    destination->keys_len > DESTINATION_KEYS_MAX ||
	    !keys_are_sound(destination, destination->keys_anywhere) ||
	    !is_up_to(destination->mx_state, MX_HOST) ||
	    !is_up_to(destination->mx_security, DNS_FAILED) ||
	    !is_string(destination->name, sizeof(destination->name)) ||
	    !is_string(destination->why, sizeof(destination->why)))
		return false;
	for (i = 0; i < destination->host_count; i++) {
		if (!host_is_sound(&destination->hosts[i]) ||
		    !keys_are_sound(destination, destination->hosts[i].keys))
			return false;
	}
	for (i = 0; i < destination->place_count; i++) {
		if (!place_is_sound(&destination->places[i], destination->host_count))
			return false;
	}
	return true;
}

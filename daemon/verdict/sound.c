/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/sound.h"

#include <stddef.h>
#include <string.h>

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

static bool enums_are_sound(const struct event *event)
{
	return is_up_to(event->kind, EVENT_STOPPING) && is_up_to(event->action, ACTION_WAIT) &&
	       is_up_to(event->would, ACTION_WAIT) && is_up_to(event->reason, REASON_COUNT - 1) &&
	       is_up_to(event->mode, MODE_ENFORCE) && is_up_to(event->hook, HOOK_CAPTURE) &&
	       is_up_to(event->promise.state, PROMISE_UNAVAILABLE) &&
	       is_up_to(event->promise.source, SOURCE_SEEN) &&
	       is_up_to(event->ehlo, EHLO_NOT_SENT) && is_up_to(event->starttls, STARTTLS_MASKED) &&
	       is_up_to(event->starttls_answer, STARTTLS_UNANSWERED) &&
	       is_up_to(event->tls, TLS_BROKEN);
}

bool event_is_sound(const struct event *event)
{
	return enums_are_sound(event) && address_is_sound(&event->client.address) &&
	       address_is_sound(&event->server.address) &&
	       is_string(event->id, sizeof(event->id)) &&
	       is_string(event->domain, sizeof(event->domain)) &&
	       is_string(event->mx, sizeof(event->mx)) &&
	       is_string(event->promise.detail, sizeof(event->promise.detail)) &&
	       is_string(event->ehlo_name, sizeof(event->ehlo_name)) &&
	       is_string(event->rule, sizeof(event->rule)) &&
	       is_string(event->cause, sizeof(event->cause)) &&
	       is_string(event->text, sizeof(event->text));
}

static bool host_is_sound(const struct mx_host *host)
{
	return is_string(host->name, sizeof(host->name)) &&
	       is_up_to(host->address_security, DNS_FAILED) &&
	       is_up_to(host->promise.state, PROMISE_UNAVAILABLE) &&
	       is_up_to(host->promise.source, SOURCE_SEEN) &&
	       is_string(host->promise.detail, sizeof(host->promise.detail));
}

static bool place_is_sound(const struct mx_place *place, unsigned host_count)
{
	return (place->address.family == 4 || place->address.family == 6) &&
	       place->host < host_count;
}

bool destination_is_sound(const struct destination *destination)
{
	unsigned char is_truncated;
	size_t i;

	/* A bool that is neither 0 nor 1 must not even be read as one. */
	memcpy(&is_truncated, &destination->is_truncated, sizeof(is_truncated));
	if (is_truncated > 1 || destination->host_count > MX_HOSTS_MAX ||
	    destination->place_count > MX_PLACES_MAX || !is_up_to(destination->mx_state, MX_HOST) ||
	    !is_up_to(destination->mx_security, DNS_FAILED) ||
	    !is_string(destination->name, sizeof(destination->name)) ||
	    !is_string(destination->why, sizeof(destination->why)))
		return false;
	for (i = 0; i < destination->host_count; i++) {
		if (!host_is_sound(&destination->hosts[i]))
			return false;
	}
	for (i = 0; i < destination->place_count; i++) {
		if (!place_is_sound(&destination->places[i], destination->host_count))
			return false;
	}
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_facts.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/tls_hello.h"

bool check_place_has_route(const struct check_place *place)
{
	return !place->seen || place->seen->outcome != VISIT_UNREACHABLE ||
	       (place->seen->system_error != ENETUNREACH &&
	        place->seen->system_error != EADDRNOTAVAIL &&
	        place->seen->system_error != EAFNOSUPPORT);
}

bool check_shown(struct check_shown *shown, const struct check_place *place, size_t index)
{
	const struct starttls_result *seen = index == 0 ? place->seen : place->second_seen;

	if (index >= CHECK_SHOWN_MAX || !seen || seen->outcome != VISIT_DONE || !seen->has_leaf)
		return false;
	shown->seen = seen;
	shown->key = index == 0 ? &place->key : &place->second;
	return true;
}

bool check_key_is_seen(const struct check_facts *facts, size_t host)
{
	struct check_shown shown;

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host == host &&
		    check_shown(&shown, &facts->places[i], 0))
			return true;
	}
	return false;
}

bool check_record_is_met(const struct check_place *place, size_t record)
{
	struct check_shown shown;

	for (size_t i = 0; check_shown(&shown, place, i); i++) {
		if (shown.key->records[record] == KEY_MET)
			return true;
	}
	return false;
}

const char *check_version_name(uint16_t version)
{
	switch (version) {
	case TLS_VERSION_1_3:
		return "TLS 1.3";
	case TLS_VERSION_1_2:
		return "TLS 1.2";
	case TLS_VERSION_1_1:
		return "TLS 1.1";
	case TLS_VERSION_1_0:
		return "TLS 1.0";
	default:
		return "TLS of unknown version";
	}
}

void check_keep_seen(struct starttls_result **kept, const struct starttls_result *result)
{
	if (!*kept)
		*kept = malloc(sizeof(**kept));
	if (*kept)
		**kept = *result;
}

void check_facts_clear(struct check_facts *facts)
{
	for (size_t i = 0; i < MX_PLACES_MAX; i++) {
		free(facts->places[i].seen);
		free(facts->places[i].second_seen);
		free(facts->places[i].nameless_seen);
		facts->places[i].seen = facts->places[i].second_seen = NULL;
		facts->places[i].nameless_seen = NULL;
	}
}

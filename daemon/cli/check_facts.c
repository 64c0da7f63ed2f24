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

void check_facts_clear(struct check_facts *facts)
{
	for (size_t i = 0; i < MX_PLACES_MAX; i++) {
		free(facts->places[i].seen);
		free(facts->places[i].nameless_seen);
		facts->places[i].seen = facts->places[i].nameless_seen = NULL;
	}
}

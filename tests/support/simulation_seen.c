/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/simulation.h"

#include <string.h>

const struct event *simulation_last_finding(const struct simulation *simulation)
{
	for (size_t i = simulation->event_count; i > 0; i--) {
		if (simulation->events[i - 1].action != ACTION_PASS)
			return &simulation->events[i - 1];
	}
	return NULL;
}

const struct event *simulation_finding(const struct simulation *simulation)
{
	for (size_t i = 0; i < simulation->event_count; i++) {
		if (simulation->events[i].action != ACTION_PASS)
			return &simulation->events[i];
	}
	return NULL;
}

bool simulation_got(const struct simulation_peer *peer, const char *text)
{
	return memmem(peer->got, peer->got_len, text, strlen(text)) != NULL;
}

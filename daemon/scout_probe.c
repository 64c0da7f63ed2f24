/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/log.h"
#include "probe_request.h"
#include "probes.h"
#include "scout_state.h"
#include "scout_visit.h"

enum { BLIND_MAX = 1024 /* servers; those that nobody looked at for longest are forgotten */ };

/* A server whose key the last probe was not shown. */
struct blind {
	uint64_t when_ms;
	char why[PROBE_WHY_MAX];
};

struct scout_probe {
	struct scout *scout;
	struct probes *probes;
	struct scout_visits *visits;
	struct table *blind;        /* struct address of the server → struct blind */
	struct message_probe asked; /* room: messages are as long as their lists */
};

static bool begin(void *owner, uint64_t number, const struct message_probe *asked)
{
	struct scout_probe *probe = owner;

	return scout_visit_begin(probe->visits, number, asked);
}

static void answer(void *owner, unsigned guard, struct message_probed *probed, size_t len)
{
	struct scout_probe *probe = owner;

	/* A guard that is slow or gone asks again. */
	(void)process_send(probe->scout->process, ROLE_GUARD, guard, probed, len);
}

static uint32_t pick(void *owner)
{
	uint32_t picked = 0;

	(void)owner;
	(void)!getrandom(&picked, sizeof(picked), 0);
	return picked;
}

static void note_blind(struct scout_probe *probe, const struct address *server, const char *why)
{
	struct blind *blind = table_find(probe->blind, server);

	if (!blind)
		blind = table_insert(probe->blind, server);
	if (!blind)
		return;
	blind->when_ms = process_now_ms();
	text_copy(blind->why, sizeof(blind->why), why);
}

static void on_end(void *owner, uint64_t number, const struct address *server,
                   const struct message_probed *seen)
{
	struct scout_probe *probe = owner;

	if (seen->outcome == PROBE_SHOWN)
		table_remove(probe->blind, server);
	else
		note_blind(probe, server, seen->why);
	if (seen->outcome != PROBE_SHOWN)
		log_info("probe %s why=\"%s\"",
		         seen->outcome == PROBE_FAILED ? "could not tell" : "without tls",
		         seen->why);
	probes_end(probe->probes, number, seen, process_now_ms());
}

static struct probes_options options_of(const struct config *config)
{
	return (struct probes_options){
		.at_a_time = config->probes_max,
		.life_ms = config->probe_life_ms,
	};
}

struct scout_probe *scout_probe_new(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN])
{
	static const struct probes_hooks hooks = {
		.begin = begin,
		.answer = answer,
		.random = pick,
	};
	static const struct visits_hooks visits_hooks = { .end = on_end };
	struct probes_options options = options_of(process_config(scout->process));
	struct scout_probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return NULL;
	probe->scout = scout;
	probe->probes = probes_new(&options, &hooks, probe, secret);
	probe->visits = scout_visits_new(scout, &visits_hooks, probe, secret);
	probe->blind = table_new(BLIND_MAX, sizeof(struct address), sizeof(struct blind), secret,
	                         NULL, NULL);
	if (probe->probes && probe->visits && probe->blind)
		return probe;
	scout_probe_free(probe);
	return NULL;
}

void scout_probe_free(struct scout_probe *probe)
{
	if (!probe)
		return;
	scout_visits_free(probe->visits);
	probes_free(probe->probes);
	table_free(probe->blind);
	free(probe);
}

void scout_probe_configure(struct scout_probe *probe, const struct config *config)
{
	struct probes_options options = options_of(config);

	probes_configure(probe->probes, &options);
}

bool scout_probe_take(struct scout_probe *probe, unsigned guard, const void *message, size_t len)
{
	if (!probe_request_is_sound(message, len, process_config(probe->scout->process)))
		return false;
	memset(&probe->asked, 0, sizeof(probe->asked));
	memcpy(&probe->asked, message, len);
	probes_ask(probe->probes, guard, &probe->asked, process_now_ms());
	return true;
}

bool scout_probe_take_socket(struct scout_probe *probe, const struct message_socket *answered)
{
	int descriptor = process_take_descriptor(probe->scout->process);

	return scout_visits_take_socket(probe->visits, answered, descriptor);
}

void scout_probe_second(struct scout_probe *probe)
{
	probes_tick(probe->probes, process_now_ms());
}

void scout_probe_explain(const struct scout_probe *probe, struct last_key keys[MX_HOSTS_MAX],
                         const struct destination *destination)
{
	uint64_t now_ms = process_now_ms();

	for (size_t i = 0; i < destination->place_count; i++) {
		const struct mx_place *place = &destination->places[i];
		const struct blind *blind = table_peek(probe->blind, &place->address);
		struct last_key *key = &keys[place->host];

		if (!blind)
			continue;
		text_copy(key->probe, sizeof(key->probe), blind->why);
		key->probe_age_s = (uint32_t)((now_ms - blind->when_ms) / 1000);
	}
}

void scout_probe_count(const struct scout_probe *probe, struct counters *counters)
{
	struct probes_counts counts = probes_counts(probe->probes);

	counters->probes_made = counts.made;
	counters->probes_as_client = scout_visits_as_client(probe->visits);
	counters->probes_ahead = counts.ahead;
	counters->probes_failed = counts.failed;
	counters->probes_cached = counts.cached;
	counters->probes_now = counts.under_way;
	counters->probes_known = counts.known;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/bytes.h"
#include "probe_request.h"
#include "probes_known.h"

enum { PREFIX4_LEN = 24, PREFIX6_LEN = 64 };

/* A probe that waits for its turn, or is under way. */
struct job {
	struct job *next;
	uint64_t number; /* 0: it waits */
	uint64_t hash;
	uint64_t asked_ms;
	uint64_t not_before_ms;
	bool is_ahead; /* nobody waits */
	struct probe_askers askers;
	struct message_probe asked;
};

struct probes {
	struct probes_options options;
	struct probes_hooks hooks;
	void *owner;
	uint8_t secret[TABLE_SECRET_LEN];
	struct job *jobs; /* in the order in which they were asked for */
	size_t waiting;
	size_t under_way;
	uint64_t last_number;
	struct probes_known *known;
	struct probes_counts counts;
	struct message_probed answer; /* room, as it is large */
};

struct probes *probes_new(const struct probes_options *options, const struct probes_hooks *hooks,
                          void *owner, const uint8_t secret[TABLE_SECRET_LEN])
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return NULL;
	probes->options = *options;
	probes->hooks = *hooks;
	probes->owner = owner;
	memcpy(probes->secret, secret, sizeof(probes->secret));
	probes->known = probes_known_new(PROBES_KNOWN_MAX, PROBES_OCTETS_MAX, secret);
	if (probes->known)
		return probes;
	free(probes);
	return NULL;
}

void probes_free(struct probes *probes)
{
	if (!probes)
		return;
	while (probes->jobs) {
		struct job *job = probes->jobs;

		probes->jobs = job->next;
		free(job);
	}
	probes_known_free(probes->known);
	free(probes);
}

void probes_configure(struct probes *probes, const struct probes_options *options)
{
	probes->options = *options;
}

static void add_asker(struct probe_askers *askers, unsigned guard, uint64_t key)
{
	if (guard >= CONFIG_QUEUES_MAX)
		return;
	askers->guards |= UINT64_C(1) << guard;
	askers->keys[guard] = key;
}

static void answer_all(struct probes *probes, const struct probe_askers *askers,
                       const struct message_probed *seen, uint64_t age_ms)
{
	struct message_probed *answer = &probes->answer;
	size_t len = PROBED_HEAD_LEN + seen->chain_len;

	memcpy(answer, seen, len);
	answer->type = MESSAGE_PROBED;
	answer->age_ms = age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
	for (unsigned guard = 0; guard < CONFIG_QUEUES_MAX; guard++) {
		if (!(askers->guards >> guard & 1))
			continue;
		answer->key = askers->keys[guard];
		probes->hooks.answer(probes->owner, guard, answer, len);
	}
}

/* It could not tell, for a reason of our own. */
static void fail_all(struct probes *probes, const struct probe_askers *askers, const char *why)
{
	struct message_probed *answer = &probes->answer;

	memset(answer, 0, PROBED_HEAD_LEN);
	answer->outcome = PROBE_FAILED;
	text_copy(answer->why, sizeof(answer->why), why);
	probes->counts.failed++;
	for (unsigned guard = 0; guard < CONFIG_QUEUES_MAX; guard++) {
		if (!(askers->guards >> guard & 1))
			continue;
		answer->type = MESSAGE_PROBED;
		answer->key = askers->keys[guard];
		probes->hooks.answer(probes->owner, guard, answer, PROBED_HEAD_LEN);
	}
}

static bool is_fresh(const struct probes *probes, const struct probe_known *known, uint64_t now_ms)
{
	uint32_t life_ms =
		known->seen->outcome == PROBE_FAILED ? PROBES_FAILED_MS : probes->options.life_ms;

	return now_ms - known->seen_ms < life_ms;
}

static struct job *find_job(const struct probes *probes, uint64_t hash)
{
	struct job *job = probes->jobs;

	while (job && job->hash != hash)
		job = job->next;
	return job;
}

static void remove_job(struct probes *probes, struct job *gone)
{
	struct job **at = &probes->jobs;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	if (gone->number)
		probes->under_way--;
	else
		probes->waiting--;
	free(gone);
}

/* That client's, which wait or are under way. */
static size_t count_of_client(const struct probes *probes, const struct address *client,
                              bool is_under_way)
{
	size_t count = 0;

	for (const struct job *job = probes->jobs; job; job = job->next)
		count += (job->number != 0) == is_under_way &&
		         address_equal(&job->asked.client, client);
	return count;
}

/* Servers that let one client's probes wait keep no other's waiting. */
static size_t most_of_client(size_t places)
{
	return places - places / PROBES_OTHERS_PART;
}

/* NULL: no room for one more, or none in its client's share. */
static struct job *add_job(struct probes *probes, uint64_t hash, const struct message_probe *asked,
                           uint64_t now_ms)
{
	struct job **at = &probes->jobs;
	struct job *job = NULL;

	if (probes->waiting < PROBES_WAITING_MAX &&
	    count_of_client(probes, &asked->client, false) < most_of_client(PROBES_WAITING_MAX))
		job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->hash = hash;
	job->asked = *asked;
	job->asked_ms = job->not_before_ms = now_ms;
	while (*at)
		at = &(*at)->next;
	*at = job;
	probes->waiting++;
	return job;
}

static struct network network_of(const struct address *address)
{
	struct network network = { *address, address->family == 4 ? PREFIX4_LEN : PREFIX6_LEN };

	memset(network.address.octets + network.prefix_len / 8, 0,
	       sizeof(network.address.octets) - network.prefix_len / 8);
	return network;
}

static bool has_turn(const struct probes *probes, const struct job *job, uint64_t now_ms)
{
	const struct endpoint *server = &job->asked.server;
	struct network network = network_of(&server->address);
	size_t to_server = 0, to_network = 0;

	if (probes->under_way >= probes->options.at_a_time || now_ms < job->not_before_ms)
		return false;
	/* What nobody waits for leaves half of the places to what somebody does. */
	if (job->is_ahead && probes->under_way > probes->options.at_a_time / 2)
		return false;
	if (count_of_client(probes, &job->asked.client, true) >=
	    most_of_client(probes->options.at_a_time))
		return false;
	for (const struct job *other = probes->jobs; other; other = other->next) {
		if (other->number == 0)
			continue;
		to_server += address_equal(&other->asked.server.address, &server->address);
		to_network += network_contains(&network, &other->asked.server.address);
	}
	return to_server < PROBES_PER_SERVER_MAX && to_network < PROBES_PER_NETWORK_MAX;
}

static void begin(struct probes *probes, struct job *job)
{
	uint64_t number = ++probes->last_number;

	if (!probes->hooks.begin(probes->owner, number, &job->asked)) {
		fail_all(probes, &job->askers, "no probe could be begun: out of memory");
		remove_job(probes, job);
		return;
	}
	job->number = number;
	probes->waiting--;
	probes->under_way++;
	probes->counts.made++;
	probes->counts.ahead += job->is_ahead;
}

/* Those who waited too long first: to whoever asked, knowing that is worth more than one place in the queue. */
static void give_turns(struct probes *probes, uint64_t now_ms)
{
	struct job *job, *next;

	for (job = probes->jobs; job; job = next) {
		next = job->next;
		if (job->number != 0)
			continue;
		if (has_turn(probes, job, now_ms)) {
			begin(probes, job);
		} else if (now_ms - job->asked_ms >= PROBES_WAIT_MS) {
			if (!job->is_ahead)
				fail_all(probes, &job->askers,
				         "no probe was begun: too many are under way");
			remove_job(probes, job);
		}
	}
}

void probes_ask(struct probes *probes, unsigned guard, const struct message_probe *probe,
                uint64_t now_ms)
{
	uint64_t hash = probe_request_hash(probe, probes->secret);
	struct probe_known *known = probes_known_find(probes->known, hash);
	struct job *job = find_job(probes, hash);
	struct probe_askers asker = { 0 };

	add_asker(&asker, guard, probe->key);
	if (known) {
		known->used_ms = now_ms;
		add_asker(&known->askers, guard, probe->key);
	}
	if (known && !probe->is_again && is_fresh(probes, known, now_ms)) {
		probes->counts.cached++;
		answer_all(probes, &asker, known->seen, now_ms - known->seen_ms);
		return;
	}
	if (!job)
		job = add_job(probes, hash, probe, now_ms);
	if (!job) {
		fail_all(probes, &asker, "no probe was begun: too many wait for their turn");
		return;
	}
	add_asker(&job->askers, guard, probe->key);
	job->is_ahead = false;
	if (known && job->number == 0)
		job->not_before_ms = known->seen_ms + PROBES_APART_MS;
	give_turns(probes, now_ms);
}

static uint64_t pick_refresh_ms(struct probes *probes, uint64_t now_ms)
{
	uint64_t from = (uint64_t)probes->options.life_ms * PROBES_REFRESH_FROM_PERCENT / 100;
	uint64_t to = (uint64_t)probes->options.life_ms * PROBES_REFRESH_TO_PERCENT / 100;

	return now_ms + from + probes->hooks.random(probes->owner) % (to - from + 1);
}

/* Who could not tell this time does not make untrue what was seen before, as long as that lives. */
static const struct probe_known *keep(struct probes *probes, const struct job *job,
                                      const struct message_probed *seen, uint64_t now_ms)
{
	struct probe_known *known = probes_known_find(probes->known, job->hash);

	if (known && seen->outcome == PROBE_FAILED && known->seen->outcome != PROBE_FAILED &&
	    is_fresh(probes, known, now_ms)) {
		known->refresh_ms = pick_refresh_ms(probes, now_ms);
		return NULL;
	}
	known = probes_known_put(probes->known, job->hash, seen);
	if (!known)
		return NULL;
	known->asked = job->asked;
	known->asked.is_again = false;
	known->seen_ms = now_ms;
	known->refresh_ms = seen->outcome == PROBE_SHOWN ? pick_refresh_ms(probes, now_ms) : 0;
	if (!job->is_ahead)
		known->used_ms = now_ms;
	for (unsigned guard = 0; guard < CONFIG_QUEUES_MAX; guard++) {
		if (job->askers.guards >> guard & 1)
			add_asker(&known->askers, guard, job->askers.keys[guard]);
	}
	return known;
}

void probes_end(struct probes *probes, uint64_t number, const struct message_probed *seen,
                uint64_t now_ms)
{
	struct job *job = probes->jobs;
	const struct probe_known *known;

	while (job && job->number != number)
		job = job->next;
	if (!job)
		return;
	probes->counts.failed += seen->outcome == PROBE_FAILED;
	known = keep(probes, job, seen, now_ms);
	/* Mail of guards that did not ask this time passes by what was seen before; what could not be told is no news to them, nor ahead. */
	if (known && seen->outcome != PROBE_FAILED)
		answer_all(probes, &known->askers, seen, 0);
	else if (!job->is_ahead || seen->outcome != PROBE_FAILED)
		answer_all(probes, &job->askers, seen, 0);
	remove_job(probes, job);
	give_turns(probes, now_ms);
}

/* Before what is in use ends, so that no mail waits for it again. */
static void look_ahead(struct probes *probes, uint64_t now_ms)
{
	uint64_t in_use_ms = (uint64_t)PROBES_IN_USE_LIVES * probes->options.life_ms;
	struct probe_known *known = NULL;
	uint64_t hash;

	while ((known = probes_known_next(probes->known, &hash, known)) != NULL) {
		struct job *job;

		if (known->refresh_ms == 0 || now_ms < known->refresh_ms)
			continue;
		known->refresh_ms = 0;
		if (now_ms - known->used_ms > in_use_ms || find_job(probes, hash))
			continue;
		job = add_job(probes, hash, &known->asked, now_ms);
		if (!job)
			return;
		job->is_ahead = true;
		job->askers = known->askers;
	}
}

void probes_tick(struct probes *probes, uint64_t now_ms)
{
	look_ahead(probes, now_ms);
	give_turns(probes, now_ms);
}

struct probes_counts probes_counts(const struct probes *probes)
{
	struct probes_counts counts = probes->counts;

	counts.under_way = probes->under_way;
	counts.known = probes_known_count(probes->known);
	return counts;
}

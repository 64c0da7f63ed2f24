/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "policy/mtasts_state.h"

enum {
	NONE_TTL_MIN_S = 60, /* what a TXT record's absence is kept for, whatever its TTL says */
	NONE_TTL_MAX_S = 60 * 60,
	PENDING_TTL_S = 15,
};

uint64_t mtasts_random(struct mtasts *mtasts)
{
	mtasts->random_count++;
	return siphash(mtasts->options.secret, &mtasts->random_count, sizeof(mtasts->random_count));
}

struct mtasts_enquiry *mtasts_enquiry_of(const struct mtasts *mtasts, const char *domain)
{
	struct mtasts_enquiry *enquiry;

	for (enquiry = TAILQ_FIRST(&mtasts->enquiries); enquiry;
	     enquiry = TAILQ_NEXT(enquiry, link)) {
		if (strcmp(enquiry->domain, domain) == 0)
			return enquiry;
	}
	return NULL;
}

static void make_ready(struct mtasts_ask *ask, enum mtasts_state otherwise, uint32_t ttl_s,
                       const char *why)
{
	if (ask->enquiry)
		TAILQ_REMOVE(&ask->enquiry->asks, ask, link);
	ask->enquiry = NULL;
	ask->otherwise = otherwise;
	ask->ttl_s = ttl_s;
	snprintf(ask->why, sizeof(ask->why), "%s", why);
	TAILQ_INSERT_TAIL(&ask->mtasts->ready, ask, link);
	event_active(ask->mtasts->deliver, EV_TIMEOUT, 0);
}

static void end_enquiry(struct mtasts_enquiry *enquiry)
{
	struct mtasts *mtasts = enquiry->mtasts;

	assert(TAILQ_EMPTY(&enquiry->asks));
	TAILQ_REMOVE(&mtasts->enquiries, enquiry, link);
	mtasts->enquiry_count--;
	mtasts->behind_count -= enquiry->is_behind;
	free(enquiry);
}

static uint32_t none_ttl_s(uint32_t ttl_s)
{
	if (ttl_s < NONE_TTL_MIN_S)
		return NONE_TTL_MIN_S;
	return ttl_s > NONE_TTL_MAX_S ? NONE_TTL_MAX_S : ttl_s;
}

static void on_finding(void *owner, const struct mtasts_finding *finding)
{
	struct mtasts_enquiry *enquiry = owner;
	bool is_none = finding->found == MTASTS_FOUND_NOTHING;
	struct mtasts_ask *ask;

	enquiry->lookup = NULL;
	mtasts_keep(enquiry->mtasts, enquiry->domain, finding);
	while ((ask = TAILQ_FIRST(&enquiry->asks)) != NULL)
		make_ready(ask, is_none ? MTASTS_NONE : MTASTS_FAILED,
		           is_none ? none_ttl_s(finding->ttl_s) : MTASTS_FAILED_TTL_S,
		           finding->why[0] ? finding->why : "the policy was forgotten meanwhile");
	end_enquiry(enquiry);
}

static void force(struct mtasts_enquiry *enquiry)
{
	enquiry->is_forced = true;
	mtasts_lookup_force(enquiry->lookup);
}

static void stop_being_behind(struct mtasts_enquiry *enquiry)
{
	enquiry->mtasts->behind_count -= enquiry->is_behind;
	enquiry->is_behind = false;
}

/* The one that runs, or a new one. NULL: no room. */
static struct mtasts_enquiry *enquire(struct mtasts *mtasts, const char *domain, bool is_forced,
                                      bool is_behind)
{
	struct mtasts_enquiry *enquiry = mtasts_enquiry_of(mtasts, domain);
	struct mtasts_entry *entry = mtasts_cache_peek(mtasts->cache, domain);
	uint64_t now_ms = mtasts->hooks.now_ms();
	const char *known_id = "";

	if (enquiry) {
		if (is_forced)
			force(enquiry);
		if (!is_behind)
			stop_being_behind(enquiry);
		return enquiry;
	}
	if (mtasts->enquiry_count >= MTASTS_LOOKUPS_MAX ||
	    (is_behind && mtasts->behind_count >= MTASTS_LOOKUPS_BEHIND_MAX))
		return NULL;
	enquiry = calloc(1, sizeof(*enquiry));
	if (!enquiry)
		return NULL;
	if (entry && !is_forced && mtasts_entry_left_s(entry, now_ms) > 0)
		known_id = mtasts_entry_id(entry);
	enquiry->lookup = mtasts_lookup_start(mtasts->resolver, mtasts->fetcher, domain, known_id,
	                                      !is_behind, on_finding, enquiry);
	if (!enquiry->lookup) {
		free(enquiry);
		return NULL;
	}
	if (entry)
		entry->looked_ms = now_ms;
	enquiry->mtasts = mtasts;
	enquiry->is_forced = is_forced;
	enquiry->is_behind = is_behind;
	TAILQ_INIT(&enquiry->asks);
	snprintf(enquiry->domain, sizeof(enquiry->domain), "%s", domain);
	TAILQ_INSERT_TAIL(&mtasts->enquiries, enquiry, link);
	mtasts->enquiry_count++;
	mtasts->behind_count += is_behind;
	return enquiry;
}

bool mtasts_look_behind(struct mtasts *mtasts, const char *domain, bool is_forced)
{
	return enquire(mtasts, domain, is_forced, true) != NULL;
}

/* What is known answers, else the ask's own word. */
static void answer(struct mtasts_ask *ask)
{
	struct mtasts *mtasts = ask->mtasts;
	struct mtasts_answer answer;

	mtasts_recall(&answer, mtasts, ask->domain);
	if (answer.state == MTASTS_UNKNOWN) {
		memset(&answer, 0, sizeof(answer));
		answer.state = ask->otherwise;
		answer.ttl_s = ask->ttl_s;
		snprintf(answer.why, sizeof(answer.why), "%s", ask->why);
	}
	mtasts->ask_count--;
	ask->fn(ask->owner, &answer);
	free(ask);
}

/* What callbacks ask and get at once waits for the next round. */
static void on_deliver(evutil_socket_t unused, short events, void *data)
{
	struct mtasts *mtasts = data;
	struct mtasts_ask *ask;
	size_t round = 0;

	(void)unused;
	(void)events;
	for (ask = TAILQ_FIRST(&mtasts->ready); ask; ask = TAILQ_NEXT(ask, link))
		round++;
	for (; round > 0 && (ask = TAILQ_FIRST(&mtasts->ready)) != NULL; round--) {
		TAILQ_REMOVE(&mtasts->ready, ask, link);
		answer(ask);
	}
	if (!TAILQ_EMPTY(&mtasts->ready))
		event_active(mtasts->deliver, EV_TIMEOUT, 0);
}

/* A gap that waits for hours does not spare a mail the question whether anything is promised. */
static bool is_due(const struct mtasts_gap *gap, uint64_t now_ms)
{
	return !gap || now_ms >= gap->retry_ms ||
	       (gap->is_unknown && now_ms - gap->tried_ms >= MTASTS_FAILED_TTL_S * 1000ULL);
}

/* Whether the ask is to wait for a look-up: a policy that lives, or a gap that is tried soon, needs none. */
static bool needs_lookup(struct mtasts *mtasts, const char *domain, bool is_refresh)
{
	struct mtasts_entry *entry = mtasts_cache_find(mtasts->cache, domain);
	struct mtasts_gap *gap = mtasts_gaps_find(mtasts->gaps, domain);
	uint64_t now_ms = mtasts->hooks.now_ms();
	bool is_alive = entry && mtasts_entry_left_s(entry, now_ms) > 0;
	uint64_t tried_ms = is_alive ? entry->forced_ms : gap ? gap->tried_ms : 0;

	if (gap)
		gap->asked_ms = now_ms;
	if (entry)
		mtasts_keep_stand(mtasts, entry);
	if (is_refresh)
		return tried_ms == 0 || now_ms - tried_ms >= MTASTS_REFRESH_S * 1000ULL ||
		       mtasts_enquiry_of(mtasts, domain) != NULL;
	if (!is_alive)
		return is_due(gap, now_ms) || mtasts_enquiry_of(mtasts, domain) != NULL;
	if (entry->looked_ms == 0 || now_ms - entry->looked_ms >= MTASTS_LOOK_S * 1000ULL)
		(void)mtasts_look_behind(mtasts, domain, false);
	return false;
}

static void begin(struct mtasts_ask *ask, bool is_refresh)
{
	struct mtasts *mtasts = ask->mtasts;

	if (!mtasts->options.is_enabled) {
		make_ready(ask, MTASTS_NONE, NONE_TTL_MAX_S, "MTA-STS is switched off");
		return;
	}
	if (!mtasts_lookup_is_possible(ask->domain)) {
		make_ready(ask, MTASTS_NONE, NONE_TTL_MAX_S,
		           "no record can be below a name that long");
		return;
	}
	if (!needs_lookup(mtasts, ask->domain, is_refresh)) {
		make_ready(ask, MTASTS_FAILED, MTASTS_FAILED_TTL_S,
		           "the policy was forgotten meanwhile");
		return;
	}
	ask->enquiry = enquire(mtasts, ask->domain, is_refresh, false);
	if (ask->enquiry)
		TAILQ_INSERT_TAIL(&ask->enquiry->asks, ask, link);
	else
		make_ready(ask, MTASTS_FAILED, MTASTS_FAILED_TTL_S,
		           "too many look-ups at one time");
}

struct mtasts_ask *mtasts_ask(struct mtasts *mtasts, const char *domain, bool is_refresh,
                              mtasts_fn fn, void *owner)
{
	struct mtasts_ask *ask;

	if (mtasts->ask_count >= MTASTS_ASKS_MAX)
		return NULL;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	mtasts->ask_count++;
	ask->mtasts = mtasts;
	ask->fn = fn;
	ask->owner = owner;
	ask->deadline_ms =
		mtasts->hooks.now_ms() + (is_refresh ? MTASTS_REFRESH_ANSWER_MS : MTASTS_ANSWER_MS);
	snprintf(ask->domain, sizeof(ask->domain), "%s", domain);
	begin(ask, is_refresh);
	return ask;
}

void mtasts_cancel(struct mtasts_ask *ask)
{
	struct mtasts *mtasts = ask->mtasts;
	struct mtasts_ask_list *list = ask->enquiry ? &ask->enquiry->asks : &mtasts->ready;

	TAILQ_REMOVE(list, ask, link);
	mtasts->ask_count--;
	free(ask);
}

static void end_late_asks(struct mtasts *mtasts)
{
	uint64_t now_ms = mtasts->hooks.now_ms();
	struct mtasts_enquiry *enquiry;
	struct mtasts_ask *ask, *next;

	for (enquiry = TAILQ_FIRST(&mtasts->enquiries); enquiry;
	     enquiry = TAILQ_NEXT(enquiry, link)) {
		bool has_record = mtasts_lookup_has_record(enquiry->lookup);

		for (ask = TAILQ_FIRST(&enquiry->asks); ask; ask = next) {
			next = TAILQ_NEXT(ask, link);
			if (now_ms >= ask->deadline_ms)
				make_ready(
					ask, MTASTS_PENDING, PENDING_TTL_S,
					has_record
						? "a policy is promised, and is still being fetched"
						: "the TXT record is still being looked up");
		}
	}
}

static void retry_gaps(struct mtasts *mtasts)
{
	uint64_t now_ms = mtasts->hooks.now_ms();
	uint64_t asked_ms = MTASTS_GAP_ASKED_S * 1000ULL;
	uint64_t since_ms = now_ms > asked_ms ? now_ms - asked_ms : 0;
	struct mtasts_gap *gap;

	while (mtasts->renewals_left > 0 &&
	       (gap = mtasts_gaps_due(mtasts->gaps, now_ms, since_ms)) != NULL) {
		mtasts->renewals_left--;
		/* Until the look-up ends, and says when. */
		gap->retry_ms = now_ms + 2ULL * FETCH_TOTAL_MS;
		(void)mtasts_look_behind(mtasts, gap->domain, true);
	}
}

void mtasts_tick(struct mtasts *mtasts)
{
	end_late_asks(mtasts);
	mtasts->renewals_left = MTASTS_RENEWALS_MAX;
	if (mtasts->options.is_enabled)
		retry_gaps(mtasts);
	mtasts_keep_tick(mtasts);
}

static struct mtasts_fetch_options fetch_options(const struct mtasts_options *options)
{
	struct mtasts_fetch_options made = { .port = options->https_port };

	snprintf(made.ca_file, sizeof(made.ca_file), "%s", options->ca_file);
	return made;
}

int mtasts_new(struct mtasts **made, struct event_base *base, struct resolver *resolver,
               const struct mtasts_options *options, const struct mtasts_hooks *hooks, void *owner)
{
	struct mtasts_fetch_options fetch = fetch_options(options);
	struct mtasts *mtasts = calloc(1, sizeof(*mtasts));
	int err;

	if (!mtasts)
		return -ENOMEM;
	TAILQ_INIT(&mtasts->enquiries);
	TAILQ_INIT(&mtasts->ready);
	mtasts->resolver = resolver;
	mtasts->options = *options;
	mtasts->hooks = *hooks;
	mtasts->owner = owner;
	err = mtasts_fetcher_new(&mtasts->fetcher, base, &fetch);
	if (err) {
		free(mtasts);
		return err;
	}
	mtasts->deliver = event_new(base, -1, 0, on_deliver, mtasts);
	mtasts->cache = mtasts_cache_new(MTASTS_DOMAINS_MAX, MTASTS_OCTETS_MAX, options->secret,
	                                 mtasts_on_leave, mtasts);
	mtasts->gaps = mtasts_gaps_new(options->secret);
	if (!mtasts->deliver || !mtasts->cache || !mtasts->gaps) {
		mtasts_free(mtasts);
		return -ENOMEM;
	}
	/* The agenda begins now. */
	(void)mtasts_cache_due(mtasts->cache, hooks->now_ms());
	*made = mtasts;
	return 0;
}

static void free_asks(struct mtasts_ask_list *list)
{
	struct mtasts_ask *ask;

	while ((ask = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, ask, link);
		assert(TAILQ_FIRST(list) != ask);
		free(ask);
	}
}

static void free_enquiries(struct mtasts_enquiry_list *list)
{
	struct mtasts_enquiry *enquiry;

	while ((enquiry = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, enquiry, link);
		assert(TAILQ_FIRST(list) != enquiry);
		free_asks(&enquiry->asks);
		mtasts_lookup_cancel(enquiry->lookup);
		free(enquiry);
	}
}

void mtasts_free(struct mtasts *mtasts)
{
	if (!mtasts)
		return;
	free_enquiries(&mtasts->enquiries);
	free_asks(&mtasts->ready);
	mtasts_gaps_free(mtasts->gaps);
	mtasts_cache_free(mtasts->cache);
	if (mtasts->deliver)
		event_free(mtasts->deliver);
	mtasts_fetcher_free(mtasts->fetcher);
	free(mtasts);
}

void mtasts_configure(struct mtasts *mtasts, const struct mtasts_options *options)
{
	struct mtasts_fetch_options fetch = fetch_options(options);

	mtasts->options.is_enabled = options->is_enabled;
	mtasts->options.https_port = options->https_port;
	memcpy(mtasts->options.ca_file, options->ca_file, sizeof(options->ca_file));
	mtasts_fetcher_configure(mtasts->fetcher, &fetch);
}

size_t mtasts_forget(struct mtasts *mtasts, const char *domain)
{
	size_t before = mtasts_cache_count(mtasts->cache) + mtasts_gaps_count(mtasts->gaps);

	mtasts_cache_remove(mtasts->cache, domain);
	mtasts_gaps_remove(mtasts->gaps, domain);
	return before - mtasts_cache_count(mtasts->cache) - mtasts_gaps_count(mtasts->gaps);
}

size_t mtasts_count(const struct mtasts *mtasts)
{
	return mtasts_cache_count(mtasts->cache);
}

size_t mtasts_octets(const struct mtasts *mtasts)
{
	return mtasts_cache_octets(mtasts->cache);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "policy/mtasts_life.h"
#include "policy/mtasts_state.h"
#include "policy/peer_names.h"

_Static_assert((int)ROW_POLICY_TEXT_MAX == (int)MTASTS_KEPT_MAX, "a row has room for what is kept");

enum {
	RENEWAL_PUT_OFF_MAX_S = 60, /* where there is no room for one now */
	RENEWAL_LOST_S =
		10 * 60, /* the end of a look-up says when the next is due; should none come */
	SPAN_MAX = 32,
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t after_s(uint64_t now_ms, uint64_t seconds)
{
	return now_ms + seconds * 1000;
}

static void send_row(struct mtasts *mtasts, const struct mtasts_entry *entry, bool is_removed)
{
	struct row *row = &mtasts->row;
	struct bytes text = mtasts_entry_text(entry);

	memset(row, 0, offsetof(struct row, policy.text));
	row->kind = ROW_POLICY;
	row->is_removed = is_removed;
	snprintf(row->policy.domain, sizeof(row->policy.domain), "%s", mtasts_entry_domain(entry));
	if (!is_removed) {
		snprintf(row->policy.id, sizeof(row->policy.id), "%s", mtasts_entry_id(entry));
		row->policy.fetched_ms = entry->fetched_ms;
		row->policy.saved_ms = mtasts->hooks.wall_ms();
		row->policy.left_s = mtasts_entry_left_s(entry, mtasts->hooks.now_ms());
		row->policy.kept_s = mtasts_entry_kept_s(entry, mtasts->hooks.now_ms());
		row->policy.standing = entry->standing;
		row->policy.text_len = (uint32_t)text.len;
		memcpy(row->policy.text, text.data, text.len);
	}
	mtasts->hooks.on_row(mtasts->owner, row);
}

void mtasts_on_leave(void *owner, const struct mtasts_entry *entry)
{
	send_row(owner, entry, true);
}

/* A policy that is over binds nobody, and may be driven out by any. */
static enum mtasts_standing standing_of(const struct mtasts *mtasts,
                                        const struct mtasts_entry *entry)
{
	if (entry->is_over)
		return MTASTS_NEWCOMER;
	if (mtasts->hooks.is_established(mtasts->owner, mtasts_entry_domain(entry)))
		return MTASTS_ESTABLISHED;
	return mtasts_entry_kept_s(entry, mtasts->hooks.now_ms()) >= MTASTS_SETTLED_S
	               ? MTASTS_SETTLED
	               : MTASTS_NEWCOMER;
}

void mtasts_keep_stand(struct mtasts *mtasts, struct mtasts_entry *entry)
{
	mtasts_cache_stand(mtasts->cache, entry, standing_of(mtasts, entry));
}

static void schedule(struct mtasts *mtasts, struct mtasts_entry *entry, uint64_t now_ms)
{
	uint64_t at_ms;

	if (entry->is_over)
		at_ms = after_s(entry->expires_ms, MTASTS_KEPT_S);
	else
		at_ms = earlier(entry->expires_ms, earlier(entry->renew_ms, entry->save_ms));
	mtasts_cache_schedule(mtasts->cache, entry, at_ms, now_ms);
}

static void take_policy(struct mtasts *mtasts, const char *domain,
                        const struct mtasts_finding *finding)
{
	struct mtasts_taken taken = { domain, finding->id, finding->policy, finding->text };
	uint32_t renew_s = mtasts_renew_after_s(finding->policy.max_age_s, mtasts_random(mtasts));
	struct mtasts_entry *entry = mtasts_cache_put(mtasts->cache, &taken);
	uint64_t now_ms = mtasts->hooks.now_ms();

	if (!entry) {
		log_error("mta-sts policy not kept domain=%s error=\"out of memory\"", domain);
		return;
	}
	if (entry->since_ms == 0)
		entry->since_ms = now_ms;
	mtasts_keep_stand(mtasts, entry);
	entry->fetched_ms = mtasts->hooks.wall_ms();
	entry->expires_ms = after_s(now_ms, mtasts_life_s(finding->policy.max_age_s));
	if (renew_s > 0)
		entry->renew_ms = after_s(now_ms, renew_s);
	entry->looked_ms = now_ms;
	entry->forced_ms = now_ms;
	entry->save_ms = after_s(now_ms, MTASTS_SAVE_S);
	schedule(mtasts, entry, now_ms);
	mtasts_gaps_remove(mtasts->gaps, domain);
	send_row(mtasts, entry, false);
	log_debug("mta-sts policy taken domain=%s id=%s", domain, finding->id);
}

static const char *span(char text[SPAN_MAX], uint32_t seconds)
{
	static const struct {
		uint32_t unit_s;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };
	size_t i = 0;

	while (units[i].unit_s > 1 && seconds < 2 * units[i].unit_s)
		i++;
	snprintf(text, SPAN_MAX, "%u %s", seconds / units[i].unit_s, units[i].name);
	return text;
}

static void tell(struct mtasts *mtasts, const char *domain, const char *text)
{
	mtasts->hooks.tell(mtasts->owner, domain, REASON_POLICY_UNAVAILABLE, text);
}

/* What the operator is told of a policy that cannot be renewed: once a day, from half of its life on in other words and each hour. */
static void warn(struct mtasts *mtasts, struct mtasts_entry *entry, uint64_t now_ms)
{
	uint32_t left_s = mtasts_entry_left_s(entry, now_ms);
	bool is_late = left_s <= mtasts_life_s(entry->policy.max_age_s) / 2;
	uint64_t every_ms = (is_late ? MTASTS_WARN_LATE_S : MTASTS_WARN_S) * 1000ULL;
	char text[MTASTS_TELL_MAX];
	char left[SPAN_MAX];

	/* A retry may come a little before its hour is full. */
	if (entry->told_ms > 0 && now_ms - entry->told_ms < every_ms - every_ms / 4)
		return;
	entry->told_ms = now_ms;
	snprintf(text, sizeof(text),
	         is_late ? "the MTA-STS policy is past half of its life, ends in %s, and still "
	                   "cannot be renewed: %s"
	                 : "the MTA-STS policy cannot be renewed, and holds for another %s: %s",
	         span(left, left_s), entry->trouble);
	tell(mtasts, mtasts_entry_domain(entry), text);
}

/*
 * The policy stays. That its record is gone is told at once; that something failed, when it did so twice. A domain in mode none is on its way out
 * (RFC 8461 section 8.3): its record may go.
 */
static void doubt_policy(struct mtasts *mtasts, struct mtasts_entry *entry,
                         const struct mtasts_finding *finding)
{
	uint64_t now_ms = mtasts->hooks.now_ms();

	if (entry->failures < UINT16_MAX)
		entry->failures++;
	(void)mtasts_cache_set_trouble(mtasts->cache, entry, finding->why);
	entry->looked_ms = now_ms;
	entry->forced_ms = now_ms;
	entry->renew_ms =
		after_s(now_ms, mtasts_retry_after_s(entry->failures, mtasts_random(mtasts)));
	if (entry->policy.mode != MTASTS_MODE_NONE && entry->trouble &&
	    (entry->failures > 1 || finding->found == MTASTS_FOUND_NOTHING))
		warn(mtasts, entry, now_ms);
	schedule(mtasts, entry, now_ms);
}

/* Once a day; that the record cannot be looked up when it failed twice, as name servers do that now and then. */
static void warn_of_gap(struct mtasts *mtasts, struct mtasts_gap *gap, uint32_t retry_s,
                        uint64_t now_ms)
{
	char text[MTASTS_TELL_MAX];
	char left[SPAN_MAX];

	if ((gap->told_ms > 0 && now_ms - gap->told_ms < MTASTS_WARN_S * 1000ULL) ||
	    (gap->is_unknown && gap->failures < 2))
		return;
	gap->told_ms = now_ms;
	snprintf(text, sizeof(text), "%s, mail goes unprotected, next try in %s: %.175s",
	         gap->is_unknown ? "no answer whether MTA-STS is promised"
	                         : "a promised MTA-STS policy cannot be had",
	         span(left, retry_s), gap->why);
	tell(mtasts, gap->domain, text);
}

static void open_gap(struct mtasts *mtasts, const char *domain,
                     const struct mtasts_finding *finding)
{
	uint64_t now_ms = mtasts->hooks.now_ms();
	struct mtasts_gap *gap = mtasts_gaps_find(mtasts->gaps, domain);
	bool is_unknown = finding->found == MTASTS_FOUND_FAILED;
	uint32_t retry_s;

	if (!gap) {
		gap = mtasts_gaps_add(mtasts->gaps, domain);
		if (!gap)
			return;
		gap->asked_ms = now_ms;
		gap->is_unknown = is_unknown;
	}
	/* What was promised once is told at once. */
	gap->is_unknown &= is_unknown;
	gap->failures++;
	gap->tried_ms = now_ms;
	retry_s = mtasts_retry_after_s(gap->failures, mtasts_random(mtasts));
	gap->retry_ms = after_s(now_ms, retry_s);
	snprintf(gap->why, sizeof(gap->why), "%s", finding->why);
	warn_of_gap(mtasts, gap, retry_s, now_ms);
}

void mtasts_keep(struct mtasts *mtasts, const char *domain, const struct mtasts_finding *finding)
{
	struct mtasts_entry *entry = mtasts_cache_peek(mtasts->cache, domain);
	uint64_t now_ms = mtasts->hooks.now_ms();
	bool is_alive = entry && mtasts_entry_left_s(entry, now_ms) > 0;

	switch (finding->found) {
	case MTASTS_FOUND_POLICY:
		take_policy(mtasts, domain, finding);
		break;
	case MTASTS_FOUND_SAME:
		if (entry)
			entry->looked_ms = now_ms;
		break;
	case MTASTS_FOUND_NOTHING:
		if (is_alive)
			doubt_policy(mtasts, entry, finding);
		else
			mtasts_gaps_remove(mtasts->gaps, domain);
		break;
	case MTASTS_FOUND_FAILED:
	case MTASTS_FOUND_BROKEN:
		if (is_alive)
			doubt_policy(mtasts, entry, finding);
		else
			open_gap(mtasts, domain, finding);
		break;
	}
}

static void end_policy(struct mtasts *mtasts, struct mtasts_entry *entry)
{
	char text[MTASTS_TELL_MAX];

	entry->is_over = true;
	send_row(mtasts, entry, false);
	if (!entry->trouble || entry->policy.mode == MTASTS_MODE_NONE)
		return;
	snprintf(text, sizeof(text),
	         "the MTA-STS policy ended and could not be renewed, so mail goes unprotected: %s",
	         entry->trouble);
	tell(mtasts, mtasts_entry_domain(entry), text);
}

static void renew(struct mtasts *mtasts, struct mtasts_entry *entry, uint64_t now_ms)
{
	entry->renew_ms = after_s(now_ms, RENEWAL_LOST_S);
	if (!mtasts->options.is_enabled)
		return;
	if (mtasts->renewals_left > 0 &&
	    mtasts_look_behind(mtasts, mtasts_entry_domain(entry), true)) {
		mtasts->renewals_left--;
		return;
	}
	entry->renew_ms =
		after_s(now_ms, 1 + mtasts_random(mtasts) % (uint64_t)RENEWAL_PUT_OFF_MAX_S);
}

static void visit(struct mtasts *mtasts, struct mtasts_entry *entry, uint64_t now_ms)
{
	bool is_alive = mtasts_entry_left_s(entry, now_ms) > 0;

	if (!is_alive && !entry->is_over)
		end_policy(mtasts, entry);
	if (!is_alive && now_ms >= after_s(entry->expires_ms, MTASTS_KEPT_S)) {
		mtasts_cache_remove(mtasts->cache, mtasts_entry_domain(entry));
		return;
	}
	mtasts_keep_stand(mtasts, entry);
	if (is_alive && now_ms >= entry->renew_ms)
		renew(mtasts, entry, now_ms);
	if (is_alive && now_ms >= entry->save_ms) {
		send_row(mtasts, entry, false);
		entry->save_ms = after_s(now_ms, MTASTS_SAVE_S);
	}
	schedule(mtasts, entry, now_ms);
}

void mtasts_keep_tick(struct mtasts *mtasts)
{
	uint64_t now_ms = mtasts->hooks.now_ms();
	struct mtasts_entry *entry;

	while ((entry = mtasts_cache_due(mtasts->cache, now_ms)) != NULL)
		visit(mtasts, entry, now_ms);
}

static bool is_id(const char *id)
{
	return strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
	       strlen(id);
}

/* When it is to be renewed: as if we had not been down; within the hour where that is over, spread for there may be many. */
static uint64_t renewal_of_loaded(struct mtasts *mtasts, const struct mtasts_entry *entry,
                                  uint32_t left_s, uint64_t now_ms)
{
	uint32_t life_s = mtasts_life_s(entry->policy.max_age_s);
	uint32_t gone_s = life_s - left_s;
	uint32_t renew_s = mtasts_renew_after_s(life_s, mtasts_random(mtasts));
	uint32_t spread_s = left_s / 4 < MTASTS_SAVE_S ? left_s / 4 : MTASTS_SAVE_S;

	if (renew_s == 0)
		return UINT64_MAX;
	if (renew_s > gone_s)
		return after_s(now_ms, renew_s - gone_s);
	return after_s(now_ms, mtasts_random(mtasts) % ((uint64_t)spread_s + 1));
}

/* What makes it an established one may come in later than its row. */
static enum mtasts_standing standing_of_loaded(const struct mtasts *mtasts,
                                               const struct mtasts_entry *entry,
                                               const struct row_policy *row)
{
	enum mtasts_standing standing = standing_of(mtasts, entry);

	return !entry->is_over && row->standing == MTASTS_ESTABLISHED ? MTASTS_ESTABLISHED
	                                                              : standing;
}

bool mtasts_load(struct mtasts *mtasts, const struct row_policy *row)
{
	struct mtasts_taken taken = {
		row->domain, row->id, { 0 }, bytes_of(row->text, row->text_len)
	};
	uint64_t now_ms = mtasts->hooks.now_ms();
	char domain[DOMAIN_NAME_MAX];
	struct mtasts_fault fault;
	struct mtasts_entry *entry;
	uint32_t left_s;

	if (!peer_name_normalise(domain, row->domain) || strcmp(domain, row->domain) != 0 ||
	    !mtasts_lookup_is_possible(domain) || !is_id(row->id) ||
	    mtasts_policy_parse(&taken.policy, &fault, taken.text) != PARSE_OK ||
	    mtasts_cache_peek(mtasts->cache, domain))
		return false;
	left_s = mtasts_life_s(taken.policy.max_age_s);
	if (row->left_s < left_s)
		left_s = row->left_s;
	left_s = mtasts_life_after_down_s(left_s, row->saved_ms, mtasts->hooks.wall_ms());
	entry = mtasts_cache_put(mtasts->cache, &taken);
	if (!entry)
		return false;
	entry->since_ms = now_ms;
	entry->kept_s = row->kept_s;
	entry->fetched_ms = row->fetched_ms;
	entry->expires_ms = after_s(now_ms, left_s);
	entry->renew_ms = renewal_of_loaded(mtasts, entry, left_s, now_ms);
	entry->save_ms = after_s(now_ms, mtasts_random(mtasts) % MTASTS_SAVE_S);
	entry->is_over = left_s == 0;
	mtasts_cache_stand(mtasts->cache, entry, standing_of_loaded(mtasts, entry, row));
	schedule(mtasts, entry, now_ms);
	return true;
}

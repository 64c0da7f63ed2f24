/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "policy/mtasts_life.h"
#include "policy/mtasts_state.h"

enum { GAP_TTL_MIN_S = 5 };

static enum mx_policy_mode mode_of(const struct mtasts_entry *entry)
{
	switch (entry->policy.mode) {
	case MTASTS_MODE_NONE:
		return MX_POLICY_NONE;
	case MTASTS_MODE_TESTING:
		return MX_POLICY_TESTING;
	case MTASTS_MODE_ENFORCE:
		return MX_POLICY_ENFORCE;
	}
	return MX_POLICY_NONE;
}

/* As our own count of its life says: the wall clock may have been anything. */
static uint32_t age_s(const struct mtasts_entry *entry, uint64_t now_ms)
{
	uint32_t life_s = mtasts_life_s(entry->policy.max_age_s);
	uint32_t left_s = mtasts_entry_left_s(entry, now_ms);

	if (left_s > 0)
		return life_s > left_s ? life_s - left_s : 0;
	return life_s + (uint32_t)((now_ms - entry->expires_ms) / 1000);
}

static void recall_entry(struct mtasts_answer *answer, const struct mtasts_entry *entry,
                         uint64_t now_ms)
{
	answer->left_s = mtasts_entry_left_s(entry, now_ms);
	if (answer->left_s == 0)
		return;
	answer->state = MTASTS_POLICY;
	answer->mode = mode_of(entry);
	snprintf(answer->id, sizeof(answer->id), "%s", mtasts_entry_id(entry));
	answer->age_s = age_s(entry, now_ms);
	answer->ttl_s = answer->left_s < MTASTS_LOOK_S ? answer->left_s : MTASTS_LOOK_S;
	answer->text = mtasts_entry_text(entry);
	if (entry->trouble)
		snprintf(answer->why, sizeof(answer->why), "%s", entry->trouble);
}

static uint32_t gap_ttl_s(const struct mtasts_gap *gap, uint64_t now_ms)
{
	uint64_t ttl_s = gap->retry_ms > now_ms ? (gap->retry_ms - now_ms) / 1000 : 0;

	if (gap->is_unknown && ttl_s > MTASTS_FAILED_TTL_S)
		return MTASTS_FAILED_TTL_S;
	return ttl_s < GAP_TTL_MIN_S ? GAP_TTL_MIN_S : (uint32_t)ttl_s;
}

void mtasts_recall(struct mtasts_answer *answer, struct mtasts *mtasts, const char *domain)
{
	struct mtasts_entry *entry = mtasts_cache_peek(mtasts->cache, domain);
	struct mtasts_gap *gap = mtasts_gaps_find(mtasts->gaps, domain);
	uint64_t now_ms = mtasts->hooks.now_ms();

	memset(answer, 0, sizeof(*answer));
	if (!mtasts->options.is_enabled)
		return;
	if (entry)
		recall_entry(answer, entry, now_ms);
	if (answer->state == MTASTS_POLICY || !gap)
		return;
	answer->state = gap->is_unknown ? MTASTS_FAILED : MTASTS_UNAVAILABLE;
	answer->ttl_s = gap_ttl_s(gap, now_ms);
	snprintf(answer->why, sizeof(answer->why), "%s", gap->why);
}

bool mtasts_answer_allows(const struct mtasts_answer *answer, const char *host)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(answer->text);
	char pattern[DOMAIN_NAME_MAX];
	struct bytes mx;

	while (mtasts_mx_next(&mx, &cursor)) {
		char text[DOMAIN_NAME_MAX];

		if (mx.len >= sizeof(text))
			continue;
		memcpy(text, mx.data, mx.len);
		text[mx.len] = '\0';
		if (mx_pattern_normalise(pattern, text) && mx_pattern_matches(pattern, host))
			return true;
	}
	return false;
}

/* "mode enforce, id 20260101, mx mx1.example.org *.example.net", cut where the room ends. */
static void describe(struct evidence *evidence, const struct mtasts_entry *entry)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(mtasts_entry_text(entry));
	size_t room = sizeof(evidence->detail);
	struct bytes mx;
	size_t len;

	len = (size_t)snprintf(evidence->detail, room, "%smode %s, id %s, mx",
	                       evidence->state == EVIDENCE_EXPIRED ? "ended: " : "",
	                       mx_policy_mode_name(mode_of(entry)), mtasts_entry_id(entry));
	while (mtasts_mx_next(&mx, &cursor)) {
		/* Room for the last word stays. */
		if (len + mx.len + 8 > room / (entry->trouble ? 3 : 1)) {
			snprintf(evidence->detail + len, room - len, " ...");
			len += strlen(evidence->detail + len);
			break;
		}
		len += (size_t)snprintf(evidence->detail + len, room - len, " %.*s", (int)mx.len,
		                        (const char *)mx.data);
	}
	if (entry->trouble)
		snprintf(evidence->detail + len, room - len, "; cannot be renewed: %.300s",
		         entry->trouble);
}

static enum evidence_state state_of(const struct mtasts_entry *entry, uint32_t left_s)
{
	if (left_s == 0)
		return EVIDENCE_EXPIRED;
	switch (entry->policy.mode) {
	case MTASTS_MODE_NONE:
		return EVIDENCE_NONE;
	case MTASTS_MODE_TESTING:
		return EVIDENCE_ALERTS;
	case MTASTS_MODE_ENFORCE:
		return EVIDENCE_BINDS;
	}
	return EVIDENCE_NONE;
}

bool mtasts_evidence(struct evidence *evidence, struct mtasts *mtasts, const char *domain)
{
	struct mtasts_entry *entry = mtasts_cache_peek(mtasts->cache, domain);
	struct mtasts_gap *gap = mtasts_gaps_find(mtasts->gaps, domain);
	uint64_t now_ms = mtasts->hooks.now_ms();

	memset(evidence, 0, sizeof(*evidence));
	evidence->source = SOURCE_MTA_STS;
	if (!mtasts->options.is_enabled) {
		snprintf(evidence->detail, sizeof(evidence->detail), "MTA-STS is switched off");
		return entry || gap;
	}
	if (entry)
		evidence->left_s = mtasts_entry_left_s(entry, now_ms);
	/* A policy that ended says more than that nobody knows of another. */
	if (gap && evidence->left_s == 0 && !(gap->is_unknown && entry)) {
		evidence->state = EVIDENCE_FAILED;
		evidence->age_s = (uint32_t)((now_ms - gap->tried_ms) / 1000);
		snprintf(evidence->detail, sizeof(evidence->detail), "%s", gap->why);
		return true;
	}
	if (entry) {
		evidence->state = state_of(entry, evidence->left_s);
		evidence->age_s = age_s(entry, now_ms);
		describe(evidence, entry);
		return true;
	}
	evidence->state = EVIDENCE_PENDING;
	return mtasts_enquiry_of(mtasts, domain) != NULL;
}

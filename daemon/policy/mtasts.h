/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_H
#define HOPGUARD_POLICY_MTASTS_H

/*
 * MTA-STS (RFC 8461): the policies of domains, looked up, kept, renewed long before they end, and saved for the next start. A
 * policy that is cached and lives answers at once, and whoever suppresses its TXT record or its file changes nothing but that
 * the operator is told.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/table.h"
#include "policy/mtasts_lookup.h"
#include "policy/mx_pattern.h"
#include "policy/resolver.h"
#include "verdict/evidence.h"
#include "verdict/reason.h"
#include "verdict/row.h"

struct event_base;

enum {
	MTASTS_DOMAINS_MAX = 163840,
	/* Of all policies: a KiB for each, and most have a third of it. A quarter is for newcomers alone (policy/mtasts_cache.h). */
	MTASTS_OCTETS_MAX = 128 * 1024 * 1024,
	MTASTS_SETTLED_S = 24 * 60 * 60, /* a policy that was here for so long is no newcomer */
	MTASTS_ASKS_MAX = 8192,          /* open at one time */
	/* At one time: for each destination that mail waits for (1024), so that one client's keep no other's policy away; in the background: */
	MTASTS_LOOKUPS_MAX = 1024 + 128,
	MTASTS_LOOKUPS_BEHIND_MAX = 128,
	MTASTS_RENEWALS_MAX = 8, /* begun in a second */
	MTASTS_LOOK_S =
		5 *
		60, /* a TXT record is looked up again behind an answer when it was not for so long */
	MTASTS_REFRESH_S = 60, /* a policy is fetched for a would-be block at most so often */
	MTASTS_ANSWER_MS = 10 * 1000, /* an answer takes no longer; what is looked up goes on */
	MTASTS_REFRESH_ANSWER_MS = 8 * 1000,
	MTASTS_SAVE_S = 60 * 60,
	MTASTS_KEPT_S = 7 * 24 * 60 * 60, /* a policy that ended stays for `explain` */
	MTASTS_GAP_ASKED_S =
		24 * 60 *
		60, /* a policy that cannot be had is tried for so long after the last ask */
	MTASTS_WHY_MAX = LOOKUP_WHY_MAX,
	MTASTS_TELL_MAX = 256, /* as events have room for */
};

struct mtasts_options {
	bool is_enabled;
	uint16_t https_port;
	char ca_file[FETCH_PATH_MAX];     /* empty: the system's */
	uint8_t secret[TABLE_SECRET_LEN]; /* counts at the start only */
};

struct mtasts_hooks {
	/* A policy was taken, renewed, replaced, ended, or (is_removed) is no more; and each one about hourly, with what is left. */
	void (*on_row)(void *owner, const struct row *row);
	/* One sentence for the operator, at most MTASTS_TELL_MAX with its NUL: what it means comes first, as a long cause is cut. */
	void (*tell)(void *owner, const char *domain, enum reason reason, const char *text);
	/* Whether the operator names the domain, or mail met its promise from here: no stranger's policy drives that one out. */
	bool (*is_established)(void *owner, const char *domain);
	uint64_t (*now_ms)(void);  /* monotonic */
	uint64_t (*wall_ms)(void); /* since 1970 */
};

enum mtasts_state {
	MTASTS_UNKNOWN, /* never looked up */
	MTASTS_NONE,    /* looked up: the domain has no policy */
	MTASTS_POLICY,  /* one that lives; mode says whether it binds */
	MTASTS_UNAVAILABLE, /* one is promised, none is to be had, none is cached: mail goes (section 3.3), and it was told */
	MTASTS_FAILED,  /* whether one is promised cannot be looked up, and none is cached */
	MTASTS_PENDING, /* the time for an answer is over, the look-up goes on */
};

struct mtasts_answer {
	enum mtasts_state state;
	enum mx_policy_mode mode;
	char id[ROW_POLICY_ID_MAX];
	uint32_t age_s;  /* since it was fetched */
	uint32_t left_s; /* of its life */
	uint32_t ttl_s;  /* ask again after that */
	struct bytes
		text; /* the policy file, of POLICY; borrowed, for the callback or until the loop goes on */
	char why[MTASTS_WHY_MAX]; /* not of POLICY, unless it cannot be renewed */
};

struct mtasts;
struct mtasts_ask;

typedef void (*mtasts_fn)(void *owner, const struct mtasts_answer *answer);

/* All borrowed but options and hooks. 0 or -errno. SIGPIPE must be ignored. */
int mtasts_new(struct mtasts **made, struct event_base *base, struct resolver *resolver,
               const struct mtasts_options *options, const struct mtasts_hooks *hooks, void *owner);
/* Open asks end without a callback. */
void mtasts_free(struct mtasts *mtasts);
/* Policies stay. While it is not enabled nothing is looked up, and every answer is NONE. */
void mtasts_configure(struct mtasts *mtasts, const struct mtasts_options *options);
/* To be called each second: renewals, answers whose time is over, rows. */
void mtasts_tick(struct mtasts *mtasts);

/* What a former life saved. False: it is not a policy, or there is a newer one. */
bool mtasts_load(struct mtasts *mtasts, const struct row_policy *row);

/*
 * `domain` in lower case A-labels. is_refresh: a mail is about to be blocked by this policy, so the record and the file are asked for once
 * more, whatever the id says (section 5.1: the policy may have changed meanwhile); what is cached answers where that fails or lasts. fn is called
 * once, never from within; it may ask and cancel. NULL: too many, or out of memory.
 */
struct mtasts_ask *mtasts_ask(struct mtasts *mtasts, const char *domain, bool is_refresh,
                              mtasts_fn fn, void *owner);
/* No callback comes. Only before it came. */
void mtasts_cancel(struct mtasts_ask *ask);
/* What is known without asking anybody. */
void mtasts_recall(struct mtasts_answer *answer, struct mtasts *mtasts, const char *domain);
/* Whether a policy (POLICY) names that host, in lower case A-labels. A certificate is another question. */
bool mtasts_answer_allows(const struct mtasts_answer *answer, const char *host);
/* False: nothing to say of that domain. */
bool mtasts_evidence(struct evidence *evidence, struct mtasts *mtasts, const char *domain);

/* How many policies and gaps were forgotten. What is being looked up will be taken. */
size_t mtasts_forget(struct mtasts *mtasts, const char *domain);
size_t mtasts_count(const struct mtasts *mtasts);
/* Memory of all policies, without the table's own. */
size_t mtasts_octets(const struct mtasts *mtasts);

#endif

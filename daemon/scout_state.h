/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_STATE_H
#define HOPGUARD_SCOUT_STATE_H

/*
 * What the scout's files share: scout.c (starts; questions, broken handshakes, counters), scout_address.c (who stands at an
 * address), scout_explain.c (explain and flush), scout_files.c (the operator's files), scout_heard.c (DNS answers that were heard),
 * scout_names.c (names of sessions, between guards), scout_policy.c (MTA-STS), scout_probe.c and scout_visit.c (keys that TLS 1.3 hides), scout_rows.c (memory), scout_table.c (the
 * operator's table).
 */

#include <stdbool.h>

#include "base/rate.h"
#include "enquiries.h"
#include "policy/dns_health.h"
#include "policy/promise_cache.h"
#include "process.h"
#include "scout_files.h"
#include "scout_probe.h"
#include "scout_rows.h"
#include "scout_table.h"
#include "shortfall.h"

enum {
	SCOUT_BROKEN_MAX = 256, /* broken handshakes kept for a guard that starts anew, the last */
	SCOUT_NAMES_PER_SECOND = 8192, /* messages of one guard; more are lost, and said to be */
};

struct broken_kept {
	struct message_broken message;
	uint64_t when_ms; /* 0: none */
};

/* Of each guard. */
struct names_kept {
	bool is_lost;   /* it has not heard yet that something was lost */
	uint32_t count; /* of what it said within this second */
};

struct scout {
	const struct child *child;
	struct process *process;
	struct resolver_options options;
	struct resolver *resolver;
	struct rate emptied; /* its cache, at the ledger's wish */
	bool must_empty;
	struct dns_health *health;
	struct merge_sources sources;
	uint64_t fresh_since_ms; /* sources.fresh */
	struct enquiries *enquiries;
	struct promise_cache *cache;
	struct table *addresses; /* open questions of scout_address.c */
	struct scout_rows *rows;
	struct scout_files files;
	struct scout_table table;
	struct nat64 nat64;
	struct mtasts *mtasts;
	char problem[EVENT_TEXT_MAX]; /* what does not work; empty: nothing */
	bool must_tell;               /* the ledger does not know of the problem, or of its end */
	bool was_degraded;
	struct counters told;
	struct broken_kept broken[SCOUT_BROKEN_MAX]; /* a ring */
	size_t broken_next;
	struct names_kept names[CONFIG_QUEUES_MAX];
	uint64_t questions_put_off;
	struct shortfall shortfall; /* of look-ups */
	struct scout_heard *heard;
	struct scout_probe *probe;
	struct message_destination answer; /* room, as these are large */
	struct message_explanation explanation;
};

/* scout.c */
/* What the cache says: also the answer before, where it is still fresh and the new look-up failed. */
bool scout_recall(struct scout *scout, struct destination *destination, uint32_t *age_s,
                  const char *name, bool is_host);
/* Answers a sound question of that guard, now or when it is looked up. */
void scout_answer(struct scout *scout, unsigned guard, const struct message_question *question);
/* A question of that client's mail is beyond its share: counted and told. */
void scout_put_off(struct scout *scout, const struct address *client);
bool scout_is_text(const char *text, size_t room);
/* scout->answer.destination is filled. */
void scout_send_answer_to_all(struct scout *scout);
/* In the one form of names, and terminated. */
bool scout_is_name(const char name[DOMAIN_NAME_MAX]);

/* Makes every answer anew, here and in the guards: what they were made of has changed. */
void scout_forget_answers(struct scout *scout);
/* A finding about a domain's promise; reason may be REASON_NONE. */
void scout_tell_policy(struct scout *scout, enum promise_source source, const char *domain,
                       enum reason reason, const char *text);

/* scout_fresh.c */
/* From here on sources.fresh answers without what was learnt before; or goes on as it was, where that fails. */
void scout_look_afresh(struct scout *scout);

/* scout_policy.c */
/* 0 or -errno. */
int scout_policy_open(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN]);
void scout_policy_configure(struct scout *scout, const struct config *config);

/* scout_address.c */
/* NULL: out of memory. Open questions end with table_free. */
struct table *scout_addresses_new(const uint8_t secret[TABLE_SECRET_LEN]);
/* asked->name is an address. Who is found there is answered as host. */
void scout_ask_address(struct scout *scout, unsigned guard, const struct message_question *asked);

/* scout_explain.c */
void scout_take_explain(struct scout *scout, const struct message_explain *explain);
void scout_take_flush(struct scout *scout, const struct message_flush *flush);
void scout_flush_second(struct scout *scout);
/* To the ledger: scout->explanation.destination is filled. */
void scout_send_explanation(struct scout *scout, uint32_t request, uint32_t age_s, bool is_cached);

/* scout_names.c */
/* False: it is not that guard's to say. */
bool scout_take_names(struct scout *scout, unsigned guard, const struct message_names *names);
/* That guard has room again. */
void scout_names_go_on(struct scout *scout, unsigned guard);
void scout_names_second(struct scout *scout);

/* scout_heard.c */
/* After all else of the scout is there. NULL: out of memory. */
struct scout_heard *scout_heard_new(struct scout *scout);
void scout_heard_free(struct scout_heard *heard);
/* index: of the guard. */
void scout_take_dns_answer(struct scout *scout, unsigned index,
                           const struct message_dns_answer *answer);
/* Hands it to the first guard, or from there to who asked. False: it is not this one's to say. */
bool scout_heard_echo(struct scout *scout, unsigned guard, const struct message_echo *echo);
/* Candidates of that domain are told once more, with what its policy says of them by now. */
void scout_heard_learn(struct scout *scout, const struct destination *destination);
/* A look-up of a name that was heard ended. */
void scout_note_heard(struct scout *scout, const struct destination *destination);
void scout_heard_second(struct scout *scout);
/* The ledger starts anew. */
void scout_heard_repeat(struct scout *scout);
void scout_heard_count(const struct scout *scout, struct counters *counters);

#endif

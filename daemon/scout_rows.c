/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "policy/last_keys.h"
#include "policy/mtasts.h"
#include "report/row_queue.h"
#include "row_batch.h"
#include "scout_state.h"

struct deferred {
	unsigned guard;
	struct message_question question;
};

struct scout_rows {
	struct scout *scout;
	struct seen *seen;
	struct last_keys *keys;
	struct row_queue *outgoing;
	uint64_t started_ms;
	uint64_t heard_ms; /* of the ledger, rows */
	bool is_whole;     /* memory is there; what comes again is older */
	bool goes_on;      /* answers may be given */
	bool must_tell;
	bool is_degraded;
	struct deferred deferred[SCOUT_QUESTIONS_MAX];
	size_t deferred_count;
	bool is_slow;           /* of the turn that goes on */
	struct row_batch batch; /* on its way to the ledger */
};

static bool add_one(void *owner, const struct row *row)
{
	struct scout_rows *rows = owner;

	return row_batch_add(&rows->batch, row);
}

/* 0, or -errno; rows that did not go stay. */
static int send_batch(struct scout_rows *rows)
{
	size_t count;
	int err;

	row_batch_clear(&rows->batch);
	count = row_queue_visit(rows->outgoing, SIZE_MAX, add_one, rows);
	err = process_send(rows->scout->process, ROLE_LEDGER, 0, &rows->batch.message,
	                   rows->batch.len);
	if (!err)
		row_queue_drop(rows->outgoing, count);
	return err;
}

/* What does not go now goes when the ledger takes messages again, or is there again. */
void scout_rows_go_on(struct scout_rows *rows)
{
	int err = 0;

	while (!err && row_queue_count(rows->outgoing) > 0)
		err = send_batch(rows);
	if (err == -EAGAIN)
		(void)process_await_writable(rows->scout->process, ROLE_LEDGER, 0);
}

void scout_rows_send(void *owner, const struct row *row)
{
	struct scout_rows *rows = owner;

	row_queue_put(rows->outgoing, row);
}

struct scout_rows *scout_rows_new(struct scout *scout)
{
	struct scout_rows *rows = calloc(1, sizeof(*rows));
	uint8_t secret[TABLE_SECRET_LEN];

	if (!rows)
		return NULL;
	rows->scout = scout;
	rows->started_ms = rows->heard_ms = process_now_ms();
	if (getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret)) {
		rows->seen = seen_new(SEEN_HOSTS_MAX, secret, scout_rows_send, rows);
		rows->keys = last_keys_new(secret);
		rows->outgoing = row_queue_new(secret);
	}
	if (!rows->seen || !rows->keys || !rows->outgoing) {
		scout_rows_free(rows);
		return NULL;
	}
	return rows;
}

void scout_rows_free(struct scout_rows *rows)
{
	if (!rows)
		return;
	if (rows->outgoing)
		scout_rows_go_on(rows);
	seen_free(rows->seen);
	last_keys_free(rows->keys);
	row_queue_free(rows->outgoing);
	free(rows);
}

struct seen *scout_rows_seen(struct scout_rows *rows)
{
	return rows->seen;
}

bool scout_rows_are_in(const struct scout_rows *rows)
{
	return rows->goes_on;
}

void scout_rows_defer(struct scout_rows *rows, unsigned guard,
                      const struct message_question *question)
{
	if (rows->deferred_count < SCOUT_QUESTIONS_MAX)
		rows->deferred[rows->deferred_count++] = (struct deferred){ guard, *question };
}

/* An answer that was made without memory knows nothing of the policies that are kept there. */
static void forget_answers(struct scout_rows *rows)
{
	struct scout *scout = rows->scout;

	if (promise_cache_count(scout->cache) > 0 || enquiries_count(scout->enquiries) > 0)
		scout_forget_answers(scout);
}

static void answer_deferred(struct scout_rows *rows)
{
	rows->goes_on = true;
	for (size_t i = 0; i < rows->deferred_count; i++)
		scout_answer(rows->scout, rows->deferred[i].guard, &rows->deferred[i].question);
	rows->deferred_count = 0;
}

static void take_row(void *owner, const struct row *row)
{
	struct scout_rows *rows = owner;

	switch ((enum row_kind)row->kind) {
	case ROW_PLACE:
	case ROW_MET:
		seen_load(rows->seen, row);
		break;
	case ROW_LIST:
		scout_files_recall(rows->scout, &row->list);
		break;
	case ROW_POLICY:
		(void)mtasts_load(rows->scout->mtasts, &row->policy);
		break;
	case ROW_KIND_COUNT:
		break;
	}
}

static void ignore_row(void *owner, const struct row *row)
{
	(void)owner;
	(void)row;
}

bool scout_rows_take(struct scout_rows *rows, const struct message_rows *message, size_t len)
{
	rows->heard_ms = process_now_ms();
	/* A ledger that started anew reads all of it again. */
	return row_batch_read(message, len, rows->is_whole ? ignore_row : take_row, rows);
}

void scout_rows_take_end(struct scout_rows *rows, const struct message_rows_end *end)
{
	struct seen_figures figures;

	if (end->is_whole && !rows->is_whole) {
		rows->is_whole = true;
		rows->must_tell |= rows->is_degraded;
		rows->is_degraded = false;
		scout_files_rows_end(rows->scout);
		forget_answers(rows);
		seen_figures(&figures, rows->seen);
		log_info("memory is there hosts=%llu domains=%llu",
		         (unsigned long long)figures.hosts, (unsigned long long)figures.domains);
	}
	if (!rows->goes_on)
		answer_deferred(rows);
}

/* A guard reads what strangers send: it is believed where our own look-up led to that host at that place. */
static bool is_validated(struct scout *scout, const struct message_sighting *sighting)
{
	uint64_t now_ms = process_now_ms();
	struct hop hop;

	if (sighting->domain[0])
		return promise_cache_find(&hop, scout->cache, sighting->domain, &sighting->server,
		                          now_ms) == CACHE_FRESH &&
		       strcmp(hop.mx, sighting->host) == 0;
	return promise_cache_includes(scout->cache, sighting->host, &sighting->server, now_ms);
}

void scout_rows_take_sighting(struct scout_rows *rows, const struct message_sighting *sighting)
{
	const struct last_key key = {
		.sight = (enum key_sight)sighting->key_sight,
		.server = sighting->server,
		.finding = sighting->key,
	};
	struct seen_sighting seen = {
		.host = sighting->host,
		.address = sighting->server,
		.offers_starttls = sighting->offers_starttls != 0,
		.tls_version = (uint16_t)sighting->tls_version,
		.met = sighting->met != 0,
	};

	if (!is_validated(rows->scout, sighting))
		return;
	if (sighting->domain[0])
		seen.domain = sighting->domain;
	/* A wrong key is whoever's. */
	if (key.sight != SIGHT_NONE && key.finding.outcome == KEY_MET && key.finding.seen.has_leaf)
		seen.key = key.finding.seen.leaf_digest;
	seen_sighting(rows->seen, &seen, process_time_ms());
	if (key.sight != SIGHT_NONE)
		last_keys_note(rows->keys, sighting->host, &key, process_now_ms());
}

void scout_rows_last_keys(struct last_key keys[MX_HOSTS_MAX], const struct scout_rows *rows,
                          const struct destination *destination)
{
	uint64_t now_ms = process_now_ms();

	for (size_t i = 0; i < MX_HOSTS_MAX; i++) {
		const char *host = i < destination->host_count ? destination->hosts[i].name : "";

		last_keys_find(&keys[i], rows->keys, host, now_ms);
	}
}

static void tell(struct scout_rows *rows)
{
	struct message_event message;

	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_EVENT;
	message.event.kind = rows->is_degraded ? EVENT_DEGRADED : EVENT_RECOVERED;
	message.event.time_ms = process_time_ms();
	message.event.pid = getpid();
	message.event.count = 1;
	text_copy(message.event.subject, sizeof(message.event.subject), "memory");
	text_copy(message.event.text, sizeof(message.event.text),
	          rows->is_degraded ? "the ledger did not bring what was remembered: policies and "
	                              "hosts are learned anew until it does"
	                            : "what was remembered is there");
	if (process_send(rows->scout->process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0)
		rows->must_tell = false;
}

void scout_rows_tick(struct scout_rows *rows)
{
	uint64_t now_ms = process_now_ms();

	if (!rows->goes_on && (now_ms - rows->heard_ms >= SCOUT_ROWS_WAIT_MS ||
	                       now_ms - rows->started_ms >= SCOUT_ROWS_WHOLE_MS)) {
		log_warn("memory did not come, going on without waited_ms=%llu",
		         (unsigned long long)(now_ms - rows->started_ms));
		rows->is_degraded = rows->must_tell = true;
		answer_deferred(rows);
	}
	if (rows->must_tell)
		tell(rows);
	scout_rows_go_on(rows);
}

size_t scout_rows_forget(struct scout_rows *rows, const char *name)
{
	last_keys_forget(rows->keys, name);
	return seen_forget(rows->seen, name);
}

void scout_rows_count(struct counters *counters, const struct scout_rows *rows)
{
	struct seen_figures figures;

	seen_figures(&figures, rows->seen);
	counters->memory_hosts = figures.hosts;
	counters->memory_places = figures.places;
	counters->memory_domains = figures.domains;
	counters->memory_octets = figures.octets;
	counters->rows_waiting = row_queue_count(rows->outgoing);
	counters->rows_lost = row_queue_lost(rows->outgoing);
}

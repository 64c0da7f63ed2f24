/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "confine.h"
#include "policy/mtasts.h"
#include "policy/peer_names.h"
#include "scout_state.h"
#include "state_folders.h"

enum { EXIT_SYSTEM = 4 };

void scout_resolver_options(struct resolver_options *options, const struct config *config)
{
	size_t i;

	memset(options, 0, sizeof(*options));
	text_copy(options->trust_anchor, sizeof(options->trust_anchor), config->trust_anchor);
	text_copy(options->root_hints, sizeof(options->root_hints), config->root_hints);
	for (i = 0; i < config->forwarder_count && i < RESOLVER_FORWARDERS_MAX; i++) {
		options->forwarders[i].address = config->forwarders[i].address;
		options->forwarders[i].port = config->forwarders[i].port;
		options->forwarder_count++;
	}
	options->timeout_ms = config->dns_timeout_ms;
}

static void own_resolver_options(struct resolver_options *options, const struct config *config)
{
	char folder[STATE_FOLDER_MAX];

	scout_resolver_options(options, config);
	state_folder(folder, config->state_directory, ROLE_SCOUT);
	if (strlen(folder) < sizeof(options->state_directory))
		text_copy(options->state_directory, sizeof(options->state_directory), folder);
	else if (!config->trust_anchor[0])
		log_warn("root key rollovers are not followed: path too long path=%s", folder);
}

static void tell_health(struct scout *scout)
{
	struct message_event message;
	bool is_degraded = scout->problem[0] != '\0';

	if (!scout->must_tell)
		return;
	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_EVENT;
	message.event.kind = is_degraded ? EVENT_DEGRADED : EVENT_RECOVERED;
	message.event.time_ms = process_time_ms();
	message.event.pid = getpid();
	message.event.count = 1;
	text_copy(message.event.subject, sizeof(message.event.subject), "DNSSEC");
	text_copy(message.event.text, sizeof(message.event.text),
	          is_degraded ? scout->problem : "DNSSEC validation works");
	if (process_send(scout->process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0)
		scout->must_tell = false;
}

static void on_health(void *owner, const char *problem)
{
	struct scout *scout = owner;

	text_copy(scout->problem, sizeof(scout->problem), problem);
	if (problem[0])
		log_warn("dns degraded problem=\"%s\"", problem);
	else
		log_info("dnssec validation works anchors=%s",
		         scout->options.trust_anchor[0] ? scout->options.trust_anchor : "built-in");
	/* That all is well from the start is no event. */
	scout->must_tell = problem[0] || scout->was_degraded;
	scout->was_degraded |= problem[0] != '\0';
	tell_health(scout);
}

bool scout_recall(struct scout *scout, struct destination *destination, uint32_t *age_s,
                  const char *name, bool is_host)
{
	return promise_cache_get(destination, age_s, scout->cache, name, is_host,
	                         process_now_ms()) == CACHE_FRESH;
}

static void send_answer(struct scout *scout, unsigned guard)
{
	scout->answer.type = MESSAGE_DESTINATION;
	/* A guard that is slow or gone asks again. */
	(void)process_send(scout->process, ROLE_GUARD, guard, &scout->answer,
	                   sizeof(scout->answer));
}

void scout_send_answer_to_all(struct scout *scout)
{
	for (unsigned i = 0; i < CONFIG_QUEUES_MAX; i++)
		send_answer(scout, i);
}

static void on_answer(void *owner, const struct enquirers *enquirers,
                      const struct destination *destination)
{
	struct scout *scout = owner;
	bool is_news = destination->is_afresh && promise_cache_outdate(scout->cache, destination);
	uint32_t age_s;
	unsigned i;

	if (is_news)
		enquiries_overtake(scout->enquiries);
	(void)promise_cache_put(scout->cache, destination, process_now_ms());
	if (!scout_recall(scout, &scout->answer.destination, &age_s, destination->name,
	                  destination->mx_state == MX_HOST))
		scout->answer.destination = *destination;
	scout->answer.destination.is_afresh = destination->is_afresh;
	scout_files_learn(scout, destination);
	scout_table_learn(scout, destination);
	/* Whom the policy excludes is known now, and must be known before the answer is. */
	scout_heard_learn(scout, destination);
	for (i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if (is_news || (enquirers->guards >> i & 1))
			send_answer(scout, i);
	}
	if (enquirers->is_ahead)
		scout_note_heard(scout, destination);
	for (i = 0; i < enquirers->explanation_count; i++) {
		/* The operator reads what was found just now, failures included. */
		scout->explanation.destination = *destination;
		scout_send_explanation(scout, enquirers->explanations[i], 0, false);
	}
}

bool scout_is_text(const char *text, size_t room)
{
	return strnlen(text, room) < room;
}

bool scout_is_name(const char name[DOMAIN_NAME_MAX])
{
	char normal[DOMAIN_NAME_MAX];

	return scout_is_text(name, DOMAIN_NAME_MAX) && peer_name_normalise(normal, name) &&
	       strcmp(normal, name) == 0;
}

void scout_put_off(struct scout *scout, const struct address *client)
{
	scout->questions_put_off++;
	shortfall_note(&scout->shortfall, SHORTFALL_LOOKUPS, client, process_now_ms());
}

void scout_answer(struct scout *scout, unsigned guard, const struct message_question *question)
{
	bool is_host = question->kind == QUESTION_HOST;
	const struct merge_question asked = {
		.subject = is_host ? MERGE_HOST : MERGE_DOMAIN,
		.name = question->name,
		.is_refresh = question->is_refresh != 0,
	};
	uint32_t age_s;

	if (question->kind == QUESTION_ADDRESS) {
		scout_ask_address(scout, guard, question);
		return;
	}
	if (!question->is_refresh &&
	    scout_recall(scout, &scout->answer.destination, &age_s, question->name, is_host)) {
		send_answer(scout, guard);
		return;
	}
	if (asked.is_refresh)
		scout_look_afresh(scout);
	if (enquiries_ask_for_guard(scout->enquiries, &asked, guard, &question->client))
		return;
	scout_put_off(scout, &question->client);
}

static void take_question(struct scout *scout, unsigned guard,
                          const struct message_question *question)
{
	if (scout_rows_are_in(scout->rows))
		scout_answer(scout, guard, question);
	else
		scout_rows_defer(scout->rows, guard, question);
}

static void take_broken(struct scout *scout, unsigned guard, const struct message_broken *broken)
{
	scout->broken[scout->broken_next] = (struct broken_kept){ *broken, process_now_ms() };
	scout->broken_next = (scout->broken_next + 1) % SCOUT_BROKEN_MAX;
	(void)process_send_guards(scout->process, broken, sizeof(*broken), (int)guard);
}

/* What its predecessor knew died with it, but whoever broke a handshake still waits for the client to come in clear. */
static void remind_of_broken(struct scout *scout, unsigned guard)
{
	uint64_t now_ms = process_now_ms();

	for (size_t i = 0; i < SCOUT_BROKEN_MAX; i++) {
		const struct broken_kept *kept =
			&scout->broken[(scout->broken_next + i) % SCOUT_BROKEN_MAX];
		struct message_broken message = kept->message;

		if (kept->when_ms == 0 || now_ms - kept->when_ms > UINT32_MAX)
			continue;
		message.age_ms = (uint32_t)(now_ms - kept->when_ms);
		(void)process_send(scout->process, ROLE_GUARD, guard, &message, sizeof(message));
	}
}

static bool take_from_guard(struct scout *scout, unsigned guard, const void *message, size_t len)
{
	switch (((const struct message *)message)->type) {
	case MESSAGE_QUESTION:
		take_question(scout, guard, message);
		return true;
	case MESSAGE_BROKEN:
		take_broken(scout, guard, message);
		return true;
	case MESSAGE_NAMES:
		return scout_take_names(scout, guard, message);
	case MESSAGE_SIGHTING:
		scout_rows_take_sighting(scout->rows, message);
		return true;
	case MESSAGE_DNS_ANSWER:
		scout_take_dns_answer(scout, guard, message);
		return true;
	case MESSAGE_ECHO:
		return scout_heard_echo(scout, guard, message);
	case MESSAGE_PROBE:
		return scout_probe_take(scout->probe, guard, message, len);
	default:
		return false;
	}
}

static bool take_from_ledger(struct scout *scout, const void *message, size_t len)
{
	switch (((const struct message *)message)->type) {
	case MESSAGE_ROWS:
		return scout_rows_take(scout->rows, message, len);
	case MESSAGE_ROWS_END:
		scout_rows_take_end(scout->rows, message);
		return true;
	case MESSAGE_EXPLAIN:
		scout_take_explain(scout, message);
		return true;
	case MESSAGE_FLUSH:
		scout_take_flush(scout, message);
		return true;
	default:
		return false;
	}
}

/* False: it is not his to send, or nothing that can be taken. */
static bool take_message(struct scout *scout, enum role from, unsigned index, const void *message,
                         size_t len)
{
	uint32_t type = ((const struct message *)message)->type;

	if (from == ROLE_GUARD)
		return take_from_guard(scout, index, message, len);
	if (from == ROLE_LEDGER)
		return take_from_ledger(scout, message, len);
	if (from == ROLE_SUPERVISOR && type == MESSAGE_FILE)
		return scout_take_file(scout, message);
	return from == ROLE_SUPERVISOR && type == MESSAGE_SOCKET &&
	       scout_probe_take_socket(scout->probe, message);
}

static void on_message(void *owner, enum role from, unsigned index, const void *message, size_t len)
{
	struct scout *scout = owner;

	if (!take_message(scout, from, index, message, len))
		process_count_refused(scout->process);
}

/* A guard that starts anew knows of no broken handshake, a ledger nothing of our troubles and sums. */
static void on_peer(void *owner, enum role role, unsigned index)
{
	struct scout *scout = owner;

	if (role == ROLE_GUARD) {
		remind_of_broken(scout, index);
		scout_table_tell_guard(scout, index);
	}
	if (role != ROLE_LEDGER)
		return;
	scout->must_tell |= scout->problem[0] != '\0';
	tell_health(scout);
	scout_files_repeat(scout);
	scout_heard_repeat(scout);
	shortfall_repeat(&scout->shortfall);
	memset(&scout->told, 0, sizeof(scout->told));
	scout_rows_go_on(scout->rows);
}

static void on_writable(void *owner, enum role role, unsigned index)
{
	struct scout *scout = owner;

	if (role == ROLE_LEDGER)
		scout_rows_go_on(scout->rows);
	if (role == ROLE_GUARD)
		scout_names_go_on(scout, index);
}

static void on_config(void *owner, const struct config *config)
{
	struct scout *scout = owner;
	struct resolver_options options;
	int err;

	scout->nat64 = config->nat64;
	scout_files_configure(scout, config);
	scout_policy_configure(scout, config);
	scout_probe_configure(scout->probe, config);
	if (scout_table_configure(scout, config) < 0)
		log_error("table not configured error=\"out of memory\"");
	scout_forget_answers(scout);
	own_resolver_options(&options, config);
	if (resolver_options_equal(&options, &scout->options))
		return;
	err = resolver_configure(scout->resolver, &options);
	if (err) {
		log_error("resolver not configured error=\"%s\"", strerror(-err));
		return;
	}
	scout->options = options;
	dns_health_configure(scout->health, &options);
}

static void tell_counters(struct scout *scout)
{
	struct resolver_counts counts = resolver_counts(scout->resolver);
	struct message_counters message;

	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_COUNTERS;
	message.counters.answers_kept = promise_cache_count(scout->cache);
	message.counters.lookups = counts.lookups;
	message.counters.lookups_bogus = counts.bogus;
	message.counters.lookups_failed = counts.failed;
	message.counters.lookups_in_flight = counts.in_flight;
	message.counters.questions_put_off = scout->questions_put_off;
	scout_heard_count(scout, &message.counters);
	message.counters.messages_refused = process_refused(scout->process);
	scout_rows_count(&message.counters, scout->rows);
	scout_probe_count(scout->probe, &message.counters);
	if (memcmp(&message.counters, &scout->told, sizeof(scout->told)) == 0)
		return;
	if (process_send(scout->process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0)
		scout->told = message.counters;
}

static void on_second(void *owner)
{
	struct scout *scout = owner;

	tell_health(scout);
	shortfall_send(&scout->shortfall, scout->process);
	scout_rows_tick(scout->rows);
	scout_heard_second(scout);
	scout_names_second(scout);
	scout_probe_second(scout->probe);
	tell_counters(scout);
	scout_files_second(scout);
	scout_table_second(scout);
	mtasts_tick(scout->mtasts);
	scout_flush_second(scout);
}

static int start_asking(struct scout *scout)
{
	struct event_base *base = process_base(scout->process);
	uint8_t secret[TABLE_SECRET_LEN];
	int err;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	own_resolver_options(&scout->options, scout->child->config);
	err = resolver_new(&scout->resolver, base, &scout->options);
	if (err)
		return err;
	scout->sources.base = base;
	scout->sources.resolver = scout->resolver;
	scout->sources.now_ms = process_now_ms;
	scout->sources.time_ms = process_time_ms;
	scout->cache = promise_cache_new(scout->child->config->dns_names_max, secret);
	scout->enquiries = enquiries_new(&scout->sources, secret, on_answer, scout);
	scout->addresses = scout_addresses_new(secret);
	scout->health = dns_health_new(base, &scout->options, on_health, scout);
	scout->rows = scout_rows_new(scout);
	scout->heard = scout_heard_new(scout);
	scout->probe = scout_probe_new(scout, secret);
	if (!scout->cache || !scout->enquiries || !scout->health || !scout->addresses ||
	    !scout->rows || !scout->heard || !scout->probe)
		return -ENOMEM;
	scout->sources.seen = scout_rows_seen(scout->rows);
	err = scout_policy_open(scout, secret);
	if (!err)
		err = scout_table_open(scout, secret);
	if (!err)
		err = scout_files_open(scout, secret);
	if (err)
		return err;
	scout->sources.mtasts = scout->mtasts;
	scout->sources.lists = scout->files.lists;
	return 0;
}

static int start(struct scout *scout)
{
	static const struct process_hooks hooks = {
		.on_message = on_message,
		.on_peer = on_peer,
		.on_writable = on_writable,
		.on_config = on_config,
		.on_second = on_second,
	};
	const char *became;
	int err = process_open(&scout->process, scout->child, &hooks, scout);

	if (!err)
		err = start_asking(scout);
	return err ? err : confine(&became, ROLE_SCOUT, scout->child->config);
}

static void stop(struct scout *scout)
{
	scout_probe_free(scout->probe);
	scout_heard_free(scout->heard);
	dns_health_free(scout->health);
	table_free(scout->addresses);
	enquiries_free(scout->enquiries);
	scout_files_close(scout);
	scout_table_close(scout);
	scout_rows_free(scout->rows);
	if (scout->mtasts)
		mtasts_free(scout->mtasts);
	if (scout->resolver)
		resolver_free(scout->resolver);
	if (scout->sources.fresh)
		resolver_free(scout->sources.fresh);
	promise_cache_free(scout->cache);
	process_close(scout->process);
	free(scout);
}

int scout_run(const struct child *child)
{
	struct scout *scout = calloc(1, sizeof(*scout));
	int status = EXIT_SYSTEM;
	int err;

	if (!scout)
		return EXIT_SYSTEM;
	scout->child = child;
	err = start(scout);
	if (err)
		log_error("scout not started error=\"%s\"", strerror(-err));
	else
		status = process_run(scout->process);
	stop(scout);
	return status;
}

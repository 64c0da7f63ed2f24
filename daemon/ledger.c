/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "confine.h"
#include "counters.h"
#include "desk.h"
#include "ledger_rows.h"
#include "process.h"
#include "report/repetition.h"
#include "report/sinks.h"
#include "state_folders.h"

enum { EXIT_SYSTEM = 4 };

/* What the ledger knows of another process. */
struct teller {
	bool is_there;
	struct counters counters;
};

struct ledger {
	const struct child *child;
	struct process *process;
	struct repetition *repetition;
	struct sinks *sinks;
	struct desk *desk;
	struct ledger_rows *rows;
	struct message_state state;
	struct teller supervisor;
	struct teller scout;
	struct teller verifier;
	struct teller guards[CONFIG_QUEUES_MAX];
	struct troubles troubles;
	char folder[STATE_FOLDER_MAX]; /* of the database */
};

static void tell(void *owner, const struct event *event)
{
	struct ledger *ledger = owner;

	sinks_tell(ledger->sinks, event);
}

static void on_json(void *owner, const char *json)
{
	struct ledger *ledger = owner;

	if (ledger->desk)
		desk_event(ledger->desk, json);
}

static struct teller *find_teller(struct ledger *ledger, enum role role, unsigned index)
{
	if (role == ROLE_GUARD)
		return index < CONFIG_QUEUES_MAX ? &ledger->guards[index] : NULL;
	return role == ROLE_SCOUT      ? &ledger->scout
	       : role == ROLE_VERIFIER ? &ledger->verifier
	                               : &ledger->supervisor;
}

static unsigned number_of(enum role role, unsigned index)
{
	return role + ROLE_COUNT * index;
}

static bool is_own_kind(enum role role, enum event_kind kind)
{
	switch (role) {
	case ROLE_SUPERVISOR:
		return true;
	case ROLE_VERIFIER:
		return kind == EVENT_DEGRADED || kind == EVENT_RECOVERED;
	case ROLE_GUARD:
		return kind == EVENT_VERDICT || kind == EVENT_DEGRADED || kind == EVENT_RECOVERED;
	case ROLE_SCOUT:
		return kind == EVENT_DEGRADED || kind == EVENT_RECOVERED || kind == EVENT_POLICY;
	case ROLE_LEDGER:
	case ROLE_COUNT:
		break;
	}
	return false;
}

static bool take_event(struct ledger *ledger, enum role from, unsigned index,
                       const struct event *event)
{
	struct teller *teller = find_teller(ledger, from, index);

	if (!teller || !is_own_kind(from, event->kind))
		return false;
	troubles_take(&ledger->troubles, number_of(from, index), event);
	repetition_add(ledger->repetition, event, process_now_ms());
	return true;
}

static bool take_counters(struct ledger *ledger, enum role from, unsigned index,
                          const struct message_counters *message)
{
	struct teller *teller = find_teller(ledger, from, index);

	if (!teller)
		return false;
	teller->counters = message->counters;
	return true;
}

/* False: not from this process. */
static bool take_message(struct ledger *ledger, enum role from, unsigned index, const void *message,
                         size_t len)
{
	uint32_t type = ((const struct message *)message)->type;

	if (type == MESSAGE_EVENT)
		return take_event(ledger, from, index,
		                  &((const struct message_event *)message)->event);
	if (type == MESSAGE_COUNTERS)
		return take_counters(ledger, from, index, message);
	if (type == MESSAGE_ROWS)
		return from == ROLE_SCOUT && ledger_rows_take(ledger->rows, message, len);
	if (from == ROLE_SUPERVISOR && type == MESSAGE_STATE)
		ledger->state = *(const struct message_state *)message;
	else if (from == ROLE_SUPERVISOR && type == MESSAGE_RELOADED)
		desk_reloaded(ledger->desk, message);
	else if (from == ROLE_GUARD && type == MESSAGE_FLOW)
		desk_flow(ledger->desk, index, message);
	else if (from == ROLE_SCOUT && type == MESSAGE_EXPLANATION)
		desk_explanation(ledger->desk, message);
	else if (from == ROLE_SCOUT && type == MESSAGE_FLUSHED)
		desk_flushed(ledger->desk, message);
	else
		return false;
	return true;
}

static void on_message(void *owner, enum role from, unsigned index, const void *message, size_t len)
{
	struct ledger *ledger = owner;

	if (!take_message(ledger, from, index, message, len))
		process_count_refused(ledger->process);
}

static void on_peer(void *owner, enum role role, unsigned index)
{
	struct ledger *ledger = owner;
	struct teller *teller = find_teller(ledger, role, index);

	if (!teller)
		return;
	/* Sums of a new process start at nothing, and so do its troubles. */
	*teller = (struct teller){ .is_there = true };
	troubles_forget(&ledger->troubles, number_of(role, index));
	desk_lost(ledger->desk, role, index);
	if (role == ROLE_SCOUT)
		ledger_rows_scout(ledger->rows);
}

static void on_lost(void *owner, enum role role, unsigned index)
{
	struct ledger *ledger = owner;
	struct teller *teller = find_teller(ledger, role, index);

	desk_lost(ledger->desk, role, index);
	if (teller)
		teller->is_there = false;
	if (role == ROLE_SCOUT)
		ledger_rows_scout_lost(ledger->rows);
}

static void on_writable(void *owner, enum role role, unsigned index)
{
	struct ledger *ledger = owner;

	(void)index;
	if (role == ROLE_SCOUT)
		ledger_rows_go_on(ledger->rows);
}

static void on_descriptor(void *owner, int descriptor)
{
	struct ledger *ledger = owner;

	sinks_configure(ledger->sinks, process_config(ledger->process)->syslog_facility,
	                descriptor);
}

static void on_second(void *owner)
{
	struct ledger *ledger = owner;

	repetition_tick(ledger->repetition, process_now_ms());
	desk_tick(ledger->desk);
	ledger_rows_tick(ledger->rows);
}

static const char *role_name(unsigned role)
{
	return role == ROLE_GUARD      ? "guard"
	       : role == ROLE_SCOUT    ? "scout"
	       : role == ROLE_LEDGER   ? "ledger"
	       : role == ROLE_VERIFIER ? "verifier"
	                               : "supervisor";
}

static void fill_processes(struct status *status, const struct message_state *state)
{
	size_t i;

	status->processes[status->process_count++] = (struct status_process){
		.role = "supervisor", .pid = state->supervisor_pid, .is_ready = true
	};
	for (i = 0; i < state->child_count; i++) {
		const struct child_state *child = &state->children[i];

		status->processes[status->process_count++] = (struct status_process){
			.role = role_name(child->role),
			.index = child->index,
			.pid = child->pid,
			.is_ready = child->is_ready != 0,
			.restarts = child->restarts,
		};
	}
}

static void fill_counters(struct ledger *ledger, struct status *status)
{
	struct counters sum = ledger->scout.counters;
	unsigned i;

	counters_add(&sum, &ledger->verifier.counters);
	for (i = 0; i < CONFIG_QUEUES_MAX; i++) {
		const struct teller *guard = &ledger->guards[i];

		if (!guard->is_there)
			continue;
		status->queue_count++;
		counters_add(&sum, &guard->counters);
	}
	sum.events_left_out += repetition_left_out(ledger->repetition);
	sum.messages_refused += process_refused(ledger->process);
	counters_fill(status, &sum);
}

static void fill_database(const struct ledger *ledger, struct status *status)
{
	struct status_database *database = &status->database;
	struct store_figures figures;

	ledger_rows_figures(&figures, ledger->rows);
	database->is_usable = figures.is_usable;
	database->problem = figures.problem;
	database->octets = figures.octets;
	database->waiting = figures.waiting;
	database->lost = figures.lost;
	memcpy(database->rows, figures.rows, sizeof(database->rows));
}

static void fill_status(void *owner, struct status *status)
{
	struct ledger *ledger = owner;
	const struct config *config = process_config(ledger->process);
	uint64_t now_ms = process_time_ms();

	status->version = HOPGUARD_VERSION;
	status->mode = config->stance.mode;
	status->fails_open = config->fails_open;
	if (now_ms > ledger->state.started_ms)
		status->uptime_s = (now_ms - ledger->state.started_ms) / 1000;
	status->user = ledger->state.user;
	status->backend = ledger->state.backend;
	status->calls_are_filtered = ledger->state.calls_are_filtered != 0;
	status->passage = ledger->state.passage;
	status->passage_why = ledger->state.passage_why;
	status->landlock_version = ledger->state.landlock_version;
	status->rules_are_in = ledger->state.rules_are_in != 0;
	status->queue_first = ledger->state.queue_first;
	status->troubles = &ledger->troubles;
	fill_processes(status, &ledger->state);
	fill_counters(ledger, status);
	fill_database(ledger, status);
}

static void fill_explanation(void *owner, struct explanation *explanation)
{
	const struct ledger *ledger = owner;
	const struct config *config = process_config(ledger->process);

	explanation->stance = &config->stance;
	explanation->is_hidden_probed = config->tls13 == TLS13_PROBE;
	explanation->is_hidden_accepted = config->tls13 == TLS13_PASS;
}

static int send_to(void *owner, enum role role, unsigned index, const void *message, size_t len)
{
	struct ledger *ledger = owner;

	return process_send(ledger->process, role, index, message, len);
}

static int open_desk(struct ledger *ledger)
{
	static const struct desk_actions actions = {
		.send = send_to,
		.fill_status = fill_status,
		.fill_explanation = fill_explanation,
	};
	const struct group *group = getgrnam(ledger->child->config->control_group);
	struct desk_options options = {
		.listener = ledger->child->listener,
		.group = group ? group->gr_gid : (gid_t)-1,
		.recent = sinks_recent(ledger->sinks),
		.actions = &actions,
		.owner = ledger,
	};

	ledger->desk = desk_new(process_base(ledger->process), &options);
	return ledger->desk ? 0 : -ENOMEM;
}

static void say(struct ledger *ledger, enum event_kind kind, const char *text)
{
	struct event event = { .kind = kind,
		               .time_ms = process_time_ms(),
		               .pid = getpid(),
		               .count = 1,
		               .subject = "database" };

	text_copy(event.text, sizeof(event.text), text);
	troubles_take(&ledger->troubles, number_of(ROLE_LEDGER, 0), &event);
	repetition_add(ledger->repetition, &event, process_now_ms());
}

static void on_rows_problem(void *owner, const char *problem)
{
	struct ledger *ledger = owner;

	say(ledger, problem[0] ? EVENT_DEGRADED : EVENT_RECOVERED,
	    problem[0] ? problem : "the database works again: what is learned survives a restart");
}

static int send_to_scout(void *owner, const void *message, size_t len)
{
	return send_to(owner, ROLE_SCOUT, 0, message, len);
}

static void await_scout(void *owner)
{
	struct ledger *ledger = owner;

	(void)process_await_writable(ledger->process, ROLE_SCOUT, 0);
}

/* As the user who is to write it ever after. */
static int open_rows(struct ledger *ledger)
{
	const struct ledger_rows_options options = {
		.directory = ledger->folder,
		.send = send_to_scout,
		.await = await_scout,
		.on_problem = on_rows_problem,
		.owner = ledger,
	};

	state_folder(ledger->folder, ledger->child->config->state_directory, ROLE_LEDGER);
	ledger->rows = ledger_rows_new(&options);
	return ledger->rows ? 0 : -ENOMEM;
}

static int start(struct ledger *ledger)
{
	static const struct process_hooks hooks = {
		.on_message = on_message,
		.on_peer = on_peer,
		.on_lost = on_lost,
		.on_writable = on_writable,
		.on_descriptor = on_descriptor,
		.on_second = on_second,
	};
	struct sinks_options options = {
		.syslog_facility = ledger->child->config->syslog_facility,
		.event_file = ledger->child->event_file,
		.narrates = ledger->child->narrates,
		.on_json = on_json,
		.owner = ledger,
	};
	uint8_t secret[TABLE_SECRET_LEN];
	int err = process_open(&ledger->process, ledger->child, &hooks, ledger);

	if (err)
		return err;
	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -EIO;
	ledger->sinks = sinks_new(&options);
	ledger->repetition = repetition_new(secret, tell, ledger);
	if (!ledger->sinks || !ledger->repetition)
		return -ENOMEM;
	return open_desk(ledger);
}

static void stop(struct ledger *ledger)
{
	desk_free(ledger->desk);
	ledger->desk = NULL;
	ledger_rows_free(ledger->rows);
	repetition_free(ledger->repetition);
	sinks_free(ledger->sinks);
	process_close(ledger->process);
	free(ledger);
}

int ledger_run(const struct child *child)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int status = EXIT_SYSTEM;
	const char *became;
	int err;

	if (!ledger)
		return EXIT_SYSTEM;
	ledger->child = child;
	err = start(ledger);
	if (!err)
		err = open_rows(ledger);
	if (!err)
		err = confine(&became, ROLE_LEDGER, child->config);
	if (err) {
		log_error("ledger not started error=\"%s\"", strerror(-err));
	} else {
		status = process_run(ledger->process);
		process_drain(ledger->process);
		if (status == PROCESS_ORPHANED)
			say(ledger, EVENT_STOPPING,
			    "the supervisor is gone, so all processes end; its rules may still "
			    "be in: start hopguard again, or run `hopguard rules remove`");
	}
	stop(ledger);
	return status;
}

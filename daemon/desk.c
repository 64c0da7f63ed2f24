/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "desk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config.h"
#include "report/control_server.h"
#include "report/explain_page.h"
#include "report/flow_page.h"
#include "report/flush_page.h"

/* A look-up may try several name servers; rules go in by an external program. */
enum { FLOWS_WAIT_S = 3, EXPLAIN_WAIT_S = 40, RELOAD_WAIT_S = 60, FLUSH_WAIT_S = 5 };

/* A question to other processes. A client has one at a time, so there are no more than clients. */
struct pending {
	uint64_t client; /* 0: free */
	uint32_t request;
	enum control_command command;
	unsigned ticks_left;
	bool is_finding;                /* explain: of what was answered so far */
	bool awaits[CONFIG_QUEUES_MAX]; /* flows: guards that have not finished */
};

struct desk {
	struct control_server *server;
	struct desk_options options;
	uint32_t last_request;
	struct pending pending[CONTROL_CLIENTS_MAX];
	uint64_t followers[CONTROL_CLIENTS_MAX]; /* 0: free */
};

static void finish(struct desk *desk, uint64_t client, int exit_status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* An empty sentence: all is well. */
static void finish(struct desk *desk, uint64_t client, int exit_status, const char *format, ...)
{
	struct control_result result = { .exit_status = exit_status };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(result.error, sizeof(result.error), format, arguments);
	va_end(arguments);
	control_server_finish(desk->server, client, &result);
}

static struct pending *find_pending(struct desk *desk, uint32_t request,
                                    enum control_command command)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct pending *pending = &desk->pending[i];

		if (pending->client != 0 && pending->request == request &&
		    pending->command == command)
			return pending;
	}
	return NULL;
}

/* Who asked and left gives up his place: as a client has one question at a time, there is always one. */
static struct pending *new_pending(struct desk *desk, uint64_t client, enum control_command command,
                                   unsigned wait_s)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct pending *pending = &desk->pending[i];

		if (pending->client != 0 && control_server_has(desk->server, pending->client))
			continue;
		memset(pending, 0, sizeof(*pending));
		pending->client = client;
		pending->request = ++desk->last_request;
		pending->command = command;
		pending->ticks_left = wait_s;
		return pending;
	}
	finish(desk, client, CONTROL_EXIT_SYSTEM, "too many questions are waiting: try again");
	return NULL;
}

static void answer_status(struct desk *desk, uint64_t client)
{
	struct status *status = calloc(1, sizeof(*status));
	char text[STATUS_JSON_MAX];

	if (!status) {
		finish(desk, client, CONTROL_EXIT_SYSTEM, "out of memory");
		return;
	}
	desk->options.actions->fill_status(desk->options.owner, status);
	if (status_json_print(text, status) > 0)
		control_server_reply(desk->server, client, text);
	free(status);
	finish(desk, client, CONTROL_EXIT_GOOD, "%s", "");
}

static void answer_events(struct desk *desk, uint64_t client, bool follows)
{
	const struct recent *recent = desk->options.recent;
	size_t i;

	for (i = 0; i < recent_count(recent); i++) {
		if (!control_server_reply(desk->server, client, recent_at(recent, i)))
			return;
	}
	if (!follows) {
		finish(desk, client, CONTROL_EXIT_GOOD, "%s", "");
		return;
	}
	/* There are as many places as clients; that of one who left is found out at the next event. */
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (desk->followers[i] == 0 ||
		    !control_server_has(desk->server, desk->followers[i])) {
			desk->followers[i] = client;
			return;
		}
	}
}

static void finish_flows_if_done(struct desk *desk, struct pending *pending)
{
	size_t i;

	for (i = 0; i < CONFIG_QUEUES_MAX; i++) {
		if (pending->awaits[i])
			return;
	}
	finish(desk, pending->client, CONTROL_EXIT_GOOD, "%s", "");
	pending->client = 0;
}

static void ask_flows(struct desk *desk, uint64_t client)
{
	struct pending *pending = new_pending(desk, client, CONTROL_FLOWS, FLOWS_WAIT_S);
	struct message_flows message = { .type = MESSAGE_FLOWS };
	unsigned i;

	if (!pending)
		return;
	message.request = pending->request;
	for (i = 0; i < CONFIG_QUEUES_MAX; i++)
		pending->awaits[i] = desk->options.actions->send(desk->options.owner, ROLE_GUARD, i,
		                                                 &message, sizeof(message)) == 0;
	finish_flows_if_done(desk, pending);
}

/* Asks one process; says so when it cannot be reached. */
static void ask(struct desk *desk, struct pending *pending, enum role role, const void *message,
                size_t len)
{
	int err = desk->options.actions->send(desk->options.owner, role, 0, message, len);

	if (err == 0)
		return;
	finish(desk, pending->client, CONTROL_EXIT_SYSTEM,
	       "the process that knows is not there at the moment: try again");
	pending->client = 0;
}

static void ask_explain(struct desk *desk, uint64_t client, const char *name)
{
	struct pending *pending = new_pending(desk, client, CONTROL_EXPLAIN, EXPLAIN_WAIT_S);
	struct message_explain message = { .type = MESSAGE_EXPLAIN };

	if (!pending)
		return;
	message.request = pending->request;
	text_copy(message.name, sizeof(message.name), name);
	ask(desk, pending, ROLE_SCOUT, &message, sizeof(message));
}

static void ask_flush(struct desk *desk, uint64_t client, const char *name)
{
	struct pending *pending = new_pending(desk, client, CONTROL_FLUSH, FLUSH_WAIT_S);
	struct message_flush message = { .type = MESSAGE_FLUSH };

	if (!pending)
		return;
	message.request = pending->request;
	text_copy(message.name, sizeof(message.name), name);
	ask(desk, pending, ROLE_SCOUT, &message, sizeof(message));
}

static void ask_reload(struct desk *desk, uint64_t client)
{
	struct pending *pending = new_pending(desk, client, CONTROL_RELOAD, RELOAD_WAIT_S);
	struct message_reload message = { .type = MESSAGE_RELOAD };

	if (!pending)
		return;
	message.request = pending->request;
	ask(desk, pending, ROLE_SUPERVISOR, &message, sizeof(message));
}

static void on_request(void *owner, uint64_t client, const struct control_request *request)
{
	struct desk *desk = owner;

	switch (request->command) {
	case CONTROL_STATUS:
		answer_status(desk, client);
		break;
	case CONTROL_EVENTS:
		answer_events(desk, client, request->follows);
		break;
	case CONTROL_FLOWS:
		ask_flows(desk, client);
		break;
	case CONTROL_EXPLAIN:
		ask_explain(desk, client, request->name);
		break;
	case CONTROL_RELOAD:
		ask_reload(desk, client);
		break;
	case CONTROL_FLUSH:
		ask_flush(desk, client, request->name);
		break;
	}
}

struct desk *desk_new(struct event_base *base, const struct desk_options *options)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct control_server_options server = {
		.listener = options->listener,
		.group = options->group,
		.on_request = on_request,
		.owner = desk,
	};

	if (!desk)
		return NULL;
	desk->options = *options;
	desk->server = control_server_new(base, &server);
	if (!desk->server) {
		free(desk);
		return NULL;
	}
	return desk;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	control_server_free(desk->server);
	free(desk);
}

void desk_event(struct desk *desk, const char *json)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (desk->followers[i] != 0 &&
		    !control_server_reply(desk->server, desk->followers[i], json))
			desk->followers[i] = 0;
	}
}

void desk_flow(struct desk *desk, unsigned guard, const struct message_flow *flow)
{
	struct pending *pending = find_pending(desk, flow->request, CONTROL_FLOWS);
	struct flow_row row = {
		.guard = guard,
		.client = flow->client,
		.server = flow->server,
		.state = flow->state,
		.domain = flow->domain,
		.age_s = flow->age_s,
		.idle_s = flow->idle_s,
		.held_packets = flow->held_packets,
	};
	char text[FLOW_JSON_MAX];

	if (!pending || guard >= CONFIG_QUEUES_MAX || !pending->awaits[guard])
		return;
	if (flow->is_end) {
		pending->awaits[guard] = false;
		finish_flows_if_done(desk, pending);
		return;
	}
	if (flow_json_print(text, &row) > 0)
		control_server_reply(desk->server, pending->client, text);
}

void desk_explanation(struct desk *desk, const struct message_explanation *message)
{
	struct pending *pending = find_pending(desk, message->request, CONTROL_EXPLAIN);
	struct explanation explanation = {
		.destination = &message->destination,
		.evidence = message->evidence,
		.evidence_count = message->evidence_count,
		.last_keys = message->last_keys,
		.age_s = message->age_s,
		.is_cached = message->is_cached != 0,
	};
	char text[EXPLAIN_JSON_MAX];

	if (!pending)
		return;
	desk->options.actions->fill_explanation(desk->options.owner, &explanation);
	if (explain_json_print(text, &explanation) > 0)
		control_server_reply(desk->server, pending->client, text);
	pending->is_finding |= explain_is_finding(&explanation);
	if (message->follows)
		return;
	finish(desk, pending->client,
	       pending->is_finding ? CONTROL_EXIT_FINDING : CONTROL_EXIT_GOOD, "%s", "");
	pending->client = 0;
}

void desk_flushed(struct desk *desk, const struct message_flushed *flushed)
{
	struct pending *pending = find_pending(desk, flushed->request, CONTROL_FLUSH);
	char text[FLUSH_JSON_MAX];

	if (!pending)
		return;
	if (flush_json_print(text, flushed->count) > 0)
		control_server_reply(desk->server, pending->client, text);
	finish(desk, pending->client, CONTROL_EXIT_GOOD, "%s", "");
	pending->client = 0;
}

void desk_reloaded(struct desk *desk, const struct message_reloaded *reloaded)
{
	struct pending *pending = find_pending(desk, reloaded->request, CONTROL_RELOAD);

	if (!pending)
		return;
	finish(desk, pending->client,
	       reloaded->result == 0         ? CONTROL_EXIT_GOOD
	       : reloaded->result == -EINVAL ? CONTROL_EXIT_USAGE
	                                     : CONTROL_EXIT_SYSTEM,
	       "%s", reloaded->result == 0 ? "" : reloaded->error);
	pending->client = 0;
}

static enum role asked_role(enum control_command command)
{
	return command == CONTROL_FLOWS                                 ? ROLE_GUARD
	       : command == CONTROL_EXPLAIN || command == CONTROL_FLUSH ? ROLE_SCOUT
	                                                                : ROLE_SUPERVISOR;
}

void desk_lost(struct desk *desk, enum role role, unsigned index)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct pending *pending = &desk->pending[i];

		if (pending->client == 0 || asked_role(pending->command) != role)
			continue;
		if (role == ROLE_GUARD) {
			if (index < CONFIG_QUEUES_MAX)
				pending->awaits[index] = false;
			finish_flows_if_done(desk, pending);
			continue;
		}
		finish(desk, pending->client, CONTROL_EXIT_SYSTEM,
		       "the process that was asked died and is started again: try again");
		pending->client = 0;
	}
}

void desk_tick(struct desk *desk)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct pending *pending = &desk->pending[i];

		if (pending->client == 0 || --pending->ticks_left > 0)
			continue;
		finish(desk, pending->client, CONTROL_EXIT_SYSTEM, "no answer in time");
		pending->client = 0;
	}
}

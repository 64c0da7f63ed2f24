/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_visit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "active/starttls_client.h"
#include "base/bytes.h"
#include "base/log.h"
#include "net/routes.h"
#include "probe_outcome.h"
#include "probe_request.h"
#include "scout_state.h"

struct visit {
	struct visit *next;
	struct scout_visits *visits;
	uint64_t number;
	uint32_t socket_number; /* of the socket that was asked for; 0: none */
	bool is_as_client;      /* from the client's address */
	bool was_unanswered;    /* that was tried, and nothing came */
	uint64_t began_ms;
	struct event *timer;            /* for the socket, or what cannot even begin */
	struct starttls_client *client; /* under way */
	struct message_probe asked;
};

struct scout_visits {
	struct scout *scout;
	struct visits_hooks hooks;
	void *owner;
	struct visit *first;
	uint32_t last_socket;
	uint64_t as_client;
	struct table *deaf;         /* struct address of a client → uint64_t, until when */
	struct message_probed seen; /* room, as it is large */
};

struct scout_visits *scout_visits_new(struct scout *scout, const struct visits_hooks *hooks,
                                      void *owner, const uint8_t secret[TABLE_SECRET_LEN])
{
	struct scout_visits *visits = calloc(1, sizeof(*visits));

	if (!visits)
		return NULL;
	visits->scout = scout;
	visits->hooks = *hooks;
	visits->owner = owner;
	visits->deaf = table_new(VISIT_DEAF_MAX, sizeof(struct address), sizeof(uint64_t), secret,
	                         NULL, NULL);
	if (visits->deaf)
		return visits;
	free(visits);
	return NULL;
}

static void free_visit(struct visit *visit)
{
	struct visit **at = &visit->visits->first;

	while (*at != visit)
		at = &(*at)->next;
	*at = visit->next;
	if (visit->client)
		starttls_client_cancel(visit->client);
	if (visit->timer)
		event_free(visit->timer);
	free(visit);
}

void scout_visits_free(struct scout_visits *visits)
{
	if (!visits)
		return;
	while (visits->first)
		free_visit(visits->first);
	table_free(visits->deaf);
	free(visits);
}

static bool is_deaf(struct scout_visits *visits, const struct address *client)
{
	const uint64_t *until_ms = table_find(visits->deaf, client);

	return until_ms && process_now_ms() < *until_ms;
}

static void note_deaf(struct scout_visits *visits, const struct address *client)
{
	uint64_t *until_ms = table_find(visits->deaf, client);

	if (!until_ms)
		until_ms = table_insert(visits->deaf, client);
	if (until_ms)
		*until_ms = process_now_ms() + VISIT_DEAF_MS;
}

/* Answers to the client must come by here: it is beyond another interface than the server. */
static bool can_be_as_client(struct scout_visits *visits, const struct message_probe *asked)
{
	int to_client, to_server;

	if (!process_config(visits->scout->process)->rules.returns_probes ||
	    is_deaf(visits, &asked->client))
		return false;
	to_client = routes_interface(&asked->client);
	to_server = routes_interface(&asked->server.address);
	return to_client > 0 && to_server >= 0 && to_client != to_server;
}

static void end_visit(struct visit *visit)
{
	struct scout_visits *visits = visit->visits;
	const struct address server = visit->asked.server.address;
	uint64_t number = visit->number;

	visits->as_client += visit->is_as_client;
	free_visit(visit);
	visits->hooks.end(visits->owner, number, &server, &visits->seen);
}

static void end_without_connection(struct visit *visit, int err)
{
	struct starttls_result *result = calloc(1, sizeof(*result));

	memset(&visit->visits->seen, 0, PROBED_HEAD_LEN);
	if (result) {
		result->outcome = VISIT_SYSTEM;
		result->system_error = err;
		probe_outcome(&visit->visits->seen, result, "this host");
	}
	free(result);
	end_visit(visit);
}

static void connect_by(struct visit *visit, int descriptor);

static void on_timer(evutil_socket_t none, short what, void *owner)
{
	struct visit *visit = owner;

	(void)none;
	(void)what;
	/* The supervisor has other things to do: nobody may bind for us, but mail need not wait. */
	visit->socket_number = 0;
	visit->is_as_client = false;
	connect_by(visit, -1);
}

static void ask_for_socket(struct visit *visit)
{
	struct scout_visits *visits = visit->visits;
	struct timeval patience = { .tv_sec = VISIT_SOCKET_MS / 1000 };
	struct message_sockets request = {
		.type = MESSAGE_SOCKETS,
		.family = visit->asked.server.address.family,
	};

	if (visit->is_as_client)
		request.client = visit->asked.client;
	visits->last_socket += visits->last_socket == UINT32_MAX ? 2 : 1;
	request.number = visit->socket_number = visits->last_socket;
	if (process_send(visits->scout->process, ROLE_SUPERVISOR, 0, &request, sizeof(request)) !=
	    0)
		patience.tv_sec = 0;
	(void)event_add(visit->timer, &patience);
}

static uint32_t total_ms(const struct visit *visit)
{
	uint64_t gone_ms = process_now_ms() - visit->began_ms;
	uint64_t hold_ms = process_config(visit->visits->scout->process)->hold_ms;
	/* A tenth is left for the answer's way. */
	uint64_t total = hold_ms - hold_ms / 10;

	if (total > VISIT_TOTAL_MS)
		total = VISIT_TOTAL_MS;
	return gone_ms < total ? (uint32_t)(total - gone_ms) : 1;
}

/* Nothing came back to the client's address, or could even leave from there. */
static bool is_no_answer(const struct starttls_result *result)
{
	if (result->step != VISIT_AT_CONNECTING)
		return false;
	return result->outcome == VISIT_TIMEOUT || result->outcome == VISIT_UNREACHABLE ||
	       result->outcome == VISIT_SYSTEM;
}

static void on_result(void *owner, const struct starttls_result *result)
{
	struct visit *visit = owner;
	char source[ADDRESS_TEXT_MAX];

	visit->client = NULL;
	if (visit->is_as_client && is_no_answer(result)) {
		visit->is_as_client = false;
		visit->was_unanswered = true;
		ask_for_socket(visit);
		return;
	}
	if (visit->was_unanswered && result->step > VISIT_AT_CONNECTING)
		note_deaf(visit->visits, &visit->asked.client);
	probe_outcome(&visit->visits->seen, result,
	              visit->is_as_client ? address_format(source, &visit->asked.client)
	                                  : "this host's own address");
	end_visit(visit);
}

/* As RFC 5321 section 4.1.4 has it for a client without a name: its address. */
static void write_ehlo_name(char *name, size_t room, const struct message_probe *asked)
{
	char text[ADDRESS_TEXT_MAX];

	if (asked->ehlo_name[0])
		text_copy(name, room, asked->ehlo_name);
	else
		(void)snprintf(name, room, "[%s%s]", asked->client.family == 6 ? "IPv6:" : "",
		               address_format(text, &asked->client));
}

static void connect_by(struct visit *visit, int descriptor)
{
	struct starttls_options *options = calloc(1, sizeof(*options));
	struct process *process = visit->visits->scout->process;

	if (!options) {
		if (descriptor >= 0)
			close(descriptor);
		end_without_connection(visit, ENOMEM);
		return;
	}
	options->server = visit->asked.server;
	options->descriptor = descriptor;
	options->total_ms = options->step_ms = total_ms(visit);
	options->connect_ms = visit->is_as_client ? VISIT_CLIENT_MS : 0;
	options->now_ms = process_now_ms;
	write_ehlo_name(options->ehlo_name, sizeof(options->ehlo_name), &visit->asked);
	text_copy(options->server_name, sizeof(options->server_name), visit->asked.server_name);
	probe_request_shape(&options->shape, &visit->asked);
	visit->client = starttls_client_start(process_base(process), options, on_result, visit);
	free(options);
	if (!visit->client)
		end_without_connection(visit, ENOMEM);
}

bool scout_visits_take_socket(struct scout_visits *visits, const struct message_socket *answer,
                              int descriptor)
{
	struct visit *visit = visits->first;

	while (visit && visit->socket_number != answer->number)
		visit = visit->next;
	if (!visit || answer->number == 0) {
		/* Too late: that visit went without. */
		if (descriptor >= 0)
			close(descriptor);
		return answer->number != 0;
	}
	visit->socket_number = 0;
	(void)event_del(visit->timer);
	if (descriptor < 0)
		log_debug("probe without its socket error=\"%s\"", strerror(-answer->result));
	if (descriptor < 0 && visit->is_as_client) {
		visit->is_as_client = false;
		ask_for_socket(visit);
		return true;
	}
	connect_by(visit, descriptor);
	return true;
}

bool scout_visit_begin(struct scout_visits *visits, uint64_t number,
                       const struct message_probe *probe)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (!visit)
		return false;
	visit->timer = evtimer_new(process_base(visits->scout->process), on_timer, visit);
	if (!visit->timer) {
		free(visit);
		return false;
	}
	visit->visits = visits;
	visit->number = number;
	visit->asked = *probe;
	visit->began_ms = process_now_ms();
	visit->is_as_client = can_be_as_client(visits, probe);
	visit->next = visits->first;
	visits->first = visit;
	ask_for_socket(visit);
	return true;
}

uint64_t scout_visits_as_client(const struct scout_visits *visits)
{
	return visits->as_client;
}

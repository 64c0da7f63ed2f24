/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/control_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Supplementary groups a peer may have and still be looked through; more, and only its first group counts. */
enum { PEER_GROUPS_MAX = 1024 };

struct client {
	struct control_server *server;
	struct bufferevent *stream; /* NULL: the place is free */
	uint64_t number;
	bool is_root;
	bool is_busy;  /* an answer is under way: the next request waits */
	bool follows;  /* the answer has no end */
	bool is_ended; /* sends nothing more, but may still read its answer (shutdown(2)) */
};

struct control_server {
	struct event_base *base;
	struct event *acceptable;
	struct control_server_options options;
	uint64_t last_number;
	struct client clients[CONTROL_CLIENTS_MAX];
};

static void drop_client(struct client *client)
{
	bufferevent_free(client->stream);
	client->stream = NULL;
}

static struct client *find_client(struct control_server *server, uint64_t number)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->clients[i].stream && server->clients[i].number == number)
			return &server->clients[i];
	}
	return NULL;
}

/* Of what was said to him. */
static bool leaves_too_much(const struct client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->stream)) > CONTROL_PENDING_MAX;
}

static void write_line(struct client *client, const char *line)
{
	bufferevent_write(client->stream, line, strlen(line));
	bufferevent_write(client->stream, "\n", 1);
}

static void refuse(struct client *client, int exit_status, const char *why)
{
	char line[CONTROL_ERROR_MAX + 128];
	struct control_result result = { .exit_status = exit_status };

	snprintf(result.error, sizeof(result.error), "%s", why);
	if (control_result_print(line, sizeof(line), &result) > 0)
		write_line(client, line);
}

static void take_request(struct client *client, const char *line, size_t len)
{
	struct control_server *server = client->server;
	char error[CONTROL_ERROR_MAX];
	struct control_request request;

	if (!control_request_parse(&request, line, len, error)) {
		refuse(client, CONTROL_EXIT_USAGE, error);
		return;
	}
	if (control_command_changes(request.command) && !client->is_root) {
		refuse(client, CONTROL_EXIT_SYSTEM,
		       "permission denied: only root may change something");
		return;
	}
	client->is_busy = true;
	client->follows = request.follows;
	server->options.on_request(server->options.owner, client->number, &request);
}

/* Requests are taken as long as no answer is under way; a callback may have dropped the client meanwhile. */
static void take_requests(struct control_server *server, uint64_t number)
{
	struct client *client;

	while ((client = find_client(server, number)) != NULL && !client->is_busy) {
		struct evbuffer *input = bufferevent_get_input(client->stream);
		size_t len;
		char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);

		if (!line) {
			if (evbuffer_get_length(input) >= CONTROL_REQUEST_MAX)
				drop_client(client);
			return;
		}
		take_request(client, line, len);
		free(line);
		client = find_client(server, number);
		if (client && leaves_too_much(client))
			drop_client(client);
	}
}

static void on_readable(struct bufferevent *stream, void *argument)
{
	struct client *client = argument;

	(void)stream;
	take_requests(client->server, client->number);
}

static void drop_when_answered(struct client *client)
{
	if (client->is_ended && !client->is_busy &&
	    evbuffer_get_length(bufferevent_get_output(client->stream)) == 0)
		drop_client(client);
}

static void on_written(struct bufferevent *stream, void *argument)
{
	(void)stream;
	drop_when_answered(argument);
}

static void on_end(struct bufferevent *stream, short what, void *argument)
{
	struct client *client = argument;

	if ((what & BEV_EVENT_ERROR) || client->follows) {
		drop_client(client);
		return;
	}
	if (what & BEV_EVENT_EOF) {
		client->is_ended = true;
		bufferevent_disable(stream, EV_READ);
		drop_when_answered(client);
	}
}

static bool has_supplementary_group(int peer, gid_t wanted)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(groups);
	size_t i;

	if (getsockopt(peer, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

/* The file mode of the socket keeps others out already; this holds also where somebody changed it. */
static bool may_ask(const struct control_server *server, int peer, bool *is_root)
{
	gid_t group = server->options.group;
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return false;
	*is_root = who.uid == 0;
	if (*is_root)
		return true;
	return group != (gid_t)-1 && (who.gid == group || has_supplementary_group(peer, group));
}

/* Whoever may only ask leaves places to who may change something. */
static struct client *free_place(struct control_server *server, bool is_root)
{
	struct client *place = NULL;
	size_t i, others = 0;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (!server->clients[i].stream)
			place = &server->clients[i];
		else if (!server->clients[i].is_root)
			others++;
	}
	return is_root || others < CONTROL_CLIENTS_MAX - CONTROL_ROOTS_PLACES ? place : NULL;
}

/* Best effort: a fresh socket's buffer takes one line. */
static void turn_away(int peer, const char *why)
{
	char line[CONTROL_ERROR_MAX + 128];
	struct control_result result = { .exit_status = CONTROL_EXIT_SYSTEM };
	size_t len;

	snprintf(result.error, sizeof(result.error), "%s", why);
	len = control_result_print(line, sizeof(line) - 1, &result);
	line[len++] = '\n';
	(void)!send(peer, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(peer);
}

static void adopt_client(struct control_server *server, struct client *client, int peer,
                         bool is_root)
{
	struct bufferevent *stream =
		bufferevent_socket_new(server->base, peer, BEV_OPT_CLOSE_ON_FREE);

	if (!stream) {
		close(peer);
		return;
	}
	*client = (struct client){
		.server = server,
		.stream = stream,
		.number = ++server->last_number,
		.is_root = is_root,
	};
	bufferevent_setcb(stream, on_readable, on_written, on_end, client);
	/* Whoever sends ahead of the answers waits in his own socket. */
	bufferevent_setwatermark(stream, EV_READ, 0, CONTROL_REQUEST_MAX);
	bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static void on_acceptable(evutil_socket_t listener, short what, void *argument)
{
	struct control_server *server = argument;
	struct client *client;
	bool is_root = false;
	int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (peer < 0)
		return;
	if (!may_ask(server, peer, &is_root)) {
		turn_away(peer,
		          "permission denied: only root and members of the control-group may ask");
		return;
	}
	client = free_place(server, is_root);
	if (!client) {
		turn_away(peer, "too many clients at the control socket");
		return;
	}
	adopt_client(server, client, peer, is_root);
}

struct control_server *control_server_new(struct event_base *base,
                                          const struct control_server_options *options)
{
	struct control_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->base = base;
	server->options = *options;
	server->acceptable =
		event_new(base, options->listener, EV_READ | EV_PERSIST, on_acceptable, server);
	if (!server->acceptable || event_add(server->acceptable, NULL) != 0) {
		control_server_free(server);
		return NULL;
	}
	return server;
}

void control_server_free(struct control_server *server)
{
	size_t i;

	if (!server)
		return;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->clients[i].stream)
			drop_client(&server->clients[i]);
	}
	if (server->acceptable)
		event_free(server->acceptable);
	free(server);
}

bool control_server_reply(struct control_server *server, uint64_t number, const char *line)
{
	struct client *client = find_client(server, number);

	if (!client)
		return false;
	if (leaves_too_much(client)) {
		drop_client(client);
		return false;
	}
	write_line(client, line);
	return true;
}

void control_server_finish(struct control_server *server, uint64_t number,
                           const struct control_result *result)
{
	struct client *client = find_client(server, number);
	char line[CONTROL_ERROR_MAX + 128];

	if (!client)
		return;
	if (control_result_print(line, sizeof(line), result) > 0)
		write_line(client, line);
	client->is_busy = false;
	/* What came meanwhile is read by a later turn of the loop: an owner may finish inside on_request. */
	bufferevent_trigger(client->stream, EV_READ,
	                    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

bool control_server_has(struct control_server *server, uint64_t number)
{
	return find_client(server, number) != NULL;
}

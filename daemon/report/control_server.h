/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_CONTROL_SERVER_H
#define HOPGUARD_REPORT_CONTROL_SERVER_H

/*
 * The daemon's end of the control socket: takes connections, asks the kernel who it is, reads one request at a time and
 * writes answers. Root may do all, members of the control group may ask. Whoever reads too slowly is dropped.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report/control_protocol.h"

struct event_base;

enum {
	CONTROL_CLIENTS_MAX = 32,
	CONTROL_ROOTS_PLACES = 4, /* of these: members of the group cannot keep root out */
	CONTROL_PENDING_MAX =
		4 * 1024 *
		1024, /* octets of answers a client has not read yet: all recent events fit */
};

struct control_server;

/* client: a number that is never used again. An answer may come later, and is lost when the client has gone. */
typedef void (*control_request_fn)(void *owner, uint64_t client,
                                   const struct control_request *request);

struct control_server_options {
	int listener; /* listening, non-blocking; stays the caller's */
	gid_t group;  /* whose members may ask; (gid_t)-1: root only */
	control_request_fn on_request;
	void *owner;
};

/* NULL: out of memory. */
struct control_server *control_server_new(struct event_base *base,
                                          const struct control_server_options *options);
void control_server_free(struct control_server *server);

/* One line of the answer, without newline. False when the client has gone. */
bool control_server_reply(struct control_server *server, uint64_t client, const char *line);
/* The last line: the client may ask again. */
void control_server_finish(struct control_server *server, uint64_t client,
                           const struct control_result *result);
bool control_server_has(struct control_server *server, uint64_t client);

#endif

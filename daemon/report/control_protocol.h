/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_CONTROL_PROTOCOL_H
#define HOPGUARD_REPORT_CONTROL_PROTOCOL_H

/*
 * What goes over the control socket: a request is one JSON object on a line, {"command":"flush","name":"example.org"};
 * the answer is any number of lines, one JSON object each, then exactly one with a "result" in it:
 * {"result":"ok"} or {"result":"error","exit":4,"error":"…"}. Then the next request may follow.
 */

#include <stdbool.h>
#include <stddef.h>

#include "verdict/promise.h"

enum {
	CONTROL_REQUEST_MAX = 4096,     /* octets of a request line */
	CONTROL_REPLY_MAX = 360 * 1024, /* octets of one line of an answer */
	CONTROL_ERROR_MAX = 640,
};

enum control_command {
	CONTROL_STATUS,
	CONTROL_EVENTS,
	CONTROL_FLOWS,
	CONTROL_EXPLAIN,
	CONTROL_RELOAD,
	CONTROL_FLUSH,
};

/* Exit statuses of the program that asks (hopguard(8)). */
enum {
	CONTROL_EXIT_GOOD = 0,
	CONTROL_EXIT_FINDING = 1,
	CONTROL_EXIT_USAGE = 2,
	CONTROL_EXIT_SYSTEM = 4
};

struct control_request {
	enum control_command command;
	bool follows;               /* events: goes on with those to come */
	char name[DOMAIN_NAME_MAX]; /* explain, flush */
};

/* The last line of an answer. */
struct control_result {
	int exit_status;
	char error[CONTROL_ERROR_MAX]; /* empty when good */
};

/* False with a sentence in error. */
bool control_request_parse(struct control_request *request, const char *line, size_t len,
                           char error[CONTROL_ERROR_MAX]);
/* Length without newline; 0: does not fit. */
size_t control_request_print(char *text, size_t room, const struct control_request *request);

size_t control_result_print(char *text, size_t room, const struct control_result *result);
/* Whether the line is the last of an answer; *result is then filled. */
bool control_result_parse(struct control_result *result, const char *line);

/* Whether it changes something: for root only. */
bool control_command_changes(enum control_command command);

#endif

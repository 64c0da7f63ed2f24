/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/control_protocol.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "report/line.h"
#include "report/object.h"

static const struct {
	const char *name;
	bool changes;
	bool needs_name;
} commands[] = {
	[CONTROL_STATUS] = { "status", false, false },
	[CONTROL_EVENTS] = { "events", false, false },
	[CONTROL_FLOWS] = { "flows", false, false },
	[CONTROL_EXPLAIN] = { "explain", false, true },
	[CONTROL_RELOAD] = { "reload", true, false },
	[CONTROL_FLUSH] = { "flush", true, true },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

bool control_command_changes(enum control_command command)
{
	return commands[command].changes;
}

static bool find_command(enum control_command *command, const char *name)
{
	size_t i;

	for (i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			*command = (enum control_command)i;
			return true;
		}
	}
	return false;
}

static bool read_request(struct control_request *request, const json_t *object,
                         char error[CONTROL_ERROR_MAX])
{
	const char *command = json_string_value(json_object_get(object, "command"));
	const char *name = json_string_value(json_object_get(object, "name"));

	if (!command || !find_command(&request->command, command)) {
		snprintf(error, CONTROL_ERROR_MAX,
		         "\"command\" must be status, events, flows, explain, reload or flush");
		return false;
	}
	if (commands[request->command].needs_name && (!name || name[0] == '\0')) {
		snprintf(error, CONTROL_ERROR_MAX, "%s needs a \"name\"", command);
		return false;
	}
	if (name && strlen(name) >= sizeof(request->name)) {
		snprintf(error, CONTROL_ERROR_MAX, "\"name\" is longer than %d octets",
		         DOMAIN_NAME_MAX - 1);
		return false;
	}
	if (name)
		(void)line_clean(request->name, sizeof(request->name), name);
	request->follows = json_is_true(json_object_get(object, "follow"));
	return true;
}

bool control_request_parse(struct control_request *request, const char *line, size_t len,
                           char error[CONTROL_ERROR_MAX])
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	bool is_good;

	if (!object) {
		/* jansson's words have the request's own octets, line ends included. */
		snprintf(error, CONTROL_ERROR_MAX, "a request is one JSON object on a line: %s",
		         why.text);
		(void)line_clean(error, CONTROL_ERROR_MAX, error);
		return false;
	}
	memset(request, 0, sizeof(*request));
	is_good = read_request(request, object, error);
	json_decref(object);
	return is_good;
}

size_t control_request_print(char *text, size_t room, const struct control_request *request)
{
	json_t *object = json_object();

	(void)json_object_set_new(object, "command", json_string(commands[request->command].name));
	if (request->name[0])
		(void)json_object_set_new(object, "name", json_string(request->name));
	if (request->follows)
		(void)json_object_set_new(object, "follow", json_true());
	return object_print(text, room, object);
}

size_t control_result_print(char *text, size_t room, const struct control_result *result)
{
	bool is_good = result->error[0] == '\0';
	char clean[CONTROL_ERROR_MAX];
	json_t *object = json_object();

	(void)json_object_set_new(object, "result", json_string(is_good ? "ok" : "error"));
	(void)json_object_set_new(object, "exit", json_integer(result->exit_status));
	if (!is_good)
		(void)json_object_set_new(
			object, "error",
			json_string(line_clean(clean, sizeof(clean), result->error)));
	return object_print(text, room, object);
}

bool control_result_parse(struct control_result *result, const char *line)
{
	json_t *object = json_loads(line, 0, NULL);
	const char *word = json_string_value(json_object_get(object, "result"));
	const char *error = json_string_value(json_object_get(object, "error"));

	if (!word) {
		json_decref(object);
		return false;
	}
	result->exit_status = (int)json_integer_value(json_object_get(object, "exit"));
	(void)line_clean(result->error, sizeof(result->error), error ? error : "");
	json_decref(object);
	return true;
}

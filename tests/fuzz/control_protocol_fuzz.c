/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line on the control socket, as the daemon reads a request and as the program that asks reads an answer. What is understood is printed and
 * understood again as the same; what is not has one printable sentence.
 */

#include "require.h"

#include "report/control_protocol.h"

static void check_request(const char *line, size_t len)
{
	struct control_request request, again;
	char error[CONTROL_ERROR_MAX] = "", text[CONTROL_REQUEST_MAX];
	size_t text_len;

	if (!control_request_parse(&request, line, len, error)) {
		REQUIRE(error[0] && memchr(error, '\0', sizeof(error)));
		for (const char *at = error; *at; at++)
			REQUIRE(*at >= ' ' && *at <= '~');
		return;
	}
	REQUIRE(request.command <= CONTROL_FLUSH);
	REQUIRE(memchr(request.name, '\0', sizeof(request.name)));
	(void)control_command_changes(request.command);
	text_len = control_request_print(text, sizeof(text), &request);
	REQUIRE(text_len > 0 && text_len < sizeof(text) && !memchr(text, '\n', text_len));
	REQUIRE(control_request_parse(&again, text, text_len, error));
	REQUIRE(again.command == request.command && again.follows == request.follows &&
	        strcmp(again.name, request.name) == 0);
}

static void check_result(const char *line)
{
	struct control_result result, again;
	char text[CONTROL_REQUEST_MAX * 2];

	if (!control_result_parse(&result, line))
		return;
	REQUIRE(memchr(result.error, '\0', sizeof(result.error)));
	REQUIRE(control_result_print(text, sizeof(text), &result) > 0);
	REQUIRE(control_result_parse(&again, text));
	REQUIRE(again.exit_status == result.exit_status && strcmp(again.error, result.error) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1);

	REQUIRE(line);
	if (len > 0)
		memcpy(line, data, len);
	line[len] = '\0';
	check_result(line);
	/* There it is not terminated. */
	if (len > 0)
		/* cppcheck-suppress memleakOnRealloc ; to less there is always a way */
		line = realloc(line, len);
	check_request(line, len);
	free(line);
	return 0;
}

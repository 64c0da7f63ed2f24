/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/cli.h"
#include "cli/mailbox.h"
#include "config.h"
#include "policy/peer_names.h"

/* Longer than the daemon itself waits for any of its processes. */
enum { ANSWER_WAIT_S = 75 };

/* Root's; the daemon may run as another. */
static const char default_user[] = "hopguard";

static void print_usage(FILE *out, const char *command, const char *arguments)
{
	fprintf(out, "usage: hopguard %s [--socket PATH] [--json]%s%s\n", command,
	        arguments[0] ? " " : "", arguments);
}

static bool names_something(const char *name)
{
	char normal[DOMAIN_NAME_MAX];
	struct address address;

	return strlen(name) < DOMAIN_NAME_MAX &&
	       (peer_name_normalise(normal, name) || address_parse(&address, name) ||
	        peer_name_literal(&address, name));
}

int ask_parse(struct ask *ask, int argc, char **argv, enum control_command command,
              const char *arguments)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "follow", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool takes_name = command == CONTROL_EXPLAIN || command == CONTROL_FLUSH;
	int option;

	*ask = (struct ask){ .command = argv[0] + strlen(CLI_CALLED),
		             .is_coloured = isatty(STDOUT_FILENO) == 1 };
	while ((option = getopt_long(argc, argv, "s:jfh", options, NULL)) != -1) {
		if (option == 's') {
			ask->socket_path = optarg;
		} else if (option == 'j') {
			ask->is_json = true;
		} else if (option == 'f' && command == CONTROL_EVENTS) {
			ask->follows = true;
		} else if (option == 'h') {
			print_usage(stdout, ask->command, arguments);
			return CLI_GOOD;
		} else {
			if (option == 'f')
				fprintf(stderr, "hopguard: %s: --follow is for `hopguard events`\n",
				        ask->command);
			print_usage(stderr, ask->command, arguments);
			return CLI_USAGE;
		}
	}
	if (argc - optind != (takes_name ? 1 : 0)) {
		print_usage(stderr, ask->command, arguments);
		return CLI_USAGE;
	}
	ask->name = takes_name ? argv[optind] : NULL;
	if (!ask->name || names_something(ask->name))
		return ASK_CONTINUE;
	if (!mailbox_tell(ask->command, ask->name))
		fprintf(stderr, "hopguard: %s: neither a domain name nor an address: %.256s\n",
		        ask->command, ask->name);
	return CLI_USAGE;
}

/* As the daemon was told; who may not read its configuration gets the default. */
static void find_socket(char path[CONFIG_PATH_MAX], const struct ask *ask)
{
	struct config *config = calloc(1, sizeof(*config));
	char *text = calloc(1, CONFIG_TEXT_MAX);
	char error[CONFIG_ERROR_MAX];

	path[0] = '\0';
	if (ask->socket_path)
		text_copy(path, CONFIG_PATH_MAX, ask->socket_path);
	else if (config && text) {
		if (config_read(text, NULL, error) != 0)
			text[0] = '\0';
		if (config_parse(config, config_default_path, text, NULL, 0, error) == 0 ||
		    config_parse(config, config_default_path, "", NULL, 0, error) == 0)
			text_copy(path, CONFIG_PATH_MAX, config->control_socket);
	}
	free(text);
	free(config);
}

static int say_unreachable(const char *path, int err)
{
	if (err == EACCES || err == EPERM)
		fprintf(stderr,
		        "hopguard: permission denied at %s: be root or in the control-group "
		        "(hopguard.conf(5))\n",
		        path);
	else
		fprintf(stderr,
		        "hopguard: no daemon answers at %s (%s): start it (systemctl start "
		        "hopguard), or "
		        "name its socket with --socket\n",
		        path, strerror(err));
	return CLI_UNREACHABLE;
}

/* A descriptor, or -errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	int stream, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stream < 0)
		return -errno;
	if (connect(stream, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		err = -errno;
		close(stream);
		return err;
	}
	(void)setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return stream;
}

bool ask_is_heard(const char *socket_path)
{
	int stream = connect_to(socket_path);

	if (stream >= 0)
		close(stream);
	return stream >= 0;
}

static bool send_request(int stream, const struct ask *ask, enum control_command command)
{
	struct control_request request = { .command = command, .follows = ask->follows };
	struct timeval for_ever = { 0 };
	char line[CONTROL_REQUEST_MAX];
	size_t len;

	if (ask->name)
		text_copy(request.name, sizeof(request.name), ask->name);
	if (ask->follows)
		(void)setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof(for_ever));
	len = control_request_print(line, sizeof(line) - 1, &request);
	line[len++] = '\n';
	return send(stream, line, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/*
 * One line of any length up to the bound, without its newline. The ledger writes printable ASCII; one that was taken over shall not
 * steer the terminal either.
 */
static bool read_line(char line[CONTROL_REPLY_MAX + 2], FILE *stream)
{
	size_t len;

	if (!fgets(line, CONTROL_REPLY_MAX + 2, stream))
		return false;
	len = strlen(line);
	if (len == 0 || line[len - 1] != '\n')
		return false;
	line[len - 1] = '\0';
	for (char *at = line; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
	return true;
}

static int print_answer(const struct ask *ask, FILE *stream, ask_print_fn print)
{
	char line[CONTROL_REPLY_MAX + 2];
	struct control_result result;

	while (read_line(line, stream)) {
		if (control_result_parse(&result, line)) {
			if (result.error[0])
				fprintf(stderr, "hopguard: %s: %s\n", ask->command, result.error);
			return result.exit_status;
		}
		if (ask->is_json)
			printf("%s\n", line);
		else if (!print(ask, line))
			fprintf(stderr, "hopguard: %s: not understood: %s\n", ask->command, line);
		if (ask->follows)
			fflush(stdout);
	}
	fprintf(stderr, "hopguard: %s: the daemon broke off its answer\n", ask->command);
	return CLI_UNREACHABLE;
}

int ask_daemon(const struct ask *ask, enum control_command command, ask_print_fn print)
{
	char path[CONFIG_PATH_MAX];
	int descriptor, status;
	FILE *stream;

	find_socket(path, ask);
	descriptor = connect_to(path);
	if (descriptor < 0)
		return say_unreachable(path, -descriptor);
	/* Who is turned away at the door finds the reason in the socket, not the door open for a question. */
	if (!send_request(descriptor, ask, command) && errno != EPIPE && errno != ECONNRESET) {
		status = say_unreachable(path, errno);
		close(descriptor);
		return status;
	}
	stream = fdopen(descriptor, "r");
	if (!stream) {
		close(descriptor);
		return CLI_SYSTEM;
	}
	if (!cli_confine(default_user, NULL)) {
		fclose(stream);
		return CLI_SYSTEM;
	}
	if (ask->print_head && !ask->is_json)
		ask->print_head(stdout);
	status = print_answer(ask, stream, print);
	fclose(stream);
	return status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The MTA-STS engine on a loop of its own, told what to do by lines on standard input, with clocks that can be moved:
 *
 *     sts_ask [--trust-anchor FILE] [--root-hints FILE] [--port PORT] [--ca-file FILE] [--timeout MS]
 *
 *     ask DOMAIN  refresh DOMAIN     the answer, when it comes
 *     allows DOMAIN HOST  evidence DOMAIN  forget DOMAIN  count
 *     advance SECONDS                both clocks go on
 *     wall SECONDS                   the wall clock alone is moved, forth or back
 *     restart                        a new engine with the rows of the old one
 *     renew                          a new resolver context, with nothing in its cache
 *
 * Prints one line of JSON for each answer, row and alert, and {"done":…} when another command was done. Ends with its input. Exit
 * status 2 usage, 4 not to be set up.
 */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "policy/mtasts.h"
#include "print_string.h"

enum { ROWS_MAX = 64, LINE_MAX_LEN = 1024 };

LIST_HEAD(question_list, question);

struct tool {
	struct event_base *base;
	struct resolver *resolver;
	struct resolver_options resolver_options;
	struct mtasts *mtasts;
	struct mtasts_options options;
	struct row rows[ROWS_MAX];
	size_t row_count;
	char input[LINE_MAX_LEN];
	size_t input_len;
	struct question_list questions; /* open */
};

struct question {
	LIST_ENTRY(question) link;
	uint64_t asked_ms; /* real */
	char domain[DOMAIN_NAME_MAX];
};

/* The hooks' clocks have no owner. */
static int64_t moved_ms;
static int64_t wall_moved_ms;

static uint64_t real_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t now_ms(void)
{
	return real_ms(CLOCK_MONOTONIC) + (uint64_t)moved_ms;
}

static uint64_t wall_ms(void)
{
	return real_ms(CLOCK_REALTIME) + (uint64_t)(moved_ms + wall_moved_ms);
}

static void on_row(void *owner, const struct row *row)
{
	struct tool *tool = owner;
	size_t i = 0;

	printf("{");
	print_string("row", row->policy.domain);
	printf(",\"removed\":%s,\"left\":%u,\"len\":%u,", row->is_removed ? "true" : "false",
	       row->policy.left_s, row->policy.text_len);
	print_string("id", row->policy.id);
	printf("}\n");
	while (i < tool->row_count && strcmp(tool->rows[i].policy.domain, row->policy.domain) != 0)
		i++;
	if (i == ROWS_MAX || !row_is_sound(row, row_len(row)))
		exit(4);
	tool->rows[i] = *row;
	tool->row_count += i == tool->row_count;
}

static void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	(void)owner;
	printf("{");
	print_string("tell", domain);
	printf(",");
	print_string("reason", reason_name(reason));
	printf(",");
	print_string("text", text);
	printf("}\n");
}

static const char *state_name(enum mtasts_state state)
{
	static const char *const names[] = {
		[MTASTS_UNKNOWN] = "unknown", [MTASTS_NONE] = "none",
		[MTASTS_POLICY] = "policy",   [MTASTS_UNAVAILABLE] = "unavailable",
		[MTASTS_FAILED] = "failed",   [MTASTS_PENDING] = "pending",
	};

	return names[state];
}

static void on_answer(void *owner, const struct mtasts_answer *answer)
{
	struct question *question = owner;

	printf("{");
	print_string("ask", question->domain);
	printf(",");
	print_string("state", state_name(answer->state));
	printf(",");
	print_string("mode", mx_policy_mode_name(answer->mode));
	printf(",");
	print_string("id", answer->id);
	printf(",\"age\":%u,\"left\":%u,\"ttl\":%u,\"len\":%zu,\"waited_ms\":%u,", answer->age_s,
	       answer->left_s, answer->ttl_s, answer->text.len,
	       (unsigned)(real_ms(CLOCK_MONOTONIC) - question->asked_ms));
	print_string("why", answer->why);
	printf("}\n");
	fflush(stdout);
	LIST_REMOVE(question, link);
	free(question);
}

static bool is_established(void *owner, const char *domain)
{
	(void)owner;
	(void)domain;
	return false;
}

static int open_engine(struct tool *tool)
{
	static const struct mtasts_hooks hooks = {
		.on_row = on_row,
		.tell = on_tell,
		.is_established = is_established,
		.now_ms = now_ms,
		.wall_ms = wall_ms,
	};

	return mtasts_new(&tool->mtasts, tool->base, tool->resolver, &tool->options, &hooks, tool);
}

static void end_engine(struct tool *tool)
{
	struct question *question;

	mtasts_free(tool->mtasts);
	while ((question = LIST_FIRST(&tool->questions)) != NULL) {
		LIST_REMOVE(question, link);
		free(question);
	}
}

static void restart(struct tool *tool)
{
	size_t i;

	end_engine(tool);
	if (open_engine(tool) < 0)
		exit(4);
	for (i = 0; i < tool->row_count; i++) {
		if (!tool->rows[i].is_removed)
			(void)mtasts_load(tool->mtasts, &tool->rows[i].policy);
	}
}

static void ask(struct tool *tool, const char *domain, bool is_refresh)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		exit(4);
	LIST_INSERT_HEAD(&tool->questions, question, link);
	question->asked_ms = real_ms(CLOCK_MONOTONIC);
	snprintf(question->domain, sizeof(question->domain), "%s", domain);
	if (!mtasts_ask(tool->mtasts, domain, is_refresh, on_answer, question))
		exit(4);
}

static void print_evidence(struct tool *tool, const char *domain)
{
	struct evidence evidence;
	bool has_evidence = mtasts_evidence(&evidence, tool->mtasts, domain);

	printf("{");
	print_string("evidence", domain);
	printf(",");
	print_string("state", has_evidence ? evidence_state_name(evidence.state) : "");
	printf(",\"age\":%u,\"left\":%u,", evidence.age_s, evidence.left_s);
	print_string("detail", evidence.detail);
	printf("}\n");
}

static void print_allows(struct tool *tool, const char *domain, const char *host)
{
	struct mtasts_answer answer;

	mtasts_recall(&answer, tool->mtasts, domain);
	printf("{");
	print_string("allows", host);
	printf(",\"is_allowed\":%s}\n", mtasts_answer_allows(&answer, host) ? "true" : "false");
}

static void obey(struct tool *tool, char *line)
{
	const char *command = strtok(line, " ");
	const char *first = strtok(NULL, " ");
	const char *second = strtok(NULL, " ");

	if (!command)
		return;
	if (strcmp(command, "ask") == 0 && first) {
		ask(tool, first, false);
		return;
	}
	if (strcmp(command, "refresh") == 0 && first) {
		ask(tool, first, true);
		return;
	}
	if (strcmp(command, "allows") == 0 && second) {
		print_allows(tool, first, second);
	} else if (strcmp(command, "evidence") == 0 && first) {
		print_evidence(tool, first);
	} else if (strcmp(command, "forget") == 0 && first) {
		(void)mtasts_forget(tool->mtasts, first);
	} else if (strcmp(command, "count") == 0) {
		printf("{\"count\":%zu,\"octets\":%zu}\n", mtasts_count(tool->mtasts),
		       mtasts_octets(tool->mtasts));
	} else if (strcmp(command, "advance") == 0 && first) {
		moved_ms += strtoll(first, NULL, 10) * 1000;
		mtasts_tick(tool->mtasts);
	} else if (strcmp(command, "wall") == 0 && first) {
		wall_moved_ms += strtoll(first, NULL, 10) * 1000;
	} else if (strcmp(command, "restart") == 0) {
		restart(tool);
	} else if (strcmp(command, "renew") == 0) {
		if (resolver_configure(tool->resolver, &tool->resolver_options) < 0)
			exit(4);
	} else {
		exit(2);
	}
	printf("{\"done\":\"%s\"}\n", command);
	fflush(stdout);
}

static void on_input(evutil_socket_t input, short events, void *data)
{
	struct tool *tool = data;
	ssize_t len = read(input, tool->input + tool->input_len,
	                   sizeof(tool->input) - 1 - tool->input_len);
	char *end;

	(void)events;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		event_base_loopbreak(tool->base);
		return;
	}
	tool->input_len += (size_t)len;
	tool->input[tool->input_len] = '\0';
	while ((end = strchr(tool->input, '\n')) != NULL) {
		char line[LINE_MAX_LEN];

		*end = '\0';
		snprintf(line, sizeof(line), "%s", tool->input);
		tool->input_len -= (size_t)(end + 1 - tool->input);
		memmove(tool->input, end + 1, tool->input_len + 1);
		obey(tool, line);
	}
}

static void on_second(evutil_socket_t unused, short events, void *data)
{
	struct tool *tool = data;

	(void)unused;
	(void)events;
	mtasts_tick(tool->mtasts);
	fflush(stdout);
}

static bool read_option(struct tool *tool, const char *option, const char *value)
{
	if (strcmp(option, "--trust-anchor") == 0)
		snprintf(tool->resolver_options.trust_anchor, RESOLVER_PATH_MAX, "%s", value);
	else if (strcmp(option, "--root-hints") == 0)
		snprintf(tool->resolver_options.root_hints, RESOLVER_PATH_MAX, "%s", value);
	else if (strcmp(option, "--timeout") == 0)
		tool->resolver_options.timeout_ms = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(option, "--port") == 0)
		tool->options.https_port = (uint16_t)strtoul(value, NULL, 10);
	else if (strcmp(option, "--ca-file") == 0)
		snprintf(tool->options.ca_file, FETCH_PATH_MAX, "%s", value);
	else
		return false;
	return true;
}

static int run(struct tool *tool)
{
	const struct timeval second = { .tv_sec = 1 };
	struct event *input, *tick;

	tool->base = event_base_new();
	if (!tool->base || resolver_new(&tool->resolver, tool->base, &tool->resolver_options) < 0 ||
	    open_engine(tool) < 0)
		return 4;
	input = event_new(tool->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, tool);
	tick = event_new(tool->base, -1, EV_PERSIST, on_second, tool);
	if (!input || !tick || event_add(input, NULL) < 0 || event_add(tick, &second) < 0)
		return 4;
	event_base_dispatch(tool->base);
	event_free(input);
	event_free(tick);
	end_engine(tool);
	resolver_free(tool->resolver);
	event_base_free(tool->base);
	return 0;
}

int main(int argc, char **argv)
{
	struct tool *tool = calloc(1, sizeof(*tool));
	int status;
	int i;

	if (!tool)
		return 4;
	tool->options.is_enabled = true;
	tool->options.https_port = 443;
	tool->resolver_options.timeout_ms = 5000;
	for (i = 1; i + 1 < argc; i += 2) {
		if (!read_option(tool, argv[i], argv[i + 1]))
			break;
	}
	if (i < argc) {
		fprintf(stderr,
		        "usage: sts_ask [--trust-anchor FILE] [--root-hints FILE] [--port PORT] "
		        "[--ca-file FILE] [--timeout MS]\n");
		free(tool);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrandom(tool->options.secret, sizeof(tool->options.secret), 0) !=
	    sizeof(tool->options.secret))
		return 4;
	status = run(tool);
	free(tool);
	return status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * load KEY=VALUE...
 *
 * The mail clients of the benchmark: sessions with one letter each, as fast as they go, and at the end in JSON how many, how
 * long they took, and what processor time this program had.
 *
 *   server=ADDRESS servers=N port=N   sessions go to N addresses from this one on, in turn
 *   at-a-time=N                       sessions that are open at once
 *   seconds=S sessions=N              new ones begin until either is reached (0: not counted)
 *   tls=0|12|13                       STARTTLS and a full handshake of that version; 0: in clear
 *   size=N                            octets of the letter
 *   domain=NAME domains=N             recipients x@NAME, or x@dK.NAME, N of them in turn
 *   first=N stride=N                  their turn: K is (first + how many sessions there were) * stride modulo domains
 *   idle=N                            instead of a letter: says EHLO, waits; N at most are opening at a time. When all
 *                                     `sessions` are open prints a line, waits for one on its input, closes all at once,
 *                                     prints another
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/parts/figures.h"
#include "bench/parts/letter.h"
#include "bench/parts/talk.h"

enum { EVENTS = 256, COMMAND_ROOM = 320, PATIENCE_S = 30 };

enum step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_STARTTLS,
	STEP_HANDSHAKE,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,
	STEP_QUIT,
	STEP_END,
	STEP_IDLE,
};

struct session {
	struct talk talk;
	struct session *next_free;
	enum step step;
	unsigned long number;
	uint64_t begun_ns;
	char command[COMMAND_ROOM];
};

struct load {
	struct options {
		struct sockaddr_in server;
		unsigned long servers, at_a_time, sessions, tls, size, domains, first, stride, idle;
		double seconds;
		const char *domain;
	} options;
	int epoll;
	SSL_CTX *context;
	struct letter letter;
	struct session *all, *free;
	unsigned long begun, open, done, failed, standing;
	struct figures figures;
};

static enum talk_result say(struct session *session, const char *command)
{
	return talk_send(&session->talk, command, strlen(command));
}

static enum talk_result ask(struct session *session, enum step step, const char *command)
{
	session->step = step;
	return say(session, command);
}

static enum talk_result name_recipient(const struct load *load, struct session *session)
{
	const struct options *options = &load->options;
	unsigned long turn = options->first + session->number;

	if (options->domains > 0)
		snprintf(session->command, COMMAND_ROOM, "RCPT TO:<x@d%lu.%s>\r\n",
		         turn % options->domains * options->stride % options->domains,
		         options->domain);
	else
		snprintf(session->command, COMMAND_ROOM, "RCPT TO:<x@%s>\r\n", options->domain);
	return ask(session, STEP_RCPT, session->command);
}

static enum talk_result begin_tls(const struct load *load, struct session *session)
{
	snprintf(session->command, COMMAND_ROOM, "mx.%s", load->options.domain);
	if (!talk_begin_tls(&session->talk, load->context, session->command, false))
		return TALK_OVER;
	session->step = STEP_HANDSHAKE;
	return TALK_DONE;
}

/* What follows the last line of a reply that says yes. */
static enum talk_result answer(struct load *load, struct session *session)
{
	switch (session->step) {
	case STEP_GREETING:
		return ask(session, STEP_EHLO, "EHLO sender.bench.lab\r\n");
	case STEP_EHLO:
		if (load->options.idle) {
			session->step = STEP_IDLE;
			load->standing++;
			return TALK_WAIT;
		}
		if (load->context && !session->talk.tls)
			return ask(session, STEP_STARTTLS, "STARTTLS\r\n");
		return ask(session, STEP_MAIL, "MAIL FROM:<a@sender.bench.lab>\r\n");
	case STEP_STARTTLS:
		return begin_tls(load, session);
	case STEP_MAIL:
		return name_recipient(load, session);
	case STEP_RCPT:
		return ask(session, STEP_DATA, "DATA\r\n");
	case STEP_DATA:
		session->step = STEP_BODY;
		return talk_send(&session->talk, load->letter.octets, load->letter.len);
	case STEP_BODY:
		return ask(session, STEP_QUIT, "QUIT\r\n");
	case STEP_QUIT:
		session->step = STEP_END;
		return TALK_DONE;
	case STEP_HANDSHAKE:
	case STEP_END:
	case STEP_IDLE:
		break;
	}
	return TALK_OVER;
}

static enum talk_result go_on(struct load *load, struct session *session)
{
	enum talk_result result;
	char *line;

	if (session->talk.unsent_len > 0) {
		result = talk_send_rest(&session->talk);
		if (result != TALK_DONE)
			return result;
	}
	if (session->step == STEP_HANDSHAKE) {
		result = talk_handshake(&session->talk);
		if (result != TALK_DONE)
			return result;
		return ask(session, STEP_EHLO, "EHLO sender.bench.lab\r\n");
	}
	result = talk_line(&session->talk, &line);
	if (result != TALK_DONE)
		return result;
	if (line[0] != '2' && line[0] != '3')
		return TALK_OVER;
	return line[3] == '-' ? TALK_DONE : answer(load, session);
}

static void finish(struct load *load, struct session *session)
{
	if (session->step == STEP_END) {
		load->done++;
		figures_note(&load->figures, figures_now_ns() - session->begun_ns);
	} else {
		load->failed++;
	}
	talk_close(&session->talk, session->step != STEP_END);
	session->next_free = load->free;
	load->free = session;
	load->open--;
}

static bool dial(struct load *load)
{
	struct sockaddr_in to = load->options.server;
	struct session *session = load->free;
	int descriptor =
		session ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;

	if (descriptor < 0)
		return false;
	to.sin_addr.s_addr =
		htonl(ntohl(to.sin_addr.s_addr) + (uint32_t)(load->begun % load->options.servers));
	load->free = session->next_free;
	session->step = STEP_GREETING;
	session->number = load->begun++;
	session->begun_ns = figures_now_ns();
	load->open++;
	if (connect(descriptor, (const struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		session->talk.descriptor = descriptor;
		finish(load, session);
		return false;
	}
	if (!talk_open(&session->talk, descriptor, load->epoll, session)) {
		finish(load, session);
		return false;
	}
	return true;
}

static void give_up(struct load *load, uint64_t now_ns)
{
	for (unsigned long i = 0; load->all && i < load->options.at_a_time; i++) {
		struct session *session = &load->all[i];

		if (session->talk.descriptor >= 0 && session->step != STEP_IDLE &&
		    now_ns - session->begun_ns > (uint64_t)PATIENCE_S * 1000000000)
			finish(load, session);
	}
}

static void take_events(struct load *load)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(load->epoll, events, EVENTS, 1000);

	for (int i = 0; i < count; i++) {
		struct session *session = events[i].data.ptr;
		enum talk_result result = TALK_DONE;

		while (result == TALK_DONE)
			result = go_on(load, session);
		if (result == TALK_OVER)
			finish(load, session);
	}
}

static bool goes_on(const struct load *load, uint64_t now_ns)
{
	const struct options *options = &load->options;

	if (options->sessions > 0 && load->begun >= options->sessions)
		return false;
	return options->seconds <= 0 ||
	       (double)(now_ns - load->figures.start_ns) < options->seconds * 1e9;
}

static bool may_dial(const struct load *load)
{
	return load->free &&
	       (load->options.idle == 0 || load->open - load->standing < load->options.idle);
}

static void run(struct load *load)
{
	uint64_t now_ns = figures_now_ns(), looked_ns = now_ns;
	bool is_beginning = true;

	while (is_beginning || load->open > load->standing) {
		while (is_beginning && may_dial(load)) {
			is_beginning = goes_on(load, figures_now_ns());
			if (is_beginning && !dial(load))
				break;
		}
		take_events(load);
		now_ns = figures_now_ns();
		if (now_ns - looked_ns > 1000000000) {
			give_up(load, now_ns);
			looked_ns = now_ns;
		}
		is_beginning = is_beginning && goes_on(load, now_ns);
	}
}

static void report(struct load *load)
{
	printf("{\"sessions\": %lu, \"failed\": %lu, \"standing\": %lu, \"octets\": %llu, ",
	       load->done, load->failed, load->standing,
	       (unsigned long long)load->done * load->letter.len);
	figures_print(&load->figures);
	puts("}");
	(void)fflush(stdout);
}

static void close_all(struct load *load)
{
	char line[16];

	report(load);
	(void)!fgets(line, sizeof(line), stdin);
	figures_start(&load->figures);
	load->failed = 0;
	for (unsigned long i = 0; i < load->options.at_a_time; i++) {
		struct session *session = &load->all[i];

		if (session->talk.descriptor < 0)
			continue;
		/* It has nothing to say: whoever wrote or closed broke the peace. */
		load->failed += recv(session->talk.descriptor, line, 1, MSG_DONTWAIT) >= 0;
		talk_close(&session->talk, false);
	}
	load->standing = 0;
	report(load);
}

static bool read_option(struct options *options, char *word)
{
	struct {
		const char *key;
		unsigned long *value;
	} const numbers[] = {
		{ "servers", &options->servers },   { "at-a-time", &options->at_a_time },
		{ "sessions", &options->sessions }, { "tls", &options->tls },
		{ "size", &options->size },         { "domains", &options->domains },
		{ "first", &options->first },       { "stride", &options->stride },
		{ "idle", &options->idle },
	};
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(word, numbers[i].key) == 0) {
			*numbers[i].value = strtoul(value, NULL, 10);
			return true;
		}
	}
	if (strcmp(word, "server") == 0)
		return inet_pton(AF_INET, value, &options->server.sin_addr) == 1;
	if (strcmp(word, "port") == 0)
		options->server.sin_port = htons((uint16_t)strtoul(value, NULL, 10));
	else if (strcmp(word, "seconds") == 0)
		options->seconds = strtod(value, NULL);
	else if (strcmp(word, "domain") == 0)
		options->domain = value;
	else
		return false;
	return true;
}

static bool prepare(struct load *load)
{
	const struct options *options = &load->options;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->all = calloc(options->at_a_time, sizeof(*load->all));
	if (!load->all || !figures_init(&load->figures) ||
	    !letter_write(&load->letter, options->size))
		return false;
	for (unsigned long i = 0; i < options->at_a_time; i++) {
		load->all[i].talk.descriptor = -1;
		load->all[i].next_free = load->free;
		load->free = &load->all[i];
	}
	if (options->tls > 0) {
		load->context =
			talk_client_context(options->tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
		return load->context != NULL;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct load load = {
		.options = {
			.server = { .sin_family = AF_INET },
			.servers = 1,
			.stride = 1,
			.at_a_time = 1,
			.size = 1024,
			.domain = "plain.lab",
		},
	};

	for (int i = 1; i < argc; i++) {
		if (!read_option(&load.options, argv[i])) {
			fprintf(stderr, "load: what is %s?\n", argv[i]);
			return 2;
		}
	}
	if (!prepare(&load))
		return 2;
	figures_start(&load.figures);
	run(&load);
	if (load.options.idle)
		close_all(&load);
	else
		report(&load);
	return load.failed > 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * sink PORT [CERTIFICATE KEY]
 *
 * The mail server of the benchmark, at all IPv4 addresses: takes every letter and forgets it, offers STARTTLS when it has a
 * key, and closes after QUIT as servers do. Several may share a port. A letter ends with the CRLF.CRLF that ends what was
 * read, as it does where clients wait for its reply: the load client. Says "ready", and at SIGTERM in JSON what came.
 */

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
#include <unistd.h>

#include "bench/parts/talk.h"

enum { EVENTS = 256, BODY_ROOM = 256 * 1024, BACKLOG = 65535 };

static const char END_OF_DATA[] = "\r\n.\r\n";
enum { END_LEN = sizeof(END_OF_DATA) - 1 };

enum step { STEP_COMMANDS, STEP_HANDSHAKE, STEP_BODY };

struct session {
	struct talk talk;
	enum step step;
	size_t tail_len;
	char tail[END_LEN]; /* the last octets of the body */
};

struct sink {
	int epoll, listener;
	SSL_CTX *context;
	unsigned long sessions, letters, tls_letters;
	unsigned long long octets;
};

static volatile sig_atomic_t is_told_to_end;

static void on_term(int number)
{
	(void)number;
	is_told_to_end = 1;
}

static void end(struct session *session)
{
	talk_close(&session->talk, false);
	free(session);
}

/* Short enough for any socket that has not been filled. */
static enum talk_result say(struct session *session, const char *reply)
{
	return talk_send(&session->talk, reply, strlen(reply));
}

static enum talk_result obey(struct sink *sink, struct session *session, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0)
		return say(session, sink->context && !session->talk.tls
		                            ? "250-mx.bench.lab\r\n250-SIZE 52428800\r\n"
		                              "250-8BITMIME\r\n250 STARTTLS\r\n"
		                            : "250-mx.bench.lab\r\n250-SIZE 52428800\r\n"
		                              "250 8BITMIME\r\n");
	if (strncmp(line, "MAIL", 4) == 0 || strncmp(line, "RCPT", 4) == 0)
		return say(session, "250 2.1.0 Ok\r\n");
	if (strncmp(line, "DATA", 4) == 0) {
		session->step = STEP_BODY;
		session->tail_len = 0;
		return say(session, "354 End data with <CR><LF>.<CR><LF>\r\n");
	}
	if (strncmp(line, "STARTTLS", 8) == 0 && sink->context) {
		if (say(session, "220 2.0.0 Ready to start TLS\r\n") != TALK_DONE ||
		    !talk_begin_tls(&session->talk, sink->context, NULL, true))
			return TALK_OVER;
		session->step = STEP_HANDSHAKE;
		return TALK_DONE;
	}
	if (strncmp(line, "QUIT", 4) == 0)
		(void)say(session, "221 2.0.0 Bye\r\n");
	return TALK_OVER;
}

/* Whether the letter ends with what was read. */
static bool ends_with(struct session *session, const char *octets, size_t len)
{
	size_t kept = len >= END_LEN ? 0 : END_LEN - len;

	if (kept > session->tail_len)
		kept = session->tail_len;
	memmove(session->tail, session->tail + session->tail_len - kept, kept);
	len = len < END_LEN ? len : END_LEN;
	memcpy(session->tail + kept, octets + 0, len);
	session->tail_len = kept + len;
	return session->tail_len == END_LEN && memcmp(session->tail, END_OF_DATA, END_LEN) == 0;
}

static enum talk_result read_body(struct sink *sink, struct session *session)
{
	static char body[BODY_ROOM];
	size_t len = 0, from;
	enum talk_result result = talk_read(&session->talk, body, sizeof(body), &len);

	if (result != TALK_DONE)
		return result;
	sink->octets += len;
	from = len > END_LEN ? len - END_LEN : 0;
	if (!ends_with(session, body + from, len - from))
		return TALK_DONE;
	sink->letters++;
	sink->tls_letters += session->talk.tls != NULL;
	session->step = STEP_COMMANDS;
	return say(session, "250 2.0.0 Ok: queued\r\n");
}

static enum talk_result go_on(struct sink *sink, struct session *session)
{
	enum talk_result result;
	char *line;

	switch (session->step) {
	case STEP_COMMANDS:
		result = talk_line(&session->talk, &line);
		return result == TALK_DONE ? obey(sink, session, line) : result;
	case STEP_HANDSHAKE:
		result = talk_handshake(&session->talk);
		if (result == TALK_DONE)
			session->step = STEP_COMMANDS;
		return result;
	case STEP_BODY:
		return read_body(sink, session);
	}
	return TALK_OVER;
}

static void take_connections(struct sink *sink)
{
	for (;;) {
		int descriptor = accept4(sink->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct session *session;

		if (descriptor < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (descriptor < 0)
			return;
		session = calloc(1, sizeof(*session));
		if (!session || !talk_open(&session->talk, descriptor, sink->epoll, session)) {
			free(session);
			continue;
		}
		sink->sessions++;
		if (say(session, "220 mx.bench.lab ESMTP\r\n") != TALK_DONE)
			end(session);
	}
}

static int serve(struct sink *sink)
{
	struct epoll_event events[EVENTS];

	while (!is_told_to_end) {
		int count = epoll_wait(sink->epoll, events, EVENTS, 1000);

		for (int i = 0; i < count; i++) {
			struct session *session = events[i].data.ptr;
			enum talk_result result = TALK_DONE;

			if (!session) {
				take_connections(sink);
				continue;
			}
			while (result == TALK_DONE)
				result = go_on(sink, session);
			if (result == TALK_OVER)
				end(session);
		}
	}
	printf("{\"sessions\": %lu, \"letters\": %lu, \"tls_letters\": %lu, \"octets\": %llu}\n",
	       sink->sessions, sink->letters, sink->tls_letters, sink->octets);
	return 0;
}

static int listen_at(uint16_t port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(listener, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, BACKLOG) < 0) {
		perror("sink");
		exit(2);
	}
	return listener;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	struct sink sink = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event event = { .events = EPOLLIN };
	struct rlimit limit;

	if (argc != 2 && argc != 4)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 4) {
		sink.context = talk_server_context(argv[2], argv[3]);
		if (!sink.context)
			return 2;
	}
	sink.listener = listen_at((uint16_t)strtoul(argv[1], NULL, 10));
	if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, sink.listener, &event) < 0)
		return 2;
	puts("ready");
	(void)fflush(stdout);
	return serve(&sink);
}

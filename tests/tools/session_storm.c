/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * session_storm server stripped|endless PORT
 * session_storm client SOURCE SERVER SERVERS PORT SESSIONS AT-A-TIME ZONE
 *
 * SMTP in clear, faster than mail servers would: a server at all addresses that never heard of STARTTLS, or whose reply to EHLO has no
 * end; and a client with a letter to another domain each time, x@dN.ZONE. It says at the end what became of the sessions: other are those
 * that ended without a reply, or of which it had enough.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/crowd.h"

enum {
	DESCRIPTORS_MAX = 8192,
	LINE_ROOM = 512,
	EVENTS = 256,
	PATIENCE_S = 90,
	LINES_PER_TURN = 64,
	LINES_MAX = 2000, /* of a reply: then the client has enough */
};

/* By descriptor. */
struct session {
	bool is_open;
	int step;
	unsigned number;
	unsigned lines;
	time_t begun;
	char line[LINE_ROOM];
	size_t len;
};

static struct session sessions[DESCRIPTORS_MAX];
static unsigned refused, passed, other, open_count;

static bool begin(int epoll, int descriptor, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = descriptor };

	if (descriptor < 0)
		return false;
	if (descriptor >= DESCRIPTORS_MAX ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) {
		close(descriptor);
		return false;
	}
	sessions[descriptor] = (struct session){ .is_open = true, .begun = now_s() };
	open_count++;
	return true;
}

static void end(int descriptor)
{
	/* No TIME-WAIT: ports are few. */
	const struct linger at_once = { .l_onoff = 1 };

	(void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(descriptor);
	sessions[descriptor].is_open = false;
	open_count--;
}

/* The next whole line, without its end. False: none yet, or the connection is over, then *is_over. */
static bool next_line(int descriptor, char line[LINE_ROOM], bool *is_over)
{
	struct session *session = &sessions[descriptor];
	char *newline = memchr(session->line, '\n', session->len);
	ssize_t got;

	if (!newline) {
		got = recv(descriptor, session->line + session->len, LINE_ROOM - 1 - session->len,
		           MSG_DONTWAIT);
		*is_over = got == 0 || (got < 0 && errno != EAGAIN);
		if (got <= 0)
			return false;
		session->len += (size_t)got;
		newline = memchr(session->line, '\n', session->len);
		if (!newline) {
			*is_over = session->len == LINE_ROOM - 1;
			return false;
		}
	}
	memcpy(line, session->line, (size_t)(newline - session->line));
	line[newline - session->line] = '\0';
	session->len -= (size_t)(newline - session->line) + 1;
	memmove(session->line, newline + 1, session->len);
	return true;
}

/* The server. */

static void go_on_for_ever(int descriptor)
{
	static const char line[] = "250-KEYWORD-WITHOUT-END\r\n";

	/* Then others have their turn. */
	for (int i = 0; i < LINES_PER_TURN; i++) {
		if (send(descriptor, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			continue;
		if (errno != EAGAIN)
			end(descriptor);
		return;
	}
}

static void serve(int epoll, int descriptor, bool is_endless)
{
	char line[LINE_ROOM];
	bool is_over = false;

	if (sessions[descriptor].step == 1) {
		go_on_for_ever(descriptor);
		return;
	}
	while (next_line(descriptor, line, &is_over)) {
		if (is_endless && strncmp(line, "EHLO", 4) == 0) {
			struct epoll_event event = { .events = EPOLLOUT, .data.fd = descriptor };

			sessions[descriptor].step = 1;
			(void)epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
			return;
		}
		if (!say(descriptor, strncmp(line, "QUIT", 4) == 0 ? "221 bye\r\n" : "250 ok\r\n"))
			is_over = true;
	}
	if (is_over)
		end(descriptor);
}

static int run_server(const char *kind, uint16_t port)
{
	struct epoll_event events[EVENTS];
	int listener = listen_at(port), epoll = epoll_create1(0);

	if (!begin(epoll, listener, EPOLLIN))
		return 2;
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int descriptor = events[i].data.fd;

			if (descriptor != listener) {
				serve(epoll, descriptor, strcmp(kind, "endless") == 0);
				continue;
			}
			descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (begin(epoll, descriptor, EPOLLIN) &&
			    !say(descriptor, "220 far ESMTP\r\n"))
				end(descriptor);
		}
	}
}

/* The client. */

struct client {
	struct sockaddr_in source, server;
	uint32_t servers;
	unsigned count, at_a_time;
	const char *zone;
};

static bool call(const struct client *client, int epoll, unsigned number)
{
	int descriptor = dial(&client->source, &client->server, number % client->servers);

	if (!begin(epoll, descriptor, EPOLLIN))
		return false;
	sessions[descriptor].number = number;
	return true;
}

static void finish(int descriptor, unsigned *outcome)
{
	++*outcome;
	end(descriptor);
}

static void converse(const struct client *client, int descriptor)
{
	struct session *session = &sessions[descriptor];
	char line[LINE_ROOM], command[LINE_ROOM];
	bool is_over = false;

	while (session->is_open && next_line(descriptor, line, &is_over)) {
		/* Whatever the server did before it, this is the guard's. */
		if (strncmp(line, "421", 3) == 0) {
			finish(descriptor, &refused);
			return;
		}
		if (++session->lines > LINES_MAX) {
			finish(descriptor, &other);
			return;
		}
		if (line[0] != '2' || line[3] == '-')
			continue;
		switch (session->step++) {
		case 0:
			(void)say(descriptor, "EHLO storm.lab\r\n");
			break;
		case 1:
			(void)say(descriptor, "MAIL FROM:<a@storm.lab>\r\n");
			break;
		case 2:
			snprintf(command, sizeof(command), "RCPT TO:<x@d%u.%s>\r\n",
			         session->number, client->zone);
			(void)say(descriptor, command);
			break;
		default:
			finish(descriptor, &passed);
			return;
		}
	}
	if (session->is_open && is_over)
		finish(descriptor, &other);
}

static void give_up_late(void)
{
	time_t now = now_s();

	for (int i = 0; i < DESCRIPTORS_MAX; i++) {
		if (sessions[i].is_open && now - sessions[i].begun > PATIENCE_S)
			finish(i, &other);
	}
}

static int run_client(const struct client *client)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(0);
	unsigned begun = 0;
	time_t start = now_s(), looked = start;

	while (begun < client->count || open_count > 0) {
		int count;

		for (; begun < client->count && open_count < client->at_a_time; begun++) {
			if (!call(client, epoll, begun))
				other++;
		}
		count = epoll_wait(epoll, events, EVENTS, 1000);
		for (int i = 0; i < count; i++)
			converse(client, events[i].data.fd);
		if (now_s() != looked)
			give_up_late();
		looked = now_s();
	}
	printf("sessions %u refused %u passed %u other %u seconds %ld\n", begun, refused, passed,
	       other, (long)(now_s() - start));
	return 0;
}

int main(int argc, char **argv)
{
	struct client client = { .source.sin_family = AF_INET, .server.sin_family = AF_INET };

	raise_limit();
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		return run_server(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
	if (argc != 9 || strcmp(argv[1], "client") != 0 ||
	    inet_pton(AF_INET, argv[2], &client.source.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &client.server.sin_addr) != 1)
		return 2;
	client.servers = (uint32_t)strtoul(argv[4], NULL, 10);
	client.server.sin_port = htons((uint16_t)strtoul(argv[5], NULL, 10));
	client.count = (unsigned)strtoul(argv[6], NULL, 10);
	client.at_a_time = (unsigned)strtoul(argv[7], NULL, 10);
	client.zone = argv[8];
	return run_client(&client);
}

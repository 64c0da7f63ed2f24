/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * idle_crowd server WORKERS PORT
 * idle_crowd client WORKERS SOURCE SERVER SERVERS PORT COUNT
 *
 * Connections that greet each other and then say nothing, more than one process may have open: the workers share them. The client opens
 * COUNT, says "open N", and at a line on its standard input closes all at once, and says "closed N": of so many it saw the far end's close.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/crowd.h"

enum {
	WORKERS_MAX = 16,
	DESCRIPTORS_MAX = 65536,
	EVENTS = 256,
	UNDER_WAY_MAX = 500,
	PATIENCE_S = 120
};

enum step { STEP_NONE, STEP_GREETING, STEP_REPLY, STEP_IDLE };

/* By descriptor. */
static uint8_t steps[DESCRIPTORS_MAX];

static bool watch(int epoll, int descriptor, enum step step)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = descriptor };

	if (descriptor < 0 || descriptor >= DESCRIPTORS_MAX ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		return false;
	steps[descriptor] = (uint8_t)step;
	return true;
}

static void serve(uint16_t port)
{
	struct epoll_event events[EVENTS];
	int listener = listen_at(port), epoll = epoll_create1(0);
	char octets[512];

	if (!watch(epoll, listener, STEP_NONE))
		_exit(2);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int descriptor = events[i].data.fd;

			if (descriptor == listener) {
				descriptor =
					accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
				if (descriptor >= 0 && (!watch(epoll, descriptor, STEP_IDLE) ||
				                        !say(descriptor, "220 far ESMTP\r\n")))
					close(descriptor);
			} else if (recv(descriptor, octets, sizeof(octets), 0) <= 0 ||
			           !say(descriptor, "250-far\r\n250 STARTTLS\r\n")) {
				close(descriptor);
			}
		}
	}
}

struct client {
	struct sockaddr_in source, server;
	unsigned servers, count, first;
	int epoll;
	unsigned begun, open, under_way, closed;
};

static bool begin(struct client *client)
{
	int descriptor = dial(&client->source, &client->server,
	                      (client->first + client->begun) % client->servers);

	if (!watch(client->epoll, descriptor, STEP_GREETING)) {
		if (descriptor >= 0)
			close(descriptor);
		return false;
	}
	client->under_way++;
	return true;
}

static void hear(struct client *client, int descriptor)
{
	char octets[512];

	if (recv(descriptor, octets, sizeof(octets), 0) <= 0) {
		client->under_way -= steps[descriptor] != STEP_IDLE;
		client->open -= steps[descriptor] == STEP_IDLE;
		steps[descriptor] = STEP_NONE;
		close(descriptor);
	} else if (steps[descriptor] == STEP_GREETING) {
		steps[descriptor] = STEP_REPLY;
		(void)say(descriptor, "EHLO crowd.lab\r\n");
	} else if (steps[descriptor] == STEP_REPLY) {
		steps[descriptor] = STEP_IDLE;
		client->under_way--;
		client->open++;
	}
}

/* All at once: FINs first, then whatever comes back. */
static void close_all(struct client *client)
{
	struct epoll_event events[EVENTS];
	time_t start = now_s();
	char octets[512];

	for (int i = 0; i < DESCRIPTORS_MAX; i++) {
		if (steps[i] != STEP_NONE)
			(void)shutdown(i, SHUT_WR);
	}
	while (client->open > 0 && now_s() - start < PATIENCE_S) {
		int count = epoll_wait(client->epoll, events, EVENTS, 1000);

		for (int i = 0; i < count; i++) {
			ssize_t got = recv(events[i].data.fd, octets, sizeof(octets), 0);

			if (got > 0)
				continue;
			client->closed += got == 0;
			client->open--;
			close(events[i].data.fd);
		}
	}
}

/* Tells its parent by `up` and waits for it by `down`. */
static void crowd(struct client *client, int up, int down)
{
	struct epoll_event events[EVENTS];
	time_t start = now_s();
	char octet;

	client->epoll = epoll_create1(0);
	while (client->open < client->count && now_s() - start < PATIENCE_S) {
		int count;

		for (; client->open + client->under_way < client->count &&
		       client->under_way < UNDER_WAY_MAX;
		     client->begun++) {
			if (!begin(client))
				break;
		}
		count = epoll_wait(client->epoll, events, EVENTS, 1000);
		for (int i = 0; i < count; i++)
			hear(client, events[i].data.fd);
	}
	(void)!write(up, &client->open, sizeof(client->open));
	(void)!read(down, &octet, 1);
	close_all(client);
	(void)!write(up, &client->closed, sizeof(client->closed));
	_exit(0);
}

static unsigned sum_of(const int ups[][2], unsigned workers)
{
	unsigned sum = 0, one;

	for (unsigned i = 0; i < workers; i++)
		sum += read(ups[i][0], &one, sizeof(one)) == sizeof(one) ? one : 0;
	return sum;
}

static int run_client(const struct client *client, unsigned workers)
{
	int ups[WORKERS_MAX][2], downs[WORKERS_MAX][2];
	char line[16];

	for (unsigned i = 0; i < workers; i++) {
		struct client part = *client;

		part.first = i * client->count / workers;
		part.count = (i + 1) * client->count / workers - part.first;
		if (pipe(ups[i]) < 0 || pipe(downs[i]) < 0)
			return 4;
		if (fork() == 0)
			crowd(&part, ups[i][1], downs[i][0]);
		close(ups[i][1]);
	}
	printf("open %u\n", sum_of(ups, workers));
	fflush(stdout);
	(void)!fgets(line, sizeof(line), stdin);
	for (unsigned i = 0; i < workers; i++)
		(void)!write(downs[i][1], "x", 1);
	printf("closed %u\n", sum_of(ups, workers));
	return 0;
}

static int run_server(unsigned workers, uint16_t port)
{
	for (unsigned i = 0; i < workers; i++) {
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(port);
		}
	}
	while (wait(NULL) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	struct client client = { .source.sin_family = AF_INET, .server.sin_family = AF_INET };
	unsigned workers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	raise_limit();
	if (workers < 1 || workers > WORKERS_MAX)
		return 2;
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		return run_server(workers, (uint16_t)strtoul(argv[3], NULL, 10));
	if (argc != 8 || strcmp(argv[1], "client") != 0 ||
	    inet_pton(AF_INET, argv[3], &client.source.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[4], &client.server.sin_addr) != 1)
		return 2;
	client.servers = (unsigned)strtoul(argv[5], NULL, 10);
	client.server.sin_port = htons((uint16_t)strtoul(argv[6], NULL, 10));
	client.count = (unsigned)strtoul(argv[7], NULL, 10);
	return client.servers == 0 ? 2 : run_client(&client, workers);
}

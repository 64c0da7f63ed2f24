/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_TOOLS_CROWD_H
#define HOPGUARD_TESTS_TOOLS_CROWD_H

/* Sockets for more connections at a time than mail servers have. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* As many descriptors as this process may have. */
static inline void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static inline bool say(int descriptor, const char *text)
{
	return send(descriptor, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* At all addresses, beside others that listen so. Negative: cannot. */
static inline int listen_at(uint16_t port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	if (bind(listener, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, 4096) < 0)
		return -1;
	return listener;
}

/* To the server that is so many addresses behind the first; under way when it returns. Negative: cannot. */
static inline int dial(const struct sockaddr_in *source, const struct sockaddr_in *first,
                       uint32_t number)
{
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = *first;

	if (descriptor < 0)
		return -1;
	to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + number);
	(void)setsockopt(descriptor, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &(int){ 1 },
	                 sizeof(int));
	if (bind(descriptor, (const struct sockaddr *)source, sizeof(*source)) == 0 &&
	    (connect(descriptor, (const struct sockaddr *)&to, sizeof(to)) == 0 ||
	     errno == EINPROGRESS))
		return descriptor;
	close(descriptor);
	return -1;
}

#endif

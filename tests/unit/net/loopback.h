/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_NET_LOOPBACK_H
#define HOPGUARD_TESTS_UNIT_NET_LOOPBACK_H

/* A network of the test's own, and datagrams over its loopback, which rules of the test may catch. Behind cmocka.h. */

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 9000, WAIT_MS = 2000, UDP_HEADERS = 28 };

/* False without the right to make a network. */
static inline bool enter_network(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int descriptor;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	assert_return_code(ioctl(descriptor, SIOCGIFFLAGS, &request), errno);
	request.ifr_flags |= IFF_UP;
	assert_return_code(ioctl(descriptor, SIOCSIFFLAGS, &request), errno);
	close(descriptor);
	return true;
}

/* Bound to PORT it receives, else it sends to there. */
static inline int udp_socket(bool is_bound)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (is_bound)
		assert_return_code(bind(descriptor, (const struct sockaddr *)&at, sizeof(at)),
		                   errno);
	else
		assert_return_code(connect(descriptor, (const struct sockaddr *)&at, sizeof(at)),
		                   errno);
	return descriptor;
}

static inline bool is_readable(int descriptor, int timeout_ms)
{
	struct pollfd wait = { .fd = descriptor, .events = POLLIN };

	return poll(&wait, 1, timeout_ms) == 1;
}

#endif

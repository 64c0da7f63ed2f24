/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int yes = 1;

static int bind4(int descriptor, const struct address *source)
{
	struct sockaddr_in at = { .sin_family = AF_INET };

	memcpy(&at.sin_addr, source->octets, sizeof(at.sin_addr));
	if (setsockopt(descriptor, SOL_IP, IP_TRANSPARENT, &yes, sizeof(yes)) != 0 ||
	    bind(descriptor, (struct sockaddr *)&at, sizeof(at)) != 0)
		return -errno;
	return 0;
}

static int bind6(int descriptor, const struct address *source)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };

	memcpy(&at.sin6_addr, source->octets, sizeof(at.sin6_addr));
	if (setsockopt(descriptor, SOL_IPV6, IPV6_TRANSPARENT, &yes, sizeof(yes)) != 0 ||
	    bind(descriptor, (struct sockaddr *)&at, sizeof(at)) != 0)
		return -errno;
	return 0;
}

static int prepare(int descriptor, uint32_t mark, const struct address *source)
{
	if (setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0)
		return -errno;
	if (!source)
		return 0;
	/* A port of its own from here on would keep all others from using it, to whichever server. */
	if (setsockopt(descriptor, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) != 0)
		return -errno;
	return source->family == 4 ? bind4(descriptor, source) : bind6(descriptor, source);
}

int dial_socket(uint8_t family, uint32_t mark, const struct address *source)
{
	int descriptor = socket(family == 4 ? AF_INET : AF_INET6,
	                        SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (descriptor < 0)
		return -errno;
	err = prepare(descriptor, mark, source);
	if (!err)
		return descriptor;
	close(descriptor);
	return err;
}

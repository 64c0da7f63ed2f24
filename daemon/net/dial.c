/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int make_transparent(int descriptor, uint8_t family)
{
	static const int yes = 1;

	if (family == 4)
		return setsockopt(descriptor, SOL_IP, IP_TRANSPARENT, &yes, sizeof(yes));
	return setsockopt(descriptor, SOL_IPV6, IPV6_TRANSPARENT, &yes, sizeof(yes));
}

int dial_socket(uint8_t family, uint32_t mark, bool is_transparent)
{
	int descriptor = socket(family == 4 ? AF_INET : AF_INET6,
	                        SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (descriptor < 0)
		return -errno;
	if (setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0 &&
	    (!is_transparent || make_transparent(descriptor, family) == 0))
		return descriptor;
	err = -errno;
	close(descriptor);
	return err;
}

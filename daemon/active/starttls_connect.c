/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_connect.h"

#include <errno.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static socklen_t socket_address(struct sockaddr_storage *storage, const struct endpoint *endpoint)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (endpoint->address.family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->address.octets, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	memcpy(&v6->sin6_addr, endpoint->address.octets, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static int bind_source(int descriptor, const struct address *address)
{
	const struct endpoint source = { .address = *address };
	struct sockaddr_storage storage;
	socklen_t len;

	if (address->family == 0)
		return 0;
	len = socket_address(&storage, &source);
	return bind(descriptor, (struct sockaddr *)&storage, len) == 0 ? 0 : errno;
}

int starttls_connect(int *descriptor, const struct endpoint *server, const struct address *source)
{
	int family = server->address.family == 4 ? AF_INET : AF_INET6;
	struct sockaddr_storage storage;
	socklen_t len = socket_address(&storage, server);
	int err = 0, one = 1;

	if (*descriptor < 0) {
		*descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (*descriptor < 0)
			return errno;
		err = bind_source(*descriptor, source);
	} else if (evutil_make_socket_nonblocking(*descriptor) != 0) {
		err = errno;
	}
	if (err)
		return err;
	(void)setsockopt(*descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(*descriptor, (struct sockaddr *)&storage, len) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sockets.h"

#include <errno.h>
#include <unistd.h>

#include "children.h"
#include "net/dial.h"

static bool is_client(const struct rules *rules, const struct address *address)
{
	for (size_t i = 0; i < rules->client_count; i++) {
		if (network_contains(&rules->clients[i], address))
			return rules->returns_probes;
	}
	return false;
}

int sockets_make(struct sockets *sockets, const struct message_sockets *request,
                 const struct rules *rules, uint64_t now_ms)
{
	const struct marks *marks = &rules->marks;
	const struct address *source = request->client.family != 0 ? &request->client : NULL;
	/* What answers the first kind is to be found by its connection's mark; the second needs only to be left alone. */
	uint32_t mark = source ? marks->own : marks->offload | marks->to_server;

	if (!rate_take(&sockets->made, SOCKETS_PER_SECOND, 1000, now_ms))
		return -EAGAIN;
	if (source && !is_client(rules, source))
		return -EPERM;
	return dial_socket((uint8_t)request->family, mark, source);
}

void sockets_serve(struct sockets *sockets, struct children *children,
                   const struct message_sockets *request, const struct config *config,
                   uint64_t now_ms)
{
	struct message_socket answer = { .type = MESSAGE_SOCKET, .number = request->number };
	int descriptor = sockets_make(sockets, request, &config->rules, now_ms);

	if (descriptor < 0)
		answer.result = descriptor;
	(void)children_send(children, ROLE_SCOUT, 0, &answer, sizeof(answer), descriptor);
	if (descriptor >= 0)
		close(descriptor);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sockets.h"

#include <errno.h>
#include <unistd.h>

#include "children.h"
#include "net/dial.h"

static int make(struct sockets *sockets, const struct message_sockets *request,
                const struct marks *marks, uint64_t now_ms)
{
	/* What answers the first kind is to be found by its connection's mark; the second needs only to be left alone. */
	uint32_t mark = request->is_transparent ? marks->own : marks->offload | marks->to_server;

	if (now_ms / 1000 != sockets->second) {
		sockets->second = now_ms / 1000;
		sockets->made = 0;
	}
	if (sockets->made >= SOCKETS_PER_SECOND)
		return -EAGAIN;
	sockets->made++;
	return dial_socket((uint8_t)request->family, mark, request->is_transparent);
}

void sockets_serve(struct sockets *sockets, struct children *children,
                   const struct message_sockets *request, const struct config *config,
                   uint64_t now_ms)
{
	struct message_socket answer = { .type = MESSAGE_SOCKET, .number = request->number };
	int descriptor = make(sockets, request, &config->rules.marks, now_ms);

	if (descriptor < 0)
		answer.result = descriptor;
	(void)children_send(children, ROLE_SCOUT, 0, &answer, sizeof(answer), descriptor);
	if (descriptor >= 0)
		close(descriptor);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_VISIT_H
#define HOPGUARD_SCOUT_VISIT_H

/*
 * One probe as the scout makes it: a visit to the mail server from the client's own address where packets to that come by this machine,
 * else, or when nothing answers there, from our own. The sockets come from the supervisor.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "messages.h"

enum {
	VISIT_TOTAL_MS = 18000, /* less than mail waits (hold-seconds), so that it is told why */
	VISIT_SOCKET_MS = 1000, /* for the supervisor to answer */
	VISIT_CLIENT_MS = 3000, /* for the server to answer a client's address at all */
	VISIT_DEAF_MAX = 1024,  /* clients that answers do not come back to us for */
	VISIT_DEAF_MS = 600000,
};

struct scout;
struct scout_visits;

struct visits_hooks {
	/* Not from within scout_visit_begin. `seen` is valid during the call, `server` is whom the visit was for. */
	void (*end)(void *owner, uint64_t number, const struct address *server,
	            const struct message_probed *seen);
};

/* NULL: out of memory. */
struct scout_visits *scout_visits_new(struct scout *scout, const struct visits_hooks *hooks,
                                      void *owner, const uint8_t secret[TABLE_SECRET_LEN]);
/* Without a word about those under way. */
void scout_visits_free(struct scout_visits *visits);
/* False: out of memory. */
bool scout_visit_begin(struct scout_visits *visits, uint64_t number,
                       const struct message_probe *probe);
/* What the supervisor answered; the descriptor is taken over, -1: none. False: not sound. */
bool scout_visits_take_socket(struct scout_visits *visits, const struct message_socket *answer,
                              int descriptor);
/* Of those that ended, how many came from a client's address. */
uint64_t scout_visits_as_client(const struct scout_visits *visits);

#endif

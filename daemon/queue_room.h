/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_QUEUE_ROOM_H
#define HOPGUARD_QUEUE_ROOM_H

/*
 * Packets that the kernel drops because too many wait for their verdict. It tells nobody who reads the queue, so its own table is looked
 * at. Told as `degraded`, subject `queues`, and as `recovered` after a while without any.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "verdict/event.h"

enum { QUEUE_ROOM_OVER_MS = 60 * 1000 };

struct queue_room {
	int table; /* -1: not open */
	/* By queue, as last read: the kernel's number since the queue is there. */
	uint32_t dropped[CONFIG_QUEUES_MAX];
	bool is_short;
	uint64_t count; /* since it is */
	uint64_t last_ms;
	void (*tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
	void *owner;
};

/* As root: the table is for nobody else. Without it nothing is told, which is logged. */
void queue_room_open(struct queue_room *room,
                     void (*tell)(void *owner, enum event_kind kind, const char *subject,
                                  const char *text),
                     void *owner);
/* Now and then, by the monotonic clock. The table is as in /proc/net/netfilter/nfnetlink_queue. */
void queue_room_look(struct queue_room *room, const struct rules *rules, uint64_t now_ms);
void queue_room_close(struct queue_room *room);

#endif

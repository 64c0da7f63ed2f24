/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { TABLE_MAX = 64 * 1024 }; /* octets: others have queues, too, of 50 each */

void queue_room_open(struct queue_room *room,
                     void (*tell)(void *owner, enum event_kind kind, const char *subject,
                                  const char *text),
                     void *owner)
{
	room->tell = tell;
	room->owner = owner;
	room->table = open("/proc/self/net/netfilter/nfnetlink_queue", O_RDONLY | O_CLOEXEC);
	if (room->table < 0)
		log_warn("queues without room are not told error=\"%s\"", strerror(errno));
}

void queue_room_close(struct queue_room *room)
{
	if (room->table >= 0)
		close(room->table);
	room->table = -1;
}

/* A line: number, reader, how many wait, what is copied and how much of it, how many had no room in the queue, in the socket. */
static uint64_t grown(struct queue_room *room, const char *line, const struct rules *rules,
                      unsigned *number)
{
	enum { FULL = 5, UNREAD, FIELDS };
	unsigned long fields[FIELDS];
	char *rest = (char *)line;
	uint32_t dropped, before;
	size_t i;

	for (i = 0; i < FIELDS; i++)
		fields[i] = strtoul(rest, &rest, 10);
	if (*rest != ' ' || fields[0] < rules->queue_first ||
	    fields[0] - rules->queue_first >= rules->queue_count)
		return 0;
	*number = (unsigned)fields[0];
	dropped = (uint32_t)(fields[FULL] + fields[UNREAD]);
	before = room->dropped[*number - rules->queue_first];
	room->dropped[*number - rules->queue_first] = dropped;
	/* Less than before: a queue of the same number was opened anew. */
	return dropped >= before ? dropped - before : dropped;
}

/* How many more there are; *fullest is the queue with most of them. */
static uint64_t read_table(struct queue_room *room, const struct rules *rules, unsigned *fullest)
{
	static char table[TABLE_MAX];
	ssize_t len = room->table < 0 ? -1 : pread(room->table, table, sizeof(table) - 1, 0);
	uint64_t more = 0, most = 0;
	char *rest = table, *line;
	unsigned number;

	table[len < 0 ? 0 : len] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		uint64_t these = grown(room, line, rules, &number);

		more += these;
		if (these > most) {
			most = these;
			*fullest = number;
		}
	}
	return more;
}

void queue_room_look(struct queue_room *room, const struct rules *rules, uint64_t now_ms)
{
	unsigned fullest = 0;
	uint64_t more = read_table(room, rules, &fullest);
	char text[EVENT_TEXT_MAX];

	if (more > 0) {
		room->count = (room->is_short ? room->count : 0) + more;
		room->last_ms = now_ms;
		if (room->is_short)
			return;
		room->is_short = true;
		(void)snprintf(
			text, sizeof(text),
			"queue %u has no room for more packets, which are dropped and come again: "
			"they come faster than its guard reads them, or it hangs. See who sends "
			"so many, or have more queues",
			fullest);
		room->tell(room->owner, EVENT_DEGRADED, "queues", text);
	} else if (room->is_short && now_ms - room->last_ms >= QUEUE_ROOM_OVER_MS) {
		room->is_short = false;
		(void)snprintf(text, sizeof(text),
		               "queues have room again, %" PRIu64 " packets had none", room->count);
		room->tell(room->owner, EVENT_RECOVERED, "queues", text);
	}
}

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

/* Octets of the table at a time: the kernel gives a page at most, of some fifty each line, and others have queues, too. */
enum { PIECE_MAX = 8 * 1024 };

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

struct growth {
	uint64_t more; /* that had no room */
	uint64_t most; /* of them in one queue */
	unsigned fullest;
};

/* Returns where the last line begins that has no end yet. */
static char *read_lines(struct growth *growth, struct queue_room *room, char *text,
                        const struct rules *rules)
{
	unsigned number;
	char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		uint64_t these;

		*end = '\0';
		these = grown(room, text, rules, &number);
		growth->more += these;
		if (these > growth->most) {
			growth->most = these;
			growth->fullest = number;
		}
	}
	return text;
}

static struct growth read_table(struct queue_room *room, const struct rules *rules)
{
	struct growth growth = { 0 };
	char piece[PIECE_MAX + 1];
	size_t kept = 0;
	off_t at = 0;
	ssize_t len;

	while (room->table >= 0 &&
	       (len = pread(room->table, piece + kept, PIECE_MAX - kept, at)) > 0) {
		const char *rest;

		at += len;
		piece[kept + (size_t)len] = '\0';
		rest = read_lines(&growth, room, piece, rules);
		kept = strlen(rest);
		if (kept == PIECE_MAX)
			kept = 0; /* no table has such a line */
		memmove(piece, rest, kept);
	}
	return growth;
}

void queue_room_look(struct queue_room *room, const struct rules *rules, uint64_t now_ms)
{
	const struct growth growth = read_table(room, rules);
	char text[EVENT_TEXT_MAX];

	if (growth.more > 0) {
		room->count = (room->is_short ? room->count : 0) + growth.more;
		room->last_ms = now_ms;
		if (room->is_short)
			return;
		room->is_short = true;
		(void)snprintf(
			text, sizeof(text),
			"queue %u has no room for more packets, which are dropped and come again: "
			"they come faster than its guard reads them, or it hangs. See who sends "
			"so many, or have more queues",
			growth.fullest);
		room->tell(room->owner, EVENT_DEGRADED, "queues", text);
	} else if (room->is_short && now_ms - room->last_ms >= QUEUE_ROOM_OVER_MS) {
		room->is_short = false;
		(void)snprintf(text, sizeof(text),
		               "queues have room again, %" PRIu64 " packets had none", room->count);
		room->tell(room->owner, EVENT_RECOVERED, "queues", text);
	}
}

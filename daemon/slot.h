/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SLOT_H
#define HOPGUARD_SLOT_H

/* The place of one child of the supervisor: its channel and its queue, over its deaths. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/rate.h"
#include "children.h"

enum {
	SLOT_NAME_ROOM = 16,
	SLOT_RELOADS_MAX = 5, /* that the ledger may ask for in SLOT_RELOADS_S */
	SLOT_RELOADS_S = 5,
};

struct event;

struct slot {
	struct children *children; /* whose slot it is */
	const struct children_options *options;
	enum role role;
	unsigned index;
	char name[SLOT_NAME_ROOM]; /* "guard[0]" */
	pid_t pid;                 /* 0: dead */
	int channel;               /* -1: none */
	struct event *readable;
	struct event *restart; /* pending while dead */
	bool is_ready;
	bool is_overdue; /* killed by us because it was not heard */
	bool is_renewed; /* told to end, as its successor may do something else */
	bool is_bypassed;
	unsigned deaths; /* since it was last healthy */
	uint32_t restarts;
	uint64_t started_ms;
	uint64_t heard_ms;
	struct rate reloads; /* that it asked for, over its deaths */
};

/* A child in this slot, heard from now on. 0, or -errno and nobody was born. */
int slot_spawn(struct slot *slot, uint64_t now_ms);
/* The channel, when the child is dead. */
void slot_close(struct slot *slot);
/*
 * A dead one is connected when its successor lives. So is who cannot be told, as its channel is full or for want of descriptors: it is
 * ended, since without the other it would live on and do nothing.
 */
void slot_connect(struct slot *a, struct slot *b);

/* The guard's queue stays open over its death, so nothing queued is lost; but not for long where mail shall pass. */
void slot_give_queue_back(struct slot *slot, uint64_t delay_ms);
/* Before the next life. 0, also when it was never given back, or -errno. */
int slot_take_queue_back(struct slot *slot);

/* It is healthy: what was before does not count any more. */
void slot_forgive(struct slot *slot);

/* A sentence for an event. */
void slot_tell(const struct slot *slot, enum event_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CHILDREN_H
#define HOPGUARD_CHILDREN_H

/*
 * The supervisor's children: forked, connected with each other, listened to, killed when they hang, started again when they die (death.h
 * has the delays; ten seconds of health make it the first time again).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "config.h"
#include "messages.h"
#include "resources.h"

enum {
	CHILD_HEALTHY_MS = 10000,
	/* In `on-failure = open`, a guard that is away for longer gives its queue back, so that the kernel passes mail. */
	CHILD_DELAY_BYPASS_MS = 800,
	CHILD_STOP_MS = 2000, /* how long a child may take to end by itself */
};

struct event_base;
struct children;

struct children_hooks {
	/* What is sent to it now reaches it before it knows of any other child. */
	void (*on_born)(void *owner, enum role role);
	/* Some child became ready, died or was started. */
	void (*on_change)(void *owner);
	/* A sentence for an event. EVENT_CHILD_DIED, EVENT_DEGRADED or EVENT_RECOVERED. */
	void (*on_tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
	/* From the ledger: somebody at the control socket asks. */
	void (*on_reload)(void *owner, uint32_t request);
	/* From the scout, and sound. May be NULL. */
	void (*on_sockets)(void *owner, const struct message_sockets *request);
};

struct children_options {
	struct event_base *base;
	const struct config *config; /* what children are born with; may change between calls */
	const char *const *set;
	size_t set_count;
	struct resources *resources;
	bool narrates;
	uint8_t names_secret[SIPHASH_KEY_LEN]; /* of all guards, over their deaths */
	const struct children_hooks *hooks;
	void *owner;
};

/* NULL: out of memory. */
struct children *children_new(const struct children_options *options);
void children_free(struct children *children);

/* 0 or -errno. */
int children_start(struct children *children);
/* After SIGCHLD. */
void children_reap(struct children *children, uint64_t now_ms);
/* Once a second: hung ones are killed, healthy ones forgiven. */
void children_tick(struct children *children, uint64_t now_ms);
/* Asks all to end and waits; kills those who do not. The ledger last, so that it can tell what the others said. */
void children_stop(struct children *children);

/* Those of that role end; successors are born with what the configuration says now. It is no death that anybody is told of. */
void children_renew(struct children *children, enum role role);

bool children_are_ready(const struct children *children);
bool children_is_ready(const struct children *children, enum role role, unsigned index);
/* Another number for each such child that was born; 0: it is dead. */
unsigned children_life(const struct children *children, enum role role, unsigned index);
/* 0, -ENOTCONN without such a child. descriptor: -1, or one that goes along. */
int children_send(struct children *children, enum role role, unsigned index, const void *message,
                  size_t len, int descriptor);
/* Each child's state, for the ledger. */
void children_fill_state(const struct children *children, struct message_state *state);

#endif

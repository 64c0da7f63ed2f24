/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_DESK_H
#define HOPGUARD_DESK_H

/*
 * The ledger's desk: what comes over the control socket is answered here, by asking the other processes and putting their answers
 * together. Each question to another process has a deadline; a process that dies owes no answer.
 */

#include <stdint.h>
#include <sys/types.h>

#include "messages.h"
#include "report/explain_page.h"
#include "report/recent.h"
#include "report/status_page.h"

struct event_base;
struct desk;

struct desk_actions {
	/* Sends a message to another process. 0 or -errno; -ENOTCONN: there is none. */
	int (*send)(void *owner, enum role role, unsigned index, const void *message, size_t len);
	void (*fill_status)(void *owner, struct status *status);
	/* What the configuration says. */
	void (*fill_explanation)(void *owner, struct explanation *explanation);
};

struct desk_options {
	int listener;
	gid_t group; /* may ask; (gid_t)-1: root only */
	const struct recent *recent;
	const struct desk_actions *actions;
	void *owner;
};

/* NULL: out of memory. */
struct desk *desk_new(struct event_base *base, const struct desk_options *options);
void desk_free(struct desk *desk);

/* To those who follow. */
void desk_event(struct desk *desk, const char *json);

/* Answers of other processes; strings are already checked. What nobody asked for is ignored. */
void desk_flow(struct desk *desk, unsigned guard, const struct message_flow *flow);
void desk_explanation(struct desk *desk, const struct message_explanation *explanation);
void desk_flushed(struct desk *desk, const struct message_flushed *flushed);
void desk_reloaded(struct desk *desk, const struct message_reloaded *reloaded);
/* That process is gone, or was started anew. */
void desk_lost(struct desk *desk, enum role role, unsigned index);
/* Ends what waited too long; to be called once a second. */
void desk_tick(struct desk *desk);

#endif

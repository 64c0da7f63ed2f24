/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PROCESS_H
#define HOPGUARD_PROCESS_H

/*
 * What guard, scout, ledger and verifier have in common: the event loop, the channels to the others as MESSAGE_PEER brings them,
 * heartbeat, a new configuration, and an end when the supervisor says so or is gone.
 */

#include <stddef.h>
#include <stdint.h>

#include "supervisor.h"

enum { PROCESS_ORPHANED = 1 };

struct event_base;
struct process;

/* Any may be NULL. None is called before process_run. */
struct process_hooks {
	/* From another child, or of a type that the process itself does not know; sound (message_sound.h). */
	void (*on_message)(void *owner, enum role from, unsigned index, const void *message,
	                   size_t len);
	/* A new channel to that process replaced the old one. */
	void (*on_peer)(void *owner, enum role role, unsigned index);
	/* That process died; its successor comes by on_peer. */
	void (*on_lost)(void *owner, enum role role, unsigned index);
	/* Once, after process_await_writable. */
	void (*on_writable)(void *owner, enum role role, unsigned index);
	/* Before on_config: what came along with the configuration (ledger: the event file), -1 for nothing. The callee's. */
	void (*on_descriptor)(void *owner, int descriptor);
	/* process_config already means the new one; the old one is gone after the call. */
	void (*on_config)(void *owner, const struct config *config);
	void (*on_second)(void *owner);
};

/* 0 or -errno. child is borrowed. The loop is made with precise timers and no environment. */
int process_open(struct process **opened, const struct child *child,
                 const struct process_hooks *hooks, void *owner);
void process_close(struct process *process);
/* Something came that is likely to be followed by more at once: the loop looks for that before it sleeps (busy_poll.h). */
void process_expect_more(struct process *process);
/* Says READY to the supervisor and runs until the end. An exit status; PROCESS_ORPHANED: the supervisor is gone. */
int process_run(struct process *process);
/* After the end: takes what the other children had sent until then. */
void process_drain(struct process *process);
struct event_base *process_base(const struct process *process);
const struct config *process_config(const struct process *process);

/* 0, -ENOTCONN without such a peer, -EAGAIN when it is slow. */
int process_send(struct process *process, enum role role, unsigned index, const void *message,
                 size_t len);
/* After -EAGAIN: on_writable is called when that process has read what was sent. 0, -ENOTCONN or -ENOMEM. */
int process_await_writable(struct process *process, enum role role, unsigned index);
/* To every guard; how many took it. */
unsigned process_send_guards(struct process *process, const void *message, size_t len,
                             int except_index);
/* From within on_message: what came along with that message, to be closed by the caller; -1: nothing, or taken already. */
int process_take_descriptor(struct process *process);
/* Messages that were dropped because they did not fit their type. */
void process_count_refused(struct process *process);
uint64_t process_refused(const struct process *process);

/* Monotonic, and wall clock since 1970. */
uint64_t process_now_ms(void);
uint64_t process_time_ms(void);

#endif

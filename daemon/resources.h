/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_RESOURCES_H
#define HOPGUARD_RESOURCES_H

/*
 * All that needs a right to be opened: queues, raw sockets, control socket, event file, state directory. The supervisor opens them while it
 * has that right, and keeps them over the death of any child.
 */

#include <sys/types.h>

#include "config.h"
#include "net/rawsend.h"
#include "passage_choice.h"

/* -1: not open. */
struct resources {
	int queues[CONFIG_QUEUES_MAX];
	unsigned queue_count;
	int log;       /* NFLOG socket of DNS answers */
	int dns_queue; /* of DNS answers that wait */
	int raw[RAWSEND_COUNT];
	int listener;
	int event_file;
	struct passage_choice passage; /* opened by itself, behind the back-end */
	char socket_path[CONFIG_PATH_MAX];
};

/* 0, or -errno with one line in error; nothing is then open. */
int resources_open(struct resources *resources, const struct config *config,
                   char error[CONFIG_ERROR_MAX]);
void resources_close(struct resources *resources);

/* A queue again, after resources->queues[index] was closed. 0, or -errno with one line in error. */
int resources_open_queue(struct resources *resources, const struct config *config, unsigned index,
                         char error[CONFIG_ERROR_MAX]);
/*
 * The queue of DNS answers, where the rules have one. It is closed while nobody reads it, so that the kernel passes them; what cannot
 * be opened is logged, and nothing but this goes without.
 */
void resources_open_dns_queue(struct resources *resources, const struct config *config);
void resources_close_dns_queue(struct resources *resources);
/* *opened is -1 when none is configured. 0, or -errno with one line in error. */
int resources_open_event_file(int *opened, const struct config *config,
                              char error[CONFIG_ERROR_MAX]);
/* Whether it may be opened later, when that happened: else its path can be none of a file. */
bool resources_awaits_event_file(int err);

#endif

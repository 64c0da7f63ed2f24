/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FILES_H
#define HOPGUARD_FILES_H

/*
 * The operator's files, handed on to the scout by the supervisor, which parses none of them: each is copied into sealed memory, its
 * signature is checked over that very copy, and the copy goes to the scout. They are looked at once a second (a watch by inotify
 * would lose files behind symbolic links and mounts), and read anew when they have changed and then stood still for one look: whoever
 * replaces a list and its signature has a second for it. What is not good is said once, and the scout keeps what it had.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "messages.h"

enum { FILES_MAX = 17 /* policy lists, Postfix tables, and the domains to watch */ };

struct files_options {
	size_t count;
	struct files_option {
		enum file_kind kind;
		char path[ROW_PATH_MAX];
		char key[ROW_PATH_MAX]; /* exported public keys; empty: no signature is asked for */
	} files[FILES_MAX];
};

struct files_hooks {
	/* To the scout; the copy stays ours, -1: none. 0 or -errno. */
	int (*send)(void *owner, const struct message_file *message, int copy);
	/* EVENT_DEGRADED, EVENT_RECOVERED. NULL: whoever is sent the copy, or why there is none, tells by himself. */
	void (*tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
};

/* "policy list". */
const char *files_kind_name(enum file_kind kind);
/* Of events: "policy list /etc/hopguard/policy.json". */
void files_subject(char subject[EVENT_SUBJECT_MAX], enum file_kind kind, const char *path);

struct files;

/* NULL: out of memory. */
struct files *files_new(const struct files_hooks *hooks, void *owner);
void files_free(struct files *files);

/* At the start and on reload: reads what is new, what has changed, and what was not good. */
void files_configure(struct files *files, const struct files_options *options);
/* Once a second. */
void files_look(struct files *files);
/* Sends what the scout does not have. life: another number for each scout; 0: none. */
void files_serve(struct files *files, unsigned life);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_OPERATOR_FILES_H
#define HOPGUARD_OPERATOR_FILES_H

/* The files that the configuration names, on their way from the supervisor to whoever needs them: lists and tables to the scout, the
 * authorities to the verifier. */

#include "children.h"
#include "config.h"
#include "files.h"

struct operator_files;

/* NULL: out of memory. tell is as in struct files_hooks. */
struct operator_files *operator_files_new(void (*tell)(void *owner, enum event_kind kind,
                                                       const char *subject, const char *text),
                                          void *owner);
void operator_files_free(struct operator_files *files);

/* At the start and on reload. */
void operator_files_configure(struct operator_files *files, const struct config *config);
/* Once a second. */
void operator_files_look(struct operator_files *files);
/* Sends what those who live now do not have. */
void operator_files_serve(struct operator_files *files, struct children *children);

#endif

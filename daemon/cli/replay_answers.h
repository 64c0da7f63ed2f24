/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_REPLAY_ANSWERS_H
#define HOPGUARD_CLI_REPLAY_ANSWERS_H

/* The scout's part for `hopguard replay`: look-ups that block until they are answered, or none at all. */

#include <stdbool.h>

#include "cli/cli.h"
#include "config.h"
#include "messages.h"

struct replay_answers;

/* looks_up false: every destination is answered as one that promised nothing. What failed was said on standard error. */
enum cli_status replay_answers_new(struct replay_answers **made, const struct config *config,
                                   bool looks_up);
void replay_answers_free(struct replay_answers *answers);
void replay_answers_ask(struct replay_answers *answers, enum question_kind kind, const char *name);
/* The answer to the oldest open question, waited for; NULL when none is open. Borrowed until the next call. */
const struct destination *replay_answers_next(struct replay_answers *answers);

#endif

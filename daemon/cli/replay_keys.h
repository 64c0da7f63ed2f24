/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_REPLAY_KEYS_H
#define HOPGUARD_CLI_REPLAY_KEYS_H

/* The verifier's part in a replay: the same judge, in this process, at the time of the capture. */

#include "cli/cli.h"
#include "config.h"
#include "messages.h"

enum { REPLAY_KEYS_OPEN_MAX = 64 };

struct replay_keys;

/* CLI_GOOD, or an exit status and one line on standard error. */
enum cli_status replay_keys_new(struct replay_keys **made, const struct config *config);
void replay_keys_free(struct replay_keys *keys);

/* len: as the gate gave it. Beyond REPLAY_KEYS_OPEN_MAX it is dropped, and the gate asks again. now_s: wall clock of the capture. */
void replay_keys_ask(struct replay_keys *keys, const struct message_check *check, size_t len,
                     int64_t now_s);
/* The next answer, in order. NULL: none is left. Borrowed until the next call. */
const struct message_checked *replay_keys_next(struct replay_keys *keys);

#endif

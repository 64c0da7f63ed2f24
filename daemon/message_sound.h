/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_MESSAGE_SOUND_H
#define HOPGUARD_MESSAGE_SOUND_H

/*
 * Whether a message is what its type says: its size, and every enum, count, address and string in it. Whoever receives one asks this
 * before anything else; that it came from a process that may send it is the receiver's to know.
 */

#include <stdbool.h>
#include <stddef.h>

#include "messages.h"

/*
 * False also for a type that there is not. Of these more is to be asked, by what it takes to know it: CONFIG (config.h), ROWS
 * (row_batch.h), CHECK (verifier_judge.h), PROBE (probe_request.h).
 */
bool message_is_sound(const void *message, size_t len);

#endif

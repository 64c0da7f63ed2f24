/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_SOUND_H
#define HOPGUARD_VERDICT_SOUND_H

/*
 * Plain values arrive from processes that read what strangers send, and may have been taken over: every enum, count, index and
 * string is checked before one is used.
 */

#include <stdbool.h>
#include <stddef.h>

#include "verdict/event.h"
#include "verdict/evidence.h"
#include "verdict/key_finding.h"
#include "verdict/promise.h"

bool event_is_sound(const struct event *event);
bool key_finding_is_sound(const struct key_finding *finding);
bool destination_is_sound(const struct destination *destination);
/* `count` of them. */
bool last_keys_are_sound(const struct last_key *keys, size_t count);
bool evidence_is_sound(const struct evidence *evidence, size_t count);

#endif

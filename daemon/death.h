/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_DEATH_H
#define HOPGUARD_DEATH_H

/* A child's death: in words, and how long until its successor is born. */

#include <stddef.h>
#include <stdint.h>

enum { DEATH_DELAY_FIRST_MS = 100, DEATH_DELAY_MAX_MS = 5000 };

/* status as waitpid(2) gives it: "was killed by signal 9 (Killed)". Returns text. */
const char *death_describe(char *text, size_t room, int status);

/* After so many deaths since it was last healthy: at once, then 100 ms, doubling to 5 s. */
uint64_t death_delay_ms(unsigned deaths);

#endif

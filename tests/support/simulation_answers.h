/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_SIMULATION_ANSWERS_H
#define HOPGUARD_TESTS_SUPPORT_SIMULATION_ANSWERS_H

/* The scout's part in a simulation. */

#include "support/simulation.h"

/* What the gate asked, of names and of keys, until it asks no more. */
void simulation_answer(struct simulation *simulation);

#endif

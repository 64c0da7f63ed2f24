/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_SIMULATION_KEYS_H
#define HOPGUARD_TESTS_SUPPORT_SIMULATION_KEYS_H

/* The verifier's part in a simulation, and the prober's. */

#include "support/simulation.h"

/* Actions of the gate. */
void simulation_on_check(void *owner, const struct message_check *check, size_t len);
void simulation_on_probe(void *owner, const struct message_probe *probe, size_t len);
/* What either said goes to the gate. */
void simulation_answer_about_keys(struct simulation *simulation);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SCOUT_PROBE_H
#define HOPGUARD_SCOUT_PROBE_H

/* Keys that TLS 1.3 hides: what guards ask for (MESSAGE_PROBE), and what is answered (MESSAGE_PROBED). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "messages.h"

struct config;
struct scout;
struct scout_probe;

/* NULL: out of memory. */
struct scout_probe *scout_probe_new(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN]);
void scout_probe_free(struct scout_probe *probe);
void scout_probe_configure(struct scout_probe *probe, const struct config *config);
/* Both false: not sound. */
bool scout_probe_take(struct scout_probe *probe, unsigned guard, const void *message, size_t len);
bool scout_probe_take_socket(struct scout_probe *probe, const struct message_socket *answer);
void scout_probe_second(struct scout_probe *probe);
/* For people: of each host that the last probe of one of its addresses was not shown a key of, why. Fills keys[].probe and its age in. */
void scout_probe_explain(const struct scout_probe *probe, struct last_key keys[MX_HOSTS_MAX],
                         const struct destination *destination);
void scout_probe_count(const struct scout_probe *probe, struct counters *counters);

#endif

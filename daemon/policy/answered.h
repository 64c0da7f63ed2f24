/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_ANSWERED_H
#define HOPGUARD_POLICY_ANSWERED_H

/* DNS questions that were answered, without their answers: of each a hash is kept, with a secret that no name is chosen for. */

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "wire/dns_answer.h"

/* A mail host is three to five questions. Beyond, those are forgotten that were not asked again for longest. */
enum { ANSWERED_MAX = 16384 };

struct answered;

/* NULL: out of memory. */
struct answered *answered_new(const uint8_t secret[TABLE_SECRET_LEN]);
void answered_free(struct answered *answered);
/* `name` in lower case without final dot, shorter than DOMAIN_NAME_MAX. Out of memory it is not kept. */
void answered_add(struct answered *answered, const char *name, enum dns_type type);
bool answered_has(struct answered *answered, const char *name, enum dns_type type);
void answered_clear(struct answered *answered);

#endif

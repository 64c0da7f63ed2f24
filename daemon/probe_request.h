/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PROBE_REQUEST_H
#define HOPGUARD_PROBE_REQUEST_H

/* A guard's wish for a probe (MESSAGE_PROBE) as the scout reads it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "active/tls_shape.h"
#include "base/siphash.h"
#include "messages.h"

struct config;

/* Every length and string, and that it goes to a port that is guarded: a guard that was taken over reaches nothing else. */
bool probe_request_is_sound(const struct message_probe *probe, size_t len,
                            const struct config *config);
/* The same for what gets the same answer, whoever asks. */
uint64_t probe_request_hash(const struct message_probe *probe,
                            const uint8_t secret[SIPHASH_KEY_LEN]);
/* What of the client's ClientHello OpenSSL can say as well. */
void probe_request_shape(struct tls_shape *shape, const struct message_probe *probe);

#endif

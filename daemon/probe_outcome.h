/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_PROBE_OUTCOME_H
#define HOPGUARD_PROBE_OUTCOME_H

/* What a visit to a mail server says about its key: shown, without TLS, or, for whatever kept us from seeing it, could not tell. */

#include "active/starttls_result.h"
#include "messages.h"

/* Fills all but type, key and age_ms. source: the address that the visit came from, as text. */
void probe_outcome(struct message_probed *probed, const struct starttls_result *result,
                   const char *source);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERIFIER_JUDGE_H
#define HOPGUARD_VERIFIER_JUDGE_H

/*
 * From MESSAGE_CHECK to a finding, without process and clock: the signature of the key exchange is verified for each handshake, since each
 * has other randoms; what the certificates come to is kept for as long as the minute lasts.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "messages.h"

/* Findings kept: hosts that were seen within a minute. With their keys 6 MiB. */
enum { VERIFIER_CACHE_MAX = 4096 };

struct certificate_anchors;
struct verifier_judge;

struct verifier_counts {
	uint64_t checks;
	uint64_t cached;
	uint64_t unproven;
};

/* Takes the anchors over, which may not be NULL. NULL: out of memory; then they stay the caller's. */
struct verifier_judge *verifier_judge_new(struct certificate_anchors *anchors,
                                          const uint8_t secret[TABLE_SECRET_LEN]);
void verifier_judge_free(struct verifier_judge *judge);
/* In place of those before; what they led to is forgotten. Takes them over. */
void verifier_judge_trust(struct verifier_judge *judge, struct certificate_anchors *anchors);

bool verifier_judge_trusts_any(const struct verifier_judge *judge);

/* len: of the message as it came. False: it is not sound, and the finding untouched. now_s: wall clock. */
bool verifier_judge_check(struct key_finding *finding, struct verifier_judge *judge,
                          const struct message_check *check, size_t len, int64_t now_s);

struct verifier_counts verifier_judge_counts(const struct verifier_judge *judge);

#endif

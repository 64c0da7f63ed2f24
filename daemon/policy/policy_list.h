/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_POLICY_LIST_H
#define HOPGUARD_POLICY_POLICY_LIST_H

/*
 * A list of domains that promise TLS, in the JSON format of STARTTLS Everywhere, version 0.1:
 *
 *     { "version": "0.1", "author": "…", "timestamp": 1764000000, "expires": "2026-12-31T00:00:00Z",
 *       "policy-aliases": { "big": { "mode": "enforce", "mxs": [".mail.example.net"] } },
 *       "policies": { "example.org": { "mode": "testing", "mxs": ["mx1.example.org"] },
 *                     "example.com": { "policy-alias": "big" } } }
 *
 * All but the author must be there. Times are seconds since 1970 or RFC 3339. ".mail.example.net" stands for exactly one label
 * before it, as "*.mail.example.net" does, though the format's own papers say both that and any depth: the narrower reading
 * cannot let a stranger in. Other keys are passed over at the top, where they only describe the list, and refused in a policy, where they
 * might ask for more than is kept. Names repeated are refused.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "policy/policy_set.h"

enum {
	POLICY_LIST_TEXT_MAX = 16 * 1024 * 1024,
	/* JSON values of all kinds, keys not counted: four for a domain with one host, six for one with three. A hundred octets each while it is read. */
	POLICY_LIST_VALUES_MAX = 2 * 1000 * 1000,
	POLICY_LIST_MXS_MAX = 256, /* of one policy */
	POLICY_LIST_ERROR_MAX = 512,
};

struct policy_list {
	uint64_t timestamp_s; /* since 1970 */
	uint64_t expires_s;   /* never before the timestamp */
	struct policy_set *policies;
};

/* 0, -EINVAL with "line 3, column 7: …" or "policies.example.org.mxs[0]: …" in error, or -ENOMEM. */
int policy_list_parse(struct policy_list **parsed, struct bytes text,
                      const uint8_t secret[SIPHASH_KEY_LEN], char error[POLICY_LIST_ERROR_MAX]);
void policy_list_free(struct policy_list *list);

#endif

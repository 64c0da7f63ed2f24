/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MX_PATTERN_H
#define HOPGUARD_POLICY_MX_PATTERN_H

/*
 * The hosts that a domain's policy names: "mx1.example.org", or "*.example.org" for exactly one label (RFC 8461 sections 3.2 and
 * 4.1). A pattern is for host names; certificates never match one.
 */

#include <stdbool.h>

#include "verdict/promise.h"

enum mx_policy_mode { MX_POLICY_NONE, MX_POLICY_TESTING, MX_POLICY_ENFORCE };

/* Into lower case A-labels without final dot. False: neither a host name nor such a pattern of one. */
bool mx_pattern_normalise(char pattern[DOMAIN_NAME_MAX], const char *text);
/* Both in that form. */
bool mx_pattern_matches(const char *pattern, const char *host);
const char *mx_policy_mode_name(enum mx_policy_mode mode); /* "none", "testing", "enforce" */

#endif

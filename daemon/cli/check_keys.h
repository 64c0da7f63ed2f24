/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_KEYS_H
#define HOPGUARD_CLI_CHECK_KEYS_H

/* The certificates that were seen, held against names, authorities and each TLSA record by itself. */

#include "cli/check_facts.h"
#include "policy/certificate.h"

/* Fills in what a place's certificate comes to, for every place. */
void check_keys(struct check_facts *facts, const struct certificate_anchors *anchors);

#endif

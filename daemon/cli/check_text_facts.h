/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_TEXT_FACTS_H
#define HOPGUARD_CLI_CHECK_TEXT_FACTS_H

/* What was seen, step by step, as lines: DNSSEC, MX, each host with its addresses and keys, policies. */

#include "cli/check_text.h"

void check_text_facts(FILE *out, const struct check_facts *facts, struct check_style style);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_JSON_H
#define HOPGUARD_CLI_CHECK_JSON_H

/* What was seen and found, one JSON object a line (docs/check.md): absent where unknown, never null. */

#include <stdbool.h>
#include <stdio.h>

#include "cli/check_facts.h"
#include "cli/check_finding.h"

/* False: out of memory. */
bool check_json_print(FILE *out, const struct check_facts *facts,
                      const struct check_findings *findings);

#endif

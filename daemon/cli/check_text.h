/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_TEXT_H
#define HOPGUARD_CLI_CHECK_TEXT_H

/* What was seen and found, for a person at a terminal of 80 columns: a domain without faults fits one screen. */

#include <stdbool.h>
#include <stdio.h>

#include "cli/check_facts.h"
#include "cli/check_finding.h"

struct check_style {
	bool is_coloured;
	bool is_verbose; /* notes with all their words, banners and keywords of servers */
};

void check_text_print(FILE *out, const struct check_facts *facts,
                      const struct check_findings *findings, struct check_style style);

/* Words broken into lines that begin with `first`, then with as many blanks; 80 columns. Exposed for tests. */
void check_text_wrap(FILE *out, const char *first, const char *words);

#endif

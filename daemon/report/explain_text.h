/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EXPLAIN_TEXT_H
#define HOPGUARD_REPORT_EXPLAIN_TEXT_H

/* The page of report/explain_page.h for people. */

#include <stdbool.h>
#include <stdio.h>

/* False when `json` is no explanation. */
bool explain_text_print(FILE *out, const char *json, bool is_coloured);

#endif

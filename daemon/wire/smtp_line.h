/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_SMTP_LINE_H
#define HOPGUARD_WIRE_SMTP_LINE_H

/* What commands and replies of SMTP share: lines and blanks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

struct smtp_line {
	struct bytes text; /* without its end: LF and all CRs right before it; borrowed */
	size_t consumed;   /* with its end */
	bool ends_bare_lf; /* no CR before the LF */
};

/* The first line. MALFORMED when it takes more than `max` octets with its end. */
enum parse_result smtp_line_take(struct smtp_line *line, struct bytes readable, size_t max);

/* Space or tab. */
bool smtp_is_blank(uint8_t octet);
/* Index of the first octet from `at` on that is no blank, or text.len. */
size_t smtp_skip_blanks(struct bytes text, size_t at);
/* Without the blanks at both ends. */
struct bytes smtp_trim(struct bytes text);
/* Up to the first blank, or all. */
struct bytes smtp_first_word(struct bytes text);

#endif

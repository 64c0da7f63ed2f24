/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_PARSE_H
#define HOPGUARD_WIRE_PARSE_H

/* What an incremental parser says. MORE leaves its state and its input untouched. */
enum parse_result { PARSE_OK, PARSE_MORE, PARSE_MALFORMED };

#endif

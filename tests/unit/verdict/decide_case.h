/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_VERDICT_DECIDE_CASE_H
#define HOPGUARD_TESTS_UNIT_VERDICT_DECIDE_CASE_H

/* A case of the ladder: these facts, judged by an operator who blocks whatever may be blocked, end so. */

#include "verdict/decide.h"

struct decide_case {
	const char *name;
	struct facts facts;
	enum action action;
	enum reason reason;
};

#define DANE                                                                                       \
	.promise = PROMISE_KEY, .promise_source = SOURCE_DANE, .place = PLACE_MX,                  \
	.mx_security = DNS_SECURE
#define AT_RCPT    .commitment = COMMITMENT_RCPT, .ehlo = EHLO_ACCEPTED
#define UNPROMISED .promise = PROMISE_NONE, .place = PLACE_MX

#endif

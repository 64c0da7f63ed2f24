/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_MTASTS_TEXT_H
#define HOPGUARD_WIRE_MTASTS_TEXT_H

/* The two texts of MTA-STS: the TXT record at _mta-sts.DOMAIN (RFC 8461 section 3.1) and the policy file (section 3.2). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum {
	MTASTS_ID_MAX = 32,
	MTASTS_TXT_MAX = 1024, /* of one record's joined strings; one with an id alone has 45 */
	MTASTS_POLICY_MAX = 64 * 1024,
	/* Of a policy, reduced to what counts: 15 of the longest names, or some 150 usual ones; the largest in the field have ten. */
	MTASTS_KEPT_MAX = 4096,
	MTASTS_AGE_MAX_S = 31557600,
};

enum mtasts_txt_state {
	MTASTS_TXT_NONE, /* no record is one of MTA-STS */
	MTASTS_TXT_FOUND,
	MTASTS_TXT_INVALID, /* the domain is to be taken as one without a policy (section 3.1) */
};

/* What a record set says, record by record. */
struct mtasts_txt {
	size_t count; /* records that start "v=STSv1;": the others are not of MTA-STS */
	char id[MTASTS_ID_MAX + 1];
	const char *fault; /* NULL, or the rule that the last such record breaks */
};

void mtasts_txt_init(struct mtasts_txt *txt);
/* rdata: the strings of one record, each behind its length (RFC 1035 section 3.3.14). */
void mtasts_txt_add(struct mtasts_txt *txt, struct bytes rdata);
enum mtasts_txt_state mtasts_txt_state(const struct mtasts_txt *txt);
/* Why it is not FOUND, a static text that fits one line; "" when it is. */
const char *mtasts_txt_why(const struct mtasts_txt *txt);

enum mtasts_mode { MTASTS_MODE_NONE, MTASTS_MODE_TESTING, MTASTS_MODE_ENFORCE };

struct mtasts_policy {
	enum mtasts_mode mode;
	uint32_t max_age_s;
	size_t mx_count; /* that the cursor will give */
};

struct mtasts_fault {
	const char *rule; /* static, fits one line */
	size_t line;      /* from 1; 0: the file as a whole */
};

/*
 * PARSE_OK or PARSE_MALFORMED, then with *fault. Empty lines are nothing: files in the field end with two line ends. An mx that
 * is no host name or pattern is left out, which allows fewer hosts, never more.
 */
enum parse_result mtasts_policy_parse(struct mtasts_policy *policy, struct mtasts_fault *fault,
                                      struct bytes text);

/*
 * The policy of a file that was parsed, as a file of its own with no more in it than counts: what is kept of it. How many octets;
 * that file is the same policy, with the same patterns.
 */
size_t mtasts_policy_reduce(uint8_t kept[MTASTS_KEPT_MAX], const struct mtasts_policy *policy,
                            struct bytes text);

struct mtasts_mx_cursor {
	struct bytes rest;
};

/* Over the mx patterns of a policy file that was parsed. */
struct mtasts_mx_cursor mtasts_mx_over(struct bytes text);
/* The next one as it is written, a view into the text: ASCII, at most 255 octets; false: no more. */
bool mtasts_mx_next(struct bytes *pattern, struct mtasts_mx_cursor *cursor);

#endif

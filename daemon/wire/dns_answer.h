/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_DNS_ANSWER_H
#define HOPGUARD_WIRE_DNS_ANSWER_H

/*
 * A DNS response (RFC 1035 section 4): what it says about the one name and type that were asked for, at the end of the
 * CNAME chain. Names are texts in lower case without the final dot, the root is "". Names with octets other than
 * printable ASCII, or with dots or backslashes inside a label, stand for no host: they read as malformed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum {
	DNS_NAME_TEXT_MAX = 256,
	DNS_ALIASES_MAX = 16,  /* CNAMEs in one answer; resolvers give up at 8 to 16 */
	DNS_RECORDS_MAX = 256, /* records looked at in one section */
	DNS_POINTERS_MAX =
		127, /* in one name: as many as it has labels, for behind each of use stands one */
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_NSEC3 = 50,
	DNS_TYPE_NSEC3PARAM = 51,
	DNS_TYPE_TLSA = 52,
};

enum dns_rcode { DNS_RCODE_NOERROR = 0, DNS_RCODE_SERVFAIL = 2, DNS_RCODE_NXDOMAIN = 3 };

/* Views into the message, which must outlive it. */
struct dns_answer {
	struct bytes message;
	uint8_t rcode;
	uint16_t type;                        /* as asked */
	char name[DNS_NAME_TEXT_MAX];         /* as asked */
	char canonical[DNS_NAME_TEXT_MAX];    /* end of the CNAME chain; equals name without one */
	uint16_t record_count;                /* of that type at the canonical name */
	uint16_t records_at[DNS_RECORDS_MAX]; /* where in the message they stand */
	uint32_t ttl_s; /* the least of the chain and the records; without records, RFC 2308's */
};

struct dns_record {
	struct bytes data;
	size_t at; /* of data in the message: names in it may point anywhere before */
	uint32_t ttl_s;
};

struct dns_mx {
	uint16_t preference;
	char host[DNS_NAME_TEXT_MAX]; /* "" is the root: null MX (RFC 7505) */
};

/* PARSE_OK or PARSE_MALFORMED. */
enum parse_result dns_answer_parse(struct dns_answer *answer, struct bytes message);
/* The index-th record of the asked type at the canonical name; false: no such. */
bool dns_answer_record(struct dns_record *record, const struct dns_answer *answer, size_t index);
bool dns_answer_has_alias(const struct dns_answer *answer);

enum parse_result dns_mx_parse(struct dns_mx *mx, const struct dns_answer *answer,
                               const struct dns_record *record);

/* Reads the name at *at and moves *at behind it. */
enum parse_result dns_name_parse(char text[DNS_NAME_TEXT_MAX], struct bytes message, size_t *at);

#endif

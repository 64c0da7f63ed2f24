/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_DNS_MESSAGE_H
#define HOPGUARD_WIRE_DNS_MESSAGE_H

/*
 * A DNS message off the wire (RFC 1035 section 4), whole: header and question at once, then one record at a time. Names are
 * texts as in wire/dns_answer.h.
 */

#include "wire/dns_answer.h"

enum dns_section { DNS_ANSWER_SECTION, DNS_AUTHORITY_SECTION, DNS_ADDITIONAL_SECTION };

enum {
	DNS_HEADER_LEN = 12,
	DNS_SECTIONS = 3,
	/* Records read of one message: more than any answer about mail has, and few enough to be read while others wait. */
	DNS_WALK_MAX = 512,
};

struct dns_message {
	struct bytes octets;
	uint16_t id;
	bool is_response;
	uint8_t opcode;
	uint8_t rcode;
	bool is_authoritative;
	bool is_truncated;
	char name[DNS_NAME_TEXT_MAX]; /* as asked */
	uint16_t type;                /* as asked */
	uint16_t class;
	uint16_t counts[DNS_SECTIONS];
	size_t records_at; /* where the answer section begins */
};

struct dns_resource {
	enum dns_section section;
	char owner[DNS_NAME_TEXT_MAX]; /* " " for one that is no host name */
	size_t at;                     /* of the owner in the message */
	uint16_t type;
	uint16_t class;
	struct dns_record record;
};

/* Records in the order of the message. */
struct dns_walk {
	const struct dns_message *message;
	struct cursor cursor;
	uint8_t section;
	uint16_t read_in_section;
	unsigned read;
	bool is_malformed; /* ended before the counts of the header did, or beyond DNS_WALK_MAX */
};

/* PARSE_OK or PARSE_MALFORMED: no header, not exactly one question, or a name that stands for no host. */
enum parse_result dns_message_parse(struct dns_message *message, struct bytes octets);

struct dns_walk dns_walk_over(const struct dns_message *message);
/* False at the end. */
bool dns_walk_next(struct dns_resource *resource, struct dns_walk *walk);

/* EDNS (RFC 6891) asks for or gives DNSSEC records: the DO bit of RFC 3225. */
bool dns_message_is_dnssec(const struct dns_message *message);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_KEY_RULE_H
#define HOPGUARD_VERDICT_KEY_RULE_H

/*
 * What the key of a mail host must meet to be the one that was promised. Rules travel packed, one behind the other, since most hosts
 * have a small one and few have large ones:
 *
 *     uint8 kind; uint8 source; uint8 group; uint16 names_len; names; uint8 record_count;
 *     record_count times: uint8 usage; uint8 selector; uint8 matching; uint16 data_len; data
 *
 * All rules of a group are to be met (with an unsigned MX RRset a policy and TLSA records stand side by side), of several groups any
 * one suffices (two hosts share an address).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verdict/promise.h"

enum {
	KEY_RECORDS_MAX = 32, /* usable TLSA records of one host, or fingerprints */
	KEY_NAMES_MAX = 1024, /* as text: a dozen names */
	KEY_RULES_MAX = 64,   /* packed in one piece: MX_HOSTS_MAX hosts of two rules each */
	KEY_RULES_LEN_MAX = DESTINATION_KEYS_MAX,
};

enum key_rule_kind {
	KEY_RULE_TLSA =
		1, /* one of the records matches (RFC 7671); where its usage is 2, one of the names, too */
	KEY_RULE_PKIX, /* a chain to one of the configured anchors, in its dates, and one of the names (RFC 6125) */
	KEY_RULE_FINGERPRINT, /* SHA-256 of the certificate, or of its SubjectPublicKeyInfo, is one of the records' data */
};

/* A TLSA record (RFC 6698 section 2.1); of a fingerprint just the data counts. */
struct key_record {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	struct bytes data; /* borrowed */
};

struct key_rule {
	enum key_rule_kind kind;
	enum promise_source source;
	uint8_t group;
	/*
	 * Reference identifiers, lower case A-labels, ':' between them; ".example.org" stands for the names below it; what is not
	 * printable is not sound. The certificate's names may have a wildcard as their whole first label. Borrowed, not terminated.
	 */
	struct bytes names;
	size_t record_count;
	struct key_record records[KEY_RECORDS_MAX];
};

/* Packed rules that grow. Zeroed it is empty. */
struct key_rules {
	size_t count;
	size_t len;
	uint8_t octets[KEY_RULES_LEN_MAX];
};

/* False: no room, or beyond a bound above; nothing was added. */
bool key_rules_add(struct key_rules *rules, const struct key_rule *rule);
/* Packed rules of elsewhere, all of them as another group. False: as above, or they are not sound. */
bool key_rules_append(struct key_rules *rules, struct bytes packed, uint8_t group);

/* The next rule of packed ones, whose cursor begins at the first. False: none is left, or it is not sound (then rest->failed). */
bool key_rule_next(struct key_rule *rule, struct cursor *rest);
/* Whether packed rules ask for the same TLSA records, in any order; nothing else of them counts. */
bool key_rules_share_records(struct bytes packed, struct bytes other);
/* Whether the server's own certificate tells all: no rule asks for those above it. */
bool key_rules_ask_leaf_alone(struct bytes packed);
/* Whether octets that came from elsewhere are rules to their end; none is sound. */
bool key_rules_are_sound(struct bytes packed);

#endif

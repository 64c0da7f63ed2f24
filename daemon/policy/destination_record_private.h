/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DESTINATION_RECORD_PRIVATE_H
#define HOPGUARD_POLICY_DESTINATION_RECORD_PRIVATE_H

/* What destination_record.c (made, read) and destination_hop.c (what it asks at an address) share. */

#include "base/bytes.h"
#include "policy/destination_record.h"

struct record_place {
	uint64_t expires_ms;
	struct address address;
	uint8_t host;
	bool is_earlier;
};

/* Texts are offsets into the record's own; offset 0 is the empty text. */
struct record_promise {
	uint32_t detail;
	uint8_t state;
	uint8_t source;
	bool only_alerts;
};

/* Octets of packed rules, which stand behind the texts. */
struct record_keys {
	uint32_t at;
	uint16_t len;
};

struct record_host {
	uint32_t name;
	uint32_t offered_before;
	struct record_promise promise;
	struct record_keys keys;
	uint16_t preference;
	uint8_t address_security;
	bool is_excluded;
	bool is_earlier;
};

struct record {
	uint64_t made_ms;
	uint64_t expires_ms;
	uint32_t holders;
	uint32_t octets;
	uint32_t name;
	uint32_t why;
	struct record_promise promise;
	struct record_keys keys_anywhere;
	bool is_next_hop;
	bool is_established;
	bool is_outdated;
	uint8_t mx_state;
	uint8_t mx_security;
	bool is_truncated;
	uint8_t host_count;
	uint8_t place_count;
	const struct record_host *hosts;
	const char *texts;
	struct record_place places[];
};

void record_unpack_promise(struct promise *promise, const struct record *record,
                           const struct record_promise *packed);

/* Borrowed from the record. */
struct bytes record_keys_octets(const struct record *record, struct record_keys keys);

#endif

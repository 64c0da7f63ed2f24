/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_WIRE_DNS_MESSAGE_H
#define HOPGUARD_TESTS_UNIT_WIRE_DNS_MESSAGE_H

/* DNS messages, written record by record, and read against an unreadable page. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "unit/guarded.h"
#include "wire/dns_answer.h"

enum { QUESTION_AT = 12, POINTER = 0xc000, FOUND = 0x8180, ABSENT = 0x8183 };

struct message {
	uint8_t octets[4096];
	size_t len;
};

static inline void add_u8(struct message *message, unsigned value)
{
	message->octets[message->len++] = (uint8_t)value;
}

static inline void add_u16(struct message *message, unsigned value)
{
	put_u16(message->octets + message->len, (uint16_t)value);
	message->len += 2;
}

static inline void add_u32(struct message *message, uint32_t value)
{
	put_u32(message->octets + message->len, value);
	message->len += 4;
}

/* "a.example"; no compression. */
static inline void add_name(struct message *message, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		add_u8(message, (unsigned)len);
		memcpy(message->octets + message->len, name, len);
		message->len += len;
		name += len + (name[len] == '.');
	}
	add_u8(message, 0);
}

static inline void begin(struct message *message, unsigned flags, const char *name, unsigned type,
                         unsigned answers, unsigned authorities)
{
	message->len = 0;
	add_u16(message, 0x1234);
	add_u16(message, flags);
	add_u16(message, 1);
	add_u16(message, answers);
	add_u16(message, authorities);
	add_u16(message, 0);
	add_name(message, name);
	add_u16(message, type);
	add_u16(message, 1);
}

/* Returns where to put the length of the data, to be closed by end_record. */
static inline size_t begin_record(struct message *message, const char *owner, unsigned type,
                                  uint32_t ttl)
{
	add_name(message, owner);
	add_u16(message, type);
	add_u16(message, 1);
	add_u32(message, ttl);
	add_u16(message, 0);
	return message->len;
}

static inline void end_record(struct message *message, size_t data_at)
{
	put_u16(message->octets + data_at - 2, (uint16_t)(message->len - data_at));
}

static inline void add_alias(struct message *message, const char *owner, const char *target,
                             uint32_t ttl)
{
	size_t at = begin_record(message, owner, DNS_TYPE_CNAME, ttl);

	add_name(message, target);
	end_record(message, at);
}

static inline void add_a(struct message *message, const char *owner, uint32_t address, uint32_t ttl)
{
	size_t at = begin_record(message, owner, DNS_TYPE_A, ttl);

	add_u32(message, address);
	end_record(message, at);
}

static inline void add_mx(struct message *message, const char *owner, unsigned preference,
                          const char *host)
{
	size_t at = begin_record(message, owner, DNS_TYPE_MX, 60);

	add_u16(message, preference);
	add_name(message, host);
	end_record(message, at);
}

static inline void add_soa(struct message *message, uint32_t ttl, uint32_t minimum)
{
	size_t at = begin_record(message, "example", DNS_TYPE_SOA, ttl);

	add_name(message, "ns.example");
	add_name(message, "hostmaster.example");
	add_u32(message, 1);
	add_u32(message, 2);
	add_u32(message, 3);
	add_u32(message, 4);
	add_u32(message, minimum);
	end_record(message, at);
}

/* The first octets of it, until the next are read. */
static inline struct bytes against_the_end(const struct message *message, size_t len)
{
	static struct guarded page;

	if (!page.start)
		page = guarded_new();
	return guarded_bytes(&page, bytes_of(message->octets, len));
}

#endif

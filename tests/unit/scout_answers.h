/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SCOUT_ANSWERS_H
#define HOPGUARD_TESTS_SCOUT_ANSWERS_H

/* DNS answers as a guard hands them to the scout. */

#include <errno.h>

#include "unit/scout_fixture.h"

static inline void add_u16(struct message_dns_answer *answer, unsigned value)
{
	put_u16(answer->message + answer->len, (uint16_t)value);
	answer->len += 2;
}

static inline void add_name(struct message_dns_answer *answer, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		answer->message[answer->len++] = (uint8_t)len;
		memcpy(answer->message + answer->len, name, len);
		answer->len += (uint32_t)len;
		name += len + (name[len] == '.');
	}
	answer->message[answer->len++] = 0;
}

/* A DNS response with one record, whose data are still to come; the caller's to free. */
static inline struct message_dns_answer *begin_answer(const char *name, unsigned type,
                                                      unsigned data_len)
{
	static const unsigned header[] = { 0x1234, 0x8180, 1, 1, 0, 0 };
	struct message_dns_answer *answer = calloc(1, sizeof(*answer));
	size_t i;

	assert_non_null(answer);
	answer->type = MESSAGE_DNS_ANSWER;
	assert_true(address_parse(&answer->client, "192.0.2.1"));
	assert_true(address_parse(&answer->server, "198.51.100.1"));
	for (i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		add_u16(answer, header[i]);
	for (i = 0; i < 2; i++) {
		add_name(answer, name);
		add_u16(answer, type);
		add_u16(answer, 1);
	}
	add_u16(answer, 0);
	add_u16(answer, 300);
	add_u16(answer, data_len);
	return answer;
}

static inline struct message_dns_answer *mx_answer(const char *domain, const char *host)
{
	struct message_dns_answer *answer = begin_answer(domain, 15, (unsigned)strlen(host) + 4);

	add_u16(answer, 10);
	add_name(answer, host);
	return answer;
}

static inline struct message_dns_answer *a_answer(const char *host)
{
	struct message_dns_answer *answer = begin_answer(host, 1, 4);

	add_u16(answer, 0xc633);
	add_u16(answer, 0x6419);
	return answer;
}

/* And frees it. */
static inline void tell_answer(struct fixture *fixture, struct message_dns_answer *answer)
{
	assert_int_equal(channel_send(fixture->guards[0], answer,
	                              offsetof(struct message_dns_answer, message) + answer->len),
	                 0);
	free(answer);
}

/* The same, and waits while the scout has more to read than fits. */
static inline void tell_answer_in_time(struct fixture *fixture, struct message_dns_answer *answer)
{
	struct pollfd writable = { .fd = fixture->guards[0], .events = POLLOUT };
	size_t len = offsetof(struct message_dns_answer, message) + answer->len;

	while (channel_send(fixture->guards[0], answer, len) == -EAGAIN)
		assert_true(poll(&writable, 1, WAIT_MS) > 0);
	free(answer);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_DNS_QUESTIONS_H
#define HOPGUARD_FLOW_DNS_QUESTIONS_H

/*
 * Questions to name servers that wait for their answer. An answer counts when it comes from where the question went, by the same
 * ports, and has its identifier, name (in whatever case), type and class: as its client holds it, too (RFC 5452 section 9.1).
 * Answers stay welcome for as long as the question lives: a forged one may come before the true one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/table.h"
#include "wire/dns_message.h"

enum {
	DNS_QUESTIONS_MAX = 32768,
	/* Of one client, in IPv6 of a /64: its oldest makes room. Of so many clients at a time. */
	DNS_QUESTIONS_CLIENT_MAX = DNS_QUESTIONS_MAX / 2,
	DNS_QUESTIONS_CLIENTS_MAX = 1024,
	DNS_QUESTION_LIFE_MS = 12 * 1000, /* no resolver waits longer before it asks once more */
	DNS_QUESTION_TOLD_APART = 4,      /* answers of one question, the latest */
};

/* Where a message comes from or goes to. */
struct dns_path {
	struct endpoint client;
	struct endpoint server;
	bool is_stream; /* TCP */
};

enum dns_reply {
	DNS_REPLY_UNASKED,
	DNS_REPLY_NEW,
	DNS_REPLY_SAME,     /* octet by octet like one before it */
	DNS_REPLY_TOO_MANY, /* others before it differed from each other */
};

struct dns_questions;

/* NULL: out of memory. */
struct dns_questions *dns_questions_new(const uint8_t secret[TABLE_SECRET_LEN]);
void dns_questions_free(struct dns_questions *questions);

/* The same once more lives anew. */
void dns_questions_ask(struct dns_questions *questions, const struct dns_path *path,
                       const struct dns_message *question, uint64_t now_ms);
/* answers_max: how many different ones are welcome. */
enum dns_reply dns_questions_answer(struct dns_questions *questions, const struct dns_path *path,
                                    const struct dns_message *answer, unsigned answers_max,
                                    uint64_t now_ms);
/* Those that had no answer yet when they made room for others. */
uint64_t dns_questions_lost(const struct dns_questions *questions);
size_t dns_questions_count(const struct dns_questions *questions);

#endif

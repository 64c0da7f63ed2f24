/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_DNS_SHARES_H
#define HOPGUARD_FLOW_DNS_SHARES_H

/*
 * How many DNS answers are read in a second: of all clients, of one client at most a half. Names that matter are outside of that,
 * with a bound each, so that whoever brings a resolver to ask for many names does not hide one that is forged. The hosts and
 * aliases to which an answer about such a name leads matter, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/table.h"
#include "wire/dns_message.h"

enum {
	/* Answers a second: of MX and TLSA, and of addresses. docs/performance.md has what is behind it. */
	DNS_SHARES_MAIL_RATE = 4000,
	DNS_SHARES_ADDRESS_RATE = 8000,
	DNS_SHARES_NAME_RATE = 64, /* of one name that matters */
	DNS_SHARES_NAMES_MAX =
		512, /* that matter, and are counted at a time: beyond, one is counted anew */
	DNS_SHARES_CLIENTS_MAX = 256,
	DNS_SHARES_FOLLOWED_MAX = 4096,
	DNS_SHARES_FOLLOWED_MS = 60 * 60 * 1000,
};

struct dns_shares;

/* NULL: out of memory. */
struct dns_shares *dns_shares_new(const uint8_t secret[TABLE_SECRET_LEN]);
void dns_shares_free(struct dns_shares *shares);

/* Whether an answer about a name that matters led to this one; of a TLSA name its host counts. */
bool dns_shares_follows(const struct dns_shares *shares, const struct dns_message *answer,
                        uint64_t now_ms);
/* Of an answer about a name that matters: its MX hosts and aliases matter from now on. */
void dns_shares_follow(struct dns_shares *shares, const struct dns_message *answer,
                       uint64_t now_ms);
/* False: beyond the bound. matters: the answer's name does. */
bool dns_shares_take(struct dns_shares *shares, const struct address *client,
                     const struct dns_message *answer, bool matters, uint64_t now_ms);

#endif

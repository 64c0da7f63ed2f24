/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dns_shares.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

/* What was taken in this second. */
struct share {
	uint64_t second;
	uint32_t mail;
	uint32_t addresses;
};

struct dns_shares {
	struct table *clients;  /* struct address → struct share */
	struct table *names;    /* hash of name and type → struct share */
	struct table *followed; /* hash of name → uint64_t, until when */
	struct share all;
	uint8_t secret[TABLE_SECRET_LEN];
};

struct dns_shares *dns_shares_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct dns_shares *shares = calloc(1, sizeof(*shares));

	if (!shares)
		return NULL;
	memcpy(shares->secret, secret, TABLE_SECRET_LEN);
	shares->clients = table_new(DNS_SHARES_CLIENTS_MAX, sizeof(struct address),
	                            sizeof(struct share), secret, NULL, NULL);
	shares->names = table_new(DNS_SHARES_NAMES_MAX, sizeof(uint64_t), sizeof(struct share),
	                          secret, NULL, NULL);
	shares->followed = table_new(DNS_SHARES_FOLLOWED_MAX, sizeof(uint64_t), sizeof(uint64_t),
	                             secret, NULL, NULL);
	if (shares->clients && shares->names && shares->followed)
		return shares;
	dns_shares_free(shares);
	return NULL;
}

void dns_shares_free(struct dns_shares *shares)
{
	if (!shares)
		return;
	table_free(shares->clients);
	table_free(shares->names);
	table_free(shares->followed);
	free(shares);
}

static uint64_t hash_of(const struct dns_shares *shares, const char *name)
{
	return siphash(shares->secret, name, strlen(name));
}

/* "_25._tcp.mx.example.org" (RFC 6698 section 3): the host. */
static const char *host_of(const char *name)
{
	while (name[0] == '_' && strchr(name, '.'))
		name = strchr(name, '.') + 1;
	return name;
}

bool dns_shares_follows(const struct dns_shares *shares, const struct dns_message *answer,
                        uint64_t now_ms)
{
	uint64_t hash = hash_of(shares, answer->type == DNS_TYPE_TLSA ? host_of(answer->name)
	                                                              : answer->name);
	const uint64_t *until_ms = table_peek(shares->followed, &hash);

	return until_ms && *until_ms > now_ms;
}

static void follow_name(struct dns_shares *shares, const char *name, uint64_t now_ms)
{
	uint64_t hash = hash_of(shares, name);
	uint64_t *until_ms = table_find(shares->followed, &hash);

	if (!until_ms)
		until_ms = table_insert(shares->followed, &hash);
	if (until_ms)
		*until_ms = now_ms + DNS_SHARES_FOLLOWED_MS;
}

void dns_shares_follow(struct dns_shares *shares, const struct dns_message *message,
                       uint64_t now_ms)
{
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;

	if (dns_answer_parse(&answer, message->octets) != PARSE_OK)
		return;
	if (dns_answer_has_alias(&answer))
		follow_name(shares, answer.canonical, now_ms);
	for (size_t i = 0; message->type == DNS_TYPE_MX && dns_answer_record(&record, &answer, i);
	     i++) {
		if (dns_mx_parse(&mx, &answer, &record) == PARSE_OK && mx.host[0])
			follow_name(shares, mx.host, now_ms);
	}
}

static bool charge(struct share *share, bool is_about_mail, uint64_t second, uint32_t parts)
{
	if (share->second != second)
		*share = (struct share){ .second = second };
	if (is_about_mail)
		return share->mail++ < DNS_SHARES_MAIL_RATE / parts;
	return share->addresses++ < DNS_SHARES_ADDRESS_RATE / parts;
}

static struct share *obtain(struct table *table, const void *key)
{
	struct share *share = table_find(table, key);

	return share ? share : table_insert(table, key);
}

static bool take_name(struct dns_shares *shares, const struct dns_message *answer, uint64_t second)
{
	uint64_t key = hash_of(shares, answer->name) ^ answer->type;
	struct share *share = obtain(shares->names, &key);

	if (!share)
		return false;
	if (share->second != second)
		*share = (struct share){ .second = second };
	return share->mail++ < DNS_SHARES_NAME_RATE;
}

bool dns_shares_take(struct dns_shares *shares, const struct address *client,
                     const struct dns_message *answer, bool matters, uint64_t now_ms)
{
	bool is_about_mail = answer->type == DNS_TYPE_MX || answer->type == DNS_TYPE_TLSA;
	uint64_t second = now_ms / 1000;
	struct share *share;

	if (matters)
		return take_name(shares, answer, second);
	share = obtain(shares->clients, client);
	return share && charge(share, is_about_mail, second, 2) &&
	       charge(&shares->all, is_about_mail, second, 1);
}

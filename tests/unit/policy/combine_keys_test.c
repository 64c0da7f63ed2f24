/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/combine_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/promise_cache.h"
#include "verdict/sound.h"

static const uint8_t digest[32] = { 0x60, 0xb8, 0x75 };
static const struct address here = { .family = 4, .octets = { 192, 0, 2, 25 } };
static const struct address elsewhere = { .family = 4, .octets = { 192, 0, 2, 66 } };

/* Two hosts, the first of them at `here`. */
static struct destination *new_destination(enum promise_source source, enum dns_security mx)
{
	struct destination *destination = calloc(1, sizeof(*destination));

	assert_non_null(destination);
	strcpy(destination->name, "example.org");
	destination->mx_state = MX_FOUND;
	destination->mx_security = mx;
	destination->ttl_s = 300;
	destination->host_count = 2;
	for (int i = 0; i < 2; i++) {
		struct mx_host *host = &destination->hosts[i];

		snprintf(host->name, sizeof(host->name), "mx%d.example.org", i + 1);
		host->promise.state = PROMISE_KEY;
		host->promise.source = source;
	}
	destination->place_count = 1;
	destination->places[0].address = here;
	return destination;
}

static struct dane_keys *new_keys(const char *base)
{
	struct dane_keys *keys = calloc(1, sizeof(*keys));

	assert_non_null(keys);
	strcpy(keys->base, base);
	memcpy(keys->octets, digest, sizeof(digest));
	keys->octets_len = sizeof(digest);
	keys->records[0] = (struct tlsa){ TLSA_DANE_TA, TLSA_PUBLIC_KEY, TLSA_SHA256,
		                          bytes_of(keys->octets, sizeof(digest)) };
	keys->count = 1;
	return keys;
}

/* "pkix mta-sts mx1.example.org; tlsa dane … 2 1 1" */
static const char *words(struct bytes packed)
{
	static const char *const kinds[] = { "", "tlsa", "pkix", "fingerprint" };
	static char text[2048];
	struct cursor rest = cursor_over(packed);
	struct key_rule rule;

	text[0] = '\0';
	while (key_rule_next(&rule, &rest)) {
		size_t len = strlen(text);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s %.*s",
		                        len ? "; " : "", kinds[rule.kind],
		                        promise_source_name(rule.source), (int)rule.names.len,
		                        (const char *)rule.names.data);
		for (size_t i = 0; i < rule.record_count; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u %u %u/%zu",
			                        rule.records[i].usage, rule.records[i].selector,
			                        rule.records[i].matching, rule.records[i].data.len);
	}
	assert_false(rest.failed);
	return text;
}

static const char *words_of(const struct destination *destination, struct key_slice slice)
{
	return words(bytes_of(destination->keys + slice.at, slice.len));
}

static struct local_entry entry_of(enum local_level level, const char *match)
{
	struct local_entry entry = { .level = level };

	strcpy(entry.name, "example.org");
	strcpy(entry.match, match);
	return entry;
}

static const struct {
	const char *name;
	enum promise_source source;
	enum dns_security mx;
	bool has_tlsa;
	enum local_level level;
	const char *match;
	const char *want; /* of the first host */
} cases[] = {
	{ "TLSA records may be met under the domain's names where the MX RRset is signed",
	  SOURCE_DANE, DNS_SECURE, true, LOCAL_UNSET, "",
	  "tlsa dane base.example.org:example.org:real.example 2 1 1/32" },
	{ "where it is not, only under the host's", SOURCE_DANE, DNS_INSECURE, true, LOCAL_UNSET,
	  "", "tlsa dane base.example.org 2 1 1/32" },
	{ "a policy asks for the host's name", SOURCE_MTA_STS, DNS_SECURE, false, LOCAL_UNSET, "",
	  "pkix mta-sts mx1.example.org" },
	{ "with an unsigned MX RRset for its TLSA records beside", SOURCE_MTA_STS, DNS_INSECURE,
	  true, LOCAL_UNSET, "",
	  "pkix mta-sts mx1.example.org; tlsa dane base.example.org 2 1 1/32" },
	{ "so does a list", SOURCE_LIST, DNS_INSECURE, false, LOCAL_UNSET, "",
	  "pkix list mx1.example.org" },
	{ "verify asks for the host's name", SOURCE_LOCAL, DNS_INSECURE, true, LOCAL_VERIFY, "",
	  "pkix local mx1.example.org" },
	{ "secure for the domain's, or one below it", SOURCE_LOCAL, DNS_INSECURE, true,
	  LOCAL_SECURE, "", "pkix local example.org:.example.org" },
	{ "match says for which else", SOURCE_LOCAL, DNS_INSECURE, false, LOCAL_SECURE,
	  "hostname:.example.net:nexthop", "pkix local mx1.example.org:.example.net:example.org" },
	{ "fingerprint for one of its digests", SOURCE_LOCAL, DNS_INSECURE, false,
	  LOCAL_FINGERPRINT, "", "fingerprint local  0 0 0/32 0 0 0/32" },
	{ "DANE without a record to be used asks for none", SOURCE_DANE, DNS_SECURE, false,
	  LOCAL_UNSET, "", "" },
};

static void each_source_asks_for_its_own_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct destination *destination = new_destination(cases[i].source, cases[i].mx);
		struct dane_keys *keys[MX_HOSTS_MAX] = { NULL };
		struct local_entry entry = entry_of(cases[i].level, cases[i].match);
		const struct key_sources sources = {
			.entry = cases[i].level != LOCAL_UNSET ? &entry : NULL,
			.dane = keys,
			.canonical = "real.example",
		};

		entry.fingerprint_count = 2;
		if (cases[i].has_tlsa)
			keys[0] = new_keys("base.example.org");
		combine_keys(destination, &sources);
		if (strcmp(words_of(destination, destination->hosts[0].keys), cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name,
			         words_of(destination, destination->hosts[0].keys));
		assert_true(destination_is_sound(destination));
		free(keys[0]);
		free(destination);
	}
}

/* What met them is still what meets them. */
static void records_in_another_order_ask_for_the_same(void **state)
{
	struct dane_keys *keys[MX_HOSTS_MAX] = { new_keys("base.example.org") };
	const struct key_sources sources = { .dane = keys, .canonical = "" };
	struct destination *once = new_destination(SOURCE_DANE, DNS_SECURE),
			   *again = new_destination(SOURCE_DANE, DNS_SECURE);
	struct tlsa *records = keys[0]->records;
	struct tlsa first;

	(void)state;
	keys[0]->count = 2;
	keys[0]->octets[sizeof(digest)] = digest[0] ^ 1;
	records[1] = records[0];
	records[1].data = bytes_of(keys[0]->octets + 1, sizeof(digest));
	combine_keys(once, &sources);
	first = records[0];
	records[0] = records[1];
	records[1] = first;
	combine_keys(again, &sources);
	assert_true(once->keys_len > 2 * sizeof(digest));
	assert_int_equal(once->keys_len, again->keys_len);
	assert_memory_equal(once->keys, again->keys, once->keys_len);
	free(keys[0]);
	free(once);
	free(again);
}

static void the_operators_word_holds_where_no_host_is_known(void **state)
{
	struct destination *destination = new_destination(SOURCE_LOCAL, DNS_INSECURE);
	struct local_entry entry = entry_of(LOCAL_SECURE, "");
	struct dane_keys *keys[MX_HOSTS_MAX] = { NULL };
	const struct key_sources sources = { .entry = &entry, .dane = keys, .canonical = "" };

	(void)state;
	destination->host_count = destination->place_count = 0;
	destination->promise.state = PROMISE_KEY;
	destination->promise.source = SOURCE_LOCAL;
	strcpy(entry.next_hop, "relay.example.net");
	combine_keys(destination, &sources);
	assert_string_equal(words_of(destination, destination->keys_anywhere),
	                    "pkix local relay.example.net:.relay.example.net");
	free(destination);
}

static void hosts_beyond_the_room_stay_without(void **state)
{
	struct destination *destination = new_destination(SOURCE_DANE, DNS_SECURE);
	struct dane_keys *keys[MX_HOSTS_MAX] = { NULL };
	const struct key_sources sources = { .dane = keys, .canonical = "" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		keys[i] = new_keys("base.example.org");
		keys[i]->records[0].matching = TLSA_FULL;
		keys[i]->records[0].data = bytes_of(keys[i]->octets, DESTINATION_KEYS_MAX / 2);
	}
	combine_keys(destination, &sources);
	assert_true(destination->hosts[0].keys.len > DESTINATION_KEYS_MAX / 2);
	assert_int_equal(destination->hosts[1].keys.len, 0);
	assert_true(destination_is_sound(destination));
	free(keys[0]);
	free(keys[1]);
	free(destination);
}

/* What a guard finds again of them, by the hop that its cache gave. */
static const char *cached_words(const struct destination *destination,
                                const struct address *address)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = { 7 };
	struct promise_cache *cache = promise_cache_new(16, secret);
	static struct key_rules rules;
	struct hop hop;

	assert_int_equal(promise_cache_put(cache, destination, 1000), 0);
	assert_int_equal(promise_cache_find(&hop, cache, "example.org", address, 2000),
	                 CACHE_FRESH);
	if (!promise_cache_keys(&rules, cache, &hop, address, 2000))
		rules.len = 0;
	promise_cache_free(cache);
	return words(bytes_of(rules.octets, rules.len));
}

static void a_guard_asks_for_the_key_of_the_host_at_the_address(void **state)
{
	struct destination *destination = new_destination(SOURCE_MTA_STS, DNS_INSECURE);
	struct dane_keys *keys[MX_HOSTS_MAX] = { NULL };
	const struct key_sources sources = { .dane = keys, .canonical = "" };

	(void)state;
	combine_keys(destination, &sources);
	assert_string_equal(cached_words(destination, &here), "pkix mta-sts mx1.example.org");
	assert_string_equal(cached_words(destination, &elsewhere),
	                    "pkix mta-sts mx1.example.org; pkix mta-sts mx2.example.org");
	destination->places[0].host = 1;
	destination->place_count = 2;
	destination->places[1].address = here;
	assert_string_equal(cached_words(destination, &here),
	                    "pkix mta-sts mx1.example.org; pkix mta-sts mx2.example.org");
	destination->hosts[0].is_excluded = true;
	assert_string_equal(cached_words(destination, &here), "pkix mta-sts mx2.example.org");
	free(destination);
}

/* Whoever forges an unsigned MX answer would have his own name beside one that a policy's pattern allows. */
static void a_host_whose_label_reads_as_two_names_has_none(void **state)
{
	struct destination *destination = new_destination(SOURCE_MTA_STS, DNS_INSECURE);
	struct dane_keys *keys[MX_HOSTS_MAX] = { NULL };
	const struct key_sources sources = { .dane = keys, .canonical = "" };

	(void)state;
	strcpy(destination->hosts[0].name, "localhost:a.example.org");
	combine_keys(destination, &sources);
	assert_string_equal(cached_words(destination, &here), "pkix mta-sts ");
	free(destination);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_source_asks_for_its_own_key),
		cmocka_unit_test(records_in_another_order_ask_for_the_same),
		cmocka_unit_test(the_operators_word_holds_where_no_host_is_known),
		cmocka_unit_test(hosts_beyond_the_room_stay_without),
		cmocka_unit_test(a_host_whose_label_reads_as_two_names_has_none),
		cmocka_unit_test(a_guard_asks_for_the_key_of_the_host_at_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

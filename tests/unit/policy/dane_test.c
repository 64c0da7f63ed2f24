/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dane.h"

#include <stdlib.h>

#include "scripted_resolver.h"

#define DOMAIN "example.org"

static struct {
	size_t told;
	struct dane_result result;
} heard;

static void on_dane(void *owner, struct dane_result *result)
{
	assert_ptr_equal(owner, &heard);
	heard.told++;
	heard.result = *result;
	memset(result->keys, 0, sizeof(result->keys));
}

static int begin_dane(void **state)
{
	memset(&heard, 0, sizeof(heard));
	return begin_script(state);
}

static int end_dane(void **state)
{
	for (size_t i = 0; i < MX_HOSTS_MAX; i++)
		free(heard.result.keys[i]);
	return end_script(state);
}

static const struct destination *told(void)
{
	assert_int_equal(heard.told, 1);
	return &heard.result.destination;
}

static void ask_domain(void)
{
	assert_non_null(dane_ask_domain(&script, DOMAIN, on_dane, &heard));
}

static void ask_host(const char *name)
{
	assert_non_null(dane_ask_host(&script, name, on_dane, &heard));
}

/* Neither family has an address. */
static void have_no_address(const char *name, enum dns_security security)
{
	deny(name, DNS_TYPE_A, FOUND, security);
	deny(name, DNS_TYPE_AAAA, FOUND, security);
}

static void have_address(const char *name, enum dns_security security)
{
	struct message message;

	begin(&message, FOUND, name, DNS_TYPE_A, 1, 0);
	add_a(&message, name, 0xc6336419, 60);
	answer(&message, security);
	deny(name, DNS_TYPE_AAAA, FOUND, security);
}

/* The host is an alias of mx.elsewhere.example, all of which is as secure. */
static void be_alias(const char *name, enum dns_security security)
{
	struct message message;

	begin(&message, FOUND, name, DNS_TYPE_A, 2, 0);
	add_alias(&message, name, "mx.elsewhere.example", 60);
	add_a(&message, "mx.elsewhere.example", 0xc6336419, 60);
	answer(&message, security);
	deny(name, DNS_TYPE_AAAA, FOUND, security);
}

static void have_tlsa(const char *base, enum dns_security security)
{
	static const uint8_t data[3 + 32] = { 3, 1, 1, 0xab };
	struct message message;
	char name[DNS_NAME_TEXT_MAX];

	snprintf(name, sizeof(name), "_25._tcp.%.200s", base);
	begin(&message, FOUND, name, DNS_TYPE_TLSA, 1, 0);
	add_octets(&message, name, DNS_TYPE_TLSA, bytes_of(data, sizeof(data)));
	answer(&message, security);
}

static const struct promise *promise_of(size_t index)
{
	assert_true(index < told()->host_count);
	return &told()->hosts[index].promise;
}

static void hosts_stand_by_preference_and_each_name_once(void **state)
{
	static const char *const order[] = { "b.example", "a.example", "c.example" };
	struct message message;

	(void)state;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, 6, 0);
	add_mx(&message, DOMAIN, 20, "b.example");
	add_mx(&message, DOMAIN, 10, "a.example");
	add_mx(&message, DOMAIN, 10, "c.example");
	add_mx(&message, DOMAIN, 5, "b.example");
	add_mx(&message, DOMAIN, 30, "a.example");
	add_octets(&message, DOMAIN, DNS_TYPE_MX, bytes_of_string("x")); /* cut short */
	answer(&message, DNS_SECURE);
	for (size_t i = 0; i < 3; i++)
		have_no_address(order[i], DNS_SECURE);
	assert_int_equal(told()->mx_state, MX_FOUND);
	assert_int_equal(told()->host_count, 3);
	assert_int_equal(told()->hosts[0].preference, 5);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(told()->hosts[i].name, order[i]);
		assert_int_equal(promise_of(i)->state, PROMISE_NONE);
	}
	assert_false(told()->is_truncated);
}

static void of_too_many_hosts_the_best_preferences_stay(void **state)
{
	enum { COUNT = MX_HOSTS_MAX + 3 };
	struct message message;
	char host[32];

	(void)state;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, COUNT, 0);
	for (unsigned i = 0; i < COUNT - 1; i++) {
		snprintf(host, sizeof(host), "mx%u.example", i);
		add_mx(&message, DOMAIN, 100 - i, host);
	}
	add_mx(&message, DOMAIN, 200, "worst.example");
	answer(&message, DNS_INSECURE);
	for (unsigned i = 2; i < COUNT - 1; i++) {
		snprintf(host, sizeof(host), "mx%u.example", i);
		have_no_address(host, DNS_INSECURE);
	}
	assert_true(told()->is_truncated);
	assert_int_equal(told()->host_count, MX_HOSTS_MAX);
	assert_string_equal(told()->hosts[0].name, "mx33.example");
	assert_string_equal(told()->hosts[MX_HOSTS_MAX - 1].name, "mx2.example");
}

static void a_null_mx_is_one_record_only(void **state)
{
	struct message message;

	(void)state;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, 1, 0);
	add_mx(&message, DOMAIN, 0, "");
	answer(&message, DNS_SECURE);
	assert_int_equal(told()->mx_state, MX_NULL);
	assert_int_equal(told()->host_count, 0);
	assert_string_equal(told()->why, "null MX: the domain accepts no mail");
	heard.told = 0;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, 2, 0);
	add_mx(&message, DOMAIN, 0, "");
	add_mx(&message, DOMAIN, 1, "");
	answer(&message, DNS_SECURE);
	assert_int_equal(told()->mx_state, MX_FOUND);
	assert_int_equal(told()->host_count, 0);
	assert_string_equal(told()->why, "no MX record names a host");
}

static void a_domain_without_mx_is_its_own_host_and_one_that_is_not_has_none(void **state)
{
	(void)state;
	ask_domain();
	deny(DOMAIN, DNS_TYPE_MX, FOUND, DNS_SECURE);
	have_no_address(DOMAIN, DNS_SECURE);
	assert_int_equal(told()->mx_state, MX_IMPLICIT);
	assert_int_equal(told()->host_count, 1);
	assert_string_equal(told()->hosts[0].name, DOMAIN);
	heard.told = 0;
	ask_domain();
	deny(DOMAIN, DNS_TYPE_MX, ABSENT, DNS_SECURE);
	assert_int_equal(told()->mx_state, MX_NXDOMAIN);
	assert_int_equal(told()->host_count, 0);
	assert_string_equal(told()->why, "the domain does not exist");
	assert_int_equal(told()->ttl_s, 300);
}

static void an_mx_look_up_that_fails_says_why_and_is_soon_repeated(void **state)
{
	(void)state;
	ask_domain();
	fail_query(DOMAIN, DNS_TYPE_MX, DNS_BOGUS, "no signatures");
	assert_int_equal(told()->mx_state, MX_UNAVAILABLE);
	assert_int_equal(told()->mx_security, DNS_BOGUS);
	assert_string_equal(told()->why, "MX " DOMAIN ": bogus: no signatures");
	assert_int_equal(told()->ttl_s, DANE_RETRY_S);
	assert_string_equal(heard.result.canonical, "");
}

static void addresses_beyond_all_room_are_told_to_be_missing(void **state)
{
	enum { HOSTS = 5, ADDRESSES = DANE_ADDRESSES_MAX + 1 };
	struct message message;
	char host[32];

	(void)state;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, HOSTS, 0);
	for (unsigned i = 0; i < HOSTS; i++) {
		snprintf(host, sizeof(host), "mx%u.example", i);
		add_mx(&message, DOMAIN, i, host);
	}
	answer(&message, DNS_INSECURE);
	/* The worst is there first. */
	for (unsigned i = HOSTS; i-- > 0;) {
		snprintf(host, sizeof(host), "mx%u.example", i);
		deny(host, DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
		begin(&message, FOUND, host, DNS_TYPE_A, ADDRESSES, 0);
		for (unsigned k = 0; k < ADDRESSES; k++)
			add_a(&message, host, 0xc6330000 + i * 256 + k, 60);
		answer(&message, DNS_INSECURE);
	}
	assert_true(told()->is_truncated);
	assert_int_equal(told()->place_count, MX_PLACES_MAX);
	for (unsigned i = 0; i < MX_PLACES_MAX; i++) {
		assert_int_equal(told()->places[i].host, i / DANE_ADDRESSES_MAX);
		assert_int_equal(told()->places[i].address.octets[3], i % DANE_ADDRESSES_MAX);
	}
}

static void an_address_of_another_length_is_none(void **state)
{
	struct message message;

	(void)state;
	ask_host("mx.example");
	begin(&message, FOUND, "mx.example", DNS_TYPE_A, 2, 0);
	add_octets(&message, "mx.example", DNS_TYPE_A, bytes_of_string("abc"));
	add_a(&message, "mx.example", 0xc6336419, 60);
	answer(&message, DNS_INSECURE);
	deny("mx.example", DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
	assert_int_equal(told()->mx_state, MX_HOST);
	assert_int_equal(told()->place_count, 1);
	assert_int_equal(told()->places[0].address.octets[3], 0x19);
}

static void an_insecure_host_is_not_asked_for_keys(void **state)
{
	(void)state;
	ask_host("mx.example");
	have_address("mx.example", DNS_INSECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_NONE);
	assert_int_equal(told()->hosts[0].address_security, DNS_INSECURE);
	assert_int_equal(script.asked, 2);
}

static void an_alias_in_a_secure_zone_promises_though_its_end_is_insecure(void **state)
{
	struct message message;

	(void)state;
	ask_host("mx.example");
	be_alias("mx.example", DNS_INSECURE);
	begin(&message, FOUND, "mx.example", DNS_TYPE_CNAME, 1, 0);
	add_alias(&message, "mx.example", "mx.elsewhere.example", 60);
	answer(&message, DNS_SECURE);
	assert_false(is_asked("_25._tcp.mx.elsewhere.example", DNS_TYPE_TLSA));
	have_tlsa("mx.example", DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_KEY);
	assert_string_equal(heard.result.keys[0]->base, "mx.example");
	assert_int_equal(heard.result.keys[0]->count, 1);
}

static void an_alias_in_an_insecure_zone_promises_nothing(void **state)
{
	struct message message;

	(void)state;
	ask_host("mx.example");
	be_alias("mx.example", DNS_INSECURE);
	begin(&message, FOUND, "mx.example", DNS_TYPE_CNAME, 1, 0);
	add_alias(&message, "mx.example", "mx.elsewhere.example", 60);
	answer(&message, DNS_INSECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_NONE);
}

/* Who can make it fail could hide the promise. */
static void an_alias_that_cannot_be_looked_up_is_no_answer(void **state)
{
	(void)state;
	ask_host("mx.example");
	be_alias("mx.example", DNS_INSECURE);
	fail_query("mx.example", DNS_TYPE_CNAME, DNS_FAILED, "no reply");
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_string_equal(promise_of(0)->detail, "CNAME mx.example: no reply");
	assert_int_equal(told()->ttl_s, DANE_RETRY_S);
}

static void of_a_secure_alias_the_end_is_asked_first_then_its_name(void **state)
{
	(void)state;
	ask_host("mx.example");
	be_alias("mx.example", DNS_SECURE);
	assert_false(is_asked("_25._tcp.mx.example", DNS_TYPE_TLSA));
	deny("_25._tcp.mx.elsewhere.example", DNS_TYPE_TLSA, ABSENT, DNS_SECURE);
	have_tlsa("mx.example", DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_KEY);
	assert_string_equal(heard.result.keys[0]->base, "mx.example");
}

static void a_host_without_address_is_known_to_have_none_or_not_known(void **state)
{
	(void)state;
	ask_host("mx.example");
	deny("mx.example", DNS_TYPE_A, FOUND, DNS_SECURE);
	deny("mx.example", DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_NONE);
	assert_int_equal(told()->hosts[0].address_security, DNS_INSECURE);
	heard.told = 0;
	ask_host("mx.example");
	deny("mx.example", DNS_TYPE_A, FOUND, DNS_SECURE);
	fail_query("mx.example", DNS_TYPE_AAAA, DNS_BOGUS, "forged");
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_int_equal(told()->hosts[0].address_security, DNS_BOGUS);
	assert_string_equal(promise_of(0)->detail, "AAAA mx.example: bogus: forged");
}

static void tlsa_that_cannot_be_looked_up_is_no_answer(void **state)
{
	(void)state;
	ask_host("mx.example");
	have_address("mx.example", DNS_SECURE);
	fail_query("_25._tcp.mx.example", DNS_TYPE_TLSA, DNS_BOGUS, "stripped");
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_string_equal(promise_of(0)->detail, "TLSA mx.example: bogus: stripped");
	assert_null(heard.result.keys[0]);
}

static void keys_that_nobody_can_use_still_promise_tls(void **state)
{
	static const uint8_t cut[] = { 3, 1 }, unusable[3 + 32] = { 0, 1, 1 };
	const char *name = "_25._tcp.mx.example";
	struct message message;

	(void)state;
	ask_host("mx.example");
	have_address("mx.example", DNS_SECURE);
	begin(&message, FOUND, name, DNS_TYPE_TLSA, 2, 0);
	add_octets(&message, name, DNS_TYPE_TLSA, bytes_of(cut, sizeof(cut)));
	add_octets(&message, name, DNS_TYPE_TLSA, bytes_of(unusable, sizeof(unusable)));
	answer(&message, DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_TLS);
	assert_non_null(strstr(promise_of(0)->detail, "(unusable)"));
	assert_int_equal(heard.result.keys[0]->count, 0);
}

static void of_a_name_too_long_for_tlsa_none_is_asked(void **state)
{
	char name[246];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t at = 60; at < sizeof(name) - 1; at += 61)
		name[at] = '.';
	ask_host(name);
	have_address(name, DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_NONE);
	assert_int_equal(script.asked, 2);
}

static void without_memory_for_a_question_nothing_is_promised_away(void **state)
{
	struct message message;

	(void)state;
	script.left = 0;
	assert_null(dane_ask_domain(&script, DOMAIN, on_dane, &heard));
	script.left = 1; /* of two families */
	assert_null(dane_ask_host(&script, "mx.example", on_dane, &heard));
	assert_int_equal(open_count(), 0);
	script.left = 1;
	ask_domain();
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, 1, 0);
	add_mx(&message, DOMAIN, 1, "mx.example");
	answer(&message, DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_string_equal(promise_of(0)->detail, "out of memory");
	assert_int_equal(told()->ttl_s, DANE_RETRY_S);
	heard.told = 0;
	script.left = 2;
	ask_host("mx.example");
	have_address("mx.example", DNS_SECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_string_equal(promise_of(0)->detail, "TLSA mx.example: out of memory");
	heard.told = 0;
	script.left = 2;
	ask_host("mx.example");
	be_alias("mx.example", DNS_INSECURE);
	assert_int_equal(promise_of(0)->state, PROMISE_UNAVAILABLE);
	assert_string_equal(promise_of(0)->detail, "CNAME mx.example: out of memory");
}

static void what_is_cancelled_leaves_no_question_and_is_not_told(void **state)
{
	struct message message;
	struct dane *dane = dane_ask_domain(&script, DOMAIN, on_dane, &heard);

	(void)state;
	assert_int_equal(open_count(), 1);
	dane_cancel(dane);
	assert_int_equal(open_count(), 0);
	dane = dane_ask_domain(&script, DOMAIN, on_dane, &heard);
	begin(&message, FOUND, DOMAIN, DNS_TYPE_MX, 2, 0);
	add_mx(&message, DOMAIN, 1, "mx.example");
	add_mx(&message, DOMAIN, 2, "mx2.example");
	answer(&message, DNS_SECURE);
	have_address("mx.example", DNS_SECURE);
	assert_int_equal(open_count(), 3);
	dane_cancel(dane);
	assert_int_equal(open_count(), 0);
	assert_int_equal(heard.told, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_dane, end_dane)
	const struct CMUnitTest tests[] = {
		TEST(hosts_stand_by_preference_and_each_name_once),
		TEST(of_too_many_hosts_the_best_preferences_stay),
		TEST(a_null_mx_is_one_record_only),
		TEST(a_domain_without_mx_is_its_own_host_and_one_that_is_not_has_none),
		TEST(an_mx_look_up_that_fails_says_why_and_is_soon_repeated),
		TEST(addresses_beyond_all_room_are_told_to_be_missing),
		TEST(an_address_of_another_length_is_none),
		TEST(an_insecure_host_is_not_asked_for_keys),
		TEST(an_alias_in_a_secure_zone_promises_though_its_end_is_insecure),
		TEST(an_alias_in_an_insecure_zone_promises_nothing),
		TEST(an_alias_that_cannot_be_looked_up_is_no_answer),
		TEST(of_a_secure_alias_the_end_is_asked_first_then_its_name),
		TEST(a_host_without_address_is_known_to_have_none_or_not_known),
		TEST(tlsa_that_cannot_be_looked_up_is_no_answer),
		TEST(keys_that_nobody_can_use_still_promise_tls),
		TEST(of_a_name_too_long_for_tlsa_none_is_asked),
		TEST(without_memory_for_a_question_nothing_is_promised_away),
		TEST(what_is_cancelled_leaves_no_question_and_is_not_told),
	};

	return cmocka_run_group_tests_name("policy/dane", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_judge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "check_scene.h"

static void a_sound_domain_has_nothing_wrong(void **state)
{
	struct check_scene *scene = *state;

	assert_string_equal(check_scene_judge(scene), "");
	assert_int_equal(check_strength_of_domain(&scene->facts), STRENGTH_DANE);
}

static void a_host_without_a_key_is_the_way_to_a_downgrade(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.sts.state = STS_NONE;
	check_scene_host(scene, "mx2.example.org", 20);
	assert_string_equal(check_scene_judge(scene), "");
	scene->facts.destination.hosts[1].promise.state = PROMISE_NONE;
	scene->facts.hosts[1].tlsa.count = 0;
	assert_string_equal(check_scene_judge(scene), "weak-mx");
	assert_string_equal(scene->findings.list[0].where, "mx2.example.org");
	assert_string_equal(scene->findings.list[0].detail,
	                    "preference 20, TLS that can be stripped; while mx1.example.org has "
	                    "TLS with a signed key");
	assert_int_equal(check_strength_of_domain(&scene->facts), STRENGTH_TLS);
}

static void one_address_without_tls_is_the_way_to_a_downgrade(void **state)
{
	struct check_scene *scene = *state;
	struct destination *destination = &scene->facts.destination;

	scene->facts.sts.state = STS_NONE;
	destination->hosts[0].promise.state = PROMISE_NONE;
	scene->facts.hosts[0].tlsa.count = 0;
	check_scene_host(scene, "mx2.example.org", 20);
	destination->host_count = 1;
	destination->places[1].host = 0;
	assert_string_equal(check_scene_judge(scene), "no-promise");
	scene->facts.places[1].seen->outcome = VISIT_NOT_OFFERED;
	scene->facts.places[1].seen->step = VISIT_AT_STARTTLS;
	scene->facts.places[1].seen->has_leaf = false;
	assert_string_equal(check_scene_judge(scene), "starttls-missing weak-mx no-promise");
	assert_string_equal(scene->findings.list[1].where, "mx1.example.org 192.0.2.2");
	assert_string_equal(scene->findings.list[1].detail,
	                    "clear text; while 192.0.2.1 has TLS that can be stripped");
}

static void a_policy_that_all_keep_is_weaker_than_a_key_of_one(void **state)
{
	struct check_scene *scene = *state;

	check_scene_host(scene, "mx2.example.org", 20);
	scene->facts.destination.hosts[1].promise.state = PROMISE_NONE;
	assert_string_equal(check_scene_judge(scene), "weak-mx tlsa-insecure");
	assert_int_equal(check_strength_of_host(&scene->facts, 1), STRENGTH_POLICY);
}

static void without_any_promise_good_tls_is_not_good(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.sts.state = STS_NONE;
	scene->facts.destination.hosts[0].promise.state = PROMISE_NONE;
	scene->facts.hosts[0].tlsa.count = 0;
	assert_string_equal(check_scene_judge(scene), "no-promise");
	scene->facts.sts.state = STS_POLICY;
	scene->facts.sts.mode = MX_POLICY_TESTING;
	assert_string_equal(check_scene_judge(scene), "mta-sts-testing no-promise");
	scene->facts.list.state = CHECK_LISTED_ENFORCE;
	assert_string_equal(check_scene_judge(scene), "list-mx mta-sts-testing");
	scene->facts.hosts[0].is_in_list = true;
	assert_string_equal(check_scene_judge(scene), "mta-sts-testing");
}

static void a_key_behind_an_unsigned_mx_proves_no_way(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.destination.mx_security = DNS_INSECURE;
	scene->facts.sts.state = STS_NONE;
	assert_string_equal(check_scene_judge(scene), "mx-unsigned");
	assert_int_equal(check_strength_of_domain(&scene->facts), STRENGTH_TLS);
}

static void a_closed_first_mx_is_nolisting_only_where_it_was_found_to_be(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = check_scene_host(scene, "mx0.example.org", 5);

	place->seen->outcome = VISIT_REFUSED;
	place->seen->step = VISIT_AT_CONNECTING;
	place->seen->has_leaf = false;
	assert_string_equal(check_scene_judge(scene), "unreachable");
	place->is_nolisting = true;
	assert_string_equal(check_scene_judge(scene), "nolisting");
}

static void dates_names_and_authorities_count_by_who_asks_for_them(void **state)
{
	static const struct {
		enum key_outcome outcome;
		int64_t left_s;
		bool is_self_issued;
		size_t certificates;
		const char *why;
		const char *kind;
	} cases[] = {
		{ KEY_EXPIRED, 60 * DAY_S, false, 2, "the certificate of an issuer expired",
		  "cert-expired" },
		{ KEY_EXPIRED, -DAY_S, false, 2, "", "cert-expired" },
		{ KEY_MET, 13 * DAY_S, false, 2, "", "cert-expires-soon" },
		{ KEY_MET, 15 * DAY_S, false, 2, "", "" },
		{ KEY_NAME_MISMATCH, 60 * DAY_S, false, 2, "", "cert-name" },
		{ KEY_UNTRUSTED, 60 * DAY_S, true, 1, "self-signed certificate",
		  "cert-self-signed" },
		{ KEY_UNTRUSTED, 60 * DAY_S, false, 1, "unable to get local issuer certificate",
		  "chain-incomplete" },
		{ KEY_UNTRUSTED, 60 * DAY_S, false, 2, "unable to get local issuer certificate",
		  "cert-untrusted" },
		{ KEY_UNTRUSTED, 60 * DAY_S, false, 1, "an RSA key of 512 bits", "cert-untrusted" },
	};
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	char note[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		place->key.pkix.outcome = cases[i].outcome;
		place->key.pkix.seen.not_after_s = NOW_S + cases[i].left_s;
		place->seen->is_self_issued = cases[i].is_self_issued;
		place->seen->certificate_count = cases[i].certificates;
		place->seen->is_root_missing = true;
		strcpy(place->key.pkix.why, cases[i].why);
		scene->facts.sts.state = STS_POLICY;
		assert_string_equal(check_scene_judge(scene), cases[i].kind);
		/* DANE with usage 3 asks for none of it. */
		scene->facts.sts.state = STS_NONE;
		snprintf(note, sizeof(note), cases[i].kind[0] ? "(%s)" : "%s", cases[i].kind);
		assert_string_equal(check_scene_judge(scene), note);
	}
}

static void the_end_of_a_certificate_counts_where_no_record_is_of_its_own_key(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_record *record = &scene->facts.hosts[0].tlsa.records[0];

	place->key.pkix.seen.not_after_s = NOW_S + 5 * DAY_S;
	scene->facts.sts.state = STS_NONE;
	assert_string_equal(check_scene_judge(scene), "(cert-expires-soon)");
	record->usage = TLSA_DANE_TA;
	assert_string_equal(check_scene_judge(scene), "cert-expires-soon");
	record->is_usable = false;
	assert_non_null(strstr(check_scene_judge(scene), "(cert-expires-soon)"));
}

static void records_are_judged_each_by_itself(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_records *tlsa = &scene->facts.hosts[0].tlsa;

	tlsa->count = 2;
	tlsa->records[1] = tlsa->records[0];
	place->key.records[1] = KEY_MISMATCH;
	assert_string_equal(check_scene_judge(scene), "(tlsa-stale)");
	tlsa->records[1].is_usable = false;
	tlsa->records[1].usage = 1;
	assert_string_equal(check_scene_judge(scene), "tlsa-unusable");
	assert_int_equal(scene->findings.list[0].severity, CHECK_WARNING);
	tlsa->records[0].is_usable = false;
	scene->facts.destination.hosts[0].promise.state = PROMISE_TLS;
	assert_string_equal(check_scene_judge(scene), "tlsa-unusable tlsa-unusable");
	assert_int_equal(scene->findings.list[0].severity, CHECK_BAD);
}

static void the_record_that_comes_closest_names_the_mismatch(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_records *tlsa = &scene->facts.hosts[0].tlsa;

	place->key.is_tlsa_met = false;
	place->key.records[0] = KEY_MISMATCH;
	memset(place->seen->leaf_digest, 0xab, sizeof(place->seen->leaf_digest));
	strcpy(place->key.record_why, "no record matches");
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch");
	assert_non_null(strstr(scene->findings.list[0].detail,
	                       "no record matches; its key would be 3 1 1 abababab"));
	tlsa->count = 2;
	tlsa->records[1] = tlsa->records[0];
	place->key.records[1] = KEY_NAME_MISMATCH;
	assert_string_equal(check_scene_judge(scene), "tlsa-name");
	place->key.records[0] = KEY_EXPIRED;
	assert_string_equal(check_scene_judge(scene), "tlsa-expired");
}

static void of_several_digests_the_strongest_alone_counts(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_records *tlsa = &scene->facts.hosts[0].tlsa;

	tlsa->count = 2;
	tlsa->records[1] = tlsa->records[0];
	place->key.records[1] = KEY_MISMATCH;
	place->key.is_tlsa_met = false;
	strcpy(place->key.record_why, "3 1 2 does not match");
	assert_string_equal(check_scene_judge(scene), "tlsa-digest");
	assert_string_equal(scene->findings.list[0].detail,
	                    "3 1 1 aabbcc... matches; 3 1 2 does not match");
}

static void an_anchor_that_is_not_sent_is_told_from_a_wrong_one(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_records *tlsa = &scene->facts.hosts[0].tlsa;

	place->key.is_tlsa_met = false;
	place->key.records[0] = KEY_MISMATCH;
	tlsa->records[0].usage = 2;
	place->key.pkix.seen.has_anchor = true;
	place->key.is_unsent[0] = true;
	assert_string_equal(check_scene_judge(scene), "tlsa-anchor");
	place->key.is_unsent[0] = false;
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch");
}

static void of_an_anchor_that_nobody_knows_both_possibilities_are_told(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];
	struct check_records *tlsa = &scene->facts.hosts[0].tlsa;

	place->key.is_tlsa_met = false;
	place->key.records[0] = KEY_MISMATCH;
	tlsa->records[0].usage = 2;
	strcpy(tlsa->records[0].text, "2 1 1 aabb");
	place->seen->is_root_missing = true;
	strcpy(place->seen->missing_issuer, "CN=Somebody");
	assert_string_equal(check_scene_judge(scene), "tlsa-anchor");
	assert_string_equal(scene->findings.list[0].detail,
	                    "2 1 1 aabb is that of no certificate in the chain: either of "
	                    "CN=Somebody, who is neither sent nor known here, or wrong");
	tlsa->records[0].matching = 0;
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch");
	tlsa->records[0].matching = 1;
	tlsa->records[0].usage = 3;
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch");
	tlsa->records[0].usage = 2;
	place->seen->is_root_missing = false;
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch");
}

static void each_of_two_keys_is_judged(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];

	place->second_seen = calloc(1, sizeof(*place->second_seen));
	*place->second_seen = *place->seen;
	place->second = place->key;
	place->seen->leaf_key = STARTTLS_KEY_ECDSA;
	place->second_seen->leaf_key = STARTTLS_KEY_RSA;
	assert_string_equal(check_scene_judge(scene), "");
	place->second.is_tlsa_met = false;
	place->second.records[0] = KEY_MISMATCH;
	assert_string_equal(check_scene_judge(scene), "tlsa-second-key");
	assert_string_equal(scene->findings.list[0].where, "mx1.example.org 192.0.2.1 (RSA)");
	assert_int_equal(check_strength_of_domain(&scene->facts), STRENGTH_UNKNOWN);
	place->key.is_tlsa_met = false;
	place->key.records[0] = KEY_MISMATCH;
	assert_string_equal(check_scene_judge(scene), "tlsa-mismatch tlsa-mismatch");
	place->key.is_tlsa_met = place->second.is_tlsa_met = true;
	place->key.records[0] = place->second.records[0] = KEY_MET;
	place->second.pkix.outcome = KEY_NAME_MISMATCH;
	assert_string_equal(check_scene_judge(scene), "cert-name");
}

static void an_order_that_some_do_not_follow_is_told(void **state)
{
	struct check_scene *scene = *state;
	struct starttls_result *seen = scene->facts.places[0].seen;

	seen->has_strangers = true;
	assert_string_equal(check_scene_judge(scene), "(chain-order)");
	seen->is_disordered = true;
	assert_string_equal(check_scene_judge(scene), "chain-order");
}

static void records_that_nothing_signed_leads_to_protect_nobody(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.destination.hosts[0].promise.state = PROMISE_NONE;
	scene->facts.destination.hosts[0].address_security = DNS_INSECURE;
	assert_string_equal(check_scene_judge(scene), "tlsa-insecure");
	scene->facts.destination.hosts[0].promise.state = PROMISE_UNAVAILABLE;
	assert_string_equal(check_scene_judge(scene), "tlsa-unknown");
	scene->facts.destination.hosts[0].address_security = DNS_BOGUS;
	assert_string_equal(check_scene_judge(scene), "host-unknown");
}

static void the_policy_is_held_against_each_host(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.hosts[0].is_in_policy = false;
	assert_string_equal(check_scene_judge(scene), "mta-sts-mx");
	scene->facts.hosts[0].is_in_policy = true;
	scene->facts.sts.pattern_count = 2;
	scene->facts.sts.patterns[0].is_used = true;
	strcpy(scene->facts.sts.patterns[1].text, "old.example.org");
	assert_string_equal(check_scene_judge(scene), "(mta-sts-pattern)");
	assert_string_equal(scene->findings.list[0].detail, "mx: old.example.org");
	scene->facts.sts.max_age_s = DAY_S - 1;
	assert_string_equal(check_scene_judge(scene), "mta-sts-age (mta-sts-pattern)");
	scene->facts.sts.state = STS_WRONG_RECORD;
	assert_string_equal(check_scene_judge(scene), "mta-sts-record");
	scene->facts.sts.state = STS_NO_POLICY;
	assert_string_equal(check_scene_judge(scene), "mta-sts-policy");
	scene->facts.sts.state = STS_NO_LOOKUP;
	assert_string_equal(check_scene_judge(scene), "mta-sts-unknown");
}

static void names_and_zones_are_judged(void **state)
{
	struct check_scene *scene = *state;
	struct check_facts *facts = &scene->facts;

	facts->hosts[0].is_alias = true;
	assert_string_equal(check_scene_judge(scene), "mx-alias");
	facts->hosts[0].is_alias = false;
	facts->destination.places[0].address.octets[0] = 10;
	assert_string_equal(check_scene_judge(scene), "mx-local");
	facts->destination.places[0].address.octets[0] = 192;
	facts->server_count = 2;
	facts->servers[0].state = SERVER_WRONG;
	facts->servers[1].state = SERVER_UNASKED;
	assert_string_equal(check_scene_judge(scene), "nameserver-wrong");
	facts->zone_count = 2;
	strcpy(facts->zones[1].name, "mx.example.net");
	facts->servers[0].zone = 1;
	strcpy(facts->servers[0].why, "SERVFAIL");
	assert_string_equal(check_scene_judge(scene), "nameserver-wrong");
	assert_string_equal(scene->findings.list[0].detail, "of mx.example.net: SERVFAIL");
	facts->server_count = 0;
	facts->zones[1].iterations = 51;
	assert_string_equal(check_scene_judge(scene), "denial-costly");
	facts->zones[1].iterations = 50;
	facts->chain.count = 2;
	facts->chain.zones[1].security = DNS_BOGUS;
	assert_string_equal(check_scene_judge(scene), "dnssec-bogus");
	facts->chain.zones[1].security = DNS_FAILED;
	assert_string_equal(check_scene_judge(scene), "nameserver-wrong");
	facts->chain.zones[1].security = DNS_SECURE;
	facts->chain.zones[0].security = DNS_BOGUS;
	assert_string_equal(check_scene_judge(scene), "dns-unavailable");
	facts->chain.zones[0].security = DNS_SECURE;
	facts->has_null_mx = true;
	assert_string_equal(check_scene_judge(scene), "mx-null-too");
	facts->has_null_mx = false;
	facts->destination.mx_state = MX_IMPLICIT;
	assert_string_equal(check_scene_judge(scene), "mx-missing");
	facts->destination.place_count = 0;
	assert_string_equal(check_scene_judge(scene), "mx-nowhere");
	facts->destination.mx_state = MX_FOUND;
	assert_string_equal(check_scene_judge(scene), "mx-dangling");
	strcpy(facts->destination.hosts[0].name, "192.0.2.1");
	assert_string_equal(check_scene_judge(scene), "mx-address");
}

static void who_takes_no_mail_is_not_asked_for_promises(void **state)
{
	struct check_scene *scene = *state;
	struct check_facts *facts = &scene->facts;

	facts->destination.host_count = facts->destination.place_count = 0;
	facts->sts.state = STS_NONE;
	facts->tlsrpt.state = TLSRPT_NONE;
	facts->destination.mx_state = MX_NULL;
	assert_string_equal(check_scene_judge(scene), "(mx-null)");
	facts->destination.mx_state = MX_NXDOMAIN;
	assert_string_equal(check_scene_judge(scene), "domain-missing");
	facts->destination.mx_state = MX_UNAVAILABLE;
	facts->sts.state = STS_NO_LOOKUP;
	facts->tlsrpt.is_unknown = true;
	assert_string_equal(check_scene_judge(scene), "mx-unknown");
}

static void reports_that_cannot_be_looked_up_are_neither_there_nor_missing(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.tlsrpt.state = TLSRPT_NONE;
	assert_string_equal(check_scene_judge(scene), "(tlsrpt-missing)");
	scene->facts.tlsrpt.security = DNS_FAILED;
	scene->facts.tlsrpt.is_unknown = true;
	strcpy(scene->facts.tlsrpt.why, "SERVFAIL");
	assert_string_equal(check_scene_judge(scene), "tlsrpt-unknown");
	assert_string_equal(scene->findings.list[0].detail, "SERVFAIL");
}

static void what_was_not_visited_is_not_good(void **state)
{
	struct check_scene *scene = *state;

	free(scene->facts.places[0].seen);
	scene->facts.places[0].seen = NULL;
	assert_string_equal(check_scene_judge(scene), "unproven");
	check_scene_host(scene, "mx2.example.org", 20);
	scene->facts.is_out_of_time = true;
	assert_string_equal(check_scene_judge(scene), "unproven");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, check_scene_open, check_scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_domain_has_nothing_wrong),
		TEST(a_host_without_a_key_is_the_way_to_a_downgrade),
		TEST(one_address_without_tls_is_the_way_to_a_downgrade),
		TEST(a_policy_that_all_keep_is_weaker_than_a_key_of_one),
		TEST(without_any_promise_good_tls_is_not_good),
		TEST(a_key_behind_an_unsigned_mx_proves_no_way),
		TEST(a_closed_first_mx_is_nolisting_only_where_it_was_found_to_be),
		TEST(dates_names_and_authorities_count_by_who_asks_for_them),
		TEST(the_end_of_a_certificate_counts_where_no_record_is_of_its_own_key),
		TEST(records_are_judged_each_by_itself),
		TEST(the_record_that_comes_closest_names_the_mismatch),
		TEST(of_several_digests_the_strongest_alone_counts),
		TEST(an_anchor_that_is_not_sent_is_told_from_a_wrong_one),
		TEST(of_an_anchor_that_nobody_knows_both_possibilities_are_told),
		TEST(each_of_two_keys_is_judged),
		TEST(an_order_that_some_do_not_follow_is_told),
		TEST(records_that_nothing_signed_leads_to_protect_nobody),
		TEST(the_policy_is_held_against_each_host),
		TEST(names_and_zones_are_judged),
		TEST(who_takes_no_mail_is_not_asked_for_promises),
		TEST(reports_that_cannot_be_looked_up_are_neither_there_nor_missing),
		TEST(what_was_not_visited_is_not_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

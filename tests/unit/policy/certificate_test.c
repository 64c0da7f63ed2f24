/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_fixture.h"

/* Groups of rules, and what all of them share. */

static void a_chain_to_an_authority_for_one_of_the_names_is_met(void **state)
{
	struct world *world = *state;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.net:mx.example.org");
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	assert_string_equal(world->finding.matched, "mx.example.org");
	assert_string_equal(world->finding.why, "");
}

static void no_rule_is_met_by_any_certificate(void **state)
{
	struct world *world = *state;

	send_chain(world, &world->leaf, NULL);
	world->rules.count = world->rules.len = 0;
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.source, SOURCE_NONE);
	assert_string_equal(world->finding.seen.names, "mx.example.org *.mail.example.org");
	world->sent.len = 0;
	assert_int_equal(check(world), KEY_UNREADABLE);
	assert_string_equal(world->finding.why, "no certificate was sent");
}

static void all_rules_of_a_group_are_to_be_met(void **state)
{
	struct world *world = *state;
	struct association digest = world_association(&world->leaf, 1, 1);
	struct key_rule tlsa = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .record_count = 1,
		                 .records = { { 3, 1, 1, bytes_of(digest.octets, digest.len) } } };

	/* Met, and of the stronger source. */
	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	add_rule(world, &tlsa);
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.source, SOURCE_DANE);
	assert_memory_equal(world->finding.matched, "3 1 1 ", 6);
	/* One is not. */
	ask_pkix(world, "mx.example.com");
	add_rule(world, &tlsa);
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	/* The worse of two. */
	digest.octets[0] ^= 1;
	ask_pkix(world, "mx.example.com");
	add_rule(world, &tlsa);
	assert_int_equal(check(world), KEY_MISMATCH);
	assert_int_equal(world->finding.source, SOURCE_DANE);
}

static void of_several_groups_any_suffices_and_the_closest_is_told(void **state)
{
	struct world *world = *state;
	struct key_rule other = world_pkix("mx.example.com"), right = world_pkix("mx.example.org");
	struct key_rule none = { .kind = KEY_RULE_FINGERPRINT, .source = SOURCE_LOCAL };

	send_chain(world, &world->leaf, &world->issuer);
	world->rules.count = world->rules.len = 0;
	none.group = 9;
	other.group = 3;
	add_rule(world, &none);
	add_rule(world, &other);
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	right.group = 200;
	add_rule(world, &right);
	assert_int_equal(check(world), KEY_MET);
	assert_string_equal(world->finding.matched, "mx.example.org");
	/* A second rule in that group spoils it. */
	none.group = 200;
	add_rule(world, &none);
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
}

static void what_the_handshake_lacks_no_certificate_makes_up_for(void **state)
{
	struct world *world = *state;
	struct certificate_query query = { .now_s = WORLD_NOW_S,
		                           .anchors = world->anchors,
		                           .handshake = KEY_UNPROVEN,
		                           .handshake_why = "not signed" };

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	query.chain = world_sent(&world->sent);
	query.rules = world_rules(&world->rules);
	certificate_check(&world->finding, &query);
	assert_int_equal(world->finding.outcome, KEY_UNPROVEN);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	assert_string_equal(world->finding.why, "not signed");
	assert_string_equal(world->finding.matched, "");
}

static void queries_are_the_same_by_chain_rules_and_minute(void **state)
{
	struct world *world = *state;
	uint8_t first[CERTIFICATE_QUERY_DIGEST_LEN], second[CERTIFICATE_QUERY_DIGEST_LEN];
	struct certificate_query query = { .chain = bytes_of("ab", 2),
		                           .rules = bytes_of("cd", 2),
		                           .now_s = 120 };

	assert_true(certificate_query_digest(first, &query));
	query.now_s = 179;
	assert_true(certificate_query_digest(second, &query));
	assert_memory_equal(first, second, sizeof(first));
	query.now_s = 180;
	assert_true(certificate_query_digest(second, &query));
	assert_memory_not_equal(first, second, sizeof(first));
	query.now_s = 120;
	query.chain = bytes_of("abc", 3);
	query.rules = bytes_of("d", 1);
	assert_true(certificate_query_digest(second, &query));
	assert_memory_not_equal(first, second, sizeof(first));
	(void)world;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_to_an_authority_for_one_of_the_names_is_met),
		cmocka_unit_test(no_rule_is_met_by_any_certificate),
		cmocka_unit_test(all_rules_of_a_group_are_to_be_met),
		cmocka_unit_test(of_several_groups_any_suffices_and_the_closest_is_told),
		cmocka_unit_test(what_the_handshake_lacks_no_certificate_makes_up_for),
		cmocka_unit_test(queries_are_the_same_by_chain_rules_and_minute),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_fixture.h"

#include "policy/tlsa.h"

/* A bare key in the place of certificates (RFC 7250), held against what was promised (RFC 7671 section 5.1). */

static struct association key_of(const struct identity *identity)
{
	return world_association(identity, TLSA_PUBLIC_KEY, TLSA_FULL);
}

/* In place of all rules before: records of `usage selector matching`, of that identity each. */
static void ask_records(struct world *world, const struct identity *const *identities,
                        const uint8_t (*fields)[3], size_t count)
{
	struct association data[4];
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .names = bytes_of_string("mx.example.org"),
		                 .record_count = count };

	for (size_t i = 0; i < count; i++) {
		data[i] = world_association(identities[i], fields[i][1], fields[i][2]);
		rule.records[i] = (struct key_record){ fields[i][0], fields[i][1], fields[i][2],
			                               bytes_of(data[i].octets, data[i].len) };
	}
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
}

static enum key_outcome check_raw(struct world *world)
{
	const struct association key = key_of(&world->leaf);

	return check_octets(world, bytes_of(key.octets, key.len));
}

static enum key_outcome check_against(struct world *world, const struct identity *identity,
                                      uint8_t usage, uint8_t selector, uint8_t matching)
{
	const uint8_t fields[1][3] = { { usage, selector, matching } };

	ask_records(world, &identity, fields, 1);
	return check_raw(world);
}

static void a_record_of_the_servers_own_key_matches_it(void **state)
{
	static const uint8_t matchings[] = { TLSA_FULL, TLSA_SHA256, TLSA_SHA512 };
	struct world *world = *state;
	const struct association digest =
		world_association(&world->leaf, TLSA_PUBLIC_KEY, TLSA_SHA256);

	for (size_t i = 0; i < sizeof(matchings); i++) {
		const uint8_t matching = matchings[i];

		assert_int_equal(
			check_against(world, &world->leaf, TLSA_DANE_EE, TLSA_PUBLIC_KEY, matching),
			KEY_MET);
		assert_int_equal(world->finding.matched[4], '0' + matching);
		assert_true(world->finding.seen.is_raw && world->finding.seen.has_leaf);
		assert_memory_equal(world->finding.seen.leaf_digest, digest.octets, KEY_DIGEST_LEN);
		assert_int_equal(
			check_against(world, &world->root, TLSA_DANE_EE, TLSA_PUBLIC_KEY, matching),
			KEY_MISMATCH);
	}
}

static void of_two_digests_the_stronger_counts(void **state)
{
	struct world *world = *state;
	const struct identity *others[] = { &world->leaf, &world->root };
	const struct identity *own[] = { &world->root, &world->leaf };
	static const uint8_t fields[2][3] = { { 3, 1, 1 }, { 3, 1, 2 } };

	ask_records(world, others, fields, 2);
	assert_int_equal(check_raw(world), KEY_MISMATCH);
	ask_records(world, own, fields, 2);
	assert_int_equal(check_raw(world), KEY_MET);
}

/* What is asked of a certificate nobody can tell without one: neither right nor wrong. */
static void what_only_a_certificate_could_meet_is_not_judged(void **state)
{
	struct world *world = *state;
	static const uint8_t of_certificates[][3] = { { 3, 0, 1 }, { 2, 0, 1 }, { 2, 1, 1 } };

	for (size_t i = 0; i < sizeof(of_certificates) / sizeof(of_certificates[0]); i++) {
		const uint8_t *fields = of_certificates[i];

		assert_int_equal(
			check_against(world, &world->leaf, fields[0], fields[1], fields[2]),
			KEY_UNJUDGED);
	}
	ask_pkix(world, "mx.example.org");
	assert_int_equal(check_raw(world), KEY_UNJUDGED);
	assert_string_equal(world->finding.why,
	                    "a raw key was shown (RFC 7250), which no authority has signed");
}

static void its_fingerprint_is_as_good_as_a_certificates(void **state)
{
	struct world *world = *state;
	const struct association own =
		world_association(&world->leaf, TLSA_PUBLIC_KEY, TLSA_SHA256);
	struct key_rule rule = { .kind = KEY_RULE_FINGERPRINT,
		                 .source = SOURCE_LOCAL,
		                 .record_count = 1 };

	rule.records[0].data = bytes_of(own.octets, own.len);
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	assert_int_equal(check_raw(world), KEY_MET);
	rule.records[0].data = bytes_of("another digest of 32 octets, it is", KEY_DIGEST_LEN);
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	assert_int_equal(check_raw(world), KEY_MISMATCH);
}

static void what_is_cut_or_too_long_is_no_key(void **state)
{
	struct world *world = *state;
	struct association key = key_of(&world->leaf);
	static const uint8_t fields[1][3] = { { 3, 1, 1 } };
	const struct identity *leaf = &world->leaf;

	ask_records(world, &leaf, fields, 1);
	for (size_t len = 0; len < key.len; len++)
		assert_int_equal(
			check_octets(world, bytes_of(guarded_place(&world->guarded,
		                                                   bytes_of(key.octets, len)),
		                                     len)),
			KEY_UNREADABLE);
	key.octets[key.len] = 0;
	assert_int_equal(check_octets(world, bytes_of(key.octets, key.len + 1)), KEY_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_of_the_servers_own_key_matches_it),
		cmocka_unit_test(of_two_digests_the_stronger_counts),
		cmocka_unit_test(what_only_a_certificate_could_meet_is_not_judged),
		cmocka_unit_test(its_fingerprint_is_as_good_as_a_certificates),
		cmocka_unit_test(what_is_cut_or_too_long_is_no_key),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

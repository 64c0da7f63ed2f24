/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_fixture.h"

/* Names and fingerprints. */

static const struct {
	const char *names; /* of the certificate */
	const char *common_name;
	const char *asked;
	bool is_met;
} name_cases[] = {
	{ "DNS:mx.example.org", NULL, "mx.example.org", true },
	{ "DNS:MX.Example.ORG", NULL, "mx.example.org", true },
	{ "DNS:mx.example.org", NULL, "mx.example.com", false },
	{ "DNS:mx.example.org", NULL, "example.org", false },
	{ "DNS:example.org", NULL, "mx.example.org", false },
	/* RFC 6125 section 6.4.3: the whole first label, and one label */
	{ "DNS:*.example.org", NULL, "mx.example.org", true },
	{ "DNS:*.example.org", NULL, "a.mx.example.org", false },
	{ "DNS:*.example.org", NULL, "example.org", false },
	{ "DNS:m*.example.org", NULL, "mx.example.org", false },
	{ "DNS:*x.example.org", NULL, "mx.example.org", false },
	{ "DNS:m*x.example.org", NULL, "mx.example.org", false },
	{ "DNS:mx.*.org", NULL, "mx.example.org", false },
	{ "DNS:mx.example.*", NULL, "mx.example.org", false },
	{ "DNS:*.*.org", NULL, "mx.example.org", false },
	{ "DNS:*", NULL, "mx.example.org", false },
	{ "DNS:*.", NULL, "mx.example.org", false },
	{ "DNS:*.org", NULL, "example.org", false },
	{ "DNS:**.example.org", NULL, "mx.example.org", false },
	{ "DNS:xn--*.example.org", NULL, "xn--mx.example.org", false },
	/* Names below a domain */
	{ "DNS:mx.example.org", NULL, ".example.org", true },
	{ "DNS:a.mx.example.org", NULL, ".example.org", true },
	{ "DNS:*.example.org", NULL, ".example.org", true },
	{ "DNS:example.org", NULL, ".example.org", false },
	{ "DNS:mxexample.org", NULL, ".example.org", false },
	/* The common name, where there is no DNS name */
	{ NULL, "mx.example.org", "mx.example.org", true },
	{ NULL, "*.example.org", "mx.example.org", true },
	{ "IP:192.0.2.1", "mx.example.org", "mx.example.org", true },
	{ "email:postmaster@mx.example.org", "mx.example.org", "mx.example.org", true },
	{ "DNS:other.example.org", "mx.example.org", "mx.example.org", false },
	/* Addresses and mailboxes are no host names */
	{ "IP:192.0.2.1", NULL, "mx.example.org", false },
	{ "email:postmaster@mx.example.org", NULL, "mx.example.org", false },
	{ "URI:smtp://mx.example.org/", NULL, "mx.example.org", false },
	/* Empty and odd lists of names */
	{ "DNS:mx.example.org", NULL, "", false },
	{ "DNS:mx.example.org", NULL, ":", false },
	{ "DNS:mx.example.org", NULL, "::mx.example.org:", true },
};

static void names_are_compared_as_rfc_6125_says(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
		enum key_outcome outcome =
			check_leaf(world,
		                   &(struct wanted){ .common_name = name_cases[i].common_name,
		                                     .names = name_cases[i].names },
		                   name_cases[i].asked);

		if (outcome != (name_cases[i].is_met ? KEY_MET : KEY_NAME_MISMATCH))
			fail_msg("%s (%s) for %s: %s", name_cases[i].names,
			         name_cases[i].common_name, name_cases[i].asked,
			         key_outcome_name(outcome));
	}
}

static void fingerprints_are_of_the_certificate_or_of_its_key(void **state)
{
	struct world *world = *state;
	struct association digest, other;
	struct key_rule rule = { .kind = KEY_RULE_FINGERPRINT,
		                 .source = SOURCE_LOCAL,
		                 .record_count = 2 };

	send_chain(world, &world->leaf, NULL);
	rule.records[0].data = bytes_of("\0\1\2", 3);
	for (unsigned selector = 0; selector < 2; selector++) {
		digest = world_association(&world->leaf, selector, 1);
		rule.records[1].data = bytes_of(digest.octets, digest.len);
		world->rules.count = world->rules.len = 0;
		add_rule(world, &rule);
		assert_int_equal(check(world), KEY_MET);
		assert_memory_equal(world->finding.matched, "fingerprint ", 12);
		assert_int_equal(strlen(world->finding.matched), 12 + 6 + 3);
	}
	digest.octets[31] ^= 1;
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	assert_int_equal(check(world), KEY_MISMATCH);
	/* An issuer's is another matter. */
	other = world_association(&world->issuer, 0, 1);
	rule.records[1].data = bytes_of(other.octets, other.len);
	send_chain(world, &world->leaf, &world->issuer);
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	assert_int_equal(check(world), KEY_MISMATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_as_rfc_6125_says),
		cmocka_unit_test(fingerprints_are_of_the_certificate_or_of_its_key),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

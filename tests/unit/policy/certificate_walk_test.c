/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_fixture.h"

/* Chains to their anchors: all that can be wrong with them. */

static void without_an_authority_a_chain_is_untrusted_whatever_its_name(void **state)
{
	struct world *world = *state;
	struct identity alone =
		world_make(&(struct wanted){ .names = "DNS:mx.example.org", .is_authority = true });
	struct identity forged =
		world_make(&(struct wanted){ .names = "DNS:mx.example.org", .issuer = &alone });

	ask_pkix(world, "mx.example.org");
	send_chain(world, &alone, NULL);
	assert_int_equal(check(world), KEY_UNTRUSTED);
	assert_string_equal(world->finding.why, "self-signed certificate");
	assert_false(world->finding.seen.has_anchor);
	send_chain(world, &forged, &alone);
	assert_int_equal(check(world), KEY_UNTRUSTED);
	send_chain(world, &world->leaf, NULL);
	assert_int_equal(check(world), KEY_UNTRUSTED);
	world_drop(&forged);
	world_drop(&alone);
}

static void where_no_authority_is_known_nobody_is_judged_by_one(void **state)
{
	struct world *world = *state;
	struct certificate_anchors *known = world->anchors;

	world->anchors = world_anchors(NULL, 0);
	ask_pkix(world, "mx.example.org");
	send_chain(world, &world->leaf, &world->issuer);
	assert_int_equal(check(world), KEY_UNJUDGED);
	assert_string_equal(world->finding.why, "no authority is known here (tls.ca-file)");
	assert_false(key_is_wrong(KEY_UNJUDGED));
	/* What is wrong whoever issued it stays wrong. */
	ask_pkix(world, "mx.example.com");
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
	certificate_anchors_free(world->anchors);
	world->anchors = known;
}

static void the_worst_of_several_faults_is_told(void **state)
{
	struct world *world = *state;
	struct wanted late = { .names = "DNS:mx.example.org",
		               .until_s = WORLD_NOW_S - WORLD_DAY_S };

	assert_int_equal(check_leaf(world, &late, "mx.example.org"), KEY_EXPIRED);
	assert_string_equal(world->finding.why, "the certificate expired at 2026-09-20T14:13:20Z");
	assert_true(world->finding.seen.has_anchor);
	assert_int_equal(check_leaf(world, &late, "mx.example.com"), KEY_NAME_MISMATCH);
	assert_string_equal(world->finding.why, "for mx.example.org, not for mx.example.com");
	/* Where there is no name to ask for, what is wrong without one comes first. */
	assert_int_equal(check_leaf(world, &late, ""), KEY_EXPIRED);
	late.issuer = &world->leaf; /* no authority */
	assert_int_equal(check_leaf(world, &late, "mx.example.com"), KEY_UNTRUSTED);
}

static void dates_are_taken_as_they_are_however_absurd(void **state)
{
	struct world *world = *state;
	const struct key_seen *seen = &world->finding.seen;
	struct identity broken;

	assert_int_equal(check_leaf(world,
	                            &(struct wanted){ .names = "DNS:mx.example.org",
	                                              .from_s = -631152000 /* 1950 */,
	                                              .until_s = 253402300799 /* 9999 */ },
	                            "mx.example.org"),
	                 KEY_MET);
	assert_int_equal(seen->not_before_s, -631152000);
	assert_int_equal(seen->not_after_s, 253402300799);
	assert_int_equal(check_leaf(world,
	                            &(struct wanted){ .names = "DNS:mx.example.org",
	                                              .from_s = -62135596800 /* 1 */,
	                                              .until_s = -1000000000 },
	                            "mx.example.org"),
	                 KEY_EXPIRED);
	broken = world_make(
		&(struct wanted){ .names = "DNS:mx.example.org", .issuer = &world->issuer });
	ASN1_STRING_set((ASN1_STRING *)X509_getm_notAfter(broken.certificate), "261399000000Z", -1);
	assert_true(X509_sign(broken.certificate, world->issuer.key, EVP_sha256()) > 0);
	send_chain(world, &broken, &world->issuer);
	assert_int_not_equal(check(world), KEY_MET);
	assert_int_equal(seen->not_after_s, 0);
	world_drop(&broken);
}

static void a_date_that_is_none_is_no_date_to_be_good_in(void **state)
{
	static const struct {
		int type;
		const char *text;
	} dates[] = {
		{ V_ASN1_UTCTIME, "261399000000Z" },
		{ V_ASN1_UTCTIME, "" },
		{ V_ASN1_UTCTIME, "Z" },
		{ V_ASN1_UTCTIME, "4001010000Z" },
		{ V_ASN1_UTCTIME, "400101000000" },
		{ V_ASN1_UTCTIME, "400101000000+0100" },
		{ V_ASN1_GENERALIZEDTIME, "20400230000000Z" },
		{ V_ASN1_GENERALIZEDTIME, "20400101000000.5Z" },
		{ V_ASN1_GENERALIZEDTIME, "2040010100Z" },
		{ V_ASN1_GENERALIZEDTIME, "20400101000000-0000" },
		{ V_ASN1_GENERALIZEDTIME, "120400101000000Z" },
		{ V_ASN1_GENERALIZEDTIME, "-9990101000000Z" },
		{ V_ASN1_GENERALIZEDTIME, "\xff\xff\xff\xff" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < 2 * (sizeof(dates) / sizeof(dates[0])); i++) {
		struct identity broken = world_make(&(struct wanted){ .names = "DNS:mx.example.org",
		                                                      .issuer = &world->issuer });
		ASN1_TIME *date = i % 2 ? X509_getm_notBefore(broken.certificate)
		                        : X509_getm_notAfter(broken.certificate);

		date->type = dates[i / 2].type;
		assert_true(ASN1_STRING_set(date, dates[i / 2].text, -1) == 1);
		assert_true(X509_sign(broken.certificate, world->issuer.key, EVP_sha256()) > 0);
		send_chain(world, &broken, &world->issuer);
		assert_int_equal(check(world), KEY_UNTRUSTED);
		assert_non_null(strstr(world->finding.why, i % 2 ? "notBefore" : "notAfter"));
		world_drop(&broken);
	}
}

static void constraints_of_an_authority_bind(void **state)
{
	struct world *world = *state;
	struct identity bound = world_make(&(struct wanted){
		.common_name = "bound",
		.issuer = &world->root,
		.is_authority = true,
		.constraints = "permitted;DNS:example.org,excluded;DNS:bad.example.org" });
	static const struct {
		const char *names;
		enum key_outcome outcome;
	} with[] = {
		{ "DNS:mx.example.org", KEY_MET },
		{ "DNS:mx.example.org,DNS:mx.example.com", KEY_UNTRUSTED },
		{ "DNS:mx.example.org,DNS:mx.bad.example.org", KEY_UNTRUSTED },
	};

	ask_pkix(world, "mx.example.org");
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		struct identity leaf =
			world_make(&(struct wanted){ .names = with[i].names, .issuer = &bound });

		send_chain(world, &leaf, &bound);
		assert_int_equal(check(world), with[i].outcome);
		world_drop(&leaf);
	}
	world_drop(&bound);
}

/* An authority old and new with one key; the old one signed the new: whoever has either is served. */
static void a_cross_signature_by_an_expired_authority_does_not_lead_astray(void **state)
{
	struct world *world = *state;
	struct identity old = world_make(&(struct wanted){
		.common_name = "old", .is_authority = true, .until_s = WORLD_NOW_S - WORLD_DAY_S });
	struct identity crossed = world_make(&(struct wanted){ .common_name = "root",
	                                                       .issuer = &old,
	                                                       .key = world->root.key,
	                                                       .is_authority = true });
	struct certificate_anchors *with_new = world->anchors;

	send_chain(world, &world->leaf, &world->issuer);
	world_send(&world->sent, &crossed);
	world_send(&world->sent, &old);
	ask_pkix(world, "mx.example.org");
	assert_int_equal(check(world), KEY_MET);
	world->anchors = world_anchors((const struct identity *[]){ &old }, 1);
	assert_int_equal(check(world), KEY_EXPIRED);
	assert_non_null(strstr(world->finding.why, "of an issuer expired at"));
	certificate_anchors_free(world->anchors);
	world->anchors = world_anchors((const struct identity *[]){ &old, &world->root }, 2);
	assert_int_equal(check(world), KEY_MET);
	certificate_anchors_free(world->anchors);
	world->anchors = with_new;
	world_drop(&crossed);
	world_drop(&old);
}

static void a_chain_that_is_too_deep_is_untrusted(void **state)
{
	enum { DEPTH = CERTIFICATE_DEPTH_MAX + 2 };
	struct world *world = *state;
	struct identity chain[DEPTH];

	/* Of issuers below the root, and the server's own. */
	for (int deep = DEPTH - 1; deep <= DEPTH; deep++) {
		for (int i = 0; i < deep; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "issuer %d", i);
			chain[i] = world_make(&(struct wanted){
				.common_name = name,
				.names = i == deep - 1 ? "DNS:mx.example.org" : NULL,
				.issuer = i > 0 ? &chain[i - 1] : &world->root,
				.is_authority = true });
		}
		world->sent.len = 0;
		for (int i = deep - 1; i >= 0; i--)
			world_send(&world->sent, &chain[i]);
		ask_pkix(world, "mx.example.org");
		assert_int_equal(check(world), deep < DEPTH ? KEY_MET : KEY_UNTRUSTED);
		for (int i = 0; i < deep; i++)
			world_drop(&chain[i]);
	}
}

static void broken_hashes_and_small_keys_count_for_nothing(void **state)
{
	static const struct {
		unsigned bits;
		enum key_outcome outcome;
	} sizes[] = { { 768, KEY_UNTRUSTED }, { 1024, KEY_MET } };
	struct world *world = *state;

	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_RSA_gen(2048);
		struct identity issuer = world_make(&(struct wanted){ .common_name = "RSA",
		                                                      .issuer = &world->root,
		                                                      .key = key,
		                                                      .is_authority = true });
		struct identity leaf =
			world_make(&(struct wanted){ .names = "DNS:mx.example.org",
		                                     .issuer = &issuer,
		                                     .digest = i == 0 ? EVP_md5() : EVP_sha1() });

		send_chain(world, &leaf, &issuer);
		ask_pkix(world, "mx.example.org");
		assert_int_equal(check(world), i == 0 ? KEY_UNTRUSTED : KEY_MET);
		world_drop(&leaf);
		world_drop(&issuer);
		EVP_PKEY_free(key);
	}
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_RSA_gen(sizes[i].bits);
		struct identity leaf = world_make(&(struct wanted){
			.names = "DNS:mx.example.org", .issuer = &world->issuer, .key = key });
		struct association digest = world_association(&leaf, 1, 1);
		struct key_rule rule = { .kind = KEY_RULE_TLSA,
			                 .source = SOURCE_DANE,
			                 .record_count = 1,
			                 .records = { { 3, 1, 1,
			                                bytes_of(digest.octets, digest.len) } } };

		send_chain(world, &leaf, &world->issuer);
		ask_pkix(world, "mx.example.org");
		assert_int_equal(check(world), sizes[i].outcome);
		world->rules.count = world->rules.len = 0;
		add_rule(world, &rule);
		assert_int_equal(check(world), sizes[i].outcome);
		world_drop(&leaf);
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_authority_a_chain_is_untrusted_whatever_its_name),
		cmocka_unit_test(where_no_authority_is_known_nobody_is_judged_by_one),
		cmocka_unit_test(the_worst_of_several_faults_is_told),
		cmocka_unit_test(dates_are_taken_as_they_are_however_absurd),
		cmocka_unit_test(a_date_that_is_none_is_no_date_to_be_good_in),
		cmocka_unit_test(constraints_of_an_authority_bind),
		cmocka_unit_test(a_cross_signature_by_an_expired_authority_does_not_lead_astray),
		cmocka_unit_test(a_chain_that_is_too_deep_is_untrusted),
		cmocka_unit_test(broken_hashes_and_small_keys_count_for_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

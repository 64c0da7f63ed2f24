/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_world.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "unit/guarded.h"

/* Chains to authorities, names, fingerprints, groups of rules, and what no certificate should be. */

struct world {
	struct identity root;
	struct identity issuer; /* by root */
	struct identity leaf;   /* by issuer, for mx.example.org and *.mail.example.org */
	struct certificate_anchors *anchors;
	struct sent sent;
	struct key_rules rules;
	struct key_finding finding;
	struct guarded guarded;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	*state = world;
	world->root = world_make(&(struct wanted){ .common_name = "root", .is_authority = true });
	world->issuer = world_make(&(struct wanted){
		.common_name = "issuer", .issuer = &world->root, .is_authority = true });
	world->leaf = world_make(
		&(struct wanted){ .common_name = "ignored.example.org",
	                          .names = "DNS:mx.example.org,DNS:*.mail.example.org,IP:192.0.2.1",
	                          .issuer = &world->issuer });
	world->anchors = world_anchors((const struct identity *[]){ &world->root }, 1);
	world->guarded = guarded_new();
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	world_drop(&world->leaf);
	world_drop(&world->issuer);
	world_drop(&world->root);
	certificate_anchors_free(world->anchors);
	guarded_free(&world->guarded);
	free(world);
	return 0;
}

static enum key_outcome check_octets(struct world *world, struct bytes chain)
{
	struct certificate_query query = { .chain = chain,
		                           .rules = world_rules(&world->rules),
		                           .now_s = WORLD_NOW_S,
		                           .anchors = world->anchors };

	memset(&world->finding, 0xa5, sizeof(world->finding));
	certificate_check(&world->finding, &query);
	return world->finding.outcome;
}

static enum key_outcome check(struct world *world)
{
	return check_octets(world, world_sent(&world->sent));
}

static void send_chain(struct world *world, const struct identity *leaf,
                       const struct identity *second)
{
	world->sent.len = 0;
	world_send(&world->sent, leaf);
	if (second)
		world_send(&world->sent, second);
}

static void add_rule(struct world *world, const struct key_rule *rule)
{
	assert_true(key_rules_add(&world->rules, rule));
}

/* In place of all rules before. */
static void ask_pkix(struct world *world, const char *names)
{
	const struct key_rule rule = world_pkix(names);

	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
}

/* A leaf by the issuer, held against one PKIX rule. */
static enum key_outcome check_leaf(struct world *world, const struct wanted *wanted,
                                   const char *names)
{
	struct wanted with_issuer = *wanted;
	struct identity leaf;
	enum key_outcome outcome;

	if (!with_issuer.issuer)
		with_issuer.issuer = &world->issuer;
	leaf = world_make(&with_issuer);
	send_chain(world, &leaf, &world->issuer);
	ask_pkix(world, names);
	outcome = check(world);
	world_drop(&leaf);
	return outcome;
}

static void a_chain_to_an_authority_for_one_of_the_names_is_met(void **state)
{
	struct world *world = *state;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.net:mx.example.org");
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	assert_string_equal(world->finding.matched, "mx.example.org");
	assert_string_equal(world->finding.why, "");
	assert_int_equal(world->finding.told_outcome, KEY_UNKNOWN);
}

static void what_the_certificate_says_is_told(void **state)
{
	struct world *world = *state;
	struct association leaf = world_association(&world->leaf, 1, 1);
	struct association root = world_association(&world->root, 1, 1);
	const struct key_seen *seen = &world->finding.seen;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	assert_int_equal(check(world), KEY_MET);
	assert_true(seen->has_leaf);
	assert_memory_equal(seen->leaf_digest, leaf.octets, KEY_DIGEST_LEN);
	assert_true(seen->has_anchor);
	assert_memory_equal(seen->anchor_digest, root.octets, KEY_DIGEST_LEN);
	assert_string_equal(seen->names, "mx.example.org *.mail.example.org");
	assert_string_equal(seen->issuer, "CN=issuer");
	assert_int_equal(seen->not_before_s, WORLD_NOW_S - 180 * WORLD_DAY_S);
	assert_int_equal(seen->not_after_s, WORLD_NOW_S + 180 * WORLD_DAY_S);
}

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

/* A leaf whose only alternative name is these octets, or whose common name they are. */
static struct identity leaf_named(struct world *world, struct bytes name, bool is_common)
{
	struct identity made = world_make(&(struct wanted){ .issuer = &world->issuer });
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	ASN1_STRING_set(text, name.data, (int)name.len);
	GENERAL_NAME_set0_value(general, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, general);
	if (is_common)
		X509_NAME_add_entry_by_NID(X509_get_subject_name(made.certificate), NID_commonName,
		                           MBSTRING_ASC, name.data, (int)name.len, -1, 0);
	else
		X509_add1_ext_i2d(made.certificate, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
	assert_true(X509_sign(made.certificate, world->issuer.key, EVP_sha256()) > 0);
	return made;
}

static void a_nul_does_not_end_a_name_and_nothing_unprintable_is_told(void **state)
{
	static const char nul[] = "mx.example.org\0.evil.example";
	static const char ugly[] = "mx.example.org\r\n\x1b[31m \xff\"";
	struct world *world = *state;
	struct identity leaf;

	for (int is_common = 0; is_common < 2; is_common++) {
		leaf = leaf_named(world, bytes_of(nul, sizeof(nul) - 1), is_common);
		send_chain(world, &leaf, &world->issuer);
		ask_pkix(world, "mx.example.org");
		assert_int_equal(check(world), KEY_NAME_MISMATCH);
		assert_string_equal(world->finding.seen.names, "mx.example.org?.evil.example");
		world_drop(&leaf);
	}
	leaf = leaf_named(world, bytes_of(ugly, sizeof(ugly) - 1), false);
	send_chain(world, &leaf, &world->issuer);
	assert_int_equal(check(world), KEY_NAME_MISMATCH);
	assert_string_equal(world->finding.seen.names, "mx.example.org????31m???");
	world_drop(&leaf);
}

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

static void a_thousand_names_are_looked_at_and_a_few_are_told(void **state)
{
	enum { NAME_ROOM = 24 };
	struct world *world = *state;
	char *names = calloc(CERTIFICATE_NAMES_MAX + 2, NAME_ROOM);
	size_t len = 0;

	for (int i = 0; i < CERTIFICATE_NAMES_MAX + 1; i++) {
		len += (size_t)sprintf(names + len, "%sDNS:h%d.example.org", i > 0 ? "," : "", i);
		if (i + 1 == 1000) {
			assert_int_equal(check_leaf(world, &(struct wanted){ .names = names },
			                            "h999.example.org"),
			                 KEY_MET);
			assert_string_equal(world->finding.matched, "h999.example.org");
			assert_non_null(strstr(world->finding.seen.names, "h0.example.org h1."));
			assert_non_null(strstr(world->finding.seen.names, " +98"));
		}
	}
	assert_int_equal(check_leaf(world, &(struct wanted){ .names = names }, "h0.example.org"),
	                 KEY_UNREADABLE);
	free(names);
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

static void order_and_number_of_what_else_was_sent_do_not_matter(void **state)
{
	struct world *world = *state;

	ask_pkix(world, "mx.example.org");
	send_chain(world, &world->leaf, &world->root);
	for (int i = 0; i < 60; i++)
		world_send(&world->sent, i % 2 ? &world->root : &world->leaf);
	world_send(&world->sent, &world->issuer);
	assert_int_equal(check(world), KEY_MET);
	for (int i = 0; i < 60; i++)
		world_send(&world->sent, &world->root);
	assert_int_equal(check(world), KEY_UNREADABLE);
	assert_string_equal(world->finding.why, "more than 100 certificates were sent");
}

static void fingerprints_are_of_the_certificate_or_of_its_key(void **state)
{
	struct world *world = *state;
	struct association digest;
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
	digest = world_association(&world->issuer, 0, 1);
	send_chain(world, &world->leaf, &world->issuer);
	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	assert_int_equal(check(world), KEY_MISMATCH);
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

/* Not of a size that is worth generating: any odd number is a modulus. */
static EVP_PKEY *huge_key(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new();
	OSSL_PARAM *parts;
	EVP_PKEY *made = NULL;

	BN_set_bit(modulus, CERTIFICATE_RSA_BITS_MAX);
	BN_set_bit(modulus, 0);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
	OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, RSA_F4);
	parts = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
	assert_int_equal(EVP_PKEY_fromdata(maker, &made, EVP_PKEY_PUBLIC_KEY, parts), 1);
	OSSL_PARAM_free(parts);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(maker);
	BN_free(modulus);
	return made;
}

static void keys_that_cost_too_much_are_not_verified(void **state)
{
	struct world *world = *state;
	EVP_PKEY *explicit_key = EVP_EC_gen("P-256"), *huge = huge_key();
	EVP_PKEY *const keys[] = { huge, explicit_key };

	EVP_PKEY_set_utf8_string_param(explicit_key, "encoding", "explicit");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(check_leaf(world,
		                            &(struct wanted){ .names = "DNS:mx.example.org",
		                                              .key = keys[i] },
		                            "mx.example.org"),
		                 KEY_UNREADABLE);
		assert_true(world->finding.seen.has_leaf);
		EVP_PKEY_free(keys[i]);
	}
}

static void what_is_cut_or_malformed_is_unreadable(void **state)
{
	struct world *world = *state;
	struct bytes chain;
	size_t len;

	send_chain(world, &world->leaf, &world->issuer);
	ask_pkix(world, "mx.example.org");
	len = world->sent.len;
	chain = guarded_bytes(&world->guarded, world_sent(&world->sent));
	assert_int_equal(check_octets(world, chain), KEY_MET);
	for (size_t cut = 0; cut < len; cut++) {
		enum key_outcome outcome = check_octets(
			world, guarded_bytes(&world->guarded, bytes_of(world->sent.octets, cut)));
		bool is_whole =
			cut == 3 + (size_t)(world->sent.octets[1] << 8 | world->sent.octets[2]);

		assert_int_equal(outcome, is_whole ? KEY_UNTRUSTED : KEY_UNREADABLE);
		assert_true(world->finding.why[0] != '\0');
		assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	}
	/* Something behind the certificate within its own length. */
	world->sent.len = 0;
	world_send_octets(&world->sent, bytes_of("\x30\x03\x02\x01\x00", 5));
	assert_int_equal(check(world), KEY_UNREADABLE);
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

static void a_rule_that_is_only_told_breaks_nothing(void **state)
{
	struct world *world = *state;
	struct key_rule told = world_pkix("mx.example.com"), right = world_pkix("mx.example.org");

	told.is_told_only = true;
	send_chain(world, &world->leaf, &world->issuer);
	world->rules.count = world->rules.len = 0;
	add_rule(world, &told);
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.told_outcome, KEY_NAME_MISMATCH);
	assert_int_equal(world->finding.source, SOURCE_MTA_STS);
	assert_string_equal(world->finding.why,
	                    "for mx.example.org *.mail.example.org, not for mx.example.com");
	right.source = SOURCE_DEFAULT;
	add_rule(world, &right);
	assert_int_equal(check(world), KEY_MET);
	assert_int_equal(world->finding.told_outcome, KEY_NAME_MISMATCH);
	assert_int_equal(world->finding.source, SOURCE_DEFAULT);
	assert_string_equal(world->finding.matched, "mx.example.org");
}

static void what_the_handshake_lacks_no_certificate_makes_up_for(void **state)
{
	struct world *world = *state;
	struct key_rule told = world_pkix("mx.example.org");
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
	told.is_told_only = true;
	world->rules.count = world->rules.len = 0;
	add_rule(world, &told);
	query.rules = world_rules(&world->rules);
	certificate_check(&world->finding, &query);
	assert_int_equal(world->finding.outcome, KEY_MET);
	assert_int_equal(world->finding.told_outcome, KEY_UNPROVEN);
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

static void a_file_of_authorities_is_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "nothing\n", "no certificate is in it (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n",
		  "certificate 1 in it is malformed (PEM is asked for)" },
	};
	char why[CERTIFICATE_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(certificate_anchors_new(bytes_of_string(wrong[i].text), why));
		assert_string_equal(why, wrong[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_to_an_authority_for_one_of_the_names_is_met),
		cmocka_unit_test(what_the_certificate_says_is_told),
		cmocka_unit_test(names_are_compared_as_rfc_6125_says),
		cmocka_unit_test(a_nul_does_not_end_a_name_and_nothing_unprintable_is_told),
		cmocka_unit_test(without_an_authority_a_chain_is_untrusted_whatever_its_name),
		cmocka_unit_test(the_worst_of_several_faults_is_told),
		cmocka_unit_test(dates_are_taken_as_they_are_however_absurd),
		cmocka_unit_test(a_thousand_names_are_looked_at_and_a_few_are_told),
		cmocka_unit_test(constraints_of_an_authority_bind),
		cmocka_unit_test(a_cross_signature_by_an_expired_authority_does_not_lead_astray),
		cmocka_unit_test(a_chain_that_is_too_deep_is_untrusted),
		cmocka_unit_test(order_and_number_of_what_else_was_sent_do_not_matter),
		cmocka_unit_test(fingerprints_are_of_the_certificate_or_of_its_key),
		cmocka_unit_test(broken_hashes_and_small_keys_count_for_nothing),
		cmocka_unit_test(keys_that_cost_too_much_are_not_verified),
		cmocka_unit_test(what_is_cut_or_malformed_is_unreadable),
		cmocka_unit_test(no_rule_is_met_by_any_certificate),
		cmocka_unit_test(all_rules_of_a_group_are_to_be_met),
		cmocka_unit_test(of_several_groups_any_suffices_and_the_closest_is_told),
		cmocka_unit_test(a_rule_that_is_only_told_breaks_nothing),
		cmocka_unit_test(what_the_handshake_lacks_no_certificate_makes_up_for),
		cmocka_unit_test(queries_are_the_same_by_chain_rules_and_minute),
		cmocka_unit_test(a_file_of_authorities_is_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

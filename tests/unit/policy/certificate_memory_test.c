/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that ends at each place where the verifier asks for some makes no wrong key the right one. */

#include <stdlib.h>

#include "unit/ending_memory.h"
#include "unit/policy/certificate_fixture.h"

enum { ENOUGH = 100000 };

static bool is_met_with(const struct certificate_query *query, size_t count, bool *is_enough)
{
	struct key_finding finding;

	memory_left = count;
	memory_has_ended = false;
	certificate_check(&finding, query);
	*is_enough = !memory_has_ended;
	memory_left = SIZE_MAX;
	return finding.outcome == KEY_MET;
}

static void leaf_is_never_met(struct world *world, const struct identity *leaf,
                              const struct identity *issuer)
{
	struct certificate_query query = { .now_s = WORLD_NOW_S, .anchors = world->anchors };

	send_chain(world, leaf, issuer);
	query.chain = world_sent(&world->sent);
	query.rules = world_rules(&world->rules);
	for (size_t i = 0; i < 2; i++) {
		bool is_enough = false;

		memory_is_back = i == 1;
		for (size_t count = 0; !is_enough; count++) {
			assert_true(count < ENOUGH);
			if (is_met_with(&query, count, &is_enough))
				fail_msg("met with memory for %zu, %s", count,
				         memory_is_back ? "and then for more" : "and no more");
		}
	}
}

static void never_met(struct world *world)
{
	leaf_is_never_met(world, &world->leaf, &world->issuer);
}

static void a_record_that_does_not_match(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct world *world = *state;
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .names = bytes_of_string("mx.example.org"),
		                 .record_count = 1 };

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	for (uint8_t usage = 2; usage <= 3; usage++) {
		rule.records[0] =
			(struct key_record){ usage, 1, 1, bytes_of(digest, sizeof(digest)) };
		world->rules.count = world->rules.len = 0;
		add_rule(world, &rule);
		never_met(world);
	}
}

static void a_name_that_is_anothers(void **state)
{
	struct world *world = *state;

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	ask_pkix(world, "mx.example.com");
	never_met(world);
}

static void what_no_authority_answers_for(void **state)
{
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	struct world *world = *state;
	EVP_PKEY *small = EVP_RSA_gen(768), *rsa = EVP_RSA_gen(1024);
	struct identity bound =
		world_make(&(struct wanted){ .common_name = "bound",
	                                     .issuer = &world->root,
	                                     .is_authority = true,
	                                     .constraints = "permitted;DNS:example.com" });
	struct identity hashed = world_make(&(struct wanted){ .common_name = "hashed",
	                                                      .issuer = &world->root,
	                                                      .key = rsa,
	                                                      .is_authority = true });
	const struct wanted leaves[] = {
		{ .until_s = WORLD_NOW_S - WORLD_DAY_S, .issuer = &world->issuer },
		{ .from_s = WORLD_NOW_S + WORLD_DAY_S, .issuer = &world->issuer },
		{ .key = small, .issuer = &world->issuer },
		{ .purpose = "clientAuth", .issuer = &world->issuer },
		{ .issuer = &bound },
		{ .digest = EVP_md5(), .issuer = &hashed },
		{ .issuer = &world->leaf }, /* no authority */
		{ .common_name = "own" },   /* nobody's */
	};

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct wanted wanted = leaves[i];
		struct identity leaf;

		wanted.names = "DNS:mx.example.org";
		leaf = world_make(&wanted);
		ask_pkix(world, "mx.example.org");
		leaf_is_never_met(world, &leaf, wanted.issuer ? wanted.issuer : &world->issuer);
		world_drop(&leaf);
	}
	world_drop(&bound);
	world_drop(&hashed);
	EVP_PKEY_free(small);
	EVP_PKEY_free(rsa);
}

static void a_key_that_is_too_small_for_its_own_record(void **state)
{
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	struct world *world = *state;
	EVP_PKEY *small = EVP_RSA_gen(768);
	struct identity leaf = world_make(&(struct wanted){
		.names = "DNS:mx.example.org", .issuer = &world->issuer, .key = small });
	struct association digest = world_association(&leaf, 1, 1);
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .record_count = 1,
		                 .records = { { 3, 1, 1, bytes_of(digest.octets, digest.len) } } };

	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
	leaf_is_never_met(world, &leaf, &world->issuer);
	world_drop(&leaf);
	EVP_PKEY_free(small);
}

/* Fewer authorities than the file has would be a verdict on those that are missing. */
static void authorities_are_all_there_or_none(void **state)
{
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	struct world *world = *state;
	const struct identity *const both[] = { &world->root, &world->issuer };
	BIO *pem = BIO_new(BIO_s_mem());
	bool is_enough = false;
	char *text;
	long len;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(PEM_write_bio_X509(pem, both[i]->certificate), 1);
	len = BIO_get_mem_data(pem, &text);
	for (size_t count = 0; !is_enough; count++) {
		struct certificate_anchors *anchors;
		char why[CERTIFICATE_WHY_MAX];

		assert_true(count < ENOUGH);
		memory_left = count;
		memory_has_ended = false;
		anchors = certificate_anchors_new(bytes_of(text, (size_t)len), why);
		is_enough = !memory_has_ended;
		memory_left = SIZE_MAX;
		if (anchors ? certificate_anchors_count(anchors) != 2 : why[0] == '\0')
			fail_msg("with memory for %zu: \"%s\"", count, why);
		assert_true(anchors || !is_enough);
		certificate_anchors_free(anchors);
	}
	BIO_free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_that_does_not_match, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_is_anothers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_authority_answers_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_that_is_too_small_for_its_own_record, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(authorities_are_all_there_or_none, set_up,
		                                tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

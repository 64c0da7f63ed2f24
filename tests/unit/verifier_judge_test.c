/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verifier_judge.h"

#include "unit/policy/certificate_world.h"
#include "unit/policy/handshake_world.h"

static const uint8_t secret[TABLE_SECRET_LEN] = { 7 };

struct world {
	struct identity identity, thief;
	struct handshake shaken, stolen;
	struct certificate_anchors *anchors; /* the judge's */
	struct verifier_judge *judge;
	struct message_check check;
	size_t len;
	struct key_finding finding;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct handshake_wanted wanted = { .version = TLS1_2_VERSION,
		                           .ciphers = "ECDHE-ECDSA-AES128-SHA" };

	assert_non_null(world);
	*state = world;
	world->identity = world_make(&(struct wanted){
		.common_name = "mx", .names = "DNS:mx.example.org", .is_authority = true });
	world->thief = world_make(&(struct wanted){ .names = "DNS:mx.example.org" });
	wanted.identity = &world->identity;
	handshake_make(&world->shaken, &wanted);
	wanted.identity = &world->thief;
	handshake_make(&world->stolen, &wanted);
	world->anchors = world_anchors((const struct identity *[]){ &world->identity }, 1);
	world->judge = verifier_judge_new(world->anchors, secret);
	assert_non_null(world->judge);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	world_drop(&world->identity);
	world_drop(&world->thief);
	verifier_judge_free(world->judge);
	free(world);
	return 0;
}

static void put(struct world *world, const void *octets, size_t len)
{
	memcpy((uint8_t *)&world->check + world->len, octets, len);
	world->len += len;
}

/* The identity's certificate, with that handshake; for that name. */
static void fill(struct world *world, const struct handshake *shaken, const char *name)
{
	const struct key_rule rule = world_pkix(name);
	static struct key_rules rules;
	static struct sent sent;

	sent.len = rules.len = rules.count = 0;
	world_send(&sent, &world->identity);
	assert_true(key_rules_add(&rules, &rule));
	world->check = (struct message_check){ .type = MESSAGE_CHECK,
		                               .request = 5,
		                               .tls_version = shaken->version,
		                               .cipher_suite = shaken->cipher_suite,
		                               .rules_len = (uint32_t)rules.len,
		                               .chain_len = (uint32_t)sent.len,
		                               .exchange_len = (uint32_t)shaken->exchange_len };
	memcpy(world->check.client_random, shaken->client_random, CHECK_RANDOM_LEN);
	memcpy(world->check.server_random, shaken->server_random, CHECK_RANDOM_LEN);
	world->len = CHECK_HEAD_LEN;
	put(world, rules.octets, rules.len);
	put(world, sent.octets, sent.len);
	put(world, shaken->exchange, shaken->exchange_len);
}

static enum key_outcome judge_at(struct world *world, int64_t now_s)
{
	assert_true(verifier_judge_check(&world->finding, world->judge, &world->check, world->len,
	                                 now_s));
	return world->finding.outcome;
}

static enum key_outcome judge(struct world *world)
{
	return judge_at(world, WORLD_NOW_S);
}

static void who_has_the_promised_key_meets_the_promise(void **state)
{
	struct world *world = *state;

	fill(world, &world->shaken, "mx.example.org");
	assert_int_equal(judge(world), KEY_MET);
	fill(world, &world->shaken, "mx.example.com");
	assert_int_equal(judge(world), KEY_NAME_MISMATCH);
}

static void who_only_shows_the_certificate_does_not(void **state)
{
	struct world *world = *state;

	fill(world, &world->stolen, "mx.example.org");
	assert_int_equal(judge(world), KEY_UNPROVEN);
	assert_string_equal(world->finding.why,
	                    "the key exchange is not signed by the certificate's key");
	assert_int_equal(verifier_judge_counts(world->judge).unproven, 1);
}

static void a_good_handshake_before_does_not_help_him(void **state)
{
	struct world *world = *state;

	fill(world, &world->shaken, "mx.example.org");
	assert_int_equal(judge(world), KEY_MET);
	fill(world, &world->stolen, "mx.example.org");
	assert_int_equal(judge(world), KEY_UNPROVEN);
	/* And what he did does not stick to the certificate. */
	fill(world, &world->shaken, "mx.example.org");
	assert_int_equal(judge(world), KEY_MET);
}

static void a_key_exchange_that_cannot_be_read_proves_nothing(void **state)
{
	struct world *world = *state;

	fill(world, &world->shaken, "mx.example.org");
	world->check.exchange_len--;
	world->len--;
	assert_int_equal(judge(world), KEY_UNREADABLE);
	assert_string_equal(world->finding.why, "the key exchange is malformed");
}

static void without_a_key_exchange_the_certificates_alone_count(void **state)
{
	struct world *world = *state;

	fill(world, &world->stolen, "mx.example.org");
	world->len -= world->check.exchange_len;
	world->check.exchange_len = 0;
	assert_int_equal(judge(world), KEY_MET);
}

static void the_same_is_judged_once_a_minute(void **state)
{
	struct world *world = *state;
	struct key_finding first;
	int64_t minute_s = WORLD_NOW_S / 60 * 60;

	fill(world, &world->shaken, "mx.example.org");
	assert_int_equal(judge_at(world, minute_s), KEY_MET);
	first = world->finding;
	memset(&world->finding, 0xa5, sizeof(world->finding));
	assert_int_equal(judge_at(world, minute_s + 59), KEY_MET);
	assert_memory_equal(&world->finding, &first, sizeof(first));
	assert_int_equal(verifier_judge_counts(world->judge).cached, 1);
	assert_int_equal(judge_at(world, minute_s + 60), KEY_MET);
	assert_int_equal(verifier_judge_counts(world->judge).cached, 1);
	/* Other rules are another question. */
	fill(world, &world->shaken, "mx.example.com");
	assert_int_equal(judge_at(world, minute_s + 60), KEY_NAME_MISMATCH);
	assert_int_equal(verifier_judge_counts(world->judge).cached, 1);
	assert_int_equal(verifier_judge_counts(world->judge).checks, 4);
}

static void with_other_authorities_all_is_judged_anew(void **state)
{
	struct world *world = *state;

	fill(world, &world->shaken, "mx.example.org");
	assert_int_equal(judge(world), KEY_MET);
	verifier_judge_trust(world->judge, world_anchors(NULL, 0));
	assert_int_equal(judge(world), KEY_UNJUDGED);
	assert_string_equal(world->finding.why, "no authority is known here (tls.ca-file)");
	assert_int_equal(verifier_judge_counts(world->judge).cached, 0);
}

static void a_message_whose_lengths_do_not_add_up_is_refused(void **state)
{
	struct world *world = *state;
	struct message_check sound;
	size_t len;

	fill(world, &world->shaken, "mx.example.org");
	sound = world->check;
	len = world->len;
	for (size_t cut = 0; cut < len; cut++)
		assert_false(verifier_judge_check(&world->finding, world->judge, &world->check, cut,
		                                  WORLD_NOW_S));
	assert_false(verifier_judge_check(&world->finding, world->judge, &world->check, len + 1,
	                                  WORLD_NOW_S));
	for (int i = 0; i < 4; i++) {
		world->check = sound;
		if (i == 0)
			world->check.rules_len = UINT32_MAX;
		if (i == 1)
			world->check.chain_len = UINT32_MAX - 3;
		if (i == 2)
			world->check.exchange_len = CHECK_EXCHANGE_MAX + 1;
		if (i == 3)
			world->check.octets[0] = 9; /* such a rule there is not */
		assert_false(verifier_judge_check(&world->finding, world->judge, &world->check, len,
		                                  WORLD_NOW_S));
	}
	assert_int_equal(verifier_judge_counts(world->judge).checks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(who_has_the_promised_key_meets_the_promise),
		TEST(who_only_shows_the_certificate_does_not),
		TEST(a_good_handshake_before_does_not_help_him),
		TEST(a_key_exchange_that_cannot_be_read_proves_nothing),
		TEST(without_a_key_exchange_the_certificates_alone_count),
		TEST(the_same_is_judged_once_a_minute),
		TEST(with_other_authorities_all_is_judged_anew),
		TEST(a_message_whose_lengths_do_not_add_up_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_world.h"

#include "unit/policy/certificate_tlsa_cases.h"

/* TLSA records against chains: the cases of RFC 7671 sections 5 to 9 and RFC 7672 section 3. */

/* Who is in this world, by the letter in the tables. */
enum who {
	ROOT,         /* R, self-signed */
	INTERMEDIATE, /* I, by R */
	LEAF,         /* L, by I, for mx.example.org */
	EXPIRED,      /* E, as L, but out of date */
	EARLY,        /* F, as L, but of the future */
	STRANGER,     /* S, as L, but for another host */
	LONELY,       /* O, self-signed, expired, for nobody */
	LATE_ISSUER,  /* J, by R, expired */
	LATE_LEAF,    /* K, by J */
	CLIENT,       /* C, by I, for mx.example.org, but made for clients */
	FORGED,       /* X, says that I signed it, and L's key is not its own */
	WHO_COUNT,
};

static const char letters[] = "RILEFSOJKCX";

struct world {
	struct identity who[WHO_COUNT];
	struct certificate_anchors *anchors; /* none: DANE asks for no authority */
};

static void make(struct world *world, enum who who, const struct wanted *wanted)
{
	world->who[who] = world_make(wanted);
}

static int set_up(void **state)
{
	static struct world world;
	const struct identity *who = world.who;
	struct identity liar;
	int64_t past_s = WORLD_NOW_S - WORLD_DAY_S, future_s = WORLD_NOW_S + WORLD_DAY_S;

	*state = &world;
	make(&world, ROOT, &(struct wanted){ .common_name = "root", .is_authority = true });
	make(&world, INTERMEDIATE,
	     &(struct wanted){
		     .common_name = "issuer", .issuer = &who[ROOT], .is_authority = true });
	make(&world, LEAF,
	     &(struct wanted){ .names = "DNS:mx.example.org", .issuer = &who[INTERMEDIATE] });
	make(&world, EXPIRED,
	     &(struct wanted){ .names = "DNS:mx.example.org",
	                       .issuer = &who[INTERMEDIATE],
	                       .until_s = past_s });
	make(&world, EARLY,
	     &(struct wanted){ .names = "DNS:mx.example.org",
	                       .issuer = &who[INTERMEDIATE],
	                       .from_s = future_s });
	make(&world, STRANGER,
	     &(struct wanted){ .names = "DNS:mx.example.com", .issuer = &who[INTERMEDIATE] });
	make(&world, LONELY, &(struct wanted){ .common_name = "nobody", .until_s = past_s });
	make(&world, LATE_ISSUER,
	     &(struct wanted){ .common_name = "late",
	                       .issuer = &who[ROOT],
	                       .is_authority = true,
	                       .until_s = past_s });
	make(&world, LATE_LEAF,
	     &(struct wanted){ .names = "DNS:mx.example.org", .issuer = &who[LATE_ISSUER] });
	make(&world, CLIENT,
	     &(struct wanted){ .names = "DNS:mx.example.org",
	                       .issuer = &who[INTERMEDIATE],
	                       .purpose = "clientAuth" });
	liar = world_make(&(struct wanted){ .common_name = "issuer", .is_authority = true });
	make(&world, FORGED, &(struct wanted){ .names = "DNS:mx.example.org", .issuer = &liar });
	world_drop(&liar);
	world.anchors = world_anchors(NULL, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < WHO_COUNT; i++)
		world_drop(&world->who[i]);
	certificate_anchors_free(world->anchors);
	return 0;
}

static const struct identity *find(const struct world *world, char letter)
{
	const char *at = strchr(letters, letter);

	assert_non_null(at);
	return &world->who[at - letters];
}

static struct bytes data_of(struct association *association, const struct world *world,
                            const struct record *record)
{
	*association = world_association(find(world, record->of[0]), record->selector,
	                                 record->matching < 2 ? record->matching : 2);
	if (record->of[1] == '!')
		association->octets[association->len - 1] ^= 1;
	if (record->of[1] == '-')
		association->len--;
	return bytes_of(association->octets, association->len);
}

static void hold(struct key_finding *finding, const struct world *world,
                 const struct expected *expected)
{
	const char *names = expected->names ? expected->names : "mx.example.org";
	struct key_rule rule = { .kind = KEY_RULE_TLSA,
		                 .source = SOURCE_DANE,
		                 .names = bytes_of_string(names) };
	struct association associations[4];
	static struct key_rules rules;
	static struct sent sent;

	sent.len = 0;
	for (const char *at = expected->chain; *at; at++)
		world_send(&sent, find(world, *at));
	for (size_t i = 0; i < 4 && expected->records[i].of; i++) {
		const struct record *record = &expected->records[i];

		rule.records[rule.record_count++] = (struct key_record){
			.usage = (uint8_t)record->usage,
			.selector = (uint8_t)record->selector,
			.matching = (uint8_t)record->matching,
			.data = data_of(&associations[i], world, record),
		};
	}
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	certificate_check(finding, &(struct certificate_query){ .chain = world_sent(&sent),
	                                                        .rules = world_rules(&rules),
	                                                        .now_s = WORLD_NOW_S,
	                                                        .anchors = world->anchors });
}

static void every_case_of_the_table_comes_out_as_the_rfcs_say(void **state)
{
	const struct world *world = *state;
	struct key_finding finding;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *expected = &cases[i];
		bool is_told;

		hold(&finding, world, expected);
		is_told = expected->matched ? strncmp(finding.matched, expected->matched,
		                                      strlen(expected->matched)) == 0
		                            : finding.matched[0] == '\0';
		if (finding.outcome != expected->outcome || !is_told ||
		    (finding.outcome == KEY_MET) != (finding.why[0] == '\0'))
			fail_msg("%s: %s, matched \"%s\", why \"%s\"", expected->name,
			         key_outcome_name(finding.outcome), finding.matched, finding.why);
		assert_int_equal(finding.source, SOURCE_DANE);
	}
}

static void the_anchor_that_matched_is_told(void **state)
{
	const struct world *world = *state;
	struct association want = world_association(&world->who[ROOT], 1, 1);
	static const struct expected with[] = {
		{ "sent", "LIR", { { 2, 0, 1, "R" } }, KEY_MET, "2 0 1", NULL },
		{ "only in the record", "LI", { { 2, 1, 0, "R" } }, KEY_MET, "2 1 0", NULL },
		{ "only in the record", "LI", { { 2, 0, 0, "R" } }, KEY_MET, "2 0 0", NULL },
	};
	struct key_finding finding;

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		hold(&finding, world, &with[i]);
		assert_int_equal(finding.outcome, KEY_MET);
		assert_true(finding.seen.has_anchor);
		assert_memory_equal(finding.seen.anchor_digest, want.octets, KEY_DIGEST_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_of_the_table_comes_out_as_the_rfcs_say),
		cmocka_unit_test(the_anchor_that_matched_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

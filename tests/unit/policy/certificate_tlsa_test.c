/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/policy/certificate_world.h"

/* TLSA records against chains: the cases of RFC 7671 sections 5 to 9 and RFC 7672 section 3. */

/* Who is in this world, by the letter in the tables below. */
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

/* usage, selector, matching type; whose, by letter; '!' behind it: one bit is another. */
struct record {
	unsigned usage, selector, matching;
	const char *of;
};

struct expected {
	const char *name;
	const char *chain; /* as sent */
	struct record records[4];
	enum key_outcome outcome;
	const char *matched; /* how it begins; NULL: nothing matched */
	const char *names;   /* default: mx.example.org */
};

static const struct expected cases[] = {
	/* RFC 7671 section 5.1: usage 3 */
	{ "3 0 0 matches", "LI", { { 3, 0, 0, "L" } }, KEY_MET, "3 0 0 ", NULL },
	{ "3 0 1 matches", "LI", { { 3, 0, 1, "L" } }, KEY_MET, "3 0 1 ", NULL },
	{ "3 0 2 matches", "LI", { { 3, 0, 2, "L" } }, KEY_MET, "3 0 2 ", NULL },
	{ "3 1 0 matches", "LI", { { 3, 1, 0, "L" } }, KEY_MET, "3 1 0 ", NULL },
	{ "3 1 1 matches", "LI", { { 3, 1, 1, "L" } }, KEY_MET, "3 1 1 ", NULL },
	{ "3 1 2 matches", "LI", { { 3, 1, 2, "L" } }, KEY_MET, "3 1 2 ", NULL },
	{ "3 0 0 of another", "LI", { { 3, 0, 0, "S" } }, KEY_MISMATCH, NULL, NULL },
	{ "3 0 1 with one bit wrong", "LI", { { 3, 0, 1, "L!" } }, KEY_MISMATCH, NULL, NULL },
	{ "3 1 0 of another", "LI", { { 3, 1, 0, "S" } }, KEY_MISMATCH, NULL, NULL },
	{ "3 1 1 with one bit wrong", "LI", { { 3, 1, 1, "L!" } }, KEY_MISMATCH, NULL, NULL },
	{ "3 1 2 with one bit wrong", "LI", { { 3, 1, 2, "L!" } }, KEY_MISMATCH, NULL, NULL },
	{ "usage 3 without its chain", "L", { { 3, 1, 1, "L" } }, KEY_MET, "3 1 1 ", NULL },
	{ "usage 3, expired", "EI", { { 3, 1, 1, "E" } }, KEY_MET, "3 1 1 ", NULL },
	{ "usage 3, not yet valid", "FI", { { 3, 0, 1, "F" } }, KEY_MET, "3 0 1 ", NULL },
	{ "usage 3, another name", "SI", { { 3, 1, 1, "S" } }, KEY_MET, "3 1 1 ", NULL },
	{ "usage 3, self-signed, expired, without names",
	  "O",
	  { { 3, 1, 1, "O" } },
	  KEY_MET,
	  "3 1 1 ",
	  NULL },
	{ "usage 3, made for clients", "CI", { { 3, 1, 1, "C" } }, KEY_MET, "3 1 1 ", NULL },
	{ "usage 3 says nothing of issuers",
	  "LIR",
	  { { 3, 1, 1, "I" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },

	/* RFC 7671 section 5.2: usage 2 */
	{ "2 0 0 matches", "LIR", { { 2, 0, 0, "R" } }, KEY_MET, "2 0 0 ", NULL },
	{ "2 0 1 matches", "LIR", { { 2, 0, 1, "R" } }, KEY_MET, "2 0 1 ", NULL },
	{ "2 0 2 matches", "LIR", { { 2, 0, 2, "R" } }, KEY_MET, "2 0 2 ", NULL },
	{ "2 1 0 matches", "LIR", { { 2, 1, 0, "R" } }, KEY_MET, "2 1 0 ", NULL },
	{ "2 1 1 matches", "LIR", { { 2, 1, 1, "R" } }, KEY_MET, "2 1 1 ", NULL },
	{ "2 1 2 matches", "LIR", { { 2, 1, 2, "R" } }, KEY_MET, "2 1 2 ", NULL },
	{ "an intermediate as anchor", "LI", { { 2, 0, 1, "I" } }, KEY_MET, "2 0 1 ", NULL },
	{ "an intermediate's key as anchor", "LI", { { 2, 1, 1, "I" } }, KEY_MET, "2 1 1 ", NULL },
	{ "2 0 1 with one bit wrong", "LIR", { { 2, 0, 1, "R!" } }, KEY_MISMATCH, NULL, NULL },
	{ "2 1 1 of a stranger", "LIR", { { 2, 1, 1, "O" } }, KEY_MISMATCH, NULL, NULL },
	{ "usage 2 says nothing of the leaf itself",
	  "LIR",
	  { { 2, 1, 1, "L" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "the chain in any order", "LRI", { { 2, 0, 1, "R" } }, KEY_MET, "2 0 1 ", NULL },
	{ "certificates that belong to nobody between them",
	  "LSOIR",
	  { { 2, 0, 1, "R" } },
	  KEY_MET,
	  "2 0 1 ",
	  NULL },

	/* The anchor is not sent: RFC 7671 section 5.2.2, RFC 7672 section 3.1.2 */
	{ "2 0 1 without the anchor", "LI", { { 2, 0, 1, "R" } }, KEY_MISMATCH, NULL, NULL },
	{ "2 0 2 without the anchor", "LI", { { 2, 0, 2, "R" } }, KEY_MISMATCH, NULL, NULL },
	{ "2 1 1 without the anchor", "LI", { { 2, 1, 1, "R" } }, KEY_MISMATCH, NULL, NULL },
	{ "2 0 0 without the anchor", "LI", { { 2, 0, 0, "R" } }, KEY_MET, "2 0 0 ", NULL },
	{ "2 1 0 without the anchor", "LI", { { 2, 1, 0, "R" } }, KEY_MET, "2 1 0 ", NULL },
	{ "2 0 0 of the issuer, which is not sent",
	  "L",
	  { { 2, 0, 0, "I" } },
	  KEY_MET,
	  "2 0 0 ",
	  NULL },
	{ "2 1 0 of the issuer, which is not sent",
	  "L",
	  { { 2, 1, 0, "I" } },
	  KEY_MET,
	  "2 1 0 ",
	  NULL },
	{ "2 0 0 without what stands between",
	  "L",
	  { { 2, 0, 0, "R" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "2 1 0 without what stands between",
	  "L",
	  { { 2, 1, 0, "R" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "2 1 0 of somebody else", "LI", { { 2, 1, 0, "O" } }, KEY_MISMATCH, NULL, NULL },

	/* Dates and names count with usage 2: RFC 7671 section 5.2, RFC 7672 section 3.2 */
	{ "usage 2, expired", "EIR", { { 2, 0, 1, "R" } }, KEY_EXPIRED, "2 0 1 ", NULL },
	{ "usage 2, not yet valid", "FIR", { { 2, 0, 1, "R" } }, KEY_EXPIRED, "2 0 1 ", NULL },
	{ "usage 2, an issuer expired", "KJR", { { 2, 0, 1, "R" } }, KEY_EXPIRED, "2 0 1 ", NULL },
	{ "usage 2, another name", "SIR", { { 2, 0, 1, "R" } }, KEY_NAME_MISMATCH, "2 0 1 ", NULL },
	{ "usage 2, one of the names",
	  "LIR",
	  { { 2, 0, 1, "R" } },
	  KEY_MET,
	  "2 0 1 ",
	  "example.net:mx.example.org" },
	{ "usage 2, names below", "LIR", { { 2, 0, 1, "R" } }, KEY_MET, "2 0 1 ", ".example.org" },
	{ "usage 2, no name asked for",
	  "LIR",
	  { { 2, 0, 1, "R" } },
	  KEY_NAME_MISMATCH,
	  "2 0 1 ",
	  "" },
	{ "usage 2, made for clients", "CIR", { { 2, 0, 1, "R" } }, KEY_UNTRUSTED, NULL, NULL },
	{ "usage 2, a signature that is not the anchor's",
	  "XIR",
	  { { 2, 0, 1, "I" } },
	  KEY_UNTRUSTED,
	  NULL,
	  NULL },

	/* Several records: RFC 7671 section 8, RFC 7672 section 3.1 */
	{ "old and new key",
	  "LI",
	  { { 3, 1, 1, "S" }, { 3, 1, 1, "L" } },
	  KEY_MET,
	  "3 1 1 ",
	  NULL },
	{ "neither of two",
	  "LI",
	  { { 3, 1, 1, "S" }, { 3, 1, 1, "E" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "an anchor of theirs, and a key of ours",
	  "LI",
	  { { 2, 0, 1, "O" }, { 3, 1, 1, "L" } },
	  KEY_MET,
	  "3 1 1 ",
	  NULL },
	{ "an anchor of ours, and a key of theirs",
	  "LIR",
	  { { 3, 1, 1, "S" }, { 2, 0, 1, "R" } },
	  KEY_MET,
	  "2 0 1 ",
	  NULL },
	{ "both match: names and dates do not count",
	  "EIR",
	  { { 2, 0, 1, "R" }, { 3, 1, 1, "E" } },
	  KEY_MET,
	  "3 1 1 ",
	  NULL },
	{ "the certificate was renewed, the key stayed",
	  "LI",
	  { { 3, 0, 1, "E" }, { 3, 1, 1, "L" } },
	  KEY_MET,
	  "3 1 1 ",
	  NULL },

	/* Agility: RFC 7671 section 9 */
	{ "a weaker digest does not count beside a stronger",
	  "LI",
	  { { 3, 1, 2, "S" }, { 3, 1, 1, "L" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "the stronger digest counts",
	  "LI",
	  { { 3, 1, 1, "S" }, { 3, 1, 2, "L" } },
	  KEY_MET,
	  "3 1 2 ",
	  NULL },
	{ "in the full is always",
	  "LI",
	  { { 3, 1, 2, "S" }, { 3, 1, 0, "L" } },
	  KEY_MET,
	  "3 1 0 ",
	  NULL },
	{ "another selector is another matter",
	  "LI",
	  { { 3, 1, 2, "S" }, { 3, 0, 1, "L" } },
	  KEY_MET,
	  "3 0 1 ",
	  NULL },
	{ "another usage is another matter",
	  "LIR",
	  { { 3, 1, 2, "S" }, { 2, 1, 1, "R" } },
	  KEY_MET,
	  "2 1 1 ",
	  NULL },
	{ "agility among anchors",
	  "LIR",
	  { { 2, 0, 2, "O" }, { 2, 0, 1, "R" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },

	/* RFC 7672 section 2.2: none can be used, so that no key was promised */
	{ "usages for others",
	  "LI",
	  { { 0, 0, 1, "S" }, { 1, 1, 1, "S" } },
	  KEY_MET,
	  "no TLSA record is usable",
	  NULL },
	{ "an unknown matching type",
	  "LI",
	  { { 3, 1, 7, "S" } },
	  KEY_MET,
	  "no TLSA record is usable",
	  NULL },
	{ "one that can be used counts",
	  "LI",
	  { { 3, 1, 7, "S" }, { 3, 1, 1, "S" } },
	  KEY_MISMATCH,
	  NULL,
	  NULL },
	{ "no record at all", "LI", { { 0 } }, KEY_MISMATCH, NULL, NULL },
};

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_CERTIFICATE_FIXTURE_H
#define HOPGUARD_TESTS_CERTIFICATE_FIXTURE_H

/* A root, an issuer and a leaf, and rules to hold what was sent against. */

#include "unit/guarded.h"
#include "unit/policy/certificate_world.h"

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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline enum key_outcome check_octets(struct world *world, struct bytes chain)
{
	struct certificate_query query = { .chain = chain,
		                           .rules = world_rules(&world->rules),
		                           .now_s = WORLD_NOW_S,
		                           .anchors = world->anchors };

	memset(&world->finding, 0xa5, sizeof(world->finding));
	certificate_check(&world->finding, &query);
	return world->finding.outcome;
}

static inline enum key_outcome check(struct world *world)
{
	return check_octets(world, world_sent(&world->sent));
}

static inline void send_chain(struct world *world, const struct identity *leaf,
                              const struct identity *second)
{
	world->sent.len = 0;
	world_send(&world->sent, leaf);
	if (second)
		world_send(&world->sent, second);
}

static inline void add_rule(struct world *world, const struct key_rule *rule)
{
	assert_true(key_rules_add(&world->rules, rule));
}

/* In place of all rules before. */
static inline void ask_pkix(struct world *world, const char *names)
{
	const struct key_rule rule = world_pkix(names);

	world->rules.count = world->rules.len = 0;
	add_rule(world, &rule);
}

/* A leaf by the issuer, held against one PKIX rule. */
static inline enum key_outcome check_leaf(struct world *world, const struct wanted *wanted,
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

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_KEY_SCENE_H
#define HOPGUARD_TESTS_UNIT_KEY_SCENE_H

/*
 * Handshakes that OpenSSL made cross a gate whose questions the verifier's own code answers. KEY_DOMAIN promised a key by DANE, of
 * KEY_HOST at the simulation's server; `honest` and `thief` have one each. Behind cmocka.h.
 */

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/certificate_anchors.h"
#include "unit/flow/live_handshake.h"
#include "unit/hop_scene.h"
#include "verifier_judge.h"

#define KEY_DOMAIN "big.example"
#define KEY_HOST   "mx.big.example"
/* The prober's words, which count where it could not tell. */
#define PROBE_TROUBLE "from 192.0.2.1: nothing in time"

/* cmocka's state, between key_scene_set_up and key_scene_tear_down. */
struct key_scene {
	struct live_identity honest, thief;
	struct verifier_judge *judge;
	struct simulation *simulation;
	bool is_verifier_away;
	enum key_outcome said;  /* by a verifier of a test's own */
	bool dies_behind_probe; /* the verifier, when the next probe is made */
	/* The probes' part. */
	enum probe_outcome probe_outcome;
	uint16_t probed_version;                  /* 0: TLS 1.3 */
	const struct live_identity *probed;       /* what a probe is shown */
	const struct live_identity *probed_named; /* when it names the host; NULL: the same */
	bool is_probe_away;
	bool is_named_away, is_nameless_away; /* of probes with a name, or without one */
	struct message_probe probe;           /* the last */
	char named[DOMAIN_NAME_MAX];          /* by the last that names a host */
};

static inline void verify(void *owner, struct key_finding *finding,
                          const struct message_check *check, size_t len)
{
	struct key_scene *scene = owner;

	if (!scene->is_verifier_away)
		assert_true(verifier_judge_check(finding, scene->judge, check, len,
		                                 (int64_t)time(NULL)));
}

static inline void probe(void *owner, struct message_probed *probed,
                         const struct message_probe *wanted)
{
	struct key_scene *scene = owner;
	const struct live_identity *shown =
		scene->probed_named && wanted->server_name[0] ? scene->probed_named : scene->probed;

	memcpy(&scene->probe, wanted, sizeof(scene->probe));
	if (wanted->server_name[0])
		text_copy(scene->named, sizeof(scene->named), wanted->server_name);
	scene->is_verifier_away |= scene->dies_behind_probe;
	if (scene->is_probe_away ||
	    (wanted->server_name[0] ? scene->is_named_away : scene->is_nameless_away))
		return;
	probed->type = MESSAGE_PROBED;
	probed->outcome = scene->probe_outcome;
	probed->tls_version = scene->probed_version ? scene->probed_version : 0x0304;
	text_copy(probed->why, sizeof(probed->why), PROBE_TROUBLE);
	if (scene->probe_outcome != PROBE_SHOWN)
		return;
	probed->chain_len = (uint32_t)shown->chain_len;
	memcpy(probed->chain, shown->chain, shown->chain_len);
}

static inline int key_scene_set_up(void **state)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = { 9 };
	struct key_scene *scene = calloc(1, sizeof(*scene));
	char why[256];
	struct certificate_anchors *anchors = certificate_anchors_new(bytes_of_string(""), why);

	assert_non_null(scene);
	assert_non_null(anchors);
	live_identity_init(&scene->honest, LIVE_ECDSA);
	live_identity_init(&scene->thief, LIVE_ECDSA);
	scene->judge = verifier_judge_new(anchors, secret);
	assert_non_null(scene->judge);
	*state = scene;
	return 0;
}

static inline int key_scene_tear_down(void **state)
{
	struct key_scene *scene = *state;

	if (scene->simulation)
		simulation_free(scene->simulation);
	verifier_judge_free(scene->judge);
	live_identity_end(&scene->honest);
	live_identity_end(&scene->thief);
	free(scene);
	return 0;
}

/* "usage 1 1" of that identity's key. */
static inline void promise_by(struct destination *destination, const struct live_identity *identity,
                              uint8_t usage)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], *key = NULL;
	int len = i2d_PUBKEY(identity->key, &key);
	struct key_rule rule = { .kind = KEY_RULE_TLSA, .source = SOURCE_DANE, .record_count = 1 };
	static struct key_rules rules;

	assert_true(len > 0);
	SHA256(key, (size_t)len, digest);
	OPENSSL_free(key);
	rule.names = bytes_of_string(KEY_HOST);
	rule.records[0] = (struct key_record){ usage, 1, 1, bytes_of(digest, sizeof(digest)) };
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	destination->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
}

static inline void promise_key(struct destination *destination,
                               const struct live_identity *identity)
{
	promise_by(destination, identity, 3);
}

/* Opened, and the domain heard of at that address. */
static inline struct simulation *open_by(struct key_scene *scene,
                                         const struct live_identity *promised, uint8_t usage,
                                         enum tls13 tls13)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	simulation->config.tls13 = tls13;
	simulation_verify(simulation, verify, tls13 == TLS13_PROBE ? probe : NULL, scene);
	assert_true(simulation_open(simulation));
	promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_KEY);
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_by(&simulation->answers[i], promised, usage);
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	return simulation;
}

static inline struct simulation *open_to(struct key_scene *scene,
                                         const struct live_identity *promised, enum tls13 tls13)
{
	return open_by(scene, promised, 3, tls13);
}

static inline void greet(struct simulation *simulation)
{
	assert_true(simulation_server(simulation, "220 mx.big.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-mx.big.example\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
}

/* What both said, the last of it the client's first line in TLS: true when that passed. The recording is freed. */
static inline bool replay(struct simulation *simulation, struct recording *recording)
{
	bool has_passed = false;

	for (size_t i = 0; i < recording->count; i++) {
		has_passed = simulation_say(simulation, recording->chunks[i].is_client,
		                            recording->chunks[i].octets);
		if (!has_passed)
			break;
	}
	free(recording);
	return has_passed;
}

static inline struct recording *handshake_of(const struct live_identity *identity, int version,
                                             const char *ciphers)
{
	struct live_pair pair = live_pair_new(identity, version, ciphers, SSL_OP_NO_TICKET);
	struct recording *recording = live_talk(&pair, NULL);

	live_pair_free(&pair);
	return recording;
}

static inline bool talk(struct simulation *simulation, const struct live_identity *identity,
                        int version)
{
	greet(simulation);
	return replay(simulation, handshake_of(identity, version, "ECDHE-ECDSA-AES128-GCM-SHA256"));
}

static inline bool talk_after(struct key_scene *scene, uint64_t wait_ms)
{
	simulation_pass_time(scene->simulation, wait_ms);
	assert_true(simulation_reopen(scene->simulation));
	return talk(scene->simulation, &scene->honest, TLS1_3_VERSION);
}

static inline void refused(const struct simulation *simulation, enum reason reason,
                           const char *assurance)
{
	const struct event *event = simulation_finding(simulation);

	assert_non_null(event);
	assert_string_equal(reason_name(event->reason), reason_name(reason));
	assert_string_equal(event_assurance(event), assurance);
	assert_true(simulation->client.got_reset);
	assert_true(simulation->server.got_reset);
}

/* The last event of a probe that saw something else, and how many there are. */
static inline const struct event *differing(const struct simulation *simulation, size_t *count)
{
	const struct event *found = NULL;

	*count = 0;
	for (size_t i = 0; i < simulation->event_count; i++) {
		if (simulation->events[i].reason != REASON_PROBE_DIFFERS)
			continue;
		found = &simulation->events[i];
		++*count;
	}
	return found;
}

static inline const struct event *differing_once(const struct simulation *simulation)
{
	size_t count;
	const struct event *event = differing(simulation, &count);

	assert_int_equal(count, 1);
	assert_int_equal(event->action, ACTION_ALERT);
	assert_int_equal(event->would, ACTION_ALERT);
	return event;
}

static inline void differs_never(const struct simulation *simulation)
{
	size_t count;

	(void)differing(simulation, &count);
	assert_int_equal(count, 0);
}

#endif

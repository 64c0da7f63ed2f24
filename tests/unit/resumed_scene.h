/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_RESUMED_SCENE_H
#define HOPGUARD_TESTS_UNIT_RESUMED_SCENE_H

/* Sessions up to TLS 1.2 that clients go on with, across a gate. Behind cmocka.h. */

#include "gate_keys_state.h"
#include "unit/key_scene.h"

static const char suite[] = "ECDHE-ECDSA-AES128-GCM-SHA256";

/* A probe is shown the promised key. */
static inline struct simulation *open_to_probes(struct key_scene *scene)
{
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_PROBE);

	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	return simulation;
}

/* As open_to_probes, but nothing is promised yet. */
static inline struct simulation *open_to_strangers(struct key_scene *scene)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	scene->simulation = simulation;
	scene->probe_outcome = PROBE_SHOWN;
	scene->probed = &scene->honest;
	simulation->config.tls13 = TLS13_PROBE;
	simulation_verify(simulation, verify, probe, scene);
	assert_true(simulation_open(simulation));
	return simulation;
}

/* Whatever was promised before, it is that identity's key from here on. */
static inline void promise_now(struct key_scene *scene, const struct live_identity *identity)
{
	struct simulation *simulation = scene->simulation;

	if (simulation->answer_count == 0)
		promise(simulation, KEY_DOMAIN, KEY_HOST, PROMISE_KEY);
	for (size_t i = 0; i < simulation->answer_count; i++)
		promise_key(&simulation->answers[i], identity);
	gate_forget(simulation->gate, "");
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
}

/* A connection of its own that begins a session, or goes on with one. */
static inline bool connect_and_say(struct simulation *simulation, struct recording *recording)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	return replay(simulation, recording);
}

/* All but the client's last words, which are its first in TLS; then the client leaves. */
static inline void break_off(struct simulation *simulation, struct recording *recording)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	for (size_t i = 0; i + 1 < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	simulation_end(simulation, true, true);
	free(recording);
}

static inline SSL_SESSION *session_of(const struct live_pair *pair)
{
	SSL_SESSION *session = SSL_get1_session(pair->client);

	assert_non_null(session);
	return session;
}

static inline struct recording *go_on(struct live_pair *pair, SSL_SESSION *session)
{
	struct recording *recording = live_talk(pair, session);

	assert_true(SSL_session_reused(pair->client));
	return recording;
}

/* As many as are kept, and so none of those before. */
static inline void drive_out_handshakes(struct simulation *simulation)
{
	uint8_t chain[2];

	for (unsigned i = 0; i < GATE_HANDSHAKES_MAX; i++) {
		chain[0] = (uint8_t)i;
		chain[1] = (uint8_t)(i >> 8);
		assert_int_not_equal(
			gate_keep_chain(simulation->gate, bytes_of(chain, sizeof(chain)), 0x0303),
			0);
	}
}

static inline void refused_again(const struct simulation *simulation, enum reason reason)
{
	const struct event *event = &simulation->events[0];

	assert_true(simulation->event_count > 0);
	for (size_t i = 0; i < simulation->event_count; i++) {
		if (simulation->events[i].reason != REASON_PROBE_DIFFERS)
			event = &simulation->events[i];
	}
	assert_string_equal(reason_name(event->reason), reason_name(reason));
	assert_string_equal(event_assurance(event), "proven");
}

/* A NewSessionTicket behind the ServerHello, by the name that `session` has. */
static inline struct recording *with_name_of(struct recording *recording,
                                             const SSL_SESSION *session)
{
	struct recording *named = calloc(1, sizeof(*named));
	const uint8_t *flight = recording->chunks[1].octets.data;
	size_t len = recording->chunks[1].octets.len,
	       hello_len = 5 + ((size_t)flight[3] << 8 | flight[4]);
	uint8_t octets[1024], *at = octets;
	unsigned id_len;
	const uint8_t *id = SSL_SESSION_get_id(session, &id_len);
	const uint8_t head[] = { 22, 3, 3, 0, 4 + 6 + 32, 4, 0, 0, 6 + 32, 0, 0, 0, 9, 0, 32 };

	assert_non_null(named);
	assert_int_equal(id_len, 32);
	assert_true(len + sizeof(head) + id_len <= sizeof(octets));
	memcpy(at, flight, hello_len);
	at += hello_len;
	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	memcpy(at, id, id_len);
	at += id_len;
	memcpy(at, flight + hello_len, len - hello_len);
	at += len - hello_len;
	for (size_t i = 0; i < recording->count; i++)
		recording_append(named, recording->chunks[i].is_client,
		                 i == 1 ? bytes_of(octets, (size_t)(at - octets))
		                        : recording->chunks[i].octets);
	free(recording);
	return named;
}

/* An honest server and a thief, whose sessions have identifiers of the same length. */
struct ends {
	struct live_pair honest, thief;
	SSL_SESSION *honest_session, *thief_session;
};

static inline struct ends ends_new(struct key_scene *scene)
{
	return (struct ends){
		.honest = live_pair_new(&scene->honest, TLS1_2_VERSION, suite, SSL_OP_NO_TICKET),
		.thief = live_pair_new(&scene->thief, TLS1_2_VERSION, suite, SSL_OP_NO_TICKET),
	};
}

static inline void ends_free(struct ends *ends)
{
	SSL_SESSION_free(ends->honest_session);
	SSL_SESSION_free(ends->thief_session);
	live_pair_free(&ends->honest);
	live_pair_free(&ends->thief);
}

static inline struct bytes id_of(const SSL_SESSION *session)
{
	unsigned len;
	const uint8_t *id = SSL_SESSION_get_id(session, &len);

	return bytes_of(id, len);
}

/* The true server's handshake, in which somebody calls its session by another name: no client is content with its Finished. */
static inline struct recording *talk_under(struct ends *ends, const SSL_SESSION *name)
{
	struct recording *relayed = live_talk(&ends->honest, NULL);
	struct bytes from, to = id_of(name);
	uint8_t *at;

	SSL_SESSION_free(ends->honest_session);
	ends->honest_session = session_of(&ends->honest);
	from = id_of(ends->honest_session);
	assert_int_equal(from.len, to.len);
	at = memmem(relayed->octets, relayed->len, from.data, from.len);
	assert_non_null(at);
	memcpy(at, to.data, to.len);
	return relayed;
}

/* The client breaks it off. */
static inline void relay_under(struct simulation *simulation, struct ends *ends,
                               const SSL_SESSION *name)
{
	break_off(simulation, talk_under(ends, name));
}

static inline void passed(const struct simulation *simulation, const char *assurance)
{
	const struct event *event = &simulation->events[simulation->event_count - 1];

	assert_true(simulation->event_count > 0);
	assert_int_equal(event->action, ACTION_PASS);
	assert_string_equal(event_assurance(event), assurance);
}

static inline void hidden_again(const struct simulation *simulation)
{
	const struct event *event = &simulation->events[simulation->event_count - 1];

	assert_true(simulation->event_count > 0);
	assert_string_equal(reason_name(event->reason), "key-hidden");
	assert_int_equal(event->action, ACTION_DEFER);
}

/* As many as are kept, and so none of those before. */
static inline void drive_out_sessions(struct simulation *simulation)
{
	for (uint64_t key = 1; key <= GATE_SESSIONS_MAX; key++)
		assert_non_null(table_insert(simulation->gate->keys->sessions, &key));
}

#endif

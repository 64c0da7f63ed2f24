/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_SHARED_SCENE_H
#define HOPGUARD_TESTS_UNIT_SHARED_SCENE_H

/* Two guards share the connections of one site. Behind cmocka.h. */

#include "unit/resumed_scene.h"

/* `there` has the connections of another address of the same client. */
struct site {
	struct key_scene *scene;
	struct simulation *here, *there;
	struct ends ends;
};

static inline void share(struct simulation *simulation)
{
	static const uint8_t secret[SIPHASH_KEY_LEN] = "of all guards";

	gate_share_names(simulation->gate, secret, simulation->now_ms - 1);
}

static inline struct site site_new(void **state, enum tls13 tls13)
{
	struct site site = { .scene = *state };

	site.ends = ends_new(site.scene);
	site.there = open_to(site.scene, &site.scene->honest, tls13);
	/* Whatever else it hashes, it does by a secret of its own. */
	site.there->gate->secret[0] ^= 1;
	site.there->gate->keys->names_secret[0] ^= 1;
	assert_true(address_parse(&site.there->client_endpoint.address, "192.0.2.77"));
	site.here = open_to(site.scene, &site.scene->honest, tls13);
	site.scene->probe_outcome = PROBE_SHOWN;
	site.scene->probed = &site.scene->honest;
	share(site.here);
	share(site.there);
	return site;
}

static inline void site_free(struct site *site)
{
	simulation_free(site->there);
	ends_free(&site->ends);
}

/* As the scout does it: what was said since the last time. How many messages that were. */
static inline size_t hand_on(struct site *site, struct simulation *from)
{
	struct simulation *to = from == site->here ? site->there : site->here;
	size_t count = from->names_count;

	for (size_t i = 0; i < count; i++) {
		struct message_names *names = &from->names[i];

		assert_true(names->word == NAMES_GIVEN || names->giver == (to == site->there));
		if (names->word == NAMES_GIVEN)
			names->giver = from == site->there;
		gate_hear_names(to->gate, names, to->now_ms, to->now_ms);
	}
	from->names_count = 0;
	return count;
}

static inline void hand_all_on(struct site *site)
{
	while (hand_on(site, site->here) + hand_on(site, site->there) > 0)
		;
}

static inline void tell_lost(struct simulation *simulation)
{
	const struct message_names lost = { .type = MESSAGE_NAMES, .word = NAMES_LOST };

	gate_hear_names(simulation->gate, &lost, simulation->now_ms, simulation->now_ms);
}

static uint8_t stolen_id[32];

static inline int give_stolen_id(SSL *server, unsigned char *id, unsigned *len)
{
	(void)server;
	memcpy(id, stolen_id, sizeof(stolen_id));
	*len = sizeof(stolen_id);
	return 1;
}

/* The true server's handshake, whose session's name is that of the thief's from then on. */
static inline struct recording *true_talk(struct site *site)
{
	struct recording *recording = live_talk(&site->ends.honest, NULL);
	struct bytes id;

	site->ends.honest_session = session_of(&site->ends.honest);
	id = id_of(site->ends.honest_session);
	assert_int_equal(id.len, sizeof(stolen_id));
	memcpy(stolen_id, id.data, id.len);
	SSL_CTX_set_generate_session_id(site->ends.thief.server_context, give_stolen_id);
	return recording;
}

static inline struct recording *thiefs_talk(struct site *site)
{
	struct recording *recording = live_talk(&site->ends.thief, NULL);

	site->ends.thief_session = session_of(&site->ends.thief);
	return recording;
}

static inline void say_from(struct simulation *simulation, struct recording *recording, size_t from)
{
	for (size_t i = from; i < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	free(recording);
}

/* The connection is open, and the server has not answered yet. */
static inline void begin(struct simulation *simulation, const struct recording *recording)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
}

static inline bool thief_goes_on(struct site *site, struct simulation *simulation)
{
	return connect_and_say(simulation, go_on(&site->ends.thief, site->ends.thief_session));
}

static inline bool honest_goes_on(struct site *site, struct simulation *simulation)
{
	return connect_and_say(simulation, go_on(&site->ends.honest, site->ends.honest_session));
}

#endif

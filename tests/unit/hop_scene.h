/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_HOP_SCENE_H
#define HOPGUARD_TESTS_UNIT_HOP_SCENE_H

/* A connection, what destinations promise, and what the DNS was heard to say: for tests of whose hop it is. Behind cmocka.h. */

#include "hellos.h"
#include "support/simulation.h"

static inline struct simulation *start(void)
{
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);

	assert_true(simulation_open(simulation));
	return simulation;
}

static inline struct destination *promise(struct simulation *simulation, const char *domain,
                                          const char *host, enum promise_state state)
{
	struct destination *answer = &simulation->answers[simulation->answer_count];

	simulation_promise(simulation, domain, host, state);
	return answer;
}

/* The scout tells of its own accord. */
static inline void push(struct simulation *simulation, const struct destination *destination)
{
	gate_answer(simulation->gate, destination, simulation->now_ms, simulation->now_ms);
}

static inline void move_away(struct destination *destination)
{
	assert_true(address_parse(&destination->places[0].address, "198.51.100.99"));
}

static inline void hear_at(struct simulation *simulation, const struct address *server,
                           const char *domain, const char *host, bool is_excluded)
{
	struct message_candidate candidate = { .type = MESSAGE_CANDIDATE,
		                               .life_s = 300,
		                               .is_excluded = is_excluded,
		                               .server = *server };

	text_copy(candidate.domain, sizeof(candidate.domain), domain);
	text_copy(candidate.host, sizeof(candidate.host), host);
	gate_candidate(simulation->gate, &candidate, simulation->now_ms);
}

static inline void hear(struct simulation *simulation, const char *domain, const char *host,
                        bool is_excluded)
{
	hear_at(simulation, &simulation->server_endpoint.address, domain, host, is_excluded);
}

/* The scout says how well the domain is known here. */
static inline void hear_of_standing(struct simulation *simulation, const char *domain,
                                    const char *host, uint32_t standing)
{
	struct message_candidate candidate = { .type = MESSAGE_CANDIDATE,
		                               .life_s = 300,
		                               .standing = standing,
		                               .server = simulation->server_endpoint.address };

	text_copy(candidate.domain, sizeof(candidate.domain), domain);
	text_copy(candidate.host, sizeof(candidate.host), host);
	gate_candidate(simulation->gate, &candidate, simulation->now_ms);
}

/* The client's first application data. */
static inline struct bytes sealed(void)
{
	static const char client_data[] = "\x17\x03\x03\x00\x18sealed-by-the-handshake.";

	return bytes_of(client_data, sizeof(client_data) - 1);
}

static inline void shake_hands(struct simulation *simulation)
{
	static const char client_hello[] = SMALL_CLIENT_HELLO;
	static const char server_hello[] = SMALL_SERVER_HELLO;

	assert_true(simulation_server(simulation, "220 mx.big.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-mx.big.example\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	assert_true(
		simulation_say(simulation, true, bytes_of(client_hello, sizeof(client_hello) - 1)));
	assert_true(simulation_say(simulation, false,
	                           bytes_of(server_hello, sizeof(server_hello) - 1)));
}

/* True when the client's first application data passed. */
static inline bool speak_tls(struct simulation *simulation)
{
	shake_hands(simulation);
	return simulation_say(simulation, true, sealed());
}

#endif

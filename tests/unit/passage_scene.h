/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_PASSAGE_SCENE_H
#define HOPGUARD_TESTS_UNIT_PASSAGE_SCENE_H

/* A dialogue in clear up to its 354, with bodies that pass in the kernel or without; example.org promised a key, example.net nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/simulation.h"

static const char line[] = "A line of text, as mail has many. It has a dot at its end.\r\n";

enum { LINE_LEN = sizeof(line) - 1 };

static inline struct simulation *made(uint8_t family, enum simulation_cut cut, uint64_t seed,
                                      bool has_passage)
{
	struct simulation *simulation = simulation_new(family, cut, seed);

	simulation_promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);
	simulation_promise(simulation, "example.net", "mx1.example.net", PROMISE_NONE);
	simulation_promise(simulation, "nobody.example", "nobody.example", PROMISE_NONE);
	if (has_passage)
		simulation_use_passage(simulation);
	return simulation;
}

static inline void greet(struct simulation *simulation)
{
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-nobody.example\r\n250 SIZE 1000\r\n"));
}

static inline void begin_message(struct simulation *simulation)
{
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "DATA\r\n"));
	assert_true(simulation_server(simulation, "354 go ahead\r\n"));
}

static inline struct simulation *in_body(void)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	greet(simulation);
	begin_message(simulation);
	assert_true(simulation_client(simulation, "Subject: a\r\n\r\n"));
	return simulation;
}

static inline void assert_next_is_refused(struct simulation *simulation)
{
	assert_false(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n") &&
	             simulation_server(simulation, "250 ok\r\n") &&
	             simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_last_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_true(simulation_got(&simulation->client, "421 4.7.4"));
	assert_true(simulation->client.got_fin);
	/* Where its stream ends: else it would go on. */
	assert_true(simulation->server.got_reset);
	assert_false(simulation_got(&simulation->server, "bob"));
}

static inline void assert_server_has_all(const struct simulation *simulation)
{
	assert_int_equal(simulation->server.got_len, simulation->client.sent_len);
	assert_memory_equal(simulation->server.got, simulation->client.sent,
	                    simulation->client.sent_len);
}

static inline void say_lines(struct simulation *simulation, int count)
{
	while (count-- > 0)
		assert_true(simulation_client(simulation, line));
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ACTIVE_MEETING_H
#define HOPGUARD_TESTS_UNIT_ACTIVE_MEETING_H

/* A client of ours meets a server that plays a part. Behind cmocka.h. */

#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "active/starttls_client.h"
#include "mail_server.h"

/* The first is what nothing waits for that is not to be waited for in vain. */
enum { PATIENCE_MS = 20000, STEP_MS = 400, SHORT_WAIT_MS = 30 };

struct meeting {
	struct event_base *base;
	struct mail_server server;
	struct starttls_options options;
	struct starttls_result result;
	int told;
};

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void pause_ms(long wait_ms)
{
	const struct timespec wait = { .tv_sec = wait_ms / 1000,
		                       .tv_nsec = wait_ms % 1000 * 1000000 };

	nanosleep(&wait, NULL);
}

static inline struct address loopback(uint8_t last)
{
	const uint8_t octets[4] = { 127, 0, 0, last };

	return address_of(4, octets);
}

static inline int meeting_set_up(void **state)
{
	struct meeting *meeting = calloc(1, sizeof(*meeting));

	(void)signal(SIGPIPE, SIG_IGN);
	meeting->base = event_base_new();
	mail_server_make_key(&meeting->server);
	meeting->options.server.address = loopback(1);
	meeting->options.descriptor = -1;
	meeting->options.step_ms = PATIENCE_MS;
	meeting->options.total_ms = 2 * PATIENCE_MS;
	meeting->options.now_ms = now_ms;
	strcpy(meeting->options.ehlo_name, "gate.example");
	*state = meeting;
	return 0;
}

static inline int meeting_tear_down(void **state)
{
	struct meeting *meeting = *state;

	event_base_free(meeting->base);
	EVP_PKEY_free(meeting->server.key);
	X509_free(meeting->server.certificate);
	free(meeting);
	return 0;
}

static inline void on_result(void *owner, const struct starttls_result *result)
{
	struct meeting *meeting = owner;

	meeting->result = *result;
	meeting->told++;
}

static inline void go(struct meeting *meeting)
{
	meeting->options.server.port = meeting->server.port;
	assert_non_null(
		starttls_client_start(meeting->base, &meeting->options, on_result, meeting));
	assert_int_equal(meeting->told, 0);
	event_base_dispatch(meeting->base);
	assert_int_equal(meeting->told, 1);
}

static const struct starttls_result *meet(struct meeting *meeting, part_fn part, int status)
{
	mail_server_play(&meeting->server, part);
	go(meeting);
	assert_int_equal(mail_server_end(&meeting->server), status);
	return &meeting->result;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, meeting_set_up, meeting_tear_down)

#endif

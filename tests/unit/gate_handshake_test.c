/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded handshakes, as packets cut and shuffled: what the gate tells of them. */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handshakes/recording.h"
#include "support/simulation.h"

/* A connection to a host that promised TLS, at which the handshake is due. */
static struct simulation *start(enum simulation_cut cut)
{
	struct simulation *simulation = simulation_new(4, cut, 11);

	simulation->config.events_passes = true;
	simulation->everybody = PROMISE_KEY;
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx1.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250-mx1.example.org\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	return simulation;
}

static void the_event_of_a_tls_connection_has_its_version_and_the_name(void **state)
{
	static const struct {
		const char *recording;
		uint16_t version;
		const char *name;
	} cases[] = {
		{ "tls1.0.txt", 0x0301, "mx.example.org" },
		{ "tls1.2-ecdsa-uppercase-name.txt", 0x0303, "mx.example.org" },
		{ "tls1.3-retried.txt", 0x0304, "mx.example.org" },
		{ "tls1.3-without-name.txt", 0x0304, "" },
		{ "tls1.3-encrypted-hello-decoy-and-post-quantum-share.txt", 0x0304, "localhost" },
	};
	static const enum simulation_cut cuts[] = { CUT_NONE, CUT_RANDOM, CUT_HOSTILE,
		                                    CUT_EVERY_OCTET };

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct recording *recording = recording_named(cases[i / 4].recording);
		struct simulation *simulation = start(cuts[i % 4]);
		const struct event *event;

		for (size_t chunk = 0; chunk < recording->count && simulation->event_count == 0;
		     chunk++)
			assert_true(simulation_say(simulation, recording->chunks[chunk].is_client,
			                           recording->chunks[chunk].octets));
		assert_int_equal(simulation->event_count, 1);
		event = &simulation->events[0];
		assert_int_equal(event->action, ACTION_PASS);
		assert_int_equal(event->tls_version, cases[i / 4].version);
		assert_string_equal(event->sni, cases[i / 4].name);
		simulation_free(simulation);
		free(recording);
	}
}

static void a_handshake_broken_off_is_told_with_the_name(void **state)
{
	struct recording *recording = recording_named("tls1.2.txt");
	struct simulation *simulation = start(CUT_NONE);

	(void)state;
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
	assert_true(simulation_end(simulation, false, true));
	assert_int_equal(simulation->event_count, 1);
	assert_int_equal(simulation->events[0].reason, REASON_TLS_SABOTAGED);
	assert_string_equal(simulation->events[0].sni, "mx.example.org");
	assert_int_equal(simulation->events[0].tls_version, 0);
	simulation_free(simulation);
	free(recording);
}

static void an_unreadable_client_hello_keeps_mail_from_a_host_that_promised(void **state)
{
	struct recording *recording = recording_named("tls1.2.txt");
	struct simulation *simulation = start(CUT_NONE);

	(void)state;
	recording->octets[5 + 4 + 2 + 32]++; /* the session identifier's length */
	assert_true(simulation_say(simulation, true, recording->chunks[0].octets));
	for (size_t chunk = 1; chunk < recording->count && simulation->event_count == 0; chunk++)
		(void)simulation_say(simulation, recording->chunks[chunk].is_client,
		                     recording->chunks[chunk].octets);
	assert_int_equal(simulation->event_count, 1);
	assert_int_equal(simulation->events[0].action, ACTION_BLOCK);
	assert_int_equal(simulation->events[0].reason, REASON_PROTOCOL_VIOLATION);
	assert_string_equal(simulation->events[0].sni, "");
	simulation_free(simulation);
	free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_event_of_a_tls_connection_has_its_version_and_the_name),
		cmocka_unit_test(a_handshake_broken_off_is_told_with_the_name),
		cmocka_unit_test(an_unreadable_client_hello_keeps_mail_from_a_host_that_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

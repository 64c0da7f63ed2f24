/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/flow/live_handshake.h"
#include "unit/hop_scene.h"
#include "verdict/key_rule.h"

/*
 * A client is led to a host that our own look-up of the domain does not know: which names the verifier is asked to look for then. The
 * domain's policy asks for a certificate of its host's name.
 */

#define DOMAIN "big.example"
#define HOST   "mx.big.example"
#define OTHER  "other.big.example"

struct fixture {
	struct live_identity identity;
	const char *certified; /* the name that the server's certificate has */
	struct simulation *simulation;
};

static bool asks_for(const struct message_check *check, const char *name)
{
	struct cursor rest = cursor_over(bytes_of(check->octets, check->rules_len));
	struct key_rule rule;
	bool asks = false;

	while (key_rule_next(&rule, &rest))
		asks |= rule.kind == KEY_RULE_PKIX &&
		        bytes_equal(rule.names, bytes_of_string(name));
	assert_false(rest.failed);
	return asks;
}

static void verify(void *owner, struct key_finding *finding, const struct message_check *check,
                   size_t len)
{
	const struct fixture *fixture = owner;

	(void)len;
	finding->outcome = asks_for(check, fixture->certified) ? KEY_MET : KEY_NAME_MISMATCH;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	live_identity_init(&fixture->identity, LIVE_ECDSA);
	fixture->simulation = simulation_new(4, CUT_NONE, 1);
	simulation_verify(fixture->simulation, verify, NULL, fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	simulation_free(fixture->simulation);
	live_identity_end(&fixture->identity);
	free(fixture);
	return 0;
}

static void ask_for_name(struct destination *destination, enum promise_source source)
{
	static struct key_rules rules;
	const struct key_rule rule = { .kind = KEY_RULE_PKIX,
		                       .source = source,
		                       .names = bytes_of_string(HOST) };

	destination->promise = (struct promise){ .state = PROMISE_KEY, .source = source };
	destination->hosts[0].promise = destination->promise;
	rules.count = rules.len = 0;
	assert_true(key_rules_add(&rules, &rule));
	memcpy(destination->keys, rules.octets, rules.len);
	destination->keys_len = (uint16_t)rules.len;
	destination->hosts[0].keys = (struct key_slice){ 0, (uint16_t)rules.len };
}

/* Its first line in TLS, to a server with a certificate of that name. True: it passed. */
static bool talk(struct fixture *fixture, const char *certified)
{
	struct simulation *simulation = fixture->simulation;
	struct live_pair pair = live_pair_new(&fixture->identity, TLS1_2_VERSION,
	                                      "ECDHE-ECDSA-AES128-GCM-SHA256", SSL_OP_NO_TICKET);
	struct recording *recording = live_talk(&pair, NULL);
	bool has_passed = true;

	fixture->certified = certified;
	assert_true(simulation_server(simulation, "220 big ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-big\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	for (size_t i = 0; has_passed && i < recording->count; i++)
		has_passed = simulation_say(simulation, recording->chunks[i].is_client,
		                            recording->chunks[i].octets);
	free(recording);
	live_pair_free(&pair);
	return has_passed;
}

/* Of a domain whose only known host is elsewhere. */
static void lead_to(struct fixture *fixture, enum promise_source source, const char *host,
                    bool is_named)
{
	struct simulation *simulation = fixture->simulation;
	struct message_candidate candidate = {
		.type = MESSAGE_CANDIDATE,
		.life_s = 300,
		.is_named = is_named,
		.server = simulation->server_endpoint.address,
		.domain = DOMAIN,
	};
	struct destination *answer;

	assert_true(simulation_open(simulation));
	answer = promise(simulation, DOMAIN, HOST, PROMISE_KEY);
	move_away(answer);
	ask_for_name(answer, source);
	text_copy(candidate.host, sizeof(candidate.host), host);
	gate_candidate(simulation->gate, &candidate, simulation->now_ms);
}

static void refused(const struct fixture *fixture)
{
	const struct event *event = simulation_finding(fixture->simulation);

	assert_non_null(event);
	assert_int_equal(event->reason, REASON_MX_MISMATCH);
	assert_int_equal(event->action, ACTION_BLOCK);
}

static void a_host_that_the_policy_names_is_let_through_by_a_certificate_of_its_name(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_MTA_STS, OTHER, true);
	assert_true(talk(fixture, OTHER));
	assert_null(simulation_finding(fixture->simulation));
	assert_string_equal(fixture->simulation->events[0].mx, OTHER);
}

static void so_it_is_by_that_of_the_host_that_is_known(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_LIST, OTHER, true);
	assert_true(talk(fixture, HOST));
	assert_null(simulation_finding(fixture->simulation));
}

static void by_any_other_it_is_refused(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_MTA_STS, OTHER, true);
	assert_false(talk(fixture, "mx.evil.example"));
	refused(fixture);
}

static void a_host_of_which_no_policy_is_known_to_speak_is_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_MTA_STS, OTHER, false);
	assert_false(talk(fixture, OTHER));
	refused(fixture);
}

static void a_name_that_reads_as_two_is_none(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_MTA_STS, "evil:other.big.example", true);
	assert_false(talk(fixture, "evil:other.big.example"));
	refused(fixture);
}

static void what_the_host_itself_promised_is_not_said_of_another(void **state)
{
	struct fixture *fixture = *state;

	lead_to(fixture, SOURCE_DANE, OTHER, true);
	assert_false(talk(fixture, OTHER));
	refused(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_that_the_policy_names_is_let_through_by_a_certificate_of_its_name),
		TEST(so_it_is_by_that_of_the_host_that_is_known),
		TEST(by_any_other_it_is_refused),
		TEST(a_host_of_which_no_policy_is_known_to_speak_is_not_asked_for),
		TEST(a_name_that_reads_as_two_is_none),
		TEST(what_the_host_itself_promised_is_not_said_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

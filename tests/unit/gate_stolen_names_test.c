/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thief who knows what the true server calls a session gives the client one of his own by that name, in time. */
#include "gate.h"
#include "gate_keys_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/resumed_scene.h"

/* A connection that stands still while others come and go. */
struct stopped {
	struct simulation_peer client, server;
	struct endpoint client_endpoint;
};

static struct stopped *stop(const struct simulation *simulation)
{
	struct stopped *stopped = malloc(sizeof(*stopped));

	assert_non_null(stopped);
	stopped->client = simulation->client;
	stopped->server = simulation->server;
	stopped->client_endpoint = simulation->client_endpoint;
	return stopped;
}

/* The one that is there now stands still in its place. */
static void change_over(struct simulation *simulation, struct stopped *stopped)
{
	struct stopped *now = stop(simulation);

	simulation->client = stopped->client;
	simulation->server = stopped->server;
	simulation->client_endpoint = stopped->client_endpoint;
	*stopped = *now;
	free(now);
}

/* It goes on to its end; then all is as if the last one had been the last. */
static void finish(struct simulation *simulation, struct stopped *stopped,
                   struct recording *recording, size_t from)
{
	change_over(simulation, stopped);
	for (size_t i = from; i < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	change_over(simulation, stopped);
	free(stopped);
	free(recording);
}

static void say_chunks(struct simulation *simulation, const struct recording *recording, size_t to)
{
	assert_true(simulation_reopen(simulation));
	greet(simulation);
	for (size_t i = 0; i < to; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
}

static uint8_t stolen_id[32];

static int give_stolen_id(SSL *server, unsigned char *id, unsigned *len)
{
	(void)server;
	memcpy(id, stolen_id, sizeof(stolen_id));
	*len = sizeof(stolen_id);
	return 1;
}

/* The true server's handshake, whose session's name is the next one's of the thief. */
static struct recording *true_talk(struct ends *ends)
{
	struct recording *recording = live_talk(&ends->honest, NULL);
	struct bytes id;

	ends->honest_session = session_of(&ends->honest);
	id = id_of(ends->honest_session);
	assert_int_equal(id.len, sizeof(stolen_id));
	memcpy(stolen_id, id.data, id.len);
	SSL_CTX_set_generate_session_id(ends->thief.server_context, give_stolen_id);
	return recording;
}

static struct recording *thiefs_talk(struct ends *ends)
{
	struct recording *recording = live_talk(&ends->thief, NULL);

	SSL_SESSION_free(ends->thief_session);
	ends->thief_session = session_of(&ends->thief);
	return recording;
}

static void go_on_in_vain(struct simulation *simulation, struct ends *ends, enum reason reason)
{
	assert_false(connect_and_say(simulation, go_on(&ends->thief, ends->thief_session)));
	refused_again(simulation, reason);
	ends_free(ends);
}

/* The server's octets are no TLS any more, as far as we can read it. */
static void lose_track(struct simulation *simulation, const struct recording *recording)
{
	say_chunks(simulation, recording, 2);
	assert_true(simulation_server(simulation, "\x18"));
}

/* The true server has said its last word, and the client cannot speak yet: no window. */
static void steal_before_the_client_speaks(void **state, bool does_thiefs_client_speak)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *begun = true_talk(&ends), *stolen;
	struct stopped *stopped;

	say_chunks(simulation, begun, begun->count - 1);
	stopped = stop(simulation);
	stolen = thiefs_talk(&ends);
	if (does_thiefs_client_speak)
		assert_false(connect_and_say(simulation, stolen));
	else
		break_off(simulation, stolen);
	finish(simulation, stopped, begun, begun->count - 1);
	passed(simulation, "proven");
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

static void a_name_that_the_thiefs_session_has_as_well_is_not_the_servers(void **state)
{
	steal_before_the_client_speaks(state, false);
}

static void nor_is_it_when_the_thiefs_client_has_spoken(void **state)
{
	steal_before_the_client_speaks(state, true);
}

/* One host's sessions are one to such a client, whichever address it has, or the host. */
static void steal_at_another_address(void **state, bool is_of_client, const char *address)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct endpoint *other =
		is_of_client ? &simulation->client_endpoint : &simulation->server_endpoint;
	const struct address own = other->address;
	struct recording *begun = true_talk(&ends);
	struct stopped *stopped;

	say_chunks(simulation, begun, begun->count - 1);
	stopped = stop(simulation);
	assert_true(address_parse(&other->address, address));
	break_off(simulation, thiefs_talk(&ends));
	other->address = own;
	finish(simulation, stopped, begun, begun->count - 1);
	other->address = own;
	passed(simulation, "proven");
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

static void nor_when_he_gave_it_to_another_address_of_the_client(void **state)
{
	steal_at_another_address(state, true, "192.0.2.77");
}

static void nor_when_he_gave_it_at_another_address_of_the_host(void **state)
{
	steal_at_another_address(state, false, "198.51.100.77");
}

/* What is known of a session is known of its ends alone. */
static void one_that_goes_on_at_another_address_is_unknown_there(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, true_talk(&ends)));
	assert_true(address_parse(&simulation->client_endpoint.address, "192.0.2.77"));
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	ends_free(&ends);
}

static void it_is_nobodys_when_it_was_pushed_out(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);
	struct recording *begun = true_talk(&ends);
	struct stopped *stopped;

	say_chunks(simulation, begun, begun->count - 1);
	stopped = stop(simulation);
	break_off(simulation, thiefs_talk(&ends));
	finish(simulation, stopped, begun, begun->count - 1);
	drive_out_sessions(simulation);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* The other way round: the true server's is given when the thief's is forgotten. */
static void nor_when_it_was_pushed_out_before(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *begun = true_talk(&ends);
	struct stopped *stopped;

	say_chunks(simulation, begun, 1);
	stopped = stop(simulation);
	break_off(simulation, thiefs_talk(&ends));
	drive_out_sessions(simulation);
	finish(simulation, stopped, begun, 1);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* The thief's is as young as his handshake. */
static void nor_when_the_servers_would_be_forgotten(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);

	assert_true(connect_and_say(simulation, true_talk(&ends)));
	simulation_pass_time(simulation, GATE_SESSION_LIFE_MS - 5000);
	hear(simulation, KEY_DOMAIN, KEY_HOST, false);
	break_off(simulation, thiefs_talk(&ends));
	simulation_pass_time(simulation, 10000);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* A session that nobody saw begin goes on, and is given a ticket that the true server is about to give. */
static void nor_is_a_name_the_servers_that_an_unknown_session_was_given(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *begun, *renewed;

	free(thiefs_talk(&ends));
	begun = true_talk(&ends);
	renewed = with_name_of(go_on(&ends.thief, ends.thief_session), ends.honest_session);
	assert_false(connect_and_say(simulation, renewed));
	hidden_again(simulation);
	assert_true(connect_and_say(simulation, begun));
	free(thiefs_talk(&ends));
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* The client reads what we cannot, while the true server's handshake comes to its end. */
static void steal_unread(struct simulation *simulation, struct ends *ends)
{
	struct recording *begun = true_talk(ends), *stolen = thiefs_talk(ends);
	struct stopped *stopped;

	lose_track(simulation, stolen);
	simulation_pass_time(simulation, 1);
	stopped = stop(simulation);
	assert_true(connect_and_say(simulation, begun));
	change_over(simulation, stopped);
	assert_true(simulation_say(simulation, false, stolen->chunks[3].octets));
	change_over(simulation, stopped);
	free(stopped);
	free(stolen);
}

static void nor_one_that_a_handshake_may_give_that_nobody_can_read(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	steal_unread(simulation, &ends);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

static void nor_when_others_have_pushed_out_that_there_was_one(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);

	steal_unread(simulation, &ends);
	for (uint64_t pair = 1; pair <= GATE_UNREAD_MAX; pair++)
		assert_non_null(table_insert(simulation->gate->keys->unread, &pair));
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* The other way round: the client has that one under another name of the server's (EHLO) when it gets the true one. */
static void nor_when_that_ends_before_the_servers_has_begun(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *begun = true_talk(&ends), *stolen = thiefs_talk(&ends);
	struct stopped *stopped;

	say_chunks(simulation, begun, 1);
	stopped = stop(simulation);
	lose_track(simulation, stolen);
	simulation_end(simulation, false, true);
	free(stolen);
	finish(simulation, stopped, begun, 1);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* The thief was refused; he has us lose track, and relays the true server under the name of his session. */
static void what_the_true_server_shows_does_not_make_a_lost_session_known(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);
	struct recording *lost;

	assert_false(connect_and_say(simulation, thiefs_talk(&ends)));
	lost = live_talk(&ends.honest, NULL);
	lose_track(simulation, lost);
	simulation_end(simulation, false, true);
	free(lost);
	relay_under(simulation, &ends, ends.thief_session);
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* It is a connection of the true server's that we see from its middle. */
static void a_connection_seen_from_its_middle_does_not_make_what_was_refused_unknown(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);
	struct recording *begun = live_talk(&ends.honest, NULL);
	size_t last = begun->count - 1;

	assert_false(connect_and_say(simulation, thiefs_talk(&ends)));
	simulation->is_bypassed = true;
	say_chunks(simulation, begun, last);
	simulation->is_bypassed = false;
	assert_false(simulation_say(simulation, true, begun->chunks[last].octets));
	free(begun);
	go_on_in_vain(simulation, &ends, REASON_KEY_MISMATCH);
}

/* Nor may it have given the name that was the true server's. */
static void but_what_was_proven_is_then_asked_of_a_probe(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct ends ends = ends_new(scene);
	struct recording *begun = live_talk(&ends.honest, NULL);
	size_t last = begun->count - 1;

	assert_true(connect_and_say(simulation, live_talk(&ends.honest, NULL)));
	ends.honest_session = session_of(&ends.honest);
	simulation->is_bypassed = true;
	say_chunks(simulation, begun, last);
	simulation->is_bypassed = false;
	assert_false(simulation_say(simulation, true, begun->chunks[last].octets));
	free(begun);
	assert_true(connect_and_say(simulation, go_on(&ends.honest, ends.honest_session)));
	passed(simulation, "probed");
	ends_free(&ends);
}

/* A certificate of so many octets that nothing is kept of it, with which a probe's could be compared. */
static void one_whose_certificate_is_too_long_is_not_what_a_probe_is_shown(void **state)
{
	static char comment[SESSION_LEAF_MAX + 1];
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to_probes(scene);
	struct live_identity *thief = &scene->thief;
	X509_EXTENSION *extension;
	ASN1_OCTET_STRING *text = ASN1_OCTET_STRING_new();
	struct ends ends;

	memset(comment, 'x', sizeof(comment) - 1);
	assert_int_equal(ASN1_OCTET_STRING_set(text, (uint8_t *)comment, sizeof(comment) - 1), 1);
	extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, text);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(thief->certificates[0], extension, -1), 1);
	assert_true(X509_sign(thief->certificates[0], thief->key, EVP_sha256()) > 0);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(text);
	ends = ends_new(scene);
	for (int i = 0; i < 3; i++)
		SSL_CTX_add1_chain_cert(ends.thief.server_context, thief->certificates[0]);
	break_off(simulation, thiefs_talk(&ends));
	go_on_in_vain(simulation, &ends, REASON_INSPECTION_LIMIT);
}

/* Nobody knows of the thief's session, and the true server's handshake is given its name. */
static struct recording *relay_unknown(struct ends *ends)
{
	free(thiefs_talk(ends));
	return talk_under(ends, ends->thief_session);
}

/* Some speak before they have it (False Start, RFC 7918). */
static void who_speaks_before_the_servers_last_word_has_not_seen_it(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *relayed = relay_unknown(&ends);

	assert_int_equal(relayed->count, 5);
	scene->is_verifier_away = true;
	say_chunks(simulation, relayed, 3);
	assert_false(simulation_send(simulation, true, relayed->chunks[4].octets));
	assert_true(simulation_say(simulation, false, relayed->chunks[3].octets));
	scene->is_verifier_away = false;
	simulation_pass_time(simulation, 2 * GATE_CHECK_AGAIN_MS);
	simulation_end(simulation, true, true);
	free(relayed);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* Nor need they, where it came before their own. */
static void nor_has_who_was_sent_it_in_advance(void **state)
{
	static const size_t order[] = { 0, 1, 3, 2, 4 };
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *relayed = relay_unknown(&ends);

	say_chunks(simulation, relayed, 0);
	for (size_t i = 0; i < 5; i++)
		assert_true(simulation_say(simulation, relayed->chunks[order[i]].is_client,
		                           relayed->chunks[order[i]].octets));
	free(relayed);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

/* What a client says that is no TLS is no word behind a handshake. */
static void who_says_what_is_no_tls_has_not_spoken(void **state)
{
	struct key_scene *scene = *state;
	struct simulation *simulation = open_to(scene, &scene->honest, TLS13_BLOCK);
	struct ends ends = ends_new(scene);
	struct recording *relayed = relay_unknown(&ends);

	say_chunks(simulation, relayed, relayed->count - 1);
	assert_false(simulation_client(simulation, "\x18"));
	refused_again(simulation, REASON_PROTOCOL_VIOLATION);
	free(relayed);
	assert_false(connect_and_say(simulation, go_on(&ends.thief, ends.thief_session)));
	hidden_again(simulation);
	ends_free(&ends);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_scene_set_up, key_scene_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_that_the_thiefs_session_has_as_well_is_not_the_servers),
		TEST(nor_is_it_when_the_thiefs_client_has_spoken),
		TEST(nor_when_he_gave_it_to_another_address_of_the_client),
		TEST(nor_when_he_gave_it_at_another_address_of_the_host),
		TEST(one_that_goes_on_at_another_address_is_unknown_there),
		TEST(it_is_nobodys_when_it_was_pushed_out),
		TEST(nor_when_it_was_pushed_out_before),
		TEST(nor_when_the_servers_would_be_forgotten),
		TEST(nor_is_a_name_the_servers_that_an_unknown_session_was_given),
		TEST(nor_one_that_a_handshake_may_give_that_nobody_can_read),
		TEST(nor_when_others_have_pushed_out_that_there_was_one),
		TEST(nor_when_that_ends_before_the_servers_has_begun),
		TEST(what_the_true_server_shows_does_not_make_a_lost_session_known),
		TEST(a_connection_seen_from_its_middle_does_not_make_what_was_refused_unknown),
		TEST(but_what_was_proven_is_then_asked_of_a_probe),
		TEST(one_whose_certificate_is_too_long_is_not_what_a_probe_is_shown),
		TEST(who_speaks_before_the_servers_last_word_has_not_seen_it),
		TEST(nor_has_who_was_sent_it_in_advance),
		TEST(who_says_what_is_no_tls_has_not_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

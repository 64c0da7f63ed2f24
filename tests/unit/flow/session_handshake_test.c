/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a session makes of recorded handshakes (tests/handshakes/), whole, octet by octet and cut anywhere, and what it takes for them.
 */
#include "flow/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handshake.h"

enum { CUTS = 1500 };

static const char folder[] = "tests/handshakes";

/* A certificate is a DER sequence that says how long it is. */
static void check_leaf(const char *name, struct bytes leaf)
{
	if (leaf.len > 0 && (leaf.len < 4 || leaf.data[0] != 0x30 || leaf.data[1] != 0x82 ||
	                     (size_t)(leaf.data[2] << 8 | leaf.data[3]) + 4 != leaf.len))
		fail_msg("%s: no certificate", name);
}

static void check_recording(const char *name)
{
	struct recording *recording = recording_named(name);
	struct play whole = recording_play(recording, SIZE_MAX);
	struct play cut = recording_play(recording, 0);
	size_t step = 1 + recording->len / CUTS;
	char text[RECORDING_TEXT_MAX];

	recording_describe(text, whole.session);
	if (strcmp(text, recording->want) != 0)
		fail_msg("%s: %s", name, text);
	check_leaf(name, session_leaf(whole.session));
	if (!play_equal(&whole, &cut))
		fail_msg("%s: in single octets it is another handshake", name);
	play_free(&cut);
	for (size_t at = 1; at < recording->len; at += step) {
		cut = recording_play(recording, at);
		if (!play_equal(&whole, &cut))
			fail_msg("%s: cut at %zu it is another handshake", name, at);
		play_free(&cut);
	}
	play_free(&whole);
	free(recording);
}

static void a_recorded_handshake_shows_what_its_ends_agreed_on_however_it_is_cut(void **state)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (!strstr(entry->d_name, ".txt"))
			continue;
		check_recording(entry->d_name);
		count++;
	}
	closedir(directory);
	assert_true(count >= 14);
	assert_int_equal(play_budget()->used, 0);
}

/* The server's ServerHello comes in this recording's second chunk. */
static uint8_t *server_random(struct recording *recording)
{
	size_t at = (size_t)(recording->chunks[1].octets.data - recording->octets);

	assert_false(recording->chunks[1].is_client);
	return recording->octets + at + 5 + 4 + 2;
}

static void a_server_that_could_do_more_downgrades_only_who_offered_more(void **state)
{
	static const struct {
		uint16_t offered;
		uint16_t chosen;
		char sign;
		bool want;
	} cases[] = {
		{ 0x0304, 0x0303, 1, true },  { 0x0303, 0x0303, 1, false },
		{ 0x0303, 0x0302, 0, true },  { 0x0304, 0x0302, 0, true },
		{ 0x0302, 0x0302, 0, false }, { 0x0304, 0x0303, 2, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recording *recording = recording_named("tls1.2.txt");
		uint8_t *offered = recording->octets + 5 + 4;
		struct play play;

		/* Without the extension nobody offers TLS 1.3, so that one is taken from another recording. */
		if (cases[i].offered == 0x0304) {
			struct recording *newer = recording_named("tls1.3.txt");
			struct bytes hello = newer->chunks[0].octets;

			play = recording_begin();
			play_say(&play, true, hello, true);
			free(newer);
		} else {
			put_u16(offered, cases[i].offered);
			play = recording_begin();
			play_say(&play, true, recording->chunks[0].octets, true);
		}
		put_u16(server_random(recording) - 2, cases[i].chosen);
		memcpy(server_random(recording) + 24, "DOWNGRD", 7);
		server_random(recording)[31] = (uint8_t)cases[i].sign;
		play_say(&play, false, recording->chunks[1].octets, true);
		assert_int_equal(session_tls_version(play.session), cases[i].chosen);
		if (session_is_downgraded(play.session) != cases[i].want)
			fail_msg("case %zu", i);
		play_free(&play);
		free(recording);
	}
}

static void memory_is_taken_for_what_came_and_given_back(void **state)
{
	struct budget *budget = play_budget();
	struct recording *recording = recording_named("tls1.2.txt");
	static const uint8_t data[5 + 20] = { 0x17, 3, 3, 0, 20 };
	size_t at_rest;
	struct play play = recording_begin();

	(void)state;
	assert_int_equal(budget->used, 0);
	play_say(&play, true, bytes_of("\x16\3\1\x40\0\1\0\x3f\xfc", 9), true);
	at_rest = budget->used;
	assert_true(at_rest < 1024);
	play_say(&play, true, bytes_of("xxxx", 4), true);
	assert_true(budget->used <= at_rest + 512);
	play_free(&play);
	assert_int_equal(budget->used, 0);

	play = recording_play(recording, SIZE_MAX);
	play_say(&play, true, bytes_of(data, sizeof(data)), true);
	assert_int_equal(session_leaf(play.session).len, 791);
	session_allow(play.session);
	assert_int_equal(session_leaf(play.session).len, 0);
	assert_true(budget->used > 0 && budget->used < 320);
	assert_string_equal(session_server_name(play.session), "mx.example.org");
	assert_int_equal(session_tls_version(play.session), 0x0303);
	play_free(&play);
	assert_int_equal(budget->used, 0);
	free(recording);
}

static void without_memory_it_is_cut_short_and_passes(void **state)
{
	struct recording *recording = recording_named("tls1.2.txt");
	size_t limit = play_budget()->limit;

	(void)state;
	for (play_budget()->limit = 0; play_budget()->limit < 8192; play_budget()->limit += 64) {
		struct play play = recording_play(recording, SIZE_MAX);
		struct session_keys keys;
		bool is_complete = session_keys(&keys, play.session) && keys.new_ticket.len > 0;

		assert_int_equal(handshake_facts(&play)->is_inspection_cut_short, !is_complete);
		assert_false(handshake_facts(&play)->is_protocol_violated);
		assert_int_equal(play.server.passed, play.server.len);
		assert_true(is_complete || play_budget()->limit < 6144);
		assert_true(!is_complete || play_budget()->limit > 2048);
		play_free(&play);
		assert_int_equal(play_budget()->used, 0);
	}
	play_budget()->limit = limit;
	free(recording);
}

static void a_hello_in_the_old_framing_says_its_version(void **state)
{
	struct play play = recording_begin();
	struct draft server = draft_server(NULL, 0);

	(void)state;
	play_say(&play, true,
	         bytes_of("\x80\x1c\x01\x03\x02\x00\x03\x00\x00\x00\x10\x00\x00\x2f"
	                  "aaaaaaaaaaaaaaaa",
	                  30),
	         true);
	assert_int_equal(session_offered_version(play.session), 0x0302);
	assert_string_equal(session_server_name(play.session), "");
	server.octets[1] = 2;
	handshake_say(&play, false, 2, draft_body(&server));
	assert_int_equal(session_tls_version(play.session), 0x0302);
	assert_false(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

static void of_a_handshake_that_began_before_us_nothing_is_known(void **state)
{
	struct play play = play_new(true);
	struct draft client = draft_client(handshake_named, 1);

	(void)state;
	handshake_say(&play, true, 1, draft_body(&client));
	assert_string_equal(session_server_name(play.session), "");
	assert_int_equal(session_offered_version(play.session), 0);
	assert_int_equal(session_tls_version(play.session), 0);
	assert_false(session_has_ech(play.session) || session_is_resumed_or_hidden(play.session) ||
	             session_is_downgraded(play.session));
	assert_false(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_recorded_handshake_shows_what_its_ends_agreed_on_however_it_is_cut),
		cmocka_unit_test(a_server_that_could_do_more_downgrades_only_who_offered_more),
		cmocka_unit_test(memory_is_taken_for_what_came_and_given_back),
		cmocka_unit_test(without_memory_it_is_cut_short_and_passes),
		cmocka_unit_test(a_hello_in_the_old_framing_says_its_version),
		cmocka_unit_test(of_a_handshake_that_began_before_us_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/dialogues/: whole connections, each played whole, in single octets, and cut in two at every
 * octet.
 */
#include "../../dialogues/dialogue.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "play.h"
#include "verdict/event.h"

static const char *const ehlo_names[] = {
	[EHLO_UNSEEN] = "unseen",
	[EHLO_ACCEPTED] = "accepted",
	[EHLO_REFUSED] = "refused",
	[EHLO_NOT_SENT] = "not-sent",
};
static const char *const offer_names[] = {
	[STARTTLS_UNSEEN] = "unseen",
	[STARTTLS_OFFERED] = "offered",
	[STARTTLS_ABSENT] = "absent",
	[STARTTLS_MASKED] = "masked",
};
static const char *const answer_names[] = {
	[STARTTLS_NOT_ASKED] = "not-asked",   [STARTTLS_PENDING] = "pending",
	[STARTTLS_READY] = "ready",           [STARTTLS_REFUSED] = "refused",
	[STARTTLS_UNANSWERED] = "unanswered",
};
static const char *const tls_names[] = {
	[TLS_NONE] = "none",
	[TLS_HELLO] = "hello",
	[TLS_ESTABLISHED] = "established",
	[TLS_BROKEN] = "broken",
};
static const char *const injection_names[] = {
	[INJECTION_NONE] = "none",
	[INJECTION_COMMAND] = "command",
	[INJECTION_RESPONSE] = "response",
};

static const char *folder;

static json_t *read_expectation(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *expected;

	snprintf(path, sizeof(path), "%s/%s/expect.json", folder, name);
	expected = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!expected)
		fail_msg("%s: %s, line %d", path, error.text, error.line);
	return expected;
}

static bool is_set(const json_t *expected, const char *key)
{
	return json_is_true(json_object_get(expected, key));
}

static struct play begin(const json_t *expected)
{
	struct play play = play_new(is_set(expected, "midstream"));

	play.denies = is_set(expected, "denied");
	return play;
}

/* `cut`: the octet of the whole dialogue before which its segment is cut; SIZE_MAX: none is. */
static struct play play_dialogue(const struct dialogue *dialogue, const json_t *expected,
                                 size_t cut)
{
	struct play play = begin(expected);

	for (size_t i = 0; i < dialogue->count; i++) {
		const struct dialogue_segment *segment = &dialogue->segments[i];
		struct bytes bytes = dialogue_bytes(dialogue, i);

		if (segment->is_pause)
			session_give_up_reply(play.session);
		else if (cut > segment->at && cut < segment->at + segment->len)
			play_cut(&play, segment->is_client, bytes, cut - segment->at);
		else
			play_say(&play, segment->is_client, bytes, true);
	}
	if (is_set(expected, "ended"))
		session_end(play.session);
	return play;
}

static struct play spell_dialogue(const struct dialogue *dialogue, const json_t *expected)
{
	struct play play = begin(expected);

	for (size_t i = 0; i < dialogue->count; i++)
		if (dialogue->segments[i].is_pause)
			session_give_up_reply(play.session);
		else
			play_spell(&play, dialogue->segments[i].is_client,
			           dialogue_bytes(dialogue, i));
	if (is_set(expected, "ended"))
		session_end(play.session);
	return play;
}

/* What is not expected by name is expected not to be. */
static void assert_word(const char *name, const json_t *facts, const char *key, const char *unset,
                        const char *found)
{
	const char *wanted = json_string_value(json_object_get(facts, key));

	if (strcmp(wanted ? wanted : unset, found) != 0)
		fail_msg("%s: %s is %s, not %s", name, key, found, wanted ? wanted : unset);
}

static void assert_claim(const char *name, const json_t *facts, const char *key, bool found)
{
	if (is_set(facts, key) != found)
		fail_msg("%s: %s is %d", name, key, found);
}

static void assert_facts(const char *name, const json_t *wanted, const struct facts *facts)
{
	assert_word(name, wanted, "ehlo", "unseen", ehlo_names[facts->ehlo]);
	assert_word(name, wanted, "starttls", "unseen", offer_names[facts->starttls]);
	assert_word(name, wanted, "starttls_answer", "not-asked",
	            answer_names[facts->starttls_answer]);
	assert_word(name, wanted, "tls", "none", tls_names[facts->tls]);
	assert_word(name, wanted, "injection", "none", injection_names[facts->injection]);
	if (json_integer_value(json_object_get(wanted, "starttls_code")) != facts->starttls_code)
		fail_msg("%s: starttls_code is %u", name, facts->starttls_code);
	assert_claim(name, wanted, "authenticated", facts->is_authenticated);
	assert_claim(name, wanted, "banner_masked", facts->is_banner_masked);
	assert_claim(name, wanted, "midstream", facts->is_midstream);
	assert_claim(name, wanted, "violated", facts->is_protocol_violated);
	assert_claim(name, wanted, "cut_short", facts->is_inspection_cut_short);
	assert_claim(name, wanted, "end", facts->commitment == COMMITMENT_END);
}

static void assert_decisions(const char *name, const json_t *wanted, const struct play *play)
{
	for (size_t i = 0; i < play->decision_count; i++) {
		const char *decision = json_string_value(json_array_get(wanted, i));

		if (!decision || strcmp(decision, play->decisions[i]) != 0)
			fail_msg("%s: decision %zu is '%s', not '%s'", name, i, play->decisions[i],
			         decision ? decision : "nothing");
	}
	if (json_array_size(wanted) != play->decision_count)
		fail_msg("%s: %zu decisions, not %zu", name, play->decision_count,
		         json_array_size(wanted));
}

static void assert_handshake(const char *name, const json_t *expected,
                             const struct session *session)
{
	assert_word(name, expected, "sni", "", session_server_name(session));
	assert_word(name, expected, "tls_version", "",
	            tls_version_name(session_tls_version(session)));
}

static void assert_expected(const char *name, const json_t *expected, const struct play *play)
{
	const json_t *held = json_object_get(expected, "held");
	const json_t *names = json_object_get(expected, "names");
	size_t client_held = play->client.len - play->client.passed;
	size_t server_held = play->server.len - play->server.passed;

	assert_decisions(name, json_object_get(expected, "decisions"), play);
	assert_facts(name, json_object_get(expected, "facts"), session_facts(play->session));
	assert_word(name, expected, "state", "", session_state_name(play->session));
	assert_handshake(name, expected, play->session);
	if (names) {
		assert_word(name, names, "banner", "", session_banner_name(play->session));
		assert_word(name, names, "ehlo", "", session_ehlo_name(play->session));
	}
	if ((size_t)json_integer_value(json_object_get(held, "client")) != client_held)
		fail_msg("%s: %zu octets of the client wait", name, client_held);
	if ((size_t)json_integer_value(json_object_get(held, "server")) != server_held)
		fail_msg("%s: %zu octets of the server wait", name, server_held);
}

static void assert_cuts_change_nothing(const char *name, const struct dialogue *dialogue,
                                       const json_t *expected, const struct play *whole)
{
	struct play cut = spell_dialogue(dialogue, expected);
	/* Long repetitions are cut here and there. */
	size_t step = 1 + dialogue->len / 4096;

	if (!play_equal(whole, &cut))
		fail_msg("%s: in single octets it is another dialogue", name);
	play_free(&cut);
	for (size_t at = 1; at < dialogue->len; at += step) {
		cut = play_dialogue(dialogue, expected, at);
		if (!play_equal(whole, &cut))
			fail_msg("%s: cut at %zu it is another dialogue", name, at);
		play_free(&cut);
	}
}

static void test_dialogue(void **state)
{
	static struct dialogue dialogue;
	const char *name = *state;
	json_t *expected = read_expectation(name);
	struct play play;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/dialogue.txt", folder, name);
	assert_true(dialogue_read(&dialogue, path));
	play = play_dialogue(&dialogue, expected, SIZE_MAX);
	assert_expected(name, expected, &play);
	assert_cuts_change_nothing(name, &dialogue, expected, &play);
	play_free(&play);
	json_decref(expected);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !strchr(entry->d_name, '.');
}

int main(void)
{
	struct dirent **names;
	struct CMUnitTest *tests;
	int count;
	int failed;

	folder = getenv("HOPGUARD_DIALOGUES");
	if (!folder)
		folder = "tests/dialogues";
	count = scandir(folder, &names, is_visible, alphasort);
	if (count <= 0) {
		fprintf(stderr, "%s: no dialogues\n", folder);
		return 1;
	}
	tests = calloc((size_t)count, sizeof(*tests));
	for (int i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ .name = names[i]->d_name,
			                        .test_func = test_dialogue,
			                        .initial_state = names[i]->d_name };
	failed = _cmocka_run_group_tests("dialogues", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(tests);
	return failed;
}

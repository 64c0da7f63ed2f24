/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The manual pages say what the program has, and nothing that it has not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/check_finding.h"
#include "config_keys.h"
#include "report/event_json.h"
#include "verdict/event.h"
#include "verdict/reason.h"

enum { PAGE_MAX = 256 * 1024, NAMES_MAX = 128, NAME_MAX_LEN = 64 };

static const char PROGRAM_PAGE[] = "docs/hopguard.8";
static const char CONFIG_PAGE[] = "docs/hopguard.conf.5";

struct names {
	size_t count;
	char names[NAMES_MAX][NAME_MAX_LEN];
};

/* Of a repository file; the tests run at its top. The caller frees. */
static char *read_page(const char *path)
{
	char *text = calloc(1, PAGE_MAX);
	FILE *file = fopen(path, "r");
	size_t len;

	if (!text || !file)
		fail_msg("cannot read %s", path);
	len = fread(text, 1, PAGE_MAX - 1, file);
	fclose(file);
	if (len == 0 || len == PAGE_MAX - 1)
		fail_msg("%s is empty or too long", path);
	return text;
}

static bool has_name(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (strcmp(names->names[i], name) == 0)
			return true;
	}
	return false;
}

static void add_name(struct names *names, const char *name, size_t len)
{
	char copy[NAME_MAX_LEN];

	assert_true(len > 0 && len < sizeof(copy));
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (has_name(names, copy))
		return;
	assert_true(names->count < NAMES_MAX);
	strcpy(names->names[names->count++], copy);
}

static bool is_name_octet(char octet)
{
	return islower((unsigned char)octet) || isdigit((unsigned char)octet) || octet == '-' ||
	       octet == '_';
}

/* Whatever name stands behind each `before` in the text. */
static void add_names_behind(struct names *names, const char *text, const char *before)
{
	const char *at = text;

	while ((at = strstr(at, before))) {
		size_t len = 0;

		at += strlen(before);
		while (is_name_octet(at[len]))
			len++;
		if (len > 0)
			add_name(names, at, len);
	}
}

static void must_be_the_same(const struct names *program, const struct names *page,
                             const char *what)
{
	size_t i;

	assert_true(program->count > 0);
	for (i = 0; i < program->count; i++) {
		if (!has_name(page, program->names[i]))
			fail_msg("%s %s: the page does not have it", what, program->names[i]);
	}
	for (i = 0; i < page->count; i++) {
		if (!has_name(program, page->names[i]))
			fail_msg("%s %s: only the page has it", what, page->names[i]);
	}
}

/* Cuts the page down to what lies between a heading and the next one of that kind. */
static char *section_of(char *page, const char *heading, const char *next)
{
	char *start = strstr(page, heading);
	char *end;

	if (!start) {
		fail_msg("the page has no %s", heading);
		abort();
	}
	start += strlen(heading);
	end = strstr(start, next);
	if (end)
		*end = '\0';
	return start;
}

/* As the page writes it. */
static void print_default(char text[256], const struct config_key *key)
{
	const char *at = key->fallback;
	size_t len;

	if (!key->is_list) {
		snprintf(text, 256, "%s", at[0] ? at : "\\(dq\\(dq");
		return;
	}
	len = (size_t)snprintf(text, 256, at[0] ? "{ " : "{");
	for (; *at; at++)
		len += (size_t)snprintf(text + len, 256 - len, *at == ',' ? ", " : "%c", *at);
	snprintf(text + len, 256 - len, key->fallback[0] ? " }" : "}");
}

static void check_key(const struct config_key *key)
{
	char *page = read_page(CONFIG_PAGE);
	char heading[64], fallback[256], wanted[512];
	char *item;
	size_t i;

	snprintf(heading, sizeof(heading), key->section[0] ? "\n.Ss Section %s\n" : "\n.Sh KEYS\n",
	         key->section);
	item = section_of(page, heading, "\n.S");
	print_default(fallback, key);
	snprintf(wanted, sizeof(wanted), "\n.It Ic %s = ", key->name);
	item = strstr(item, wanted);
	if (!item) {
		fail_msg("%s%s%s has no entry", key->section, key->section[0] ? "." : "",
		         key->name);
		abort();
	}
	item = section_of(item, wanted, "\n.It");
	snprintf(wanted, sizeof(wanted), "\nDefault:\n.Ql %s .", fallback);
	if (!strstr(item, wanted))
		fail_msg("%s: the default is %s", key->name, fallback);
	for (i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++) {
		if (!strstr(item, key->words[i]))
			fail_msg("%s: %s is not mentioned", key->name, key->words[i]);
	}
	free(page);
}

static void every_configuration_key_has_an_entry_with_its_default(void **state)
{
	const struct config_key *key;
	size_t i;

	(void)state;
	for (i = 0; (key = config_key_at(i)); i++)
		check_key(key);
}

static void every_entry_is_a_configuration_key(void **state)
{
	char *page = read_page(CONFIG_PAGE);
	struct names program = { 0 }, entries = { 0 };
	const struct config_key *key;
	size_t i;

	(void)state;
	for (i = 0; (key = config_key_at(i)); i++)
		add_name(&program, key->name, strlen(key->name));
	add_names_behind(&entries, page, "\n.It Ic ");
	must_be_the_same(&program, &entries, "key");
	free(page);
}

static void add_commands(struct names *names)
{
	char *program = read_page("daemon/main.c");

	add_names_behind(names, section_of(program, "commands[] = {", "{ 0 }"), "\t{ \"");
	free(program);
}

static void every_command_has_an_entry_and_every_entry_is_a_command(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	struct names program = { 0 }, entries = { 0 };

	(void)state;
	add_commands(&program);
	add_names_behind(&entries, page, "\n.It Ic ");
	must_be_the_same(&program, &entries, "command");
	free(page);
}

static void every_option_has_an_entry_and_every_entry_is_an_option(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	struct names program = { 0 }, entries = { 0 };
	glob_t sources;
	size_t i;

	(void)state;
	assert_int_equal(glob("daemon/cli/*.c", 0, NULL, &sources), 0);
	for (i = 0; i < sources.gl_pathc; i++) {
		char *source = read_page(sources.gl_pathv[i]);
		char *table = strstr(source, "struct option ");

		if (table)
			add_names_behind(&program, section_of(table, "{", "{ 0 }"), "\t{ \"");
		free(source);
	}
	globfree(&sources);
	add_name(&program, "version", strlen("version"));
	add_names_behind(&entries, page, "\n.It Fl -");
	must_be_the_same(&program, &entries, "option");
	free(page);
}

static void every_reason_has_an_entry_and_every_entry_is_a_reason(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	struct names program = { 0 }, entries = { 0 };
	int reason;

	(void)state;
	for (reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		const char *name = reason_name((enum reason)reason);

		add_name(&program, name, strlen(name));
	}
	add_names_behind(&entries, section_of(page, "\n.Sh REASONS\n", "\n.Sh "), "\n.It Cm ");
	must_be_the_same(&program, &entries, "reason");
	free(page);
}

static void every_kind_that_check_finds_has_an_entry_and_every_entry_is_a_kind(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	struct names program = { 0 }, entries = { 0 };
	int kind;

	(void)state;
	for (kind = CHECK_NONE + 1; kind < CHECK_KIND_COUNT; kind++) {
		const char *name = check_kind_name((enum check_kind)kind);

		add_name(&program, name, strlen(name));
	}
	add_names_behind(&entries, section_of(page, "\n.Sh WHAT CHECK FINDS\n", "\n.Sh "),
	                 "\n.It Cm ");
	must_be_the_same(&program, &entries, "kind");
	free(page);
}

static void every_kind_of_event_has_an_entry_and_every_entry_is_a_kind(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	struct names program = { 0 }, entries = { 0 };
	int kind;

	(void)state;
	for (kind = EVENT_VERDICT; kind <= EVENT_POLICY; kind++) {
		const char *name = event_kind_name((enum event_kind)kind);

		add_name(&program, name, strlen(name));
	}
	add_names_behind(&entries, section_of(page, "\n.Sh EVENTS\n", "\n.Ss "), "\n.It Cm ");
	must_be_the_same(&program, &entries, "event");
	free(page);
}

/* Nothing in it is unknown, so nothing is left out. */
static struct event full_event(void)
{
	struct event event = {
		.kind = EVENT_VERDICT,
		.time_ms = 1,
		.id = "0123456789abcdef",
		.action = ACTION_ALERT,
		.would = ACTION_BLOCK,
		.reason = REASON_STARTTLS_REFUSED,
		.hook = HOOK_FORWARD,
		.domain = "example.org",
		.mx = "mx1.example.org",
		.place = PLACE_EXCLUDED,
		.promise = { .state = PROMISE_KEY, .source = SOURCE_DANE, .detail = "3 1 1" },
		.ehlo = EHLO_ACCEPTED,
		.ehlo_name = "mx1.example.org",
		.starttls = STARTTLS_OFFERED,
		.starttls_answer = STARTTLS_REFUSED,
		.starttls_code = 454,
		.tls = TLS_BROKEN,
		.tls_version = 0x0303,
		.sni = "mx1.example.org",
		.key_sight = SIGHT_WIRE,
		.key = {
			.outcome = KEY_MET,
			.matched = "3 1 1 60b875",
			.why = "a why",
			.seen = {
				.has_leaf = true,
				.has_anchor = true,
				.names = "mx1.example.org",
				.issuer = "CN=An Authority",
				.not_before_s = 1,
				.not_after_s = 1,
			},
		},
		.rule = "a rule",
		.held_ms = 1,
		.queue = 2500,
		.cause = "a cause",
		.pid = 1,
		.count = 2,
		.text = "a text",
	};

	event.client.port = event.server.port = 25;
	assert_true(address_parse(&event.client.address, "192.0.2.2"));
	assert_true(address_parse(&event.server.address, "198.51.100.25"));
	return event;
}

/* A name within an object is written with the object's: "Va seen.tls". */
static void must_have_entry(const char *page, const char *name)
{
	struct names entries = { 0 };
	char wanted[NAME_MAX_LEN];
	const char *inner = strrchr(name, '.');

	snprintf(wanted, sizeof(wanted), "Va %.*s", inner ? (int)(inner + 1 - name) : 0, name);
	add_names_behind(&entries, page, wanted);
	if (!has_name(&entries, inner ? inner + 1 : name))
		fail_msg("JSON has %s, the page has not", name);
}

/* Of an object, and of those within it: "seen.key.outcome". */
static void must_have_entries(const char *page, json_t *object, const char *outer)
{
	char name[NAME_MAX_LEN];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		snprintf(name, sizeof(name), "%s%s%s", outer, outer[0] ? "." : "", key);
		must_have_entry(page, name);
		must_have_entries(page, value, name);
	}
}

static void every_name_of_an_event_has_an_entry(void **state)
{
	char *page = read_page(PROGRAM_PAGE);
	const char *names = section_of(page, "\n.Ss JSON\n", "\n.Ss ");
	const struct event event = full_event();
	char text[EVENT_JSON_MAX];
	json_t *object;

	(void)state;
	assert_true(event_json_print(text, &event) > 0);
	object = json_loads(text, 0, NULL);
	assert_non_null(object);
	must_have_entries(names, object, "");
	json_decref(object);
	free(page);
}

static void must_name_commands(const struct names *commands, const char *where, const char *text)
{
	struct names named = { 0 };
	size_t i;

	add_names_behind(&named, text, "`hopguard ");
	for (i = 0; i < named.count; i++) {
		if (named.names[i][0] != '-' && !has_name(commands, named.names[i]))
			fail_msg("%s: there is no `hopguard %s`", where, named.names[i]);
	}
}

static void no_text_sends_anybody_to_a_command_that_is_not_there(void **state)
{
	struct names commands = { 0 };
	glob_t pages;
	int reason;
	size_t i;

	(void)state;
	add_commands(&commands);
	for (reason = 0; reason < REASON_COUNT; reason++)
		must_name_commands(&commands, reason_name((enum reason)reason),
		                   reason_advice((enum reason)reason));
	assert_int_equal(glob("docs/*.md", 0, NULL, &pages), 0);
	assert_int_equal(glob("README.md", GLOB_APPEND, NULL, &pages), 0);
	for (i = 0; i < pages.gl_pathc; i++) {
		char *page = read_page(pages.gl_pathv[i]);

		must_name_commands(&commands, pages.gl_pathv[i], page);
		free(page);
	}
	globfree(&pages);
}

static void the_readme_explains_every_reason(void **state)
{
	char *page = read_page("README.md");
	char wanted[NAME_MAX_LEN];
	int reason;

	(void)state;
	for (reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		snprintf(wanted, sizeof(wanted), "`%s`", reason_name((enum reason)reason));
		if (!strstr(page, wanted))
			fail_msg("%s is missing", wanted);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_configuration_key_has_an_entry_with_its_default),
		cmocka_unit_test(every_entry_is_a_configuration_key),
		cmocka_unit_test(every_command_has_an_entry_and_every_entry_is_a_command),
		cmocka_unit_test(every_option_has_an_entry_and_every_entry_is_an_option),
		cmocka_unit_test(every_reason_has_an_entry_and_every_entry_is_a_reason),
		cmocka_unit_test(
			every_kind_that_check_finds_has_an_entry_and_every_entry_is_a_kind),
		cmocka_unit_test(every_kind_of_event_has_an_entry_and_every_entry_is_a_kind),
		cmocka_unit_test(every_name_of_an_event_has_an_entry),
		cmocka_unit_test(no_text_sends_anybody_to_a_command_that_is_not_there),
		cmocka_unit_test(the_readme_explains_every_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

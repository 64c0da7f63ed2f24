/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "config_keys.h"
#include "config_text.h"

static void an_empty_file_gives_the_documented_defaults(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, "");
	assert_int_equal(config.stance.mode, MODE_MONITOR);
	assert_true(config.fails_open && config.rules.is_bypassed);
	assert_true(config.stance.blocks_inability && config.stance.blocks_undecided);
	assert_false(config.stance.blocks_unknown_hop);
	assert_int_equal(config.stance.default_level, LEVEL_MAY);
	assert_int_equal(config.hold_ms, 20000);
	assert_false(config.has_clients);
	assert_int_equal(config.rules.client_count, 0);
	assert_true(config.rules.has_forward && config.rules.has_output);
	assert_int_equal(config.rules.port_count, 1);
	assert_int_equal(config.rules.ports[0], 25);
	assert_true(config.rules.queue_count >= 1);
	assert_int_equal(config.rules.queue_first, 2500);
	assert_int_equal(config.backend, RULES_AUTO);
	assert_int_equal(config.rules.marks.mask, 0x0f000000);
	assert_int_equal(config.midstream, MIDSTREAM_JUDGE);
	assert_string_equal(config.watch, "");
	assert_string_equal(config.user, "hopguard");
	assert_string_equal(config.control_group, "hopguard");
	assert_int_equal(config.log_level, LOG_LEVEL_INFO);
	assert_string_equal(config.state_directory, "/var/lib/hopguard");
	assert_string_equal(config.control_socket, "/run/hopguard/control.sock");
}

static void the_sections_have_the_documented_defaults(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, "# nothing\n// at\n/* all */\n");
	assert_string_equal(config.trust_anchor, "");
	assert_string_equal(config.root_hints, "");
	assert_int_equal(config.forwarder_count, 0);
	assert_int_equal(config.dns_timeout_ms, 5000);
	assert_int_equal(config.dns_names_max, 131072);
	assert_int_equal(config.dns_guard, DNS_GUARD_OFF);
	assert_string_equal(config.ca_file, "");
	assert_true(config.mta_sts_is_enabled);
	assert_int_equal(config.mta_sts_https_port, 443);
	assert_int_equal(config.policy_list_count, 0);
	assert_int_equal(config.postfix_policy_count, 0);
	assert_int_equal(config.destination_count, 0);
	assert_int_equal(config.next_hop_count, 0);
	assert_int_equal(config.syslog_facility, LOG_MAIL);
	assert_string_equal(config.event_file, "");
	assert_false(config.events_passes);
	assert_int_equal(config.nat64.prefix_count, 0);
	assert_int_equal(config.rules.exempt_client_count, 0);
	assert_int_equal(config.rules.exempt_server_count, 0);
}

static const char every_key[] =
	"mode = enforce\n"
	"on-failure = \"closed\"\n"
	"on-inability = alert  # later block\n"
	"undecided = 'pass'\n"
	"unknown-hop = block\n"
	"default-level = verify\n"
	"hold-seconds = 30\n"
	"clients = { 192.0.2.0/24, 2001:db8::/32 }\n"
	"nat64 = { 2001:db8:64::/96, 2001:db8:122::/48 }\n"
	"hooks = { forward }\n"
	"ports = { 25, 2525 }\n"
	"watch = /etc/hopguard/watch\n"
	"queues = 3\n"
	"queue-first = 100\n"
	"backend = iptables-legacy\n"
	"mark-mask = 0x000000f0\n"
	"midstream = reset\n"
	"user = \"mail-guard\"\n"
	"control-group = adm\n"
	"log-level = debug\n"
	"state-directory = \"/srv/state\"\n"
	"control-socket = \"/srv/control.sock\"\n"
	"dns {\n"
	"\ttrust-anchor = \"/etc/root.key\" root-hints = /etc/root.hints\n"
	"\tforward = { 192.0.2.53, \"2001:db8::53@5353\" }\n"
	"\ttimeout-seconds = 7 names-max = 1000000 guard = drop\n"
	"}\n"
	"tls { ca-file = \"/etc/lab.pem\" tls13 = probe probe-seconds = 300 probes-max = 64 }\n"
	"mta-sts { enabled = false https-port = 8443 }\n"
	"events { syslog = local3 file = \"/var/log/h.json\" passes = true }\n"
	"exempt { clients = { 192.0.2.9 } servers = { 198.51.100.0/24 } }\n";

static void every_key_of_the_file_is_taken(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, every_key);
	assert_int_equal(config.stance.mode, MODE_ENFORCE);
	assert_false(config.fails_open || config.rules.is_bypassed);
	assert_false(config.stance.blocks_inability || config.stance.blocks_undecided);
	assert_int_equal(config.stance.default_level, LEVEL_VERIFY);
	assert_true(config.stance.blocks_unknown_hop);
	assert_string_equal(config.watch, "/etc/hopguard/watch");
	assert_int_equal(config.hold_ms, 30000);
	assert_true(config.has_clients);
	assert_int_equal(config.rules.client_count, 2);
	assert_int_equal(config.nat64.prefix_count, 2);
	assert_int_equal(config.nat64.prefixes[1].prefix_len, 48);
	assert_true(config.rules.has_forward);
	assert_false(config.rules.has_output);
	assert_int_equal(config.rules.port_count, 2);
	assert_int_equal(config.rules.ports[1], 2525);
	assert_int_equal(config.rules.queue_count, 3);
	assert_int_equal(config.rules.queue_first, 100);
	assert_int_equal(config.backend, RULES_IPTABLES_LEGACY);
	assert_int_equal(config.rules.marks.mask, 0xf0);
	assert_int_equal(config.midstream, MIDSTREAM_RESET);
	assert_string_equal(config.user, "mail-guard");
	assert_string_equal(config.control_group, "adm");
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(config.state_directory, "/srv/state");
	assert_string_equal(config.control_socket, "/srv/control.sock");
}

static void dns_answers_wait_only_where_forged_ones_are_dropped(void **state)
{
	static const struct {
		const char *text;
		enum dns_guard guard;
		enum rules_dns rules;
	} cases[] = {
		{ "", DNS_GUARD_OFF, RULES_DNS_WATCH },
		{ "dns { guard = off }", DNS_GUARD_OFF, RULES_DNS_WATCH },
		{ "dns { guard = alert }", DNS_GUARD_ALERT, RULES_DNS_WATCH },
		{ "dns { guard = drop }", DNS_GUARD_DROP, RULES_DNS_HOLD },
	};
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		must_parse(&config, cases[i].text);
		assert_int_equal(config.dns_guard, cases[i].guard);
		assert_int_equal(config.rules.dns, cases[i].rules);
	}
}

static void every_key_of_the_sections_is_taken(void **state)
{
	struct config config;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	must_parse(&config, every_key);
	assert_string_equal(config.trust_anchor, "/etc/root.key");
	assert_string_equal(config.root_hints, "/etc/root.hints");
	assert_int_equal(config.forwarder_count, 2);
	assert_string_equal(endpoint_format(text, &config.forwarders[0]), "192.0.2.53:53");
	assert_string_equal(endpoint_format(text, &config.forwarders[1]), "[2001:db8::53]:5353");
	assert_int_equal(config.dns_timeout_ms, 7000);
	assert_int_equal(config.dns_names_max, 1000000);
	assert_int_equal(config.dns_guard, DNS_GUARD_DROP);
	assert_string_equal(config.ca_file, "/etc/lab.pem");
	assert_false(config.mta_sts_is_enabled);
	assert_int_equal(config.mta_sts_https_port, 8443);
	assert_int_equal(config.syslog_facility, LOG_LOCAL3);
	assert_string_equal(config.event_file, "/var/log/h.json");
	assert_true(config.events_passes);
	assert_int_equal(config.rules.exempt_client_count, 1);
	assert_int_equal(config.rules.exempt_client_count, 1);
	assert_int_equal(config.rules.exempt_server_count, 1);
}

static void a_mask_is_four_adjacent_bits_in_hexadecimal(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} masks[] = {
		{ "0x0f0", true },       { "0x1e", true },   { "0xF0000000", true },
		{ "15", false },         { "0x", false },    { "0xg", false },
		{ "0xfg", false },       { "0x1ff", false }, { "0x00f0000000f", false },
		{ "0X0f000000", false }, { "-0xf0", false }, { "0x0e", false },
	};
	struct config config;
	char set[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(masks); i++) {
		snprintf(set, sizeof(set), "mark-mask=%s", masks[i].text);
		assert_int_equal(parse_set(&config, "", set) == 0, masks[i].is_good);
	}
	must_parse(&config, "mark-mask = 0xF0000000");
	assert_int_equal(config.rules.marks.mask, 0xf0000000);
}

static void texts_are_as_long_as_their_room(void **state)
{
	static const struct {
		const char *head;
		char filler;
		size_t len; /* of the longest filling */
	} texts[] = {
		{ "state-directory=/", 'd', 254 }, { "dns.root-hints=/", 'd', 254 },
		{ "control-socket=/", 's', 106 },  { "user=", 'u', 63 },
		{ "control-group=", 'g', 63 },
	};
	struct config config;
	char set[512];
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		len = strlen(texts[i].head);
		memset(set, texts[i].filler, sizeof(set));
		memcpy(set, texts[i].head, len);
		set[len + texts[i].len] = '\0';
		must_set(&config, "", set);
		set[len + texts[i].len] = texts[i].filler;
		set[len + texts[i].len + 1] = '\0';
		assert_int_equal(parse_set(&config, "", set), -EINVAL);
	}
}

static void a_name_does_not_look_like_an_option(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse_set(&config, "", "user=-x"), -EINVAL);
	must_set(&config, "", "user=x-y");
}

static void networks_within_others_are_dropped(void **state)
{
	struct config config;
	char text[NETWORK_TEXT_MAX];

	(void)state;
	must_parse(&config, "clients = { 192.0.2.1, 198.51.100.0/24, 192.0.2.0/24, 192.0.2.0/25,"
	                    " 198.51.100.0/24, 192.0.2.0/28 }");
	assert_int_equal(config.rules.client_count, 2);
	assert_string_equal(network_format(text, &config.rules.clients[0]), "198.51.100.0/24");
	assert_string_equal(network_format(text, &config.rules.clients[1]), "192.0.2.0/24");
}

static void monitor_fails_open_whatever_the_file_says(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, "on-failure = closed");
	assert_true(config.fails_open && config.rules.is_bypassed);
	must_parse(&config, "on-failure = closed mode = enforce");
	assert_false(config.fails_open || config.rules.is_bypassed);
	must_parse(&config, "on-failure = open mode = enforce");
	assert_true(config.fails_open && config.rules.is_bypassed);
}

static void the_command_line_overrides_the_file(void **state)
{
	struct config config;

	(void)state;
	must_set(&config, "hold-seconds = 7 clients = { 192.0.2.1 }", "hold-seconds=9");
	assert_int_equal(config.hold_ms, 9000);
	assert_int_equal(config.rules.client_count, 1);
	must_set(&config, "", "dns.timeout-seconds=3");
	assert_int_equal(config.dns_timeout_ms, 3000);
	must_set(&config, "", "clients=192.0.2.0/24,198.51.100.0/24");
	assert_int_equal(config.rules.client_count, 2);
	must_set(&config, "", "clients= { 192.0.2.0/24 , 198.51.100.0/24 } ");
	assert_int_equal(config.rules.client_count, 2);
	must_set(&config, "clients = { 192.0.2.1 }", "clients=");
	assert_false(config.has_clients);
	must_set(&config, "clients = { 192.0.2.1 }", "clients={}");
	assert_false(config.has_clients);
	must_set(&config, "", "dns.guard=alert");
	assert_int_equal(config.dns_guard, DNS_GUARD_ALERT);
	must_set(&config, "", "mta-sts.enabled=false");
	assert_false(config.mta_sts_is_enabled);
	must_set(&config, "", "events.file=/tmp/a=b.json");
	assert_string_equal(config.event_file, "/tmp/a=b.json");
}

/* Cut anywhere, a good file is either good or one line of complaint. */
static void a_file_cut_anywhere_is_taken_or_refused_in_one_line(void **state)
{
	size_t len = strlen(every_key);
	struct config config;

	(void)state;
	for (; len > 0; len--) {
		char *cut = strndup(every_key, len);

		assert_non_null(cut);
		if (parse(&config, cut) != 0) {
			assert_int_equal(strncmp(error, "t.conf:", 7), 0);
			assert_null(strchr(error, '\n'));
		}
		free(cut);
	}
}

/* Takes the '#' from lines that hold a setting, a section or its end. */
static void uncomment(char *text)
{
	char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
			line[0] = ' ';
	}
}

static void the_example_file_holds_every_key_with_its_default(void **state)
{
	static char text[CONFIG_TEXT_MAX];
	struct config defaults, example;
	const struct config_key *key;
	size_t i;

	(void)state;
	must_parse(&defaults, "");
	if (config_read(text, "docs/hopguard.conf.example", error) != 0)
		fail_msg("%s", error);
	must_parse(&example, text);
	assert_memory_equal(&example, &defaults, sizeof(defaults));
	uncomment(text);
	must_parse(&example, text);
	assert_memory_equal(&example, &defaults, sizeof(defaults));
	for (i = 0; (key = config_key_at(i)); i++) {
		char setting[64];

		snprintf(setting, sizeof(setting), "%s = ", key->name);
		if (!strstr(text, setting))
			fail_msg("%s is missing", key->name);
	}
}

static void write_file(char path[64], const void *octets, size_t len)
{
	int file;

	snprintf(path, 64, "/tmp/hopguard-config-test-XXXXXX");
	file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, octets, len), len);
	close(file);
}

static void a_file_is_read_whole_or_refused_in_one_line(void **state)
{
	char *text = calloc(1, CONFIG_TEXT_MAX + 1);
	char path[64];

	(void)state;
	assert_non_null(text);
	write_file(path, "mode = enforce\n", 15);
	assert_int_equal(config_read(text, path, error), 0);
	assert_string_equal(text, "mode = enforce\n");
	unlink(path);

	write_file(path, "mode\0= enforce", 14);
	assert_int_equal(config_read(text, path, error), -EINVAL);
	assert_string_equal(error + strlen(path), ": holds a NUL octet, so it is no text");
	unlink(path);

	memset(text, '\n', CONFIG_TEXT_MAX);
	write_file(path, text, CONFIG_TEXT_MAX);
	assert_int_equal(config_read(text, path, error), -EFBIG);
	assert_string_equal(error + strlen(path), ": longer than 65535 octets");
	unlink(path);

	assert_int_equal(config_read(text, path, error), -ENOENT);
	assert_string_equal(error + strlen(path), ": No such file or directory");
	assert_int_equal(config_read(text, "/tmp", error), -EISDIR);
	free(text);
}

/* As an editor of Windows writes it. */
static void lines_may_end_with_cr_lf(void **state)
{
	struct config config;

	(void)state;
	must_parse(&config, "mode = enforce\r\n# comment\r\n/* two\r\nlines */\r\n"
	                    "clients = { 192.0.2.1,\r\n192.0.2.2 }\r\nuser = \"a\"\r\n"
	                    "dns {\r\n\ttimeout-seconds = 3\r\n}\r\n"
	                    "state-directory = /s\r\n");
	assert_int_equal(config.stance.mode, MODE_ENFORCE);
	assert_int_equal(config.rules.client_count, 2);
	assert_string_equal(config.user, "a");
	assert_string_equal(config.state_directory, "/s");
	assert_int_equal(config.dns_timeout_ms, 3000);
	assert_int_equal(parse(&config, "mode = enforce\r\n\r\nmodus = x\r\n"), -EINVAL);
	assert_memory_equal(error, "t.conf:3: modus:", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_documented_defaults),
		cmocka_unit_test(the_sections_have_the_documented_defaults),
		cmocka_unit_test(every_key_of_the_file_is_taken),
		cmocka_unit_test(every_key_of_the_sections_is_taken),
		cmocka_unit_test(dns_answers_wait_only_where_forged_ones_are_dropped),
		cmocka_unit_test(a_mask_is_four_adjacent_bits_in_hexadecimal),
		cmocka_unit_test(texts_are_as_long_as_their_room),
		cmocka_unit_test(a_name_does_not_look_like_an_option),
		cmocka_unit_test(networks_within_others_are_dropped),
		cmocka_unit_test(monitor_fails_open_whatever_the_file_says),
		cmocka_unit_test(the_command_line_overrides_the_file),
		cmocka_unit_test(a_file_cut_anywhere_is_taken_or_refused_in_one_line),
		cmocka_unit_test(the_example_file_holds_every_key_with_its_default),
		cmocka_unit_test(a_file_is_read_whole_or_refused_in_one_line),
		cmocka_unit_test(lines_may_end_with_cr_lf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_keys.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char error[CONFIG_ERROR_MAX];

static int parse(struct config *config, const char *text)
{
	error[0] = '\0';
	return config_parse(config, "t.conf", text, NULL, 0, error);
}

static int parse_set(struct config *config, const char *text, const char *set)
{
	error[0] = '\0';
	return config_parse(config, "t.conf", text, &set, 1, error);
}

static void must_parse(struct config *config, const char *text)
{
	if (parse(config, text) != 0)
		fail_msg("%s", error);
}

static void must_set(struct config *config, const char *text, const char *set)
{
	if (parse_set(config, text, set) != 0)
		fail_msg("%s", error);
}

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
	assert_int_equal(config.syslog_facility, LOG_MAIL);
	assert_string_equal(config.event_file, "");
	assert_false(config.events_passes);
	assert_int_equal(config.rules.exempt_client_count, 0);
	assert_int_equal(config.rules.exempt_server_count, 0);
}

static const char every_key[] =
	"mode = enforce\n"
	"on-failure = \"closed\"\n"
	"on-inability = alert  # later block\n"
	"undecided = 'pass'\n"
	"unknown-hop = pass\n"
	"default-level = encrypt\n"
	"hold-seconds = 30\n"
	"clients = { 192.0.2.0/24, 2001:db8::/32 }\n"
	"hooks = { forward }\n"
	"ports = { 25, 2525 }\n"
	"watch = \"\"\n"
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
	"\ttimeout-seconds = 7 guard = off\n"
	"}\n"
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
	assert_int_equal(config.stance.default_level, LEVEL_ENCRYPT);
	assert_int_equal(config.hold_ms, 30000);
	assert_true(config.has_clients);
	assert_int_equal(config.rules.client_count, 2);
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
	assert_int_equal(config.syslog_facility, LOG_LOCAL3);
	assert_string_equal(config.event_file, "/var/log/h.json");
	assert_true(config.events_passes);
	assert_int_equal(config.rules.exempt_client_count, 1);
	assert_int_equal(config.rules.exempt_client_count, 1);
	assert_int_equal(config.rules.exempt_server_count, 1);
}

/* Each is one line that says where, which key, and what would be right. */
static const struct {
	const char *text;
	const char *complaint;
} wrong[] = {
	/* What libconfuse takes without a word. */
	{ "\ndns { timeout-seconds = 3\n", "t.conf:2: dns: the '}' of this section is missing" },
	{ "dns {}\ndns {}", "t.conf:2: dns: already given on line 1; once is allowed" },
	{ "dns { timeout-seconds = 3 }\n\ndns { guard = off }",
	  "t.conf:3: dns: already given on line 1; once is allowed" },
	{ "mode = monitor\nmode = enforce",
	  "t.conf:2: mode: already given on line 1; once is allowed" },
	{ "clients = {}\nclients = {}",
	  "t.conf:2: clients: already given on line 1; once is allowed" },
	{ "dns { timeout-seconds = 3\ntimeout-seconds = 3 }",
	  "t.conf:2: dns.timeout-seconds: already given on line 1; once is allowed" },
	{ "destination \"a.example\" {}\ndestination \"A.example\" {}",
	  "t.conf:2: destination: already given on line 1; once is allowed "
	  "(titles are the same in upper and lower case)" },
	{ "hold-seconds = -3", "t.conf:1: hold-seconds: a number from 1 to 240, not \"-3\"" },
	{ "hold-seconds = 010", "t.conf:1: hold-seconds: a number from 1 to 240, not \"010\"" },
	{ "hold-seconds = +3",
	  "t.conf:1: hold-seconds: the character '+' (0x2b) is only allowed in quotation marks" },
	{ "hold-seconds = \"+3\"", "t.conf:1: hold-seconds: a number from 1 to 240, not \"+3\"" },
	{ "user = \"${HOME}\"",
	  "t.conf:1: user: variables are not expanded: write out what ${...} stands for" },
	{ "\nuser = ${HOME}",
	  "t.conf:2: user: variables are not expanded: write out what ${...} stands for" },
	{ "user = '${HOME}'",
	  "t.conf:1: user: variables are not expanded: write out what ${...} stands for" },
	{ "/* mode = enforce", "t.conf:1: a comment that begins on this line does not end" },
	{ "mode = enforce\n/*/",
	  "t.conf:2: mode: a comment that begins on this line does not end" },
	{ "mode = enforce;",
	  "t.conf:1: mode: the character ';' (0x3b) is only allowed in quotation marks" },
	{ "clients += { 192.0.2.1 }",
	  "t.conf:1: clients: the character '+' (0x2b) is only allowed in quotation marks" },
	{ "dns|timeout-seconds = 3",
	  "t.conf:1: dns: the character '|' (0x7c) is only allowed in quotation marks" },
	{ "user = \"a\\x41\"",
	  "t.conf:1: user: a backslash has no meaning here and is not allowed" },
	{ "mode = enforce\r\n",
	  "t.conf:1: mode: the character '?' (0x0d) is only allowed in quotation marks" },
	/* Grammar. */
	{ "mode", "t.conf:1: mode: '=' or '{' is missing" },
	{ "mode =", "t.conf:1: mode: a value is missing behind '='" },
	{ "mode = enforce monitor", "t.conf:1: monitor: '=' or '{' is missing" },
	{ "= enforce", "t.conf:1: a key is expected here" },
	{ "mode = enforce }", "t.conf:1: a key is expected here" },
	{ "\"mode\" = enforce", "t.conf:1: a key is expected here" },
	{ "clients = { 192.0.2.1", "t.conf:1: clients: ',' or the '}' of the list is missing" },
	{ "clients = { 192.0.2.1, }", "t.conf:1: clients: a value is missing in the list" },
	{ "clients = { 192.0.2.1 192.0.2.2 }",
	  "t.conf:1: clients: ',' or the '}' of the list is missing" },
	{ "clients = { {", "t.conf:1: clients: a value is missing in the list" },
	{ "user = \"abc\n\"", "t.conf:1: user: the quotation mark that ends the text is missing" },
	{ "user = 'abc", "t.conf:1: user: the quotation mark that ends the text is missing" },
	{ "user = \"a\tb\"", "t.conf:1: user: control characters are not allowed" },
	{ "dns { forward { } }", "t.conf:1: dns.forward: '=' is missing" },
	{ "dns x y", "t.conf:1: dns: '{' is missing" },
	{ "dns \"x\" {}", "t.conf:1: dns: this section has no title" },
	{ "mode = { enforce }", "t.conf:1: mode: one value, not a { list }" },
	{ "include(\"/etc/passwd\")",
	  "t.conf:1: include: the character '(' (0x28) is only allowed in quotation marks" },
	/* Keys. */
	{ "\n\nmod = enforce",
	  "t.conf:3: mod: no such key; allowed: mode, on-failure, on-inability, undecided, "
	  "unknown-hop, default-level, hold-seconds, clients, hooks, ports, watch, queues, "
	  "queue-first, backend, mark-mask, midstream, user, control-group, log-level, "
	  "state-directory, control-socket" },
	{ "exempt { mode = enforce }",
	  "t.conf:1: exempt.mode: no such key; allowed: clients, servers" },
	{ "MODE = enforce\n",
	  "t.conf:1: MODE: no such key; allowed: mode, on-failure, on-inability, undecided, "
	  "unknown-hop, default-level, hold-seconds, clients, hooks, ports, watch, queues, "
	  "queue-first, backend, mark-mask, midstream, user, control-group, log-level, "
	  "state-directory, control-socket" },
	{ "dsn { }", "t.conf:1: dsn: no such section; there are dns, events and exempt" },
	{ "dsn { forward = {} }",
	  "t.conf:1: dsn: no such section; there are dns, events and exempt" },
	/* Not built yet. */
	{ "watch = /etc/watch", "t.conf:1: watch: not built yet: leave it empty" },
	{ "unknown-hop = block", "t.conf:1: unknown-hop: block is not built yet" },
	{ "default-level = verify", "t.conf:1: default-level: verify is not built yet" },
	{ "rules-flushed = alert", "t.conf:1: rules-flushed: not built yet" },
	{ "rules-flushed = restore", "t.conf:1: rules-flushed: not built yet" },
	{ "dns { guard = alert }", "t.conf:1: dns.guard: alert is not built yet" },
	{ "dns { guard = drop }", "t.conf:1: dns.guard: drop is not built yet" },
	{ "dns { guard = no }", "t.conf:1: dns.guard: off, not \"no\"" },
	{ "tls { }", "t.conf:1: tls: not built yet" },
	{ "tls { tls13 = probe }", "t.conf:1: tls: not built yet" },
	{ "mta-sts { enabled = true }", "t.conf:1: mta-sts: not built yet" },
	{ "policy-list \"/etc/p.json\" { key = \"\" }", "t.conf:1: policy-list: not built yet" },
	{ "postfix-policy \"/etc/p\" {}", "t.conf:1: postfix-policy: not built yet" },
	{ "destination \"example.org\" { level = dane }", "t.conf:1: destination: not built yet" },
	{ "next-hop \"relay.example\" {}", "t.conf:1: next-hop: not built yet" },
	/* Values. */
	{ "mode = Enforce", "t.conf:1: mode: monitor or enforce, not \"Enforce\"" },
	{ "midstream = x", "t.conf:1: midstream: judge, reset or pass, not \"x\"" },
	{ "backend = x", "t.conf:1: backend: auto, nft, iptables or iptables-legacy, not \"x\"" },
	{ "events { passes = yes }", "t.conf:1: events.passes: false or true, not \"yes\"" },
	{ "hold-seconds = 0", "t.conf:1: hold-seconds: a number from 1 to 240, not \"0\"" },
	{ "hold-seconds = 241", "t.conf:1: hold-seconds: a number from 1 to 240, not \"241\"" },
	{ "hold-seconds = \"\"", "t.conf:1: hold-seconds: a number from 1 to 240, not \"\"" },
	{ "hold-seconds = 3x", "t.conf:1: hold-seconds: a number from 1 to 240, not \"3x\"" },
	{ "hold-seconds = 18446744073709551619",
	  "t.conf:1: hold-seconds: a number from 1 to 240, not \"18446744073709551619\"" },
	{ "queues = 65", "t.conf:1: queues: a number from 0 to 64, not \"65\"" },
	{ "queue-first = 65473", "t.conf:1: queue-first: a number from 0 to 65472, not \"65473\"" },
	{ "ports = {}", "t.conf:1: ports: 1 to 15 ports, not 0" },
	{ "ports = { 0 }", "t.conf:1: ports: a number from 1 to 65535, not \"0\"" },
	{ "ports = { 65536 }", "t.conf:1: ports: a number from 1 to 65535, not \"65536\"" },
	{ "ports = { 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 }",
	  "t.conf:1: ports: 1 to 15 ports, not 16" },
	{ "ports = { 25, 587, 25 }", "t.conf:1: ports: each port once, not 25 twice" },
	{ "hooks = {}", "t.conf:1: hooks: at least one of forward and output" },
	{ "hooks = { input }", "t.conf:1: hooks: forward or output, not \"input\"" },
	{ "clients = {\n192.0.2.1,\n192.0.2.7/24 }",
	  "t.conf:1: clients: \"192.0.2.7/24\" has bits set behind its prefix; the network is "
	  "192.0.2.0/24" },
	{ "exempt { servers = { mx.example } }",
	  "t.conf:1: exempt.servers: networks as 192.0.2.0/24 or 2001:db8::/32, or addresses, "
	  "not \"mx.example\"" },
	{ "mark-mask = 0x0e000000",
	  "t.conf:1: mark-mask: four adjacent bits in hexadecimal, as 0x0f000000 or 0x000001e0, "
	  "not \"0x0e000000\"" },
	{ "dns { forward = { 192.0.2.53:53 } }",
	  "t.conf:1: dns.forward: addresses as 192.0.2.53 or 192.0.2.53@5353, not "
	  "\"192.0.2.53:53\"" },
	{ "dns { forward = { 192.0.2.53@0 } }",
	  "t.conf:1: dns.forward: addresses as 192.0.2.53 or 192.0.2.53@5353, not "
	  "\"192.0.2.53@0\"" },
	{ "dns { forward = { 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, "
	  "192.0.2.7, 192.0.2.8, 192.0.2.9 } }",
	  "t.conf:1: dns.forward: at most 8 addresses, not 9" },
	{ "state-directory = relative",
	  "t.conf:1: state-directory: a path from / on, at most 255 octets, not \"relative\"" },
	{ "state-directory = \"\"",
	  "t.conf:1: state-directory: a path from / on, at most 255 octets, not \"\"" },
	{ "dns { trust-anchor = root.key }",
	  "t.conf:1: dns.trust-anchor: a path from / on, at most 255 octets, or empty, not "
	  "\"root.key\"" },
	{ "user = \"\"",
	  "t.conf:1: user: a name of letters, digits, '_', '.' and '-', at most 63, not \"\"" },
	{ "user = \"a b\"",
	  "t.conf:1: user: a name of letters, digits, '_', '.' and '-', at most 63, not \"a b\"" },
	{ "events { syslog = kern }",
	  "t.conf:1: events.syslog: none, mail, daemon, auth, authpriv, user or local0 to "
	  "local7, not \"kern\"" },
	{ "log-level = verbose",
	  "t.conf:1: log-level: error, warn, info or debug, not \"verbose\"" },
};

static void each_mistake_is_one_line_with_file_line_key_and_remedy(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct config config = { .hold_ms = 4711 };

		if (parse(&config, wrong[i].text) != -EINVAL)
			fail_msg("taken: %s", wrong[i].text);
		assert_string_equal(error, wrong[i].complaint);
		assert_int_equal(config.hold_ms, 4711);
	}
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
	must_set(&config, "", "events.file=/tmp/a=b.json");
	assert_string_equal(config.event_file, "/tmp/a=b.json");
}

static const struct {
	const char *set;
	const char *complaint;
} wrong_sets[] = {
	{ "hold-seconds=-3", "--set: hold-seconds: a number from 1 to 240, not \"-3\"" },
	{ "dns.timeout-seconds=61",
	  "--set: dns.timeout-seconds: a number from 1 to 60, not \"61\"" },
	{ "hold-seconds", "--set: KEY=VALUE is expected, not \"hold-seconds\"" },
	{ "=3", "--set: KEY=VALUE is expected, not \"=3\"" },
	{ "dns.mode=enforce",
	  "--set: dns.mode: no such key; allowed: trust-anchor, root-hints, forward, "
	  "timeout-seconds, guard" },
	{ "tls.tls13=block", "--set: tls.tls13: not built yet" },
	{ "destination=x", "--set: destination: not built yet" },
	{ "rules-flushed=alert", "--set: rules-flushed: not built yet" },
	{ "dsn.guard=off", "--set: dsn.guard: no such section; there are dns, events and exempt" },
	{ "ports=25,,26", "--set: ports: a number from 1 to 65535, not \"\"" },
	{ "clients=192.0.2.1/24",
	  "--set: clients: \"192.0.2.1/24\" has bits set behind its prefix; the network is "
	  "192.0.2.0/24" },
	{ "user=x\ny", "--set: user: a name of letters, digits, '_', '.' and '-', at most 63, "
	               "not \"x?y\"" },
};

static void the_command_line_is_checked_like_the_file(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(wrong_sets); i++) {
		struct config config = { .hold_ms = 4711 };

		if (parse_set(&config, "", wrong_sets[i].set) != -EINVAL)
			fail_msg("taken: %s", wrong_sets[i].set);
		assert_string_equal(error, wrong_sets[i].complaint);
		assert_int_equal(config.hold_ms, 4711);
	}
}

/* text repeated into a fresh string; the caller frees it. */
static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
	size_t part_len = strlen(part);
	char *text = malloc(strlen(head) + part_len * count + strlen(tail) + 1);
	size_t len = strlen(head);

	assert_non_null(text);
	memcpy(text, head, len);
	for (; count > 0; count--, len += part_len)
		memcpy(text + len, part, part_len);
	memcpy(text + len, tail, strlen(tail) + 1);
	return text;
}

static void lists_settings_and_files_have_their_bounds(void **state)
{
	char *most = repeated("clients = { 192.0.2.1", ",192.0.2.1", 255, "}");
	char *more = repeated("clients = { 192.0.2.1", ",192.0.2.1", 256, "}");
	char *set = repeated("clients=192.0.2.1", ",192.0.2.1", 256, "");
	char *long_set = repeated("user=", "x", 9000, "");
	char *longest = repeated("#", "x", CONFIG_TEXT_MAX - 2, "");
	char *longer = repeated("#", "x", CONFIG_TEXT_MAX - 1, "");
	struct config config;

	(void)state;
	must_parse(&config, most);
	assert_int_equal(parse(&config, more), -EINVAL);
	assert_string_equal(error, "t.conf:1: clients: at most 256 values");
	assert_int_equal(parse_set(&config, "", set), -EINVAL);
	assert_string_equal(error, "--set: clients: at most 256 values");
	assert_int_equal(parse_set(&config, "", long_set), -EINVAL);
	assert_string_equal(error, "--set: user: longer than 8191 octets");
	must_parse(&config, longest);
	assert_int_equal(parse(&config, longer), -EINVAL);
	assert_string_equal(error, "t.conf: longer than 65535 octets");
	free(most);
	free(more);
	free(set);
	free(long_set);
	free(longest);
	free(longer);
}

static void the_number_of_settings_is_bounded(void **state)
{
	char text[16 * 1024];
	struct config config;
	size_t len = 0;
	int i;

	(void)state;
	for (i = 0; i < 513; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d = 1\n", i);
	assert_int_equal(parse(&config, text), -EINVAL);
	assert_string_equal(error, "t.conf:513: k512: more than 512 settings and sections");
}

static void a_complaint_stays_within_its_room(void **state)
{
	char *key = repeated("", "k", 5000, " = 1");
	char *value = repeated("dns { forward = {", "v", 5000, "} }");
	char *name = repeated("/", "d", 5000, "");
	struct config config;

	(void)state;
	assert_int_equal(config_parse(&config, name, key, NULL, 0, error), -EINVAL);
	assert_true(strlen(error) < CONFIG_ERROR_MAX);
	assert_int_equal(config_parse(&config, name, value, NULL, 0, error), -EINVAL);
	assert_true(strlen(error) < CONFIG_ERROR_MAX);
	assert_non_null(strstr(error, ":1: dns.forward: addresses as"));
	free(key);
	free(value);
	free(name);
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
		/* Left out until it is built. */
		if (strcmp(key->name, "watch") != 0 && !strstr(text, setting))
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_documented_defaults),
		cmocka_unit_test(the_sections_have_the_documented_defaults),
		cmocka_unit_test(every_key_of_the_file_is_taken),
		cmocka_unit_test(every_key_of_the_sections_is_taken),
		cmocka_unit_test(each_mistake_is_one_line_with_file_line_key_and_remedy),
		cmocka_unit_test(a_mask_is_four_adjacent_bits_in_hexadecimal),
		cmocka_unit_test(texts_are_as_long_as_their_room),
		cmocka_unit_test(a_name_does_not_look_like_an_option),
		cmocka_unit_test(networks_within_others_are_dropped),
		cmocka_unit_test(monitor_fails_open_whatever_the_file_says),
		cmocka_unit_test(the_command_line_overrides_the_file),
		cmocka_unit_test(the_command_line_is_checked_like_the_file),
		cmocka_unit_test(lists_settings_and_files_have_their_bounds),
		cmocka_unit_test(the_number_of_settings_is_bounded),
		cmocka_unit_test(a_complaint_stays_within_its_room),
		cmocka_unit_test(a_file_cut_anywhere_is_taken_or_refused_in_one_line),
		cmocka_unit_test(the_example_file_holds_every_key_with_its_default),
		cmocka_unit_test(a_file_is_read_whole_or_refused_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

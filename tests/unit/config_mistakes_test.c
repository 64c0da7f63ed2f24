/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"

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
	{ "next-hop \"a.example\" {}\nnext-hop \"a.example\" {}",
	  "t.conf:2: next-hop: already given on line 1; once is allowed" },
	{ "policy-list \"/a\" {}\npolicy-list '/A' {}",
	  "t.conf:2: policy-list: already given on line 1; once is allowed "
	  "(titles are the same in upper and lower case)" },
	{ "postfix-policy \"/a\" {}\npostfix-policy /a {}",
	  "t.conf:2: postfix-policy: already given on line 1; once is allowed" },
	{ "destination \"a.example\" { level = dane\n level = may }",
	  "t.conf:2: destination.level: already given on line 1; once is allowed" },
	{ "destination \"a.example\" {\nlevel = dane\n",
	  "t.conf:1: destination: the '}' of this section is missing" },
	{ "\nnext-hop \"a.example\" {", "t.conf:2: next-hop: the '}' of this section is missing" },
	{ "policy-list \"/a\" { key = \"\"",
	  "t.conf:1: policy-list: the '}' of this section is missing" },
	{ "postfix-policy \"/a\" {",
	  "t.conf:1: postfix-policy: the '}' of this section is missing" },
	{ "destination \"${DOMAIN}\" {}",
	  "t.conf:1: destination: variables are not expanded: write out what ${...} stands for" },
	{ "destination \"a.example\" { match += { nexthop } }",
	  "t.conf:1: destination.match: the character '+' (0x2b) is only allowed in quotation "
	  "marks" },
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
	{ "mode = enforce\r", "t.conf:1: mode: the control character 0x0d is not allowed" },
	{ "mode\r= enforce\r\n", "t.conf:1: mode: the control character 0x0d is not allowed" },
	{ "user = \"a\r\n\"", "t.conf:1: user: the quotation mark that ends the text is missing" },
	{ "user = \"a\rb\"", "t.conf:1: user: control characters are not allowed" },
	/* Characters of other editors: none is cut. */
	{ "\xef\xbb\xbfmode = enforce",
	  "t.conf:1: a byte order mark (U+FEFF) is not allowed: save the file without it" },
	{ "user = \xe2\x80\x9cx\xe2\x80\x9d",
	  "t.conf:1: user: the quotation mark U+201C has no meaning here: write \" or '" },
	{ "user = \xc2\xabx\xc2\xbb",
	  "t.conf:1: user: the quotation mark U+00AB has no meaning here: write \" or '" },
	{ "mode\xc2\xa0= enforce",
	  "t.conf:1: mode: the no-break space U+00A0 is not allowed: write a blank" },
	{ "user = \xc3\xa4", "t.conf:1: user: the character U+00E4 is only allowed in quotation "
	                     "marks" },
	{ "user = \xe2\x80", "t.conf:1: user: the octet 0xe2 is only allowed in quotation marks" },
	{ "user = \"\xc3\xa4\xe2\x80|\xc2\x9b\"",
	  "t.conf:1: user: a name of letters, digits, '_', '.' and '-', at most 63, not "
	  "\"\xc3\xa4??|??\"" },
	{ "user = \"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x\xc3\xa4\"",
	  "t.conf:1: user: a name of letters, digits, '_', '.' and '-', at most 63, not "
	  "\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x?\"" },
	/* As other programs have it. */
	{ "on-failure closed\n\n# comment\nqueues = 2", "t.conf:1: on-failure: '=' is missing" },
	{ "\nmode: enforce\n", "t.conf:2: mode: '=' is missing where ':' stands" },
	{ "mode:enforce", "t.conf:1: mode: '=' is missing where ':' stands" },
	{ "mode : enforce", "t.conf:1: mode: '=' is missing" },
	{ ": enforce", "t.conf:1: a key is expected here" },
	{ "clients { 192.0.2.0/24 }", "t.conf:1: clients: '=' is missing" },
	{ "dns {\ntimeout-seconds: 3 }",
	  "t.conf:2: dns.timeout-seconds: '=' is missing where ':' stands" },
	{ "dns {\ntimeout-seconds\n\n3 }", "t.conf:2: dns.timeout-seconds: '=' is missing" },
	{ "dns: {\n}", "t.conf:1: dns: no ':' stands behind the name of a section" },
	{ "destination a.example\n\nlevel = dane", "t.conf:1: destination: '{' is missing" },
	{ "modus enforce\n\nqueues = 2", "t.conf:1: modus: '=' or '{' is missing" },
	/* Elsewhere they would be right. */
	{ "mode = enforce\ndns.forward = { 192.0.2.53 }",
	  "t.conf:2: dns.forward: this key stands inside its section: dns { forward = ... }" },
	{ "dns.forward { 192.0.2.53 }",
	  "t.conf:1: dns.forward: this key stands inside its section: dns { forward = ... }" },
	{ "exempt.mode = x",
	  "t.conf:1: exempt.mode: no such key; keys stand inside their section: exempt { ... }; "
	  "allowed in it: clients, servers" },
	{ "destination.a.example.level = may",
	  "t.conf:1: destination.a.example.level: no such key; keys stand inside their section: "
	  "destination \"...\" { ... }; allowed in it: level, match, fingerprint, next-hop, mode, "
	  "reason, until" },
	{ "ca-file = \"/ca.pem\"",
	  "t.conf:1: ca-file: this key stands inside a section: tls { ca-file = ... }" },
	{ "ca-file /ca.pem\n",
	  "t.conf:1: ca-file: this key stands inside a section: tls { ca-file = ... }" },
	{ "level = dane",
	  "t.conf:1: level: this key stands inside a section: destination \"...\" { "
	  "level = ... } or next-hop \"...\" { level = ... }" },
	{ "mta-sts = false",
	  "t.conf:1: mta-sts: this is a section: mta-sts { ... }; allowed in it: enabled, "
	  "https-port" },
	{ "exempt = {}",
	  "t.conf:1: exempt: this is a section: exempt { ... }; allowed in it: clients, servers" },
	{ "dns = { forward = { 192.0.2.53 } }",
	  "t.conf:1: dns: this is a section: dns { ... }; allowed in it: trust-anchor, root-hints, "
	  "forward, timeout-seconds, names-max, guard" },
	{ "postfix-policy = /p", "t.conf:1: postfix-policy: this is a section: postfix-policy "
	                         "\"...\" { ... }" },
	{ "next-hop = \"[relay.example]\"",
	  "t.conf:1: next-hop: this is a section: next-hop \"...\" { ... }; allowed in it: level, "
	  "match, fingerprint, mode, reason, until; or a key inside destination \"...\" { next-hop "
	  "= ... }" },
	/* Grammar. */
	{ "mode", "t.conf:1: mode: '=' is missing" },
	{ "modus", "t.conf:1: modus: '=' or '{' is missing" },
	{ "dns", "t.conf:1: dns: '{' is missing" },
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
	{ "dns \"\" {}", "t.conf:1: dns: this section has no title" },
	{ "mode = { enforce }", "t.conf:1: mode: one value, not a { list }" },
	{ "include(\"/etc/passwd\")",
	  "t.conf:1: include: the character '(' (0x28) is only allowed in quotation marks" },
	/* Keys. */
	{ "\n\nmod = enforce",
	  "t.conf:3: mod: no such key; allowed: mode, on-failure, on-inability, undecided, "
	  "unknown-hop, default-level, hold-seconds, clients, nat64, hooks, ports, watch, queues, "
	  "queue-first, backend, passage, mark-mask, midstream, rules-flushed, user, "
	  "control-group, "
	  "log-level, "
	  "state-directory, control-socket" },
	{ "exempt { mode = enforce }",
	  "t.conf:1: exempt.mode: no such key; allowed: clients, servers" },
	{ "MODE = enforce\n",
	  "t.conf:1: MODE: no such key; allowed: mode, on-failure, on-inability, undecided, "
	  "unknown-hop, default-level, hold-seconds, clients, nat64, hooks, ports, watch, queues, "
	  "queue-first, backend, passage, mark-mask, midstream, rules-flushed, user, "
	  "control-group, "
	  "log-level, "
	  "state-directory, control-socket" },
	{ "dsn { }", "t.conf:1: dsn: no such section; there are dns, tls, mta-sts, events, exempt, "
	             "policy-list, "
	             "postfix-policy, destination, next-hop" },
	{ "dsn { forward = {} }", "t.conf:1: dsn: no such section; there are dns, tls, mta-sts, "
	                          "events, exempt, policy-list, "
	                          "postfix-policy, destination, next-hop" },
	/* Not built yet. */
	{ "rules-flushed = keep", "t.conf:1: rules-flushed: alert or restore, not \"keep\"" },
	{ "mode = upgrade", "t.conf:1: mode: monitor or enforce; upgrade is not built yet" },
	{ "tls { tls13 = upgrade }",
	  "t.conf:1: tls.tls13: probe, block or pass; upgrade is not built yet" },
	{ "tls { tls13 = no }", "t.conf:1: tls.tls13: probe, block or pass, not \"no\"" },
	{ "tls { probe-seconds = 9 }",
	  "t.conf:1: tls.probe-seconds: a number from 10 to 86400, not \"9\"" },
	{ "tls { probes-max = 0 }",
	  "t.conf:1: tls.probes-max: a number from 1 to 1024, not \"0\"" },
	/* Values. */
	{ "dns { names-max = 16383 }",
	  "t.conf:1: dns.names-max: a number from 16384 to 1048576, not \"16383\"" },
	{ "dns { guard = no }", "t.conf:1: dns.guard: off, alert or drop, not \"no\"" },
	{ "nat64 = { 2001:db8::/95 }", "t.conf:1: nat64: IPv6 networks of 32, 40, 48, 56, 64 or 96 "
	                               "bits, not \"2001:db8::/95\"" },
	{ "nat64 = { 192.0.2.0/24 }",
	  "t.conf:1: nat64: IPv6 networks of 32, 40, 48, 56, 64 or 96 bits, not \"192.0.2.0/24\"" },
	{ "nat64 = { 2001:db8::1/64 }",
	  "t.conf:1: nat64: \"2001:db8::1/64\" has bits set behind its prefix; the network is "
	  "2001:db8::/64" },
	{ "nat64 = { 1::/32, 2::/32, 3::/32, 4::/32, 5::/32, 6::/32, 7::/32, 8::/32, 9::/32 }",
	  "t.conf:1: nat64: at most 8 prefixes" },
	{ "unknown-hop = alert", "t.conf:1: unknown-hop: pass or block, not \"alert\"" },
	{ "default-level = secure",
	  "t.conf:1: default-level: may, encrypt or verify, not \"secure\"" },
	{ "watch = domains",
	  "t.conf:1: watch: a path from / on, at most 255 octets, or empty, not \"domains\"" },
	{ "mta-sts { https-port = 0 }",
	  "t.conf:1: mta-sts.https-port: a number from 1 to 65535, not \"0\"" },
	{ "mta-sts { enabled = yes }", "t.conf:1: mta-sts.enabled: false or true, not \"yes\"" },
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
	{ "queue-first = 65472", "t.conf:1: queue-first: a number from 0 to 65471, not \"65472\"" },
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
	  "timeout-seconds, names-max, guard" },
	{ "mode=upgrade", "--set: mode: monitor or enforce; upgrade is not built yet" },
	{ "tls.tls13=upgrade", "--set: tls.tls13: probe, block or pass; upgrade is not built yet" },
	{ "ca-file=/ca.pem", "--set: ca-file: this key stands inside a section: tls.ca-file=..." },
	{ "reason=x",
	  "--set: reason: this key stands inside a section: destination \"...\" { reason "
	  "= ... } in the file or next-hop \"...\" { reason = ... } in the file" },
	{ "exempt={}",
	  "--set: exempt: this is a section: exempt.KEY=VALUE; allowed in it: clients, "
	  "servers" },
	{ "destination=x", "--set: destination: only in the file, as destination \"...\" { ... }" },
	{ "destination.example.org.level=may", "--set: destination.example.org.level: only in the "
	                                       "file, as destination \"...\" { ... }" },
	{ "next-hop.level=may",
	  "--set: next-hop.level: only in the file, as next-hop \"...\" { ... }" },
	{ "policy-list.key=/k",
	  "--set: policy-list.key: only in the file, as policy-list \"...\" { ... }" },
	{ "postfix-policy=/p",
	  "--set: postfix-policy: only in the file, as postfix-policy \"...\" { ... }" },
	{ "rules-flushed=no", "--set: rules-flushed: alert or restore, not \"no\"" },
	{ "dsn.guard=off", "--set: dsn.guard: no such section; there are dns, tls, mta-sts, "
	                   "events, exempt, policy-list, "
	                   "postfix-policy, destination, next-hop" },
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
	char text[64 * 1024];
	struct config config;
	size_t len = 0;
	int i;

	(void)state;
	for (i = 0; i < 2561; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d = 1\n", i);
	assert_int_equal(parse(&config, text), -EINVAL);
	assert_string_equal(error, "t.conf:2561: k2560: more than 2560 settings and sections");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_one_line_with_file_line_key_and_remedy),
		cmocka_unit_test(the_command_line_is_checked_like_the_file),
		cmocka_unit_test(lists_settings_and_files_have_their_bounds),
		cmocka_unit_test(the_number_of_settings_is_bounded),
		cmocka_unit_test(a_complaint_stays_within_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

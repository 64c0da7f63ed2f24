/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_keys.h"

#include <stdio.h>

#include "config_check.h"
#include "config_table.h"

enum { SOCKET_PATH_MAX = 108 /* sockaddr_un.sun_path */ };

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define AT(member)   .place = offsetof(struct config, member)
#define PATH(member) .apply = config_check_path, AT(member), .max = CONFIG_PATH_MAX
#define ENTRY        .place = 0 /* all of it */
#define IN(member)   .place = offsetof(struct local_entry, member)
/* In the order of enum local_level; the first is no level. */
#define LEVELS                                                                                     \
	.words = { "",          "none",        "may",    "encrypt", "dane",                        \
		   "dane-only", "fingerprint", "verify", "secure" }

static const struct config_key keys[] = {
	{ "", "mode", "monitor", config_check_choice, AT(stance.mode),
	  .words = { "monitor", "enforce" }, .unbuilt = { "upgrade" } },
	{ "", "on-failure", "open", config_check_bool, AT(fails_open),
	  .words = { "closed", "open" } },
	{ "", "on-inability", "block", config_check_bool, AT(stance.blocks_inability),
	  .words = { "alert", "block" } },
	{ "", "undecided", "block", config_check_bool, AT(stance.blocks_undecided),
	  .words = { "pass", "block" } },
	{ "", "unknown-hop", "pass", config_check_bool, AT(stance.blocks_unknown_hop),
	  .words = { "pass", "block" } },
	{ "", "default-level", "may", config_check_choice, AT(stance.default_level),
	  .words = { "may", "encrypt", "verify" } },
	/* Below the five minutes that a sender waits for an answer (RFC 5321 section 4.5.3.2). */
	{ "", "hold-seconds", "20", config_check_number, AT(hold_ms), .min = 1, .max = 240,
	  .unit = 1000 },
	{ "", "clients", "", config_check_clients, .is_list = true },
	{ "", "nat64", "", config_check_nat64, .is_list = true },
	{ "", "hooks", "forward,output", config_check_hooks, .is_list = true,
	  .words = { "forward", "output" } },
	{ "", "ports", "25", config_check_ports, .is_list = true, .min = 1, .max = UINT16_MAX },
	{ "", "watch", "", PATH(watch) },
	{ "", "queues", "0", config_check_number16, AT(rules.queue_count),
	  .max = CONFIG_QUEUES_MAX },
	/* The last guard's queue still has a number, and that of DNS answers behind it. */
	{ "", "queue-first", "2500", config_check_number16, AT(rules.queue_first),
	  .max = UINT16_MAX - CONFIG_QUEUES_MAX },
	{ "", "backend", "auto", config_check_choice, AT(backend),
	  .words = { "auto", "nft", "iptables", "iptables-legacy" } },
	{ "", "passage", "auto", config_check_choice, AT(passage),
	  .words = { "auto", "module", "ebpf", "none" } },
	{ "", "mark-mask", "0x0f000000", config_check_mask, AT(rules.marks) },
	{ "", "midstream", "judge", config_check_choice, AT(midstream),
	  .words = { "judge", "reset", "pass" } },
	{ "", "rules-flushed", "restore", config_check_bool, AT(restores_rules),
	  .words = { "alert", "restore" } },
	{ "", "user", "hopguard", config_check_name, AT(user),
	  .max = sizeof(((struct config *)0)->user) },
	{ "", "control-group", "hopguard", config_check_name, AT(control_group),
	  .max = sizeof(((struct config *)0)->control_group) },
	{ "", "log-level", "info", config_check_choice, AT(log_level),
	  .words = { "error", "warn", "info", "debug" } },
	{ "", "state-directory", "/var/lib/hopguard", PATH(state_directory), .min = 1 },
	{ "", "control-socket", "/run/hopguard/control.sock", config_check_path, AT(control_socket),
	  .min = 1, .max = SOCKET_PATH_MAX },
	{ "dns", "trust-anchor", "", PATH(trust_anchor) },
	{ "dns", "root-hints", "", PATH(root_hints) },
	{ "dns", "forward", "", config_check_forwarders, .is_list = true },
	{ "dns", "timeout-seconds", "5", config_check_number, AT(dns_timeout_ms), .min = 1,
	  .max = 60, .unit = 1000 },
	{ "dns", "names-max", "131072", config_check_number, AT(dns_names_max), .min = 16384,
	  .max = 1048576, .unit = 1 },
	{ "dns", "guard", "off", config_check_choice, AT(dns_guard),
	  .words = { "off", "alert", "drop" } },
	{ "tls", "ca-file", "", PATH(ca_file) },
	{ "tls", "tls13", "probe", config_check_choice, AT(tls13),
	  .words = { "probe", "block", "pass" }, .unbuilt = { "upgrade" } },
	{ "tls", "probe-seconds", "300", config_check_number, AT(probe_life_ms), .min = 10,
	  .max = 86400, .unit = 1000 },
	{ "tls", "probes-max", "64", config_check_number, AT(probes_max), .min = 1, .max = 1024,
	  .unit = 1 },
	{ "mta-sts", "enabled", "true", config_check_bool, AT(mta_sts_is_enabled),
	  .words = { "false", "true" } },
	{ "mta-sts", "https-port", "443", config_check_number16, AT(mta_sts_https_port), .min = 1,
	  .max = UINT16_MAX },
	{ "policy-list", "key", "", config_check_path,
	  .place = offsetof(struct config_policy_list, key), .max = CONFIG_PATH_MAX },
	{ "events", "syslog", "mail", config_check_facility, AT(syslog_facility) },
	{ "events", "file", "", PATH(event_file) },
	{ "events", "passes", "false", config_check_bool, AT(events_passes),
	  .words = { "false", "true" } },
	{ "exempt", "clients", "", config_check_exempt_clients, .is_list = true },
	{ "exempt", "servers", "", config_check_exempt_servers, .is_list = true },
	{ "destination", "level", "", config_check_choice, IN(level), LEVELS },
	{ "destination", "match", "", config_table_match, ENTRY, .is_list = true },
	{ "destination", "fingerprint", "", config_table_fingerprint, ENTRY, .is_list = true },
	{ "destination", "next-hop", "", config_table_next_hop, ENTRY },
	{ "destination", "mode", "enforce", config_check_bool, IN(only_alerts),
	  .words = { "enforce", "monitor" } },
	{ "destination", "reason", "", config_table_reason, ENTRY, .max = LOCAL_REASON_MAX },
	{ "destination", "until", "", config_table_until, ENTRY },
	{ "next-hop", "level", "", config_check_choice, IN(level), LEVELS },
	{ "next-hop", "match", "", config_table_match, ENTRY, .is_list = true },
	{ "next-hop", "fingerprint", "", config_table_fingerprint, ENTRY, .is_list = true },
	{ "next-hop", "mode", "enforce", config_check_bool, IN(only_alerts),
	  .words = { "enforce", "monitor" } },
	{ "next-hop", "reason", "", config_table_reason, ENTRY, .max = LOCAL_REASON_MAX },
	{ "next-hop", "until", "", config_table_until, ENTRY },
};

#define ENTRIES(array, number)                                                                     \
	.entries = offsetof(struct config, array), .entry_count = offsetof(struct config, number), \
	.entry_len = sizeof(((struct config *)0)->array[0]),                                       \
	.entries_max =                                                                             \
		sizeof(((struct config *)0)->array) / sizeof(((struct config *)0)->array[0])

static const struct config_section sections[] = {
	{ .name = "dns" },
	{ .name = "tls" },
	{ .name = "mta-sts" },
	{ .name = "events" },
	{ .name = "exempt" },
	{ "policy-list", config_table_open_list, NULL, ENTRIES(policy_lists, policy_list_count) },
	{ "postfix-policy", config_table_open_postfix, NULL,
	  ENTRIES(postfix_policies, postfix_policy_count) },
	{ "destination", config_table_open_destination, config_table_close_destination,
	  ENTRIES(destinations, destination_count) },
	{ "next-hop", config_table_open_next_hop, config_table_close_next_hop,
	  ENTRIES(next_hops, next_hop_count) },
};

static bool is_text(struct bytes bytes, const char *text)
{
	return bytes_equal(bytes, bytes_of_string(text));
}

const struct config_key *config_key_find(struct bytes section, struct bytes name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		if (is_text(section, keys[i].section) && is_text(name, keys[i].name))
			return &keys[i];
	}
	return NULL;
}

const struct config_key *config_key_at(size_t index)
{
	return index < ARRAY_COUNT(keys) ? &keys[index] : NULL;
}

const struct config_section *config_section_find(struct bytes name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(sections); i++) {
		if (is_text(name, sections[i].name))
			return &sections[i];
	}
	return NULL;
}

const struct config_section *config_section_at(size_t index)
{
	return index < ARRAY_COUNT(sections) ? &sections[index] : NULL;
}

void config_section_names(char names[CONFIG_WHY_MAX])
{
	size_t i, len = 0;

	for (i = 0; i < ARRAY_COUNT(sections); i++)
		len += (size_t)snprintf(names + len, CONFIG_WHY_MAX - len, "%s%s",
		                        len > 0 ? ", " : "", sections[i].name);
}

void config_key_names(char names[CONFIG_WHY_MAX], struct bytes section)
{
	size_t i, len = 0;

	names[0] = '\0';
	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		if (is_text(section, keys[i].section))
			len += (size_t)snprintf(names + len, CONFIG_WHY_MAX - len, "%s%s",
			                        len > 0 ? ", " : "", keys[i].name);
		if (len >= CONFIG_WHY_MAX)
			return;
	}
}

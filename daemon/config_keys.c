/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_keys.h"

#include <stdio.h>

#include "config_check.h"

enum { SOCKET_PATH_MAX = 108 /* sockaddr_un.sun_path */ };

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define AT(member)   .place = offsetof(struct config, member)
#define PATH(member) .apply = config_check_path, AT(member), .max = CONFIG_PATH_MAX

static const struct config_key keys[] = {
	{ "", "mode", "monitor", config_check_choice, AT(stance.mode),
	  .words = { "monitor", "enforce" } },
	{ "", "on-failure", "open", config_check_bool, AT(fails_open),
	  .words = { "closed", "open" } },
	{ "", "on-inability", "block", config_check_bool, AT(stance.blocks_inability),
	  .words = { "alert", "block" } },
	{ "", "undecided", "block", config_check_bool, AT(stance.blocks_undecided),
	  .words = { "pass", "block" } },
	{ "", "unknown-hop", "pass", config_check_nothing, .words = { "pass" },
	  .unbuilt = { "block" } },
	{ "", "default-level", "may", config_check_choice, AT(stance.default_level),
	  .words = { "may", "encrypt" }, .unbuilt = { "verify" } },
	/* Below the five minutes that a sender waits for an answer (RFC 5321 section 4.5.3.2). */
	{ "", "hold-seconds", "20", config_check_number, AT(hold_ms), .min = 1, .max = 240,
	  .unit = 1000 },
	{ "", "clients", "", config_check_clients, .is_list = true },
	{ "", "hooks", "forward,output", config_check_hooks, .is_list = true,
	  .words = { "forward", "output" } },
	{ "", "ports", "25", config_check_ports, .is_list = true, .min = 1, .max = UINT16_MAX },
	{ "", "watch", "", config_check_empty, .max = 1 },
	{ "", "queues", "0", config_check_number16, AT(rules.queue_count),
	  .max = CONFIG_QUEUES_MAX },
	/* The last queue of the last guard still has a number. */
	{ "", "queue-first", "2500", config_check_number16, AT(rules.queue_first),
	  .max = UINT16_MAX + 1 - CONFIG_QUEUES_MAX },
	{ "", "backend", "auto", config_check_choice, AT(backend),
	  .words = { "auto", "nft", "iptables", "iptables-legacy" } },
	{ "", "mark-mask", "0x0f000000", config_check_mask, AT(rules.marks) },
	{ "", "midstream", "judge", config_check_choice, AT(midstream),
	  .words = { "judge", "reset", "pass" } },
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
	{ "dns", "guard", "off", config_check_nothing, .words = { "off" },
	  .unbuilt = { "alert", "drop" } },
	{ "events", "syslog", "mail", config_check_facility, AT(syslog_facility) },
	{ "events", "file", "", PATH(event_file) },
	{ "events", "passes", "false", config_check_bool, AT(events_passes),
	  .words = { "false", "true" } },
	{ "exempt", "clients", "", config_check_exempt_clients, .is_list = true },
	{ "exempt", "servers", "", config_check_exempt_servers, .is_list = true },
};

/* Keys and sections of a later version: known, so that the refusal can say so. */
static const struct {
	const char *section;
	const char *name; /* NULL: all of the section */
} unbuilt[] = {
	{ "", "rules-flushed" },    { "tls", NULL },
	{ "mta-sts", NULL },        { "policy-list", NULL },
	{ "postfix-policy", NULL }, { "destination", NULL },
	{ "next-hop", NULL },
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

bool config_key_is_unbuilt(struct bytes section, struct bytes name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(unbuilt); i++) {
		if (is_text(section, unbuilt[i].section) &&
		    (!unbuilt[i].name || is_text(name, unbuilt[i].name)))
			return true;
	}
	return false;
}

bool config_key_is_section(struct bytes section)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(keys); i++) {
		if (keys[i].section[0] && is_text(section, keys[i].section))
			return true;
	}
	return false;
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

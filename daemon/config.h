/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_H
#define HOPGUARD_CONFIG_H

/*
 * The configuration (hopguard.conf(5)): every key has a default, an empty file works. A wrong key or value is one
 * line: file, line, key, what is allowed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/log.h"
#include "base/nat64.h"
#include "enforce/rules.h"
#include "policy/local_entry.h"
#include "verdict/decide.h"

enum {
	CONFIG_TEXT_MAX = 64 * 1024, /* a configuration file; it travels in one message at reload */
	CONFIG_PATH_MAX = 256,
	CONFIG_FORWARDERS_MAX = 8,
	CONFIG_QUEUES_MAX = 64,
	CONFIG_ERROR_MAX = 512,
	CONFIG_FILE_NAME_MAX = 48,
	CONFIG_POLICY_LISTS_MAX = 8,
	CONFIG_POSTFIX_POLICIES_MAX = 8,
	CONFIG_DESTINATIONS_MAX = 256, /* larger tables stand in files in Postfix's format */
	CONFIG_NEXT_HOPS_MAX = 32,
};

enum midstream { MIDSTREAM_JUDGE, MIDSTREAM_RESET, MIDSTREAM_PASS };
/* DNS answers that are provably forged: nobody looks, they are told, they are told and kept from the client. */
enum dns_guard { DNS_GUARD_OFF, DNS_GUARD_ALERT, DNS_GUARD_DROP };

/* Who passes message bodies in the kernel (passage_choice.h). */
enum passage_wanted {
	PASSAGE_WANTED_AUTO,
	PASSAGE_WANTED_MODULE,
	PASSAGE_WANTED_EBPF,
	PASSAGE_WANTED_NONE,
};

/* A key that TLS 1.3 hides: others are asked to look, mail waits, mail passes. */
enum tls13 { TLS13_PROBE, TLS13_BLOCK, TLS13_PASS };

/* A list of policies in a file, and the key of who signs it. */
struct config_policy_list {
	char path[CONFIG_PATH_MAX];
	char key[CONFIG_PATH_MAX]; /* file; empty: not signed */
};

struct config_postfix_policy {
	char path[CONFIG_PATH_MAX];
};

/* Half a MiB: not for a stack that is small. */
struct config {
	char file_name
		[CONFIG_FILE_NAME_MAX]; /* what was read, without folders: for origins and messages */
	struct stance stance; /* mode, on-inability, undecided, unknown-hop, default-level */
	bool fails_open;      /* on-failure; monitor implies it */
	uint32_t hold_ms;
	/* clients, hooks, ports, exempt, queues (0 became the number of cores), mark-mask */
	struct rules rules;
	struct nat64 nat64;
	bool has_clients; /* false: rules.clients is to be filled by rules_default_clients */
	enum rules_backend backend;
	enum passage_wanted passage; /* rules.passage says what came of it */
	enum midstream midstream;
	bool restores_rules;         /* rules-flushed: what others removed of ours is put back */
	char watch[CONFIG_PATH_MAX]; /* file of domains; empty: none */
	char user[64];
	char control_group[64];
	enum log_level log_level;
	char state_directory[CONFIG_PATH_MAX];
	char control_socket[CONFIG_PATH_MAX];

	char trust_anchor[CONFIG_PATH_MAX]; /* file; empty: built-in anchors, tracked by RFC 5011 */
	char root_hints[CONFIG_PATH_MAX];
	/* Port 53 unless given as address@port. */
	struct endpoint forwarders[CONFIG_FORWARDERS_MAX];
	size_t forwarder_count;
	uint32_t dns_timeout_ms;
	uint32_t dns_names_max;   /* of which the scout keeps what DNS said */
	enum dns_guard dns_guard; /* rules.dns follows it */

	enum tls13 tls13;
	uint32_t probe_life_ms;        /* how long what a probe saw is believed */
	uint32_t probes_max;           /* under way at a time */
	char ca_file[CONFIG_PATH_MAX]; /* empty: the system's authorities */
	bool mta_sts_is_enabled;
	uint16_t mta_sts_https_port;

	int syslog_facility; /* LOG_MAIL…; -1: none */
	char event_file[CONFIG_PATH_MAX];
	bool events_passes;

	struct config_policy_list policy_lists[CONFIG_POLICY_LISTS_MAX];
	size_t policy_list_count;
	struct config_postfix_policy postfix_policies[CONFIG_POSTFIX_POLICIES_MAX];
	size_t postfix_policy_count;
	struct local_entry
		destinations[CONFIG_DESTINATIONS_MAX]; /* LOCAL_DOMAIN and LOCAL_SUBDOMAINS */
	size_t destination_count;
	struct local_entry next_hops[CONFIG_NEXT_HOPS_MAX]; /* LOCAL_HOST */
	size_t next_hop_count;
};

/*
 * Reads text (name is for messages), then `set` ("key=value", "dns.timeout-seconds=3"), over the defaults.
 * 0, or -EINVAL with one line in error; *config is then untouched.
 */
int config_parse(struct config *config, const char *name, const char *text, const char *const *set,
                 size_t set_count, char error[CONFIG_ERROR_MAX]);

/* Reads a file into text. `path` NULL: the default path, whose absence is an empty text. 0, or -errno with one line in error. */
int config_read(char text[CONFIG_TEXT_MAX], const char *path, char error[CONFIG_ERROR_MAX]);

extern const char config_default_path[];

#endif

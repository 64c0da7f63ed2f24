/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_H
#define HOPGUARD_ENFORCE_RULES_H

/*
 * The rules that bring the guarded clients' connections into our queues: printed, put in (atomic, idempotent), taken out. Only our own
 * table (nft) or chains (iptables) are touched. rules_nft.c and rules_iptables.c write the text; rules.c carries it out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "enforce/mark.h"

enum { RULES_NETWORKS_MAX = 256, RULES_PORTS_MAX = 15 /* one multiport match */, RULES_TEXT_MAX = 128 * 1024 };

enum rules_backend { RULES_AUTO, RULES_NFT, RULES_IPTABLES /* the -nft binaries */, RULES_IPTABLES_LEGACY };

struct rules {
	struct marks marks;
	uint16_t queue_first;
	uint16_t queue_count;
	bool is_bypassed;    /* on-failure = open: the kernel passes when nobody listens */
	bool has_forward;
	bool has_output;
	uint16_t ports[RULES_PORTS_MAX];
	size_t port_count;
	/* Guarded as senders when forwarded; none: nothing forwarded is guarded. */
	struct network clients[RULES_NETWORKS_MAX];
	size_t client_count;
	struct network exempt_clients[RULES_NETWORKS_MAX];
	size_t exempt_client_count;
	struct network exempt_servers[RULES_NETWORKS_MAX];
	size_t exempt_server_count;
};

/* The whole script for `nft -f`. family 4 or 6: the script for ip(6)tables-restore --noflush. Octets written, 0 when room is too small. */
size_t rules_nft_print(char *text, size_t room, const struct rules *rules);
size_t rules_iptables_print(char *text, size_t room, const struct rules *rules, uint8_t family);

/* The back-end this kernel can carry a queue rule with, tried in a table of our own that is removed again. -ENOTSUP: none; *why says it. */
int rules_detect(enum rules_backend *backend, char why[256]);
/* 0, or -errno with one line in why (the tool's own words). RULES_AUTO detects. */
int rules_apply(const struct rules *rules, enum rules_backend backend, char why[256]);
/* Takes out ours from every back-end that has them (RULES_AUTO) or from one. Nothing there is no error. */
int rules_remove(enum rules_backend backend, const struct marks *marks, char why[256]);
/* Whether ours are in place, complete. */
bool rules_are_present(enum rules_backend backend);

const char *rules_backend_name(enum rules_backend backend);
bool rules_backend_parse(enum rules_backend *backend, const char *text);

/*
 * What an empty `clients` stands for: private, shared and local networks (RFC 1918, RFC 6598, RFC 4193, RFC 3927, RFC 4291 fe80::/10), and
 * the networks directly attached to this machine on interfaces that no default route uses.
 */
size_t rules_default_clients(struct network clients[RULES_NETWORKS_MAX]);

#endif

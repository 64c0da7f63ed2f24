/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_H
#define HOPGUARD_ENFORCE_RULES_H

/*
 * The rules that bring the guarded clients' connections into our queues: printed, put in (atomic,
 * idempotent), taken out. Only our own table (nft) or chains (iptables) are touched. rules_nft.c
 * and rules_iptables.c write the text; rules.c carries it out.
 *
 * A verdict that passes a packet lets it walk the same hook again (nfqueue_verdict.repeats) with
 * the mark to_server, else the rest of the iptables table, an MSS clamp for one, would be
 * skipped. Our chain, seeing that mark, takes it off, keeps an offload mark for the connection,
 * and lets go.
 *
 * Beside the mail, questions to name servers and their answers are copied to the NFLOG group of the number queue_first: those of
 * this host, and those forwarded from and to clients and where their resolvers stand (private and attached networks). Of
 * answers only replies, by connection tracking; that each was asked for is found out by the reader of the copies. A question
 * is copied before it leaves, so it comes before its answer.
 *
 * What the passage lets by never comes to the queue's rule. It is a match of xtables, which nft has none of: there, chains of
 * iptables-legacy before our table give what passes the mark to_server. Not of iptables-nft: nft lists those in words that it does not
 * understand, so a whole rule set that somebody keeps in a file would be refused when the machine starts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/tool.h"
#include "enforce/mark.h"
#include "net/body_passage.h"

enum {
	RULES_NETWORKS_MAX = 256,
	RULES_PORTS_MAX = 15, /* one multiport match */
	RULES_TEXT_MAX = 256 * 1024,
	RULES_WHY_MAX = TOOL_WHY_MAX,
	RULES_PIN_MAX = 64,
};

enum rules_backend {
	RULES_AUTO,
	RULES_NFT,
	RULES_IPTABLES, /* the -nft binaries */
	RULES_IPTABLES_LEGACY,
};

/* What becomes of DNS answers beside the copy. */
enum rules_dns {
	RULES_DNS_WATCH,
	/* Forwarded ones by UDP wait in the queue behind the last guard's; where nobody listens they always pass. */
	RULES_DNS_HOLD,
};

struct rules {
	struct marks marks;
	uint16_t queue_first;
	uint16_t queue_count;
	enum rules_dns dns;
	bool is_bypassed; /* on-failure = open: the kernel passes when nobody listens */
	bool returns_probes; /* connections in a client's name are made, and what answers them is ours */
	/* Who passes message bodies before they are queued (net/body_passage.h), and where the program of PASSAGE_EBPF is pinned. */
	enum passage_kind passage;
	char passage_pin[RULES_PIN_MAX];
	bool guards_bridges; /* where there are any, frames that they hide are dropped (rules_bridge.h) */
	bool has_forward;
	bool has_output;
	uint16_t ports[RULES_PORTS_MAX];
	size_t port_count;
	/* Guarded as senders when forwarded; none: nothing forwarded is guarded. */
	struct network clients[RULES_NETWORKS_MAX];
	size_t client_count;
	/* Where else their resolvers may stand; none where clients say it already. */
	struct network locals[RULES_NETWORKS_MAX];
	size_t local_count;
	struct network exempt_clients[RULES_NETWORKS_MAX];
	size_t exempt_client_count;
	struct network exempt_servers[RULES_NETWORKS_MAX];
	size_t exempt_server_count;
};

/* The NFLOG group of the copies, and the queue of answers that wait. */
uint16_t rules_dns_group(const struct rules *rules);
uint16_t rules_dns_queue(const struct rules *rules);

/*
 * The whole script for `nft -f`. family 4 or 6: the script for ip(6)tables-restore --noflush.
 * Octets written with a NUL behind them; 0 when room is too small.
 */
size_t rules_nft_print(char *text, size_t room, const struct rules *rules);
/* What goes before the nft table where there is a passage: the script for ip(6)tables-legacy-restore --noflush. */
size_t rules_before_nft_print(char *text, size_t room, const struct rules *rules, uint8_t family);
size_t rules_iptables_print(char *text, size_t room, const struct rules *rules, uint8_t family);

/*
 * The lock that the iptables-legacy tools share (/run/xtables.lock), opened while still root and
 * given to the functions below, since afterwards they may not open it. -1 for root itself, or
 * none.
 */
int rules_lock_open(void);

/*
 * The first back-end, in the order of enum rules_backend, that this kernel and these tools can
 * carry the rules with; tried without effect, or in a chain of our own that is removed again.
 * -ENOTSUP: none; why says it for each. -EPERM: not asked.
 */
int rules_detect(enum rules_backend *backend, int lock, char why[RULES_WHY_MAX]);
/*
 * Whether this kernel and these tools take the rules' passage by that back-end; tried as above. 0, or -errno with one line in why.
 */
int rules_try_passage(const struct rules *rules, enum rules_backend backend, int lock,
                      char why[RULES_WHY_MAX]);
/*
 * Puts the rules in by that back-end, RULES_AUTO detects it, and takes ours out of all others.
 * What was in place before is replaced. *used (may be NULL) is set on success. 0, or -errno with
 * the tool's own words in why: then nothing has changed.
 */
int rules_apply(enum rules_backend *used, const struct rules *rules, enum rules_backend backend,
                int lock, char why[RULES_WHY_MAX]);
/*
 * Takes ours out of every back-end that has them (RULES_AUTO: then what they named goes, too, net/passage_load.h) or of one.
 * Nothing there is no error.
 */
int rules_remove(enum rules_backend backend, int lock, char why[RULES_WHY_MAX]);
/* Whether all of these rules are in place, by that back-end (RULES_AUTO: by any). */
bool rules_are_present(const struct rules *rules, enum rules_backend backend, int lock);

/* The same rules would be printed. */
bool rules_equal(const struct rules *a, const struct rules *b);

const char *rules_backend_name(enum rules_backend backend);
bool rules_backend_parse(enum rules_backend *backend, const char *text);

/*
 * What an empty `clients` stands for: private, shared and local networks (RFC 1918, RFC 6598, RFC
 * 4193, RFC 3927, RFC 4291 fe80::/10), and the networks directly attached to this machine on
 * interfaces that no default route uses.
 */
size_t rules_default_clients(struct network clients[RULES_NETWORKS_MAX]);
/* These networks as clients, or, where clients are named, as locals beside them. */
void rules_add_locals(struct rules *rules, bool has_clients);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_MESSAGES_H
#define HOPGUARD_MESSAGES_H

/*
 * Every message between the processes, on one page. Each starts with its type; a receiver checks type,
 * size and every enum, count and string before it uses one, and drops (and counts) what does not fit.
 *
 *     supervisor → all      PEER CONFIG STOP            all → supervisor   READY HEARTBEAT
 *     supervisor → ledger   EVENT STATE RELOADED        ledger → supervisor RELOAD
 *     supervisor → scout    FILE SOCKET                 supervisor → verifier FILE
 *                                                       scout → supervisor SOCKETS
 *     guard → scout         QUESTION BROKEN SIGHTING    scout → guard      DESTINATION BROKEN FORGET CANDIDATE DNS_VERDICT
 *                           DNS_ANSWER ECHO PROBE NAMES                  ECHO PROBED NAMES
 *     guard → ledger        EVENT COUNTERS FLOW         ledger → guard     FLOWS
 *     ledger → scout        EXPLAIN FLUSH ROWS ROWS_END scout → ledger     EVENT EXPLANATION FLUSHED COUNTERS ROWS
 *     guard → verifier      CHECK                       verifier → guard   CHECKED
 *                                                       verifier → ledger  EVENT COUNTERS
 */

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "counters.h"
#include "verdict/event.h"
#include "verdict/evidence.h"
#include "verdict/key_finding.h"
#include "verdict/key_rule.h"
#include "verdict/promise.h"
#include "verdict/row.h"

enum role { ROLE_SUPERVISOR, ROLE_GUARD, ROLE_SCOUT, ROLE_LEDGER, ROLE_VERIFIER, ROLE_COUNT };

enum message_type {
	MESSAGE_PEER = 1,
	MESSAGE_CONFIG,
	MESSAGE_STOP,
	MESSAGE_READY,
	MESSAGE_HEARTBEAT,
	MESSAGE_EVENT,
	MESSAGE_COUNTERS,
	MESSAGE_QUESTION,
	MESSAGE_DESTINATION,
	MESSAGE_BROKEN,
	MESSAGE_FORGET,
	MESSAGE_FLOWS,
	MESSAGE_FLOW,
	MESSAGE_EXPLAIN,
	MESSAGE_EXPLANATION,
	MESSAGE_FLUSH,
	MESSAGE_FLUSHED,
	MESSAGE_RELOAD,
	MESSAGE_RELOADED,
	MESSAGE_STATE,
	MESSAGE_FILE,
	MESSAGE_ROWS,
	MESSAGE_ROWS_END,
	MESSAGE_SIGHTING,
	MESSAGE_DNS_ANSWER,
	MESSAGE_DNS_VERDICT,
	MESSAGE_CANDIDATE,
	MESSAGE_ECHO,
	MESSAGE_CHECK,
	MESSAGE_CHECKED,
	MESSAGE_PROBE,
	MESSAGE_PROBED,
	MESSAGE_SOCKETS,
	MESSAGE_SOCKET,
	MESSAGE_NAMES,
};

enum {
	MESSAGE_TEXT_MAX = 64 * 1024,
	MESSAGE_ERROR_MAX = 512,
	MESSAGE_CHILDREN_MAX = 67, /* guards, scout, ledger and verifier */
	MESSAGE_WORD_MAX = 32,
	MESSAGE_ROWS_MAX = 96 * 1024,
	DNS_MESSAGE_MAX = 65535,
	HEARTBEAT_MS = 1000, /* how often a child says HEARTBEAT, from its first moment on */
	HEARTBEAT_MISSED_MS = 10000, /* a child not heard for so long is killed and started again */
};

/* MESSAGE_STOP, _READY, _HEARTBEAT, and what all others begin with. */
struct message {
	uint32_t type;
};

/* A channel to another process comes along as descriptor; it replaces the one to the same role and index. */
struct message_peer {
	uint32_t type;
	uint32_t role;  /* of the other end */
	uint32_t index; /* of the guard, else 0 */
};

/*
 * The text of a new configuration, already found good by the supervisor. Sent as long as the text with its NUL is.
 * To the ledger the event file, opened again, comes along as descriptor; without one, it shall write none.
 */
struct message_config {
	uint32_t type;
	char text[MESSAGE_TEXT_MAX];
};

struct message_event {
	uint32_t type;
	struct event event;
};

enum question_kind {
	QUESTION_DOMAIN, /* name is a mail domain: MX, then its hosts */
	QUESTION_HOST,   /* name is a host that calls itself that: its addresses and its promise */
	/* name is an address as text: whoever memory or the reverse zone names there is looked up, and answered as host */
	QUESTION_ADDRESS,
};

struct message_question {
	uint32_t type;
	uint32_t kind;
	uint32_t is_refresh;        /* do not answer from the cache, and fetch a policy again */
	struct address client;      /* whose mail it is for; family 0: nobody's in particular */
	char name[DOMAIN_NAME_MAX]; /* lower case A-labels */
};

struct message_destination {
	uint32_t type;
	struct destination destination;
};

/* A TLS handshake with `server` broke; the same client may come back in clear text. */
struct message_broken {
	uint32_t type;
	uint32_t age_ms; /* not 0 when it is told to a guard that took the place of one that knew */
	struct address client;
	struct address server;
	char id[EVENT_ID_LEN + 1]; /* of the event it belongs to */
	char how[EVENT_TEXT_MAX];
};

struct message_forget {
	uint32_t type;
	char name
		[DOMAIN_NAME_MAX]; /* empty: every name, as what the operator says of them has changed */
};

/* Once a second, when changed. */
struct message_counters {
	uint32_t type;
	struct counters counters;
};

/* Ledger asks for the flows; each guard sends one FLOW per flow, at most 1000, then one with is_end. */
struct message_flows {
	uint32_t type;
	uint32_t request;
};

struct message_flow {
	uint32_t type;
	uint32_t request;
	uint32_t is_end;
	struct endpoint client;
	struct endpoint server;
	char state[24];
	char domain[DOMAIN_NAME_MAX];
	uint32_t age_s;
	uint32_t idle_s;
	uint32_t held_packets;
};

struct message_explain {
	uint32_t type;
	uint32_t request;
	char name[DOMAIN_NAME_MAX]; /* domain, host or address as the operator wrote it */
};

/* Evidence of one destination; age_s since it was looked up. */
struct message_explanation {
	uint32_t type;
	uint32_t request;
	uint32_t age_s;
	uint32_t is_cached;
	uint32_t follows; /* how many more come for this request */
	uint32_t evidence_count;
	struct evidence evidence[EVIDENCE_MAX];
	struct last_key last_keys[MX_HOSTS_MAX]; /* of the destination's hosts */
	struct destination destination;
};

enum file_kind {
	FILE_POLICY_LIST,
	FILE_POSTFIX_POLICY,
	FILE_WATCH,
	FILE_AUTHORITIES, /* to the verifier; the others to the scout */
	FILE_KIND_COUNT,
};

enum {
	FILE_LEN_MAX = 16 * 1024 * 1024,
	FILE_SIGNER_MAX = 72, /* a key's fingerprint in hexadecimal, and NUL */
};

/*
 * A file of the operator's, as the supervisor reads it at the start and whenever it changes: a sealed copy comes along as descriptor.
 * Without one, the file is to be left as it was, and why says what is wrong with it.
 */
struct message_file {
	uint32_t type;
	uint32_t kind;
	char path[ROW_PATH_MAX]; /* as the configuration names it */
	char signer
		[FILE_SIGNER_MAX]; /* a signature was asked for, and is good: by this key; else empty */
	char why[MESSAGE_ERROR_MAX];
};

/* One or more rows, packed by row_batch.h; sent as long as they are. */
struct message_rows {
	uint32_t type;
	_Alignas(8) uint8_t octets[MESSAGE_ROWS_MAX];
};

/* To the scout, behind all rows: it need not wait for more. */
struct message_rows_end {
	uint32_t type;
	uint32_t
		is_whole; /* else the database cannot be read now: rows may come later, and one of these again */
};

/* What a flow showed of a host, once it is known which host it is. */
struct message_sighting {
	uint32_t type;
	uint32_t offers_starttls;
	uint32_t tls_version; /* as on the wire; 0: no handshake was seen to its end */
	uint32_t met;         /* the promise of `domain` was met */
	uint32_t
		key_sight; /* enum key_sight: SIGHT_WIRE, SIGHT_PROBE; SIGHT_NONE: which key the host has is not known */
	struct address server;
	char host[DOMAIN_NAME_MAX];
	char domain[DOMAIN_NAME_MAX]; /* empty: not known */
	struct key_finding
		key; /* as the verifier said it; source SOURCE_NONE: nothing was asked of the key */
};

/* A DNS answer on its way to a guarded client or its resolver; sent as long as the DNS message is. */
struct message_dns_answer {
	uint32_t type;
	uint32_t request; /* not 0: the packet waits for MESSAGE_DNS_VERDICT */
	struct address client;
	struct address server; /* the name server that it came from */
	uint32_t len;
	uint8_t message[DNS_MESSAGE_MAX]; /* header on, RFC 1035 section 4.1 */
};

struct message_dns_verdict {
	uint32_t type;
	uint32_t request;
	uint32_t is_forged;
};

/*
 * A guarded client was answered that mail for `domain` goes to `host`, which is at `server`; or, without a domain, the reverse zone of
 * `server` calls it `host`.
 */
struct message_candidate {
	uint32_t type;
	uint32_t life_s;
	uint32_t is_excluded; /* the domain's policy names hosts, and not this one */
	uint32_t is_named;    /* it names this one */
	uint32_t standing;    /* of the domain, as merge_standing says it; 0: a stranger's */
	struct address server;
	char domain[DOMAIN_NAME_MAX];
	char host[DOMAIN_NAME_MAX];
};

/*
 * Whether the scout has heard all DNS answers that had come when a guard asked. The question goes through the first guard, which hears
 * them: the scout hands it on; the first guard reads what copies there are, tells the scout of them, and sends it back behind that; and
 * the scout gives it to who asked, behind the candidates that it made of them.
 */
struct message_echo {
	uint32_t type;
	uint32_t number;
	uint32_t asker;    /* a guard's index */
	uint32_t is_heard; /* it has been at the first guard */
};

enum {
	CHECK_CHAIN_MAX =
		64 *
		1024, /* of a Certificate message: OpenSSL takes 100 KiB, and the longest real ones have a fifth of this */
	CHECK_EXCHANGE_MAX =
		4096, /* a ServerKeyExchange: 8192-bit parameters and an RSA signature as large */
	CHECK_OCTETS_MAX = KEY_RULES_LEN_MAX + CHECK_CHAIN_MAX + CHECK_EXCHANGE_MAX,
	CHECK_RANDOM_LEN = 32,
};

/* Whether a server's certificates meet a promise, and whether it has the key. Sent as long as its octets are. */
struct message_check {
	uint32_t type;
	uint32_t request;
	uint16_t tls_version; /* as on the wire */
	uint16_t cipher_suite;
	uint32_t rules_len; /* packed (verdict/key_rule.h) */
	uint32_t
		chain_len; /* RFC 5246 section 7.4.2: the list without its own length, each certificate behind its three octets of length */
	uint32_t
		exchange_len; /* the body of the ServerKeyExchange; 0: there is no signature to verify */
	uint8_t client_random[CHECK_RANDOM_LEN];
	uint8_t server_random[CHECK_RANDOM_LEN];
	uint8_t octets[CHECK_OCTETS_MAX]; /* rules, chain, exchange */
};

enum { CHECK_HEAD_LEN = offsetof(struct message_check, octets) };

struct message_checked {
	uint32_t type;
	uint32_t request;
	struct key_finding finding;
};

enum { PROBE_SHAPE_MAX = 1024 };

/*
 * TLS 1.3 hides which key a server showed to `client`: shall somebody else ask it the same, in the same words. Sent as long as the
 * shape is.
 */
struct message_probe {
	uint32_t type;
	uint32_t is_again; /* an answer that is known does not count */
	uint64_t key; /* comes back with the answer; the same for what is asked in the same way */
	struct address client;
	struct endpoint server;
	char server_name[DOMAIN_NAME_MAX]; /* for SNI; empty: none */
	char ehlo_name[DOMAIN_NAME_MAX];   /* as the client said it; empty: not known */
	/* Lists of the ClientHello, two octets for each entry, one behind the other in `shape`. */
	uint16_t cipher_suites_len;
	uint16_t groups_len;
	uint16_t signature_algorithms_len;
	uint16_t versions_len;
	uint8_t shape[PROBE_SHAPE_MAX];
};

enum { PROBE_HEAD_LEN = offsetof(struct message_probe, shape) };

enum probe_outcome {
	PROBE_FAILED,      /* greylisting, a limit, no connection, a time-out: it could not tell */
	PROBE_WITHOUT_TLS, /* the server spoke SMTP, and offered no STARTTLS or refused it */
	PROBE_SHOWN,       /* the handshake came to its end */
	PROBE_OUTCOME_COUNT,
};

/* Sent as long as the chain is. */
struct message_probed {
	uint32_t type;
	uint32_t outcome;
	uint64_t key;
	uint32_t age_ms; /* since the handshake */
	uint16_t tls_version;
	uint16_t cipher_suite;
	char why[PROBE_WHY_MAX];
	uint32_t chain_len; /* as in struct message_check */
	uint8_t chain[CHECK_CHAIN_MAX];
};

enum { PROBED_HEAD_LEN = offsetof(struct message_probed, chain) };

/*
 * The scout needs a TCP socket that it may not make; one MESSAGE_SOCKET answers. With a client it is bound to the address of that, and
 * what answers there comes here; without (family 0) its connection is merely never queued.
 */
struct message_sockets {
	uint32_t type;
	uint32_t number; /* comes back with the answer */
	uint32_t family; /* 4 or 6 */
	struct address client;
};

/* The socket comes along as descriptor. */
struct message_socket {
	uint32_t type;
	uint32_t number;
	int32_t result; /* 0 or -errno */
};

enum names_word {
	NAMES_GIVEN, /* a handshake gave its client a session by these names; to all other guards */
	NAMES_DISPUTED, /* another handshake gave them, too; to the giver, as is the next */
	NAMES_DOUBTED,  /* who says so may have forgotten that another one gave them */
	NAMES_LOST,     /* something of these did not come through: to all others */
	NAMES_ASKED,    /* has all come that the others said before? to all others */
	NAMES_COME,     /* it has, of those in the mask; to who asked */
	NAMES_WORD_COUNT,
};

/*
 * What sessions are called, where there are several guards: a name that two handshakes give is nobody's, whichever guards they come by.
 * Whatever is said of one speaks against its session, never for it.
 */
struct message_names {
	uint32_t type;
	uint32_t word;
	uint32_t giver; /* a guard's index; of NAMES_GIVEN and NAMES_ASKED the scout sets it */
	uint32_t is_unused;
	/* Hashes by a secret of all guards; 0: none. Of NAMES_COME the first is a mask of guards, which the scout sets. */
	uint64_t names[2];
	uint64_t beginning; /* the same of the handshake; of NAMES_ASKED and NAMES_COME a number */
	uint64_t opened_ms; /* of NAMES_GIVEN: its connection; monotonic */
};

struct message_flush {
	uint32_t type;
	uint32_t request;
	char name[DOMAIN_NAME_MAX];
};

struct message_flushed {
	uint32_t type;
	uint32_t request;
	uint32_t count; /* entries forgotten */
};

struct message_reload {
	uint32_t type;
	uint32_t request;
};

struct message_reloaded {
	uint32_t type;
	uint32_t request;
	int32_t result; /* 0 or -errno */
	char error[MESSAGE_ERROR_MAX];
};

/* What the supervisor knows and `hopguard status` shows; sent whenever it changes. */
struct message_state {
	uint32_t type;
	uint32_t rules_are_in;
	uint64_t started_ms; /* wall clock */
	int32_t supervisor_pid;
	uint32_t queue_first;
	char backend[MESSAGE_WORD_MAX];
	char user[MESSAGE_WORD_MAX];
	char passage[MESSAGE_WORD_MAX];   /* of message bodies in the kernel: who does it */
	char passage_why[EVENT_TEXT_MAX]; /* and why no better one; empty: it is the best */
	uint32_t calls_are_filtered;      /* of the children, by seccomp */
	uint32_t landlock_version;        /* 0: the kernel has none */
	uint32_t child_count;
	struct child_state {
		uint32_t role;
		uint32_t index;
		int32_t pid; /* 0: dead, to be started again */
		uint32_t is_ready;
		uint32_t restarts;
	} children[MESSAGE_CHILDREN_MAX];
};

#endif

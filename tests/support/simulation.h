/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_SIMULATION_H
#define HOPGUARD_TESTS_SUPPORT_SIMULATION_H

/*
 * A client and a server with a gate between them, and time in our hand. What one says is cut into segments (whole, octet by octet, or
 * at random, then shuffled and doubled), sent again while it does not arrive, acknowledged by the other side. Both reassemble as
 * TCP does: the first copy of an octet wins.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config.h"
#include "gate.h"
#include "support/passage_model.h"
#include "verdict/event.h"
#include "wire/craft.h"

/* Octets that one end says, at most; a caller that makes very many simulations asks for fewer. */
#ifndef SIMULATION_STREAM_ROOM
#define SIMULATION_STREAM_ROOM (256 * 1024)
#endif

enum {
	SIMULATION_EVENTS_MAX = 32,
	SIMULATION_ANSWERS_MAX = 8,
	SIMULATION_STREAM_MAX = SIMULATION_STREAM_ROOM,
	SIMULATION_PROBES_MAX = 4,
	SIMULATION_NAMES_MAX = 8
};

/* The interfaces of the gateway. */
enum { SIMULATION_INSIDE = 1, SIMULATION_OUTSIDE = 2, SIMULATION_ASIDE = 3 };

enum simulation_cut {
	CUT_NONE,
	CUT_EVERY_OCTET,
	CUT_RANDOM,  /* sizes at random, in order */
	CUT_HOSTILE, /* sizes at random, shuffled, doubled, coalesced on resending */
};

struct simulation_peer {
	uint32_t first_seq; /* of its first octet */
	uint8_t sent[SIMULATION_STREAM_MAX];
	size_t sent_len;
	uint8_t got[SIMULATION_STREAM_MAX]; /* from the other side, in order */
	bool has[SIMULATION_STREAM_MAX];
	size_t got_len; /* without a gap */
	bool got_fin;
	bool got_reset;
	bool got_urgent; /* a pointer to an octet that its kernel would keep from it */
};

struct simulation {
	struct gate *gate;
	struct config config;
	enum simulation_cut cut;
	uint64_t random;
	uint64_t now_ms;
	struct endpoint client_endpoint;
	struct endpoint server_endpoint;
	struct simulation_peer client;
	struct simulation_peer server;
	struct event events[SIMULATION_EVENTS_MAX];
	size_t event_count;
	struct destination answers[SIMULATION_ANSWERS_MAX];
	size_t answer_count;
	enum promise_state everybody; /* of names without an answer; UNKNOWN: they do not exist */
	bool is_answering;            /* false: questions stay open */
	char asked[64][DOMAIN_NAME_MAX];
	bool is_asked_afresh[64];
	size_t asked_count;
	size_t refresh_count; /* questions that no cache may answer */
	uint32_t next_id;
	size_t arrived_count; /* packets */
	size_t held_count;
	struct simulation_packet *packets; /* that have no verdict yet */
	size_t offloaded_count;
	size_t foreign_passed; /* packets of simulation_put */
	bool is_scout_busy;    /* it says nothing of having read what it was told */
	bool has_echo;
	uint32_t echo; /* the last question of that */
	size_t broken_count;
	struct message_names names[SIMULATION_NAMES_MAX]; /* to other guards, the first ones */
	size_t names_count;
	bool is_names_away;     /* nothing leaves to them */
	bool are_others_silent; /* they do not say that all has come */
	bool has_names_asked;
	struct message_names names_asked; /* the last question of that */
	size_t names_asked_count;
	struct message_sighting sighting; /* the last */
	size_t sighting_count;
	/* Who verifies keys, and who probes, where there are such: see simulation_verify. */
	void (*verify)(void *owner, struct key_finding *finding, const struct message_check *check,
	               size_t len);
	void (*probe)(void *owner, struct message_probed *probed,
	              const struct message_probe *probe);
	void *verify_owner;
	struct message_checked checked[SIMULATION_ANSWERS_MAX]; /* to be handed to the gate */
	size_t checked_count;
	struct message_probed *probed; /* the same, SIMULATION_PROBES_MAX */
	size_t probed_count;
	size_t check_count; /* questions to either, in all */
	size_t probe_count;
	/* When set: each packet that is sent, the gate's own included, as a wiretap beside the client sees it. */
	void (*tap)(void *owner, uint64_t now_ms, struct bytes packet);
	void *tap_owner;
	bool is_bypassed;    /* packets arrive, and the gate never sees them */
	bool is_losing;      /* what passes does not arrive */
	bool is_arming_late; /* of packets that come together the gate arms behind the last */
	struct passage_model kernel; /* in front of the gate, see simulation_use_passage */
	struct body_passage *passage;
};

/* Defaults of the configuration, mode enforce. family 4 or 6. */
struct simulation *simulation_new(uint8_t family, enum simulation_cut cut, uint64_t seed);
void simulation_free(struct simulation *simulation);
/* Changes simulation->config first, if at all, then opens: SYN, SYN-ACK, ACK. */
bool simulation_open(struct simulation *simulation);
/*
 * Before it is opened: keys are judged, by what `verify` says (nothing, when it leaves the finding KEY_UNKNOWN), and hidden ones looked
 * at by `probe` (with no type it says nothing yet; NULL: nobody can look).
 */
void simulation_verify(struct simulation *simulation,
                       void (*verify)(void *owner, struct key_finding *finding,
                                      const struct message_check *check, size_t len),
                       void (*probe)(void *owner, struct message_probed *probed,
                                     const struct message_probe *probe),
                       void *owner);
/* Before it is opened: bodies may pass in simulation->kernel. */
void simulation_use_passage(struct simulation *simulation);
/* A second connection between the same hosts, after the first; ports and streams are new, events stay. */
bool simulation_reopen(struct simulation *simulation);
/* A signed domain whose only MX is `host` at the server's address, with a TLSA record, or with none. Both as domain and as host. */
void simulation_promise(struct simulation *simulation, const char *domain, const char *host,
                        enum promise_state state);
/* True when every octet arrived at the other side. */
bool simulation_say(struct simulation *simulation, bool is_client, struct bytes text);
/* The same, sent once, and no time passes: it may still be held. */
bool simulation_send(struct simulation *simulation, bool is_client, struct bytes text);
bool simulation_client(struct simulation *simulation, const char *text);
bool simulation_server(struct simulation *simulation, const char *text);
/* A packet that its seeming sender never sent. It comes from the server's side; true when something passed, as it was or rewritten. */
struct simulation_forgery {
	bool is_client; /* seems to come from there */
	bool is_lost;   /* it dies behind the gate, if it passes at once */
	bool is_inside; /* and comes by its way: the client itself, in a state of its own */
	bool is_aside;  /* or by a way that is neither end's */
	uint8_t flags;
	int64_t from;     /* where in the stream of who seems to send it */
	int64_t ack;      /* where in the other's */
	const char *text; /* or NULL */
};
bool simulation_forge(struct simulation *simulation, const struct simulation_forgery *forgery);
/* A packet of somebody else's connection. True: it passed, at once. */
bool simulation_put(struct simulation *simulation, bool is_client, const struct craft *craft);
/* The others say that all has come which they had said, those in the mask. */
void simulation_names_come(struct simulation *simulation, uint64_t mask);
/* A FIN (or RST) of that side. True when it arrived. */
bool simulation_end(struct simulation *simulation, bool is_client, bool is_reset);
void simulation_pass_time(struct simulation *simulation, uint64_t ms);
/* The first verdict event other than pass; NULL if none. */
const struct event *simulation_finding(const struct simulation *simulation);
const struct event *simulation_last_finding(const struct simulation *simulation);
/* Whether the octets that arrived hold `text`. */
bool simulation_got(const struct simulation_peer *peer, const char *text);

#endif

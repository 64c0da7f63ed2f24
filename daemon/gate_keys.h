/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GATE_KEYS_H
#define HOPGUARD_GATE_KEYS_H

/*
 * Which key answered, as far as the wire or a probe shows it, and what the verifier says of it: gate_evidence.c (what a flow showed),
 * gate_keys.c (the facts that come of it), gate_checks.c (questions to the verifier, and what they need kept), gate_sessions.c (sessions that may go
 * on), gate_names.c (what other guards say of these), gate_probes.c (questions to the scout), gate_levels.c (what two ends had before), gate_sightings.c (what memory is told),
 * gate_differs.c (probes behind a verdict), gate_passed.c (probes behind mail that has passed).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "messages.h"
#include "verdict/facts.h"

enum {
	GATE_HANDSHAKES_MAX = 512, /* kept for what must still be asked of them */
	GATE_CHECKS_MAX = 4096,
	GATE_CHECK_AGAIN_MS = 2000, /* the verifier may have died with our question */
	/* Certificates expire, and authorities come and go: the same chain is asked of again. */
	GATE_CHECK_LIFE_MS = 60 * 1000,
	GATE_SESSIONS_MAX = 16384,
	GATE_NAMED_HOST_GROUP = 255, /* of key rules: no host of a record has it */
	/* That a session's handshake met: of as many domains as one connection may be for (CANDIDATES_MAX). */
	GATE_SESSION_PROMISES = 16,
	GATE_UNREAD_MAX = 4096, /* pairs of client and server of whose sessions nobody knows all */
	GATE_FORGOTTEN_MAX = 16384, /* places for those that were pushed out: several share one */
	/* RFC 5246 section F.1.4 and RFC 5077 section 5.6: a day is what both advise as the longest life. */
	GATE_SESSION_LIFE_MS = 24 * 60 * 60 * 1000,
	/* Others are asked no more often whether all has come that they said, and again when one of them died with the question. */
	GATE_NAMES_ASK_MS = 20,
	GATE_NAMES_AGAIN_MS = 1000,
	GATE_NAMES_PATIENCE_MS = 3000, /* then a probe is asked, which takes its time, too */
	GATE_PROBES_MAX = 2048,
	/* A scout that has died with our question, or a probe that takes its time. */
	GATE_PROBE_AGAIN_MS = 5000,
	/* Whoever could not tell is not asked again at once: greylisting counts how often one comes. */
	GATE_PROBE_FAILED_MS = 15000,
	GATE_LEVELS_MAX = 16384, /* pairs of client and server */
	GATE_LEVEL_LIFE_MS = 24 * 60 * 60 * 1000,
	GATE_SIGHTINGS_OPEN_MAX = 32, /* that wait for the verifier */
	GATE_DIFFERENCES_MAX = 64,    /* verdicts that wait for a probe, or had theirs lately */
	GATE_DIFFERENCE_AGAIN_MS = 10 * 60 * 1000,
	GATE_PASSED_MAX = 128, /* destinations whose mail passed lately by what a probe was shown */
	/* A key that was wrong is looked at anew for the next mail: what stops mail is not believed as long as what lets it pass. */
	GATE_PROBE_WRONG_MS = 5000,
	GATE_PROBE_USE_PARTS =
		4, /* of the life of what was seen: how often the scout is told that it is of use */
};

struct event;
struct flow;
struct gate;
struct hop;
struct hop_query;

/* A key of the tables below: a hash with the gate's secret. 0: none. */
struct key_evidence {
	enum key_sight sight;      /* SIGHT_WIRE, SIGHT_HIDDEN; SIGHT_NONE: no handshake was seen */
	uint64_t beginning;        /* which handshake it was */
	uint64_t handshake;        /* what the wire showed */
	uint64_t resumed;          /* the session that goes on */
	uint64_t begun[2];         /* sessions that may go on from here: by identifier, by ticket */
	uint64_t ends;             /* whose they are: client and server */
	bool is_server_unfinished; /* only its Finished will show that it has the key */
	bool is_list_cut; /* the list of certificates is beyond a bound: the first alone is kept, or none */
	bool is_unkept;          /* there was no memory for what the wire showed */
	bool is_unsigned;        /* no proof will ever come, though the suite asks for one */
	bool is_server_finished; /* as in struct session_keys, as is this */
	bool is_client_early;
	/* Of a session that goes on; what is known of its beginning stands in the other members, but for `sight`. */
	bool is_beginning_known;
	bool is_beginning_lost; /* known or not, it may have been another, which could not be read */
	bool is_beginning_accepted;
	bool has_beginning_passed;
	bool is_cipher_null;
	bool is_cipher_anonymous;
	bool is_weak; /* whatever both ends say: SSL 3.0, an export cipher, a small field */
	bool is_downgraded;
	bool is_cipher_weak;  /* tls_cipher_is_weak */
	uint16_t tls_version; /* as on the wire; 0: not known */
	uint64_t leaf;        /* the server's certificate; 0: it did not cross the wire */
	struct {
		uint64_t key; /* with the name that the client sent, or none */
		char ehlo_name[DOMAIN_NAME_MAX];
		uint16_t shape_lens[4]; /* as in struct message_probe */
		uint8_t shape[PROBE_SHAPE_MAX];
	} probe;
};

struct gate_keys;

/* NULL: out of memory. */
struct gate_keys *gate_keys_new(struct gate *gate);
void gate_keys_free(struct gate_keys *keys);

/* gate_evidence.c */
/* What the flow's handshake shows; to be taken before its first application data is allowed. */
void gate_read_evidence(struct gate *gate, struct key_evidence *evidence, const struct flow *flow);

/* gate_keys.c */
/* Completes the facts of TLS by what `hop` asks of the key. *finding: what the verifier said, zero where it did not. */
void gate_complete_key(struct gate *gate, struct facts *facts, struct key_finding *finding,
                       const struct hop *hop, const struct hop_query *query);
/* Of the hop that was completed last: why a probe could not tell; empty: it could, or nobody asked one. */
const char *gate_probe_why(const struct gate *gate);
/* What the promise of `hop` came to: where it was met, by a key that crossed the wire, sessions that begin here may go on. */
void gate_note_key(struct gate *gate, const struct facts *facts, const struct hop *hop,
                   const struct hop_query *query);
/* What `hop` asks of the key, into keys->rules. False: nothing. */
bool gate_find_rules(struct gate *gate, const struct hop *hop, const struct hop_query *query);

/* gate_sessions.c */
/* What the flow's handshake gives its client may take the place of what it had, before anybody has judged it. To be told of each progress. */
void gate_begin_sessions(struct gate *gate, struct flow *flow);
/* evidence->resumed goes on: what is known of its beginning by now. */
void gate_recall_session(struct gate *gate, struct key_evidence *evidence);
/* The client speaks in TLS, whatever becomes of that: it has taken what it was given, if it waited for the server's last word. */
void gate_accept_sessions(struct gate *gate, const struct hop_query *query);
/* And it passes, with nothing said against it. */
void gate_let_sessions_pass(struct gate *gate, const struct key_evidence *evidence);

/* gate_levels.c */
/* Both ends agreed on this much, with a key that was right. */
void gate_note_level(struct gate *gate, const struct hop_query *query);
/* These two lately had a better version or cipher than this one, which is too little. */
bool gate_is_below_before(struct gate *gate, const struct hop_query *query);

/* gate_sightings.c */
/*
 * Tells the scout what a host showed, now and then; the event says what that was. Where nothing was asked of its key, the verifier is
 * asked which it is, and the scout told when that is answered.
 */
void gate_tell_sighting(struct gate *gate, const struct event *event, const struct hop *hop,
                        const struct key_evidence *evidence, bool is_met);
/* The verifier has said which key that handshake showed, where nothing was asked of it. */
void gate_complete_sightings(struct gate *gate, uint64_t handshake,
                             const struct key_finding *finding);

/* gate_differs.c */
/*
 * Behind a verdict: if it could be another for somebody else, a probe is asked for, and nobody waits for it; what differs is told as
 * an event of its own.
 */
void gate_compare(struct gate *gate, const struct facts *facts, const struct hop *hop,
                  const struct hop_query *query, const struct event *event);
/* A probe came. */
void gate_compare_probe(struct gate *gate, uint64_t key);
/* The verifier has answered; now and then also because it may have died with the question. */
void gate_compare_keys(struct gate *gate);

/* gate_passed.c */
/*
 * Mail passed by what a probe was shown: if a later one is shown otherwise, within its life, that is told once, of how many
 * connections. Behind a verdict.
 */
void gate_note_passed(struct gate *gate, const struct hop *hop, const struct hop_query *query,
                      const struct event *event);
/* The verifier or the scout has answered; now and then also because either may have died with the question. */
void gate_resolve_doubts(struct gate *gate);

#endif

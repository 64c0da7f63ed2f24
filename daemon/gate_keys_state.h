/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GATE_KEYS_STATE_H
#define HOPGUARD_GATE_KEYS_STATE_H

/* What gate_keys.c and the files that its header names share. */

#include "base/siphash.h"
#include "base/table.h"
#include "flow/session.h"
#include "gate_keys.h"
#include "gate_state.h"
#include "verdict/key_rule.h"

/* What must be kept of a handshake until the verifier was asked; in one piece, charged to gate->handshakes. */
struct handshake {
	size_t octets; /* of all */
	uint16_t version;
	uint16_t cipher_suite;
	uint8_t client_random[CHECK_RANDOM_LEN];
	uint8_t server_random[CHECK_RANDOM_LEN];
	uint32_t chain_len;
	uint32_t exchange_len;
	uint8_t chain_and_exchange[];
};

struct check_key {
	uint64_t handshake;
	uint64_t rules;
};

struct check {
	uint32_t request;
	bool is_answered;
	uint64_t asked_ms;
	uint64_t answered_ms;
	struct key_finding finding;
};

/* Hashes with the gate's secret. */
struct met_promise {
	uint64_t hop; /* whose it is: domain and host; 0: none */
	uint64_t rules;
};

/* A session that its client may go on with, under the name that it has on the wire. */
struct session_note {
	uint64_t expires_ms;
	uint64_t opened_ms; /* the connection that gave the name */
	uint64_t beginning; /* as in struct key_evidence; 0: nobody saw it begin */
	uint64_t handshake; /* that began it; 0: it shows no key, or there was no memory for it */
	uint64_t ends;      /* gate_hash_ends */
	uint64_t leaf;      /* as in struct key_evidence, as are these */
	bool is_list_cut;
	bool is_unkept;
	bool is_unsigned;
	bool is_weak; /* or it was pressed down: somebody may have solved the secret, which is this session's as long as it lives */
	bool is_accepted; /* the client has spoken behind it: its key is the other end's */
	bool is_disputed; /* another session has the same name: which of the two goes on, nobody knows */
	bool is_doubted; /* so it may be */
	bool has_passed; /* its own mail, with nothing said against it */
	/* By its handshake; a ring. */
	struct met_promise met[GATE_SESSION_PROMISES];
	size_t next;
};

/* What is not known of two ends' sessions; 0: never. */
struct unread_note {
	uint64_t until_ms;   /* nobody knows what they may go on with */
	uint64_t lost_ms;    /* when names were last given that nobody could read */
	uint64_t doubted_ms; /* when names may have been given before somebody looked */
};

enum session_met {
	SESSION_MET_NOTHING, /* of that hop's */
	SESSION_MET_BEFORE,  /* what the hop promised then, and promises no more */
	SESSION_MET_THIS,
};

/* What the scout was asked to look at. */
struct probe_note {
	uint64_t asked_ms;
	uint64_t answered_ms; /* 0: not yet */
	uint64_t seen_ms;     /* when the handshake was; 0: none yet */
	uint64_t again_ms;    /* when another one was asked for, which has not come; 0: none */
	uint64_t handshake;   /* PROBE_SHOWN */
	uint64_t leaf;        /* of that, as in struct key_evidence */
	uint16_t tls_version; /* of that */
	enum probe_outcome outcome;
	bool is_under_way;
	bool is_confirmed;       /* by a second one, asked for because of what the first saw */
	char why[PROBE_WHY_MAX]; /* not PROBE_SHOWN: what kept it from seeing the key */
};

/* What two ends agreed on. */
struct level_key {
	struct address client;
	struct address server;
};

struct level {
	uint64_t noted_ms;
	uint16_t tls_version;
	bool is_cipher_weak;
};

/* A sighting whose key the verifier was asked for. */
struct open_sighting {
	uint64_t handshake; /* 0: free */
	struct message_sighting sighting;
};

/* A verdict that a probe may show in another light. */
struct difference {
	uint64_t probe;    /* its key; 0: free */
	uint64_t asked_ms; /* for it */
	uint64_t
		handshake; /* what the probe was shown, while the verifier is asked of it; else 0 */
	bool is_of_key;    /* else of STARTTLS */
	bool is_done;
	struct hop hop;
	struct event event; /* the verdict's */
};

/* Mail that passed by what a probe was shown. */
struct passed {
	uint64_t probe; /* its key; 0: free */
	uint64_t rules;
	uint64_t since_ms; /* wall clock: the first since the last look that was good */
	uint64_t last_ms;
	uint64_t doubt;      /* what a later look was shown */
	uint64_t doubted_ms; /* when that was */
	uint32_t count;      /* connections since then; 0: all is told, or well */
	bool is_doubted;     /* the verifier, or the scout, is asked of it */
	struct hop hop;
	struct event event; /* the last one's */
};

/* A question to all other guards. */
struct names_question {
	uint64_t number;
	uint64_t asked_ms;
	uint64_t come;        /* a mask of guards; all of them: it is answered */
	uint64_t answered_ms; /* when the last one that was answered had been asked */
};

struct gate_keys {
	struct gate *gate;
	struct table *handshakes;        /* uint64_t → struct handshake * */
	struct table *checks;            /* struct check_key → struct check */
	struct table *requests;          /* uint32_t → struct check_key */
	struct table *sessions;          /* its name's gate_hash_name → struct session_note */
	struct table *unread;            /* gate_hash_ends → struct unread_note */
	struct table *probes;            /* uint64_t → struct probe_note */
	struct table *levels;            /* struct level_key → struct level */
	struct open_sighting *sightings; /* GATE_SIGHTINGS_OPEN_MAX, a ring */
	size_t sighting_next;
	struct difference *differences; /* GATE_DIFFERENCES_MAX */
	size_t open_differences;        /* that wait */
	struct passed *passed;          /* GATE_PASSED_MAX */
	size_t doubts;                  /* of them, is_doubted */
	uint32_t last_request;
	/* lost_ms or doubted_ms of those that were pushed out of `unread`: it holds for all that share the place. */
	uint64_t forgotten_ms[GATE_FORGOTTEN_MAX];
	/* When the youngest of the sessions that were pushed out was noted, or met a promise. */
	uint64_t pushed_out_ms;
	uint8_t names_secret[SIPHASH_KEY_LEN]; /* of names and handshakes */
	bool are_names_shared;  /* it is the same in other guards, which hear of them */
	uint64_t names_lost_ms; /* what they said of sessions that began until then may be lost */
	struct names_question question;
	/* What kept a probe from telling of the hop that was judged last; empty: nothing. */
	char probe_why[PROBE_WHY_MAX];
	struct key_rules rules; /* room, as these are large */
	struct message_check message;
	struct message_probe probe;
};

/* gate_evidence.c */
/* Up to TLS 1.2, and not resumed: the certificate, and how the server shows that it has its key. */
void gate_read_full(struct gate *gate, struct key_evidence *evidence, const struct flow *flow,
                    const struct session_keys *keys);

/* gate_checks.c */
/* 0: there are none. */
uint64_t gate_hash_octets(const struct gate *gate, struct bytes octets);
/* Keeps it under its hash; 0: out of memory. */
uint64_t gate_keep_handshake(struct gate *gate, const struct session_keys *keys);
/* Of a probe: only the chain counts. */
uint64_t gate_keep_chain(struct gate *gate, struct bytes chain, uint16_t version);
bool gate_is_handshake_kept(struct gate *gate, uint64_t handshake);
/*
 * Whether that handshake meets the packed rules. NULL: not known yet; asked, unless *is_lost: it is no longer kept. Borrowed until the
 * next call.
 */
const struct key_finding *gate_check(struct gate *gate, bool *is_lost, uint64_t handshake,
                                     struct bytes rules);
uint64_t gate_hash_rules(const struct gate *gate, struct bytes rules);

/* gate_sessions.c */
/* Whose a session is: the client's and the server's address. */
uint64_t gate_hash_ends(const struct gate *gate, const struct flow *flow);
/* Which handshake it is: each end has its random, so no two are the same, and whatever the memory, each is one. */
uint64_t gate_hash_beginning(const struct gate *gate, const struct session_keys *keys);
/* What the client calls it. */
struct bytes gate_offered_session(const struct session_keys *keys);
/* What evidence->resumed, or rather its handshake, has met. */
enum session_met gate_has_session_met(struct gate *gate, const struct key_evidence *evidence,
                                      const struct met_promise *asked);
/* Whatever may go on from here has met that. */
void gate_note_sessions(struct gate *gate, const struct key_evidence *evidence,
                        const struct met_promise *met);
/* table_leave_fn of keys->sessions. */
void gate_on_session_leave(void *owner, const void *key, void *value);
/* The same of keys->unread. */
void gate_on_unread_leave(void *owner, const void *key, void *value);

/* By that name, kept and not over; NULL: none. */
struct session_note *gate_find_session(struct gate *gate, uint64_t name);
/* Its name is nobody's from now on. */
void gate_dispute_session(const struct gate *gate, struct session_note *note);

/* gate_names.c */
/* The same in all guards. 0: there are none. */
uint64_t gate_hash_name(const struct gate *gate, struct bytes octets);
/* To the other guards, if there are such. */
void gate_tell_names(struct gate *gate, const uint64_t names[2], const struct session_note *begun);

/* All has come that other guards said of names before since_ms. */
bool gate_are_names_in(const struct gate *gate, uint64_t since_ms);
/* The same. False: not yet; they are asked. */
bool gate_have_names_come(struct gate *gate, uint64_t since_ms);

/* gate_probes.c */
/* Fills evidence->probe in. */
void gate_plan_probe(struct gate *gate, struct key_evidence *evidence, const struct flow *flow,
                     const struct session_keys *keys);
/*
 * What a probe with that name was shown lately. NULL: nothing yet; one is asked for. is_again: whatever is known, look once more.
 */
const struct probe_note *gate_find_probe(struct gate *gate, const struct hop_query *query,
                                         const char *server_name, bool is_again);
/* What it is kept under. */
uint64_t gate_probe_key(const struct gate *gate, const struct hop_query *query,
                        const char *server_name);

/* gate_differs.c */
/*
 * As the verdict had it: what the hop promises may have changed since, and counts then. NULL: not known yet, or *is_lost: nor ever, or
 * nothing is promised any more.
 */
const struct key_finding *gate_find_finding(struct gate *gate, bool *is_lost, const struct hop *hop,
                                            const struct event *event, uint64_t handshake);

/* gate_passed.c */
/* A probe came. */
void gate_doubt_passed(struct gate *gate, uint64_t key);

#endif

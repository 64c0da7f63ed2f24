/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GATE_STATE_H
#define HOPGUARD_GATE_STATE_H

/*
 * What the gate's files share: gate.c (packets, time and answers come in), gate_segment.c (a segment through streams and session),
 * gate_control.c (SYN, RST, and what no receiver takes), gate_midstream.c (connections that began before us), gate_held.c (packets that
 * wait), gate_wait.c (flows that do), gate_room.c (who gives way to whom), gate_heard.c
 * (candidates that the DNS brought up), gate_hop.c (whose hop it is), gate_ask.c (what is asked of the scout, and told to it),
 * gate_judge.c (facts, verdicts, events), gate_broken.c (handshakes that came to nothing), gate_refuse.c (a verdict becomes a refusal),
 * gate_passage.c (message bodies in the kernel).
 */

#include "base/budget.h"
#include "flow/session.h"
#include "flow/stream.h"
#include "flow/table.h"
#include "gate.h"
#include "gate_keys.h"
#include "policy/promise_cache.h"
#include "verdict/agree.h"

enum {
	GATE_CLIENT_HELD_MAX =
		256, /* packets of one client's connections that may wait at a time */
	/* Of these, those of far ends: whoever leaves gaps on purpose takes no place of what the client says elsewhere. */
	GATE_SERVERS_HELD_MAX = 128,
	GATE_ASK_AGAIN_MS = 2000,     /* the scout may have died with our question */
	GATE_REFRESH_VALID_MS = 5000, /* a name asked for afresh so lately is not asked so again */
	GATE_ASKED_MAX = 4096,
	GATE_LINE_PATIENCE_MS =
		1000, /* a held incomplete RCPT is decided by the address after that */
	GATE_BROKEN_LIFE_MS =
		15 * 60 * 1000, /* a sender's retry in clear comes within its retry interval */
	GATE_BROKEN_CLIENTS_MAX = 1024,
	/* Whoever sits on a mail server's only line breaks the TLS of all its destinations: those of so many are one story each. */
	GATE_BROKEN_PER_CLIENT = 64,
	GATE_AFTERTHOUGHTS_MAX = 256,
	GATE_HEARD_ADDRESSES_MAX = 2048,
	GATE_HEARD_PER_ADDRESS = 6,
	GATE_NAMED_MAX = 2048,
	GATE_NAMES_PER_ADDRESS = 4,
	GATE_ADDRESS_AGAIN_MS =
		10 * 60 * 1000, /* what stands at an address is asked so often at most */
	GATE_SIGHTED_MAX = 4096,
	GATE_SIGHTING_AGAIN_MS = 60 * 60 * 1000,
	/* A window of 2^16 scaled by 2^14 (RFC 7323 section 2.3): beyond that no honest segment lies. */
	GATE_WINDOW_MAX = 1 << 30,
	/* Far below any client's time-out for STARTTLS (Postfix: 300 s), far above what a cut line takes to come. */
	GATE_REPLY_PATIENCE_MS = 2000,
	GATE_ECHO_AGAIN_MS = 1000, /* a scout, or a first guard, that has died with our question */
	GATE_ECHOES_MAX = 32,      /* such questions that may yet be answered: of as many seconds */
	GATE_SETTLE_MS = 1000,     /* within a first retransmission timeout (RFC 6298 section 2) */
	GATE_AWAKE_MAX = 128,      /* flows whose streams do not rest, though they keep nothing */
};

/* Whether the scout keeps up: what it is told of DNS answers makes candidates. */
struct echo {
	uint32_t number; /* of the last question */
	bool is_under_way;
	uint64_t asked_ms[GATE_ECHOES_MAX]; /* the last questions, each by its number modulo that */
	uint64_t answered_ms;               /* when the last one that was answered had been asked */
};

/* Connections of which one direction does not come by; what was told of them. */
struct half {
	bool is_on;
	bool is_client_lacking; /* of the last one; else its server */
	struct address client;
	struct address server;
	uint64_t last_ms;
	uint64_t told_ms; /* 0: never */
};

/* A name that was asked of the scout, or asked for afresh. */
struct asked {
	uint64_t asked_ms;
	uint64_t answered_ms; /* 0: not yet */
};

struct broken_note {
	struct address server;
	uint64_t when_ms;
	char id[EVENT_ID_LEN + 1];
	char how[EVENT_TEXT_MAX];
};

struct broken_notes {
	struct broken_note notes[GATE_BROKEN_PER_CLIENT];
	size_t next;
};

/* What DNS answers to guarded clients said of an address. */
struct heard_note {
	uint64_t expires_ms; /* 0: none */
	bool is_excluded;    /* as in struct message_candidate, also the next two */
	bool is_named;
	uint32_t standing;
	char domain[DOMAIN_NAME_MAX];
	char host[DOMAIN_NAME_MAX];
};

struct heard_notes {
	struct heard_note notes[GATE_HEARD_PER_ADDRESS];
	size_t next;
};

/* What the reverse zone calls an address; the first empty one ends them. */
struct named {
	uint64_t expires_ms;
	char hosts[GATE_NAMES_PER_ADDRESS][DOMAIN_NAME_MAX];
};

/* In monitor nothing waits: what could not be judged yet is judged when its answer comes. */
struct afterthought {
	struct facts facts;
	struct session_commitment commitment;
	struct event event;
	char banner_name[DOMAIN_NAME_MAX];
	char server_name[DOMAIN_NAME_MAX];
	struct key_evidence evidence;
	uint64_t since_ms;
	uint64_t opened_ms; /* as in struct hop_query */
	bool is_judged;     /* it passed already, so that only a finding is news */
	bool is_used;
};

/* What a look-up of the hop needs; taken from a flow, or from an afterthought when the flow is gone. */
struct hop_query {
	const struct session_commitment *commitment;
	const struct address *client;
	const struct address *server;
	struct address place; /* where look-ups find the server: behind NAT64 its own address */
	const char *banner_name;
	const char *ehlo_name;
	const char *server_name; /* of the ClientHello; empty: none */
	uint64_t opened_ms;      /* when the connection began, as far as is known */
	uint64_t judged_ms;      /* when it was judged first */
	uint16_t server_port;
	const struct key_evidence *evidence; /* of TLS; NULL in clear */
	bool is_line_overdue;
	bool is_authenticated;
};

/* One thing that a connection may stand for. */
struct candidate {
	struct hop hop;
	bool is_awaited; /* TLS, too, waits for what it promised; so it does for what is heard */
	bool is_heard; /* a guarded client asked for the domain, and was answered with this address */
	bool is_known; /* a domain that the operator, a list or memory knows has its mail there */
	bool is_led_astray; /* as in struct facts */
	bool is_named;      /* as in struct facts */
	bool binds;         /* as in struct opinion */
};

struct candidates {
	size_t count; /* at least 1 */
	struct candidate list[CANDIDATES_MAX];
	bool is_recipient_unreadable;
	bool is_hop_unknown; /* as in struct facts */
	/* A smart host, or a domain that is known here stands among them: not just names that strangers may have brought up before. */
	bool is_settled;
};

/* Packets of one client's connections that wait. */
struct client_held {
	uint32_t all;
	uint32_t from_servers;
};

struct gate {
	const struct config *config;
	struct gate_actions actions;
	void *owner;
	struct budget
		budget; /* of connections; its limit is GATE_MEMORY_MAX, or what the flow at hand has a share of */
	struct budget handshakes; /* kept until they are judged; their table is the bound */
	struct flow_table *flows;
	struct wheel wheel;        /* of flows that wait, in ticks of GATE_TICK_MS */
	struct flow_wait *waiting; /* of those, the ones that an answer may help */
	uint64_t names_asked;      /* since gate_begin_share, as in struct flow_wait */
	struct flow *refusing;     /* whose refusal is sending just now */
	/* Each at its place: who spoke last of those that share it. */
	struct flow *awake[GATE_AWAKE_MAX];
	struct promise_cache *cache;
	struct table *asked;       /* hash of kind, name, afresh or not → struct asked */
	struct table *broken;      /* struct address of the client → struct broken_notes */
	struct table *heard;       /* struct address of the server → struct heard_notes */
	struct table *named;       /* struct address of the server → struct named */
	struct table *sighted;     /* hash of what was told → uint64_t, when it was told */
	struct table *client_held; /* struct address of the client → struct client_held */
	struct echo echo;
	struct half half;
	struct gate_keys *keys;
	struct key_evidence evidence; /* of the flow at hand */
	struct afterthought *afterthoughts;
	size_t afterthought_count;    /* in use */
	uint64_t given_up;            /* flows, for their memory */
	struct address given_up_last; /* the client of the last */
	size_t used_before;           /* of the budget, at gate_begin_share */
	bool next_hops_are_known;     /* each smart host of the configuration was looked up once */
	struct candidates candidates; /* room, as these are large */
	struct address asking;        /* the client for whom questions are asked just now */
	struct counters counters;
	struct body_passage *passage; /* NULL: all come by here */
	struct flow *arming[GATE_ARMING_MAX];
	size_t arming_count;
	uint8_t secret[TABLE_SECRET_LEN];
	uint64_t id_state;
	uint64_t now_ms; /* of the call under way */
	uint64_t time_ms;
};

/* What is to become of the packet at hand. */
struct arrival {
	const struct nfqueue_packet *packet;
	const struct segment *segment;
	bool is_from_client;
};

static inline bool gate_only_watches(const struct gate *gate)
{
	return gate->config->stance.mode == MODE_MONITOR;
}

/* gate.c */
void gate_accept(struct gate *gate, const struct nfqueue_packet *packet, bool is_offloaded);
void gate_drop(struct gate *gate, const struct nfqueue_packet *packet);
/* NULL: out of memory. */
struct flow *gate_add_flow(struct gate *gate, const struct arrival *arrival, bool is_midstream);
/* That of its events. */
void gate_write_id(struct gate *gate, char id[EVENT_ID_LEN + 1], struct flow *flow);

/* gate_segment.c */
/* What becomes of one packet, once its octets are known. */
enum fate { FATE_PASS, FATE_REWRITE, FATE_WAIT, FATE_EARLY, FATE_DROP };

void gate_segment(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/* Reads on where the flow stopped, after an answer or by time; releases what may go. */
void gate_resume(struct gate *gate, struct flow *flow);
struct flow_side *gate_side(struct flow *flow, bool is_from_client);
/* Reads on as far as it goes. False: the flow was refused, its streams and session are gone. */
bool gate_advance(struct gate *gate, struct flow *flow);
enum fate gate_fate(struct flow_side *side, const struct segment *segment,
                    struct stream_rewrite *rewrite);
/* Passes a packet as it is, or rewritten in `octets`, which may be the packet itself; both may be unused. */
void gate_pass(struct gate *gate, struct flow *flow, const struct arrival *arrival, uint8_t *octets,
               size_t room, const struct stream_rewrite *rewrite);
void gate_pass_rewritten(struct gate *gate, const struct nfqueue_packet *packet, uint8_t *octets,
                         size_t len);
void gate_note_fin(struct gate *gate, struct flow *flow, bool is_from_client, uint32_t fin_seq);
void gate_offload_when_done(struct gate *gate, struct flow *flow);

/* gate_room.c */
/* Flows end that nobody has used for as long as their kind is kept. */
void gate_expire(struct gate *gate);
/*
 * Between these the flow charges no more than its client and its destination have a share of: each as much as is free when it takes
 * more. So of half of the memory one may have all, and others find room. Outside of these, streams that keep nothing rest, but for those
 * of the few flows that spoke last. False: there is no memory to wake them; the end is due all the same.
 */
bool gate_begin_share(struct gate *gate, struct flow *flow);
void gate_end_share(struct gate *gate, struct flow *flow);
/* The flow leaves. */
void gate_forget_awake(struct gate *gate, const struct flow *flow);
/* Where memory is short, flows that are over or that nobody asked for give up theirs. */
void gate_make_room(struct gate *gate);

/* gate_wait.c */
/* From here on the flow has a `wait` of its own, which gate_end_share takes back when nothing is in it. False: out of memory. */
bool gate_begin_wait(struct gate *gate, struct flow *flow);
/* Takes it off the lists, looks at it again when time may change something, or ends it. */
void gate_settle_wait(struct gate *gate, struct flow *flow);
/* Since when STARTTLS has had no reply; 0: it had, or was not asked. */
uint64_t gate_starttls_since_ms(const struct flow *flow);
void gate_end_wait(struct gate *gate, struct flow *flow);
/* What waits for `name` is judged again; NULL: all that waits. */
void gate_go_on(struct gate *gate, const char *name, uint64_t now_ms, uint64_t time_ms);
void gate_note_question(struct gate *gate, const char *name);
/* The flows whose time has come. */
void gate_look_at_waits(struct gate *gate);

/* gate_control.c */
/* Flags that no receiver takes, or each in its own way: nothing that needs to pass. */
bool gate_is_nonsense(const struct segment *segment);
/* Passes a segment whose data, if any, are not to be read: without them, and without an urgent pointer. */
void gate_pass_bare(struct gate *gate, const struct arrival *arrival);
/*
 * Whether the segment may have octets to be read: the server's only once its client has acknowledged its SYN. Before, a receiver
 * would not take them, and where they begin is only the server's word, or somebody's.
 */
bool gate_may_speak(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/* It has octets behind a FIN that passed: a receiver that has the FIN takes none of them. */
bool gate_is_beyond_end(const struct flow_side *side, const struct segment *segment);
void gate_syn(struct gate *gate, struct flow *flow, const struct arrival *arrival);
void gate_reset(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/*
 * Of a FIN that passes, once it was noted. With the client's, before which all has passed, a connection can carry nothing more that is the
 * client's: what is left of it need not come by. Not where the far end stands beyond the client's own interface, from where it could end
 * the connection in its name; nor of one that began before us, of which the far end may have acknowledged what never passed: the client
 * sends that again behind its FIN.
 */
bool gate_leaves_with(struct flow *flow, const struct arrival *arrival);

/* gate_midstream.c */
/* A connection that began before us: only data make it one, bare acknowledgements, FIN and RST carry no mail. NULL: not adopted. */
struct flow *gate_adopt_midstream(struct gate *gate, struct arrival *arrival);
/* False: the packet has had its verdict. */
bool gate_begin_midstream(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/* Begins to read at the lowest of what came while it settled. */
void gate_settle_midstream(struct gate *gate, struct flow *flow);
/*
 * Only for who watches: the receiver acknowledges octets that never came by here (a queue that overflowed, a capture that lost
 * packets). Reading goes on behind them, as in a connection whose beginning was not seen.
 */
void gate_skip_gap(struct gate *gate, struct flow *flow, bool is_from_client, uint32_t ack);

/* gate_passage.c */
/* Before anything is made of a segment of one that is armed: the flow catches up with the kernel. False: nobody knows what has passed of it. */
bool gate_follow_passage(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/* Before a segment is read: a server that answers before the end of data may have seen one that we did not. */
void gate_heed_answer(struct gate *gate, struct flow *flow, const struct arrival *arrival);
/* Behind a segment of the client's: its body may go on in the kernel. */
void gate_want_passage(struct gate *gate, struct flow *flow);
/* The kernel passes no more of it; the flow stands where it stood. False: nobody knows where. */
bool gate_end_passage(struct gate *gate, struct flow *flow);
/* The flow leaves. */
void gate_forget_passage(struct gate *gate, struct flow *flow);
/* Packets pass in the kernel that never came by here: it is in use. */
bool gate_is_passing(struct gate *gate, struct flow *flow);

/* gate_half.c */
/* Before the segment is taken note of. */
void gate_note_half(struct gate *gate, const struct flow *flow, const struct arrival *arrival);
void gate_tell_half(struct gate *gate);

/* gate_held.c */
void gate_hold(struct gate *gate, struct flow *flow, const struct arrival *arrival);
void gate_release_held(struct gate *gate, struct flow *flow);
/* Gives every held packet up (dropped; TCP sends it again). */
void gate_drop_held(struct gate *gate, struct flow *flow);
void gate_forget_held(struct gate *gate, struct flow *flow, size_t index);

/* gate_heard.c */
/*
 * The scout has heard the DNS answers that had passed when a connection began: else it is asked. What led the client there is among
 * them.
 */
bool gate_has_heard(struct gate *gate, uint64_t opened_ms);
/* Asks it when the client asks for TLS, some round trips before the first octet in TLS would wait for that. */
void gate_hear_ahead(struct gate *gate, const struct flow *flow);

/* gate_ask.c */
/* Asks unless the same question is out already; one that may be answered from a cache is not the same as one that asks afresh. */
void gate_ask(struct gate *gate, enum question_kind kind, const char *name, bool is_refresh);
/* Whatever else was answered may have come from what the scout, or its cache of policies, knew for long. */
bool gate_was_asked_afresh(struct gate *gate, enum question_kind kind, const char *name);
/* Asks for the destination again, policy and all, unless that was just done. False: it was. */
bool gate_ask_afresh(struct gate *gate, const struct hop *hop);
/* Asks ahead for who stands at that address, and for what the server calls itself. */
void gate_ask_address(struct gate *gate, const struct address *server);
void gate_ask_words(struct gate *gate, struct flow *flow);
/* The scout answered, or what was asked is forgotten. */
void gate_note_answer(struct gate *gate, const struct destination *destination);
void gate_forget_asked(struct gate *gate, const char *name);

/* gate_hop.c */
/* What `name` asks of a connection to `server`; hop.promise.state is PROMISE_UNKNOWN while the answer is missing. */
void gate_find_hop(struct gate *gate, struct hop *hop, enum question_kind kind, const char *name,
                   const struct address *server);
void gate_find_candidates(struct gate *gate, struct candidates *candidates,
                          const struct hop_query *query);

/* gate_broken.c */
/* The last handshake of that client's that was broken at this place, or at another of the domain's. NULL: none lately. */
const struct broken_note *gate_find_broken(struct gate *gate, const struct hop_query *query,
                                           const char *domain);
/* What comes of it is of the same story. broken: NULL is none. */
void gate_name_cause(struct gate *gate, struct event *event, const struct broken_note *broken);
void gate_remember_broken(struct gate *gate, struct flow *flow, const char *how);

/* gate_judge.c */
enum judgement { JUDGED_PASS, JUDGED_WAIT, JUDGED_REFUSE };
/* Decides what the session holds back. JUDGED_REFUSE: *verdict and *event are filled, and the event told. */
enum judgement gate_judge(struct gate *gate, struct flow *flow,
                          const struct session_commitment *commitment, struct verdict *verdict,
                          struct event *event);
void gate_forget_domain(struct gate *gate, struct flow *flow);
/* The connection ended: what it showed is told, and a broken handshake remembered. how: for people. */
void gate_judge_end(struct gate *gate, struct flow *flow, const char *how);
void gate_judge_afterthoughts(struct gate *gate);

/* gate_broken.c */
/*
 * The client asked for TLS and none came of it: a handshake broken, a reply that was no 220 (some clients take any 2xx
 * for one), or none. Who caused it waits for the client to come back in clear, and it shows that the client is able.
 */
bool gate_has_lost_tls(const struct facts *facts);
/* Here, and in all guards. how: for people. */
void gate_remember_broken(struct gate *gate, struct flow *flow, const char *how);
/* The latest of that client with that server, or with another of the domain's. NULL: none lately. */
const struct broken_note *gate_find_broken(struct gate *gate, const struct hop_query *query,
                                           const char *domain);
/* One story: a finding has the id of the handshake that `broken` (or NULL) notes, and tells of it. */
void gate_name_cause(struct gate *gate, struct event *event, const struct broken_note *broken);

/* gate_refuse.c */
void gate_refuse(struct gate *gate, struct flow *flow, const struct verdict *verdict,
                 const struct event *event);
/*
 * For what we send the client in the server's name: not below what it has, and the server's last if it may have that. One far ahead was
 * a decoy's; the client takes nothing that is far ahead of, or behind, what it has (RFC 7323 section 5.3).
 */
uint32_t gate_server_timestamp(const struct flow *flow);
void gate_send(void *owner, bool to_client, const struct craft *craft);

#endif

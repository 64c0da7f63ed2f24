/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_BODY_PASSAGE_H
#define HOPGUARD_NET_BODY_PASSAGE_H

/*
 * The passage of message bodies: of a connection whose guard armed it the kernel passes the client's next segments by itself, as long
 * as each begins where the last one ended and none holds, or completes, what may be an end of data (kmod/smtpbody_scan.h), and with them
 * what the server acknowledges. The first that
 * does not freezes it: that one and all behind it come to the queue, until the guard takes back where the kernel stands and arms again.
 *
 * Nothing here is needed for correctness: where arming fails, each segment comes to the queue as ever. A place once lost (take back fails
 * with -ENOENT) is another matter: nobody knows then what passed.
 *
 * A guard has one of these, alone in its process and thread. Ownership goes by number: each guard's is that of its queue, and forgetting
 * all leaves those of others alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum passage_kind {
	PASSAGE_NONE,
	PASSAGE_EBPF,   /* net/passage_ebpf.h */
	PASSAGE_MODULE, /* net/passage_module.h */
};

enum {
	/* A guard never has more armed at a time: those beyond come to the queue. */
	PASSAGE_FLOWS_MAX = 65536,
	PASSAGE_DESCRIPTORS_MAX = 4,
};

/*
 * One direction of a connection, as its packets look where the queue's rule is: from client to server. One address family. All of it is
 * the key: in the client's name, but by another way, whoever is on the path could have the kernel move on behind octets of his own
 * making, and what the client says in their place would be read with a wrong beginning.
 */
struct passage_flow {
	struct endpoint client;
	struct endpoint server;
	uint32_t
		ingress; /* index of the interface that the client's packets come in by (of what crosses a bridge, the port); 0: this machine */
};

/*
 * The server's bare acknowledgements, which pass as well while a body is armed: at the sequence number said, of octets that have passed,
 * none below the last one. All else of the server's comes to the queue.
 */
struct passage_answers {
	bool may_pass;      /* false: all come to the queue, and the rest is not said */
	uint16_t window;    /* of the last that passed, as it was said; unscaled */
	uint32_t seq;       /* only to arm with */
	uint32_t ingress;   /* likewise; as that of the client's, for packets of the server's */
	uint32_t acked;     /* the last that passed; at first, what is acknowledged already */
	uint32_t timestamp; /* the latest of those that passed, and of what it was armed with */
};

/* Where a body stands: all before next_seq has passed. */
struct passage_place {
	uint32_t next_seq; /* host order */
	/*
	 * The two octets before it, in their order. Where the kernel has moved it is never a line end and a dot: of two octets nobody
	 * could tell a dot behind CRLF from one behind LF, so a segment that ends there does not pass.
	 */
	uint8_t tail[2];
	struct passage_answers answers;
};

struct passage_look {
	struct passage_place place;
	bool is_armed; /* false: frozen, the kernel moves it no more */
};

struct passage_counters {
	uint64_t armed;
	uint64_t not_armed; /* the kernel refused: full, or gone */
	uint64_t taken_back;
	uint64_t lost; /* taken back, but the kernel knew nothing of it */
};

/*
 * What a kind has to do; `state` is its own. Each returns 0 or -errno, none may block.
 *
 * arm: from place on, also where it is armed or frozen already, in one step that no segment at the match can see half. -ENOSPC: full.
 * look: as it is, at one moment: the four octets and two of a place belong together, and nothing behind them is acknowledged.
 * take_back: no segment moves it once this has returned; what is told is the last place. It is forgotten. -ENOENT: it was not known.
 * forget: as take_back, for nobody wants to know. Not known is no error.
 * forget_all: what this owner armed, by a predecessor too.
 * close: frees the state and closes what it adopted. What is armed stays (a successor forgets it).
 */
struct passage_calls {
	int (*arm)(void *state, const struct passage_flow *flow, const struct passage_place *place);
	int (*look)(void *state, struct passage_look *seen, const struct passage_flow *flow);
	int (*take_back)(void *state, struct passage_place *reached,
	                 const struct passage_flow *flow);
	int (*forget)(void *state, const struct passage_flow *flow);
	int (*forget_all)(void *state);
	void (*close)(void *state);
};

struct body_passage;

/* calls is borrowed for good, state is owned from here on (calls->close), also on failure. NULL: out of memory. */
struct body_passage *body_passage_new(enum passage_kind kind, const struct passage_calls *calls,
                                      void *state);
void body_passage_free(struct body_passage *passage);

/*
 * What the supervisor opened for one guard, which may open nothing itself. kind says which implementation made it and adopts it
 * (passage_ebpf_open and passage_ebpf_adopt, passage_module_open and passage_module_adopt); zeroed with descriptors of -1 is none.
 */
struct passage_ticket {
	enum passage_kind kind;
	uint16_t owner;                           /* the number of the guard's queue */
	int descriptors[PASSAGE_DESCRIPTORS_MAX]; /* -1: not used */
};

/* All below take a NULL passage for PASSAGE_NONE: -EOPNOTSUPP. */
enum passage_kind body_passage_kind(const struct body_passage *passage);
/* "none", "ebpf", "module". */
const char *passage_kind_name(enum passage_kind kind);

/* Before the verdict goes out by which the receiver, or the sender, can go on. A failure is counted, and no more. */
int body_passage_arm(struct body_passage *passage, const struct passage_flow *flow,
                     const struct passage_place *place);
/* Leaves it as it is. */
int body_passage_look(struct body_passage *passage, struct passage_look *seen,
                      const struct passage_flow *flow);
/* Disarms, wherever it stands: armed or frozen. *reached is written on success. */
int body_passage_take_back(struct body_passage *passage, struct passage_place *reached,
                           const struct passage_flow *flow);
/* A connection is over: where it stands is of no interest. */
void body_passage_forget(struct body_passage *passage, const struct passage_flow *flow);
/* At start, before the first packet is read: what a predecessor armed. Its connections come to the queue from then on. */
int body_passage_forget_all(struct body_passage *passage);
const struct passage_counters *body_passage_counters(const struct body_passage *passage);

#endif

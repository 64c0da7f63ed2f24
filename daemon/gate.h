/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_GATE_H
#define HOPGUARD_GATE_H

/*
 * One packet's way, from octets to verdict, with no I/O and no clock: the guard process, `hopguard replay` and the
 * tests give it packets, answers and time; what it wants done goes to callbacks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/siphash.h"
#include "base/table.h"
#include "config.h"
#include "flow/table.h"
#include "messages.h"
#include "net/nfqueue.h"
#include "wire/craft.h"

enum {
	GATE_FLOWS_MAX = 65536,
	GATE_MEMORY_MAX = 256 * 1024 * 1024, /* streams and held packets of one guard */
	GATE_TICK_MS = 50,
	GATE_ARMING_MAX =
		64, /* connections that wait for gate_arm; others ask again with their next segment */
};

struct body_passage;
struct gate;

struct gate_verdict {
	uint32_t packet_id;
	uint32_t mark; /* as the packet came */
	bool is_accepted;
	bool is_offloaded;   /* the connection needs no more watching */
	struct bytes packet; /* replaces the packet when not empty */
};

/* All run inside a gate_ call; none may call the gate again (an answer comes later, by gate_answer). */
struct gate_actions {
	/* Exactly one for each packet given, sooner or later. */
	void (*verdict)(void *owner, const struct gate_verdict *verdict);
	void (*ask)(void *owner, enum question_kind kind, const char *name, bool is_refresh);
	void (*tell)(void *owner, const struct event *event);
	void (*broken)(void *owner, const struct message_broken *broken);
	void (*sighting)(void *owner, const struct message_sighting *sighting);
	/* Of gate_share_names; answered by gate_hear_names. False: it did not leave. */
	bool (*names)(void *owner, const struct message_names *names);
	/* Whether the scout has heard all DNS answers that came before; answered by gate_echoed. NULL: there is no scout. */
	void (*echo)(void *owner, uint32_t number);
	/* Whether certificates meet a promise; answered by gate_checked. NULL: there is nobody to ask, and no key is judged. */
	void (*check)(void *owner, const struct message_check *check, size_t len);
	/* What somebody else is shown; answered by gate_probed. NULL: nobody can go and look. */
	void (*probe)(void *owner, const struct message_probe *probe, size_t len);
	/* A segment of our own; `flow` has interfaces and hardware addresses for bridges. */
	void (*send)(void *owner, bool to_client, const struct craft *craft,
	             const struct flow *flow);
};

/* config is borrowed and must outlive the gate or gate_configure. NULL: out of memory. */
struct gate *gate_new(const struct config *config, const uint8_t secret[TABLE_SECRET_LEN],
                      const struct gate_actions *actions, void *owner);
void gate_free(struct gate *gate);
void gate_configure(struct gate *gate, const struct config *config);
/* Bodies may pass in the kernel from now on; before any packet. What a predecessor armed is forgotten. Borrowed, must outlive the gate. NULL: none do. */
void gate_use_passage(struct gate *gate, struct body_passage *passage);

/* There are other guards, which have the same secret: names of sessions are told to them. Before any packet. */
void gate_share_names(struct gate *gate, const uint8_t secret[SIPHASH_KEY_LEN], uint64_t now_ms);

/* time_ms: wall clock for events. now_ms: monotonic. */
void gate_packet(struct gate *gate, const struct nfqueue_packet *packet, uint64_t now_ms,
                 uint64_t time_ms);
/*
 * All packets that had come were given: bodies are handed to the kernel. Before the verdicts go out that let their ends go on, or else
 * it finds itself behind; that costs time, and nothing else.
 */
void gate_arm(struct gate *gate);
void gate_answer(struct gate *gate, const struct destination *destination, uint64_t now_ms,
                 uint64_t time_ms);
void gate_broken(struct gate *gate, const struct message_broken *broken, uint64_t now_ms);
void gate_candidate(struct gate *gate, const struct message_candidate *candidate, uint64_t now_ms);
void gate_hear_names(struct gate *gate, const struct message_names *names, uint64_t now_ms,
                     uint64_t time_ms);
/* What others said until now may not have come through. */
void gate_lose_names(struct gate *gate, uint64_t now_ms);
void gate_echoed(struct gate *gate, uint32_t number, uint64_t now_ms, uint64_t time_ms);
/* Both of a sound length. */
void gate_checked(struct gate *gate, const struct message_checked *checked, uint64_t now_ms,
                  uint64_t time_ms);
void gate_probed(struct gate *gate, const struct message_probed *probed, uint64_t now_ms,
                 uint64_t time_ms);
void gate_forget(struct gate *gate, const char *name);
/* Whether an answer that would lead mail for that domain astray must not be missed (is_established of struct destination). */
bool gate_cares_for(const struct gate *gate, const char *domain);
void gate_tick(struct gate *gate, uint64_t now_ms, uint64_t time_ms);

/* Inside `ask`: the client whose mail it is for. */
const struct address *gate_asks_for(const struct gate *gate);
/* How many connections made room for others so far; *last: the client of the last. */
uint64_t gate_driven_out(const struct gate *gate, struct address *last);

const struct counters *gate_counters(struct gate *gate);
/* Calls with each flow, at most `limit`. */
void gate_flows(struct gate *gate, uint64_t now_ms, size_t limit,
                void (*row)(void *owner, const struct message_flow *flow), void *owner);

#endif

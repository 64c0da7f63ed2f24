/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_TABLE_H
#define HOPGUARD_FLOW_TABLE_H

/* Connections by their pair of endpoints, found from a segment of either direction. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/budget.h"
#include "base/index.h"
#include "base/table.h"
#include "base/wheel.h"
#include "flow/hold.h"
#include "flow/stream.h"
#include "verdict/event.h"
#include "wire/packet.h"

struct refusal; /* enforce/reject.h; owned by the flow's user */

/* One direction's TCP state beside its octets. */
struct flow_side {
	/* Octets this side sends; NULL until its SYN, or its first segment, was seen, and while it rests. */
	struct stream *stream;
	struct stream_rest rest; /* with is_resting: what is left of the stream */
	bool is_resting : 1;
	bool has_first : 1; /* false: its SYN was not seen */
	bool has_fin : 1;
	bool has_ack : 1;
	bool has_timestamps : 1;
	bool has_hardware_address : 1;
	bool has_ingress : 1;
	uint8_t hardware_address[6]; /* as seen at our ingress */
	uint16_t last_window;
	uint32_t first_seq; /* of its first octet; the server's, as its client took it */
	uint32_t fin_seq;   /* sequence number of the FIN itself */
	uint32_t last_ack;  /* the last acknowledgement this side sent */
	uint32_t last_timestamp;
	uint32_t ingress; /* interface index; 0: this machine itself */
};

enum flow_phase {
	FLOW_OPENING, /* SYN seen, no answer */
	FLOW_OPEN,
	FLOW_REFUSED,   /* a tombstone, see `refusal` */
	FLOW_OFFLOADED, /* marked: the kernel passes the rest */
	FLOW_CLOSING, /* FIN both ways, or RST; of the server's alone, perhaps not for the client */
};

/*
 * What a connection is to the table. A full one gives up the flow unused for longest of that kind of which it has most: never one that
 * stands, whatever is opened beside it.
 */
enum flow_rank {
	FLOW_RANK_GUEST,    /* half open; or more than the share of its client or its destination */
	FLOW_RANK_UNASKED,  /* only the far end has spoken: perhaps there is no such connection */
	FLOW_RANK_REFUSED,  /* a tombstone */
	FLOW_RANK_OVER,     /* the client has ended it, or the kernel passes the rest */
	FLOW_RANK_STANDING, /* each side has answered the other */
	FLOW_RANKS,
};

struct flow_share;

/* What only a flow needs that waits for something, or was refused. */
struct flow_wait {
	struct wheel_timer timer;
	struct flow *flow;
	/* Links of the user's list of those that wait for an answer; not the table's business. */
	struct flow_wait *previous, *next;
	uint64_t names; /* of the questions that it waits for, a bit each */
	bool is_listed;
	struct hold hold;
	/* Since when the octet that would complete a line is held; 0: none. */
	uint64_t line_since_ms;
	uint64_t settles_at_ms; /* midstream: until then the client's segments gather; 0: settled */
	uint64_t waiting_since_ms; /* since when a commitment waits for an answer; 0: none */
	struct refusal *refusal;
	size_t refusal_charged; /* octets of the budget that `refusal` keeps */
};

/* Of flows that wait for nothing: zeros that nobody may write. */
extern const struct flow_wait flow_waits_for_nothing;

enum { FLOW_VAIN_PASSAGES_BITS = 6 };

/*
 * An idle one has 512 octets at most, with all that hangs on it, unless the names of its ends are very long: thousands are open where
 * senders keep connections for their next mail.
 */
struct flow {
	struct index_link link;
	enum flow_phase phase : 4;
	enum flow_rank rank : 4; /* the table's */
	enum hook hook : 8;
	enum reason last_reason : 8;
	enum action last_action : 8;
	bool is_bridged : 1;
	bool is_established : 1; /* the client has acknowledged the server's SYN, or it began before us */
	bool has_client_ended : 1; /* FIN or RST of its own: nothing new comes from it */
	bool has_client_moved : 1; /* its segments came by more than one interface */
	bool is_end_judged : 1;
	bool are_words_asked : 1;
	bool are_sessions_begun : 1; /* those of its handshake */
	bool is_mail_unjudged : 1;   /* monitor: a MAIL passed whose RCPT has not come yet */
	bool is_armed : 1;           /* the kernel passes its body, or froze it since */
	bool wants_passage : 1;      /* among those that are to be armed */
	bool is_passage_barred : 1;  /* each segment is to come by here, to the end */
	/* Armed and taken back without an octet having passed, so often in a row. */
	unsigned vain_passages : FLOW_VAIN_PASSAGES_BITS;
	bool is_inconsistent; /* an octet came twice with different values */
	struct flow_side from_client;
	struct flow_side from_server;
	struct endpoint client;
	struct endpoint server;
	uint32_t last_echo; /* of the server's timestamps, as the client has them */
	uint32_t octets;    /* flow_table_charge */
	uint32_t last_ms;   /* of the last packet: the clock's lower half; flow_idle_ms */
	/* Since when STARTTLS has had no reply: one more than it was behind started_ms; 0: it had, or was not asked. */
	uint32_t starttls_since;
	struct session *session;
	struct flow_wait *wait; /* flow_waits_for_nothing, or its own */
	char *domain; /* of the last recipient, normalised; NULL: none. Owned by the flow's user */
	uint64_t id;  /* of its events; 0: none yet */
	uint64_t started_ms;
	/* The table's. */
	struct flow *older, *younger; /* of its rank */
	struct flow_share *of_client, *of_destination;
};

/* For how long none of its packets came; up to 49 days. */
static inline uint32_t flow_idle_ms(const struct flow *flow, uint64_t now_ms)
{
	return (uint32_t)now_ms - flow->last_ms;
}

struct flow_table;

/* on_leave is called with each flow that leaves, which is freed after; it must release what it put in. */
typedef void (*flow_leave_fn)(void *owner, struct flow *flow);

/*
 * Three quarters are for flows that stand. Of these a client has a share, and so has a destination (an address, in IPv6 a /64): as many as
 * are free when it takes one more. So one has half of them at most, of two each a third, and a newcomer finds room.
 */
struct flow_table *flow_table_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN],
                                  flow_leave_fn on_leave, void *owner);
void flow_table_free(struct flow_table *table);

/* *is_from_client says which side sent the segment; the flow becomes the youngest. NULL: not known. */
struct flow *flow_table_find(struct flow_table *table, bool *is_from_client,
                             const struct segment *segment);
/*
 * A new flow, zeroed but for its endpoints, at an address that stays; a guest. One with the same endpoints, either way round, leaves
 * first; so does one of a full table. The endpoints may not be those of a flow that leaves. NULL: out of memory.
 */
struct flow *flow_table_add(struct flow_table *table, const struct endpoint *client,
                            const struct endpoint *server);
void flow_table_remove(struct flow_table *table, struct flow *flow);
/* It is in use, though none of its segments was found: the flow becomes the youngest. */
void flow_table_touch(struct flow_table *table, struct flow *flow);
/* Gives it the rank that it has by now. */
void flow_table_settle(struct flow_table *table, struct flow *flow);
/*
 * Of a rank by the last segment found or the start, oldest first, but for a few that a full table spared; NULL at the end. A flow may be
 * removed after the next one was fetched.
 */
struct flow *flow_table_oldest(const struct flow_table *table, enum flow_rank rank);
struct flow *flow_table_younger(const struct flow *flow);
size_t flow_table_count(const struct flow_table *table);
size_t flow_table_count_rank(const struct flow_table *table, enum flow_rank rank);
/* Memory that the flow's user took for it, or gave back: what was used of it before, and what is used by now. */
void flow_table_charge(struct flow *flow, size_t before, size_t now);
/* What its client or its destination has in all, whichever is more. */
size_t flow_table_octets(const struct flow *flow);
/* How many a full table gave up; *last: the client of the last. */
uint64_t flow_table_driven_out(const struct flow_table *table, struct address *last);

#endif

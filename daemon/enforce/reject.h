/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_REJECT_H
#define HOPGUARD_ENFORCE_REJECT_H

/*
 * How a connection is refused, and the tombstone that stays (docs/architecture.md, refusing).
 *
 * In clear text: a 421 reply and FIN into the client's stream, behind all that the client has
 * acknowledged (what the server had sent and the client not yet acknowledged goes before it again),
 * repeated until acknowledged. No RST hurries after it: some systems throw away what their user has
 * not read yet. Until our FIN is acknowledged the client's repetitions get no answer of their own;
 * then, for a while, what it still sends is acknowledged and thrown away, its FIN always is; a
 * client that goes on after that gets a RST. In TLS: RST at once.
 *
 * The server gets a RST at its last acknowledgement, again for each segment it still sends.
 * Pure: what is to be sent goes to a callback.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"
#include "wire/craft.h"
#include "wire/packet.h"

enum {
	REFUSAL_TEXT_MAX = 512,              /* RFC 5321 section 4.5.3.1.5, with CR LF */
	REFUSAL_UNDELIVERED_MAX = 64 * 1024, /* more is taken as not kept */
	REFUSAL_SEGMENT_MAX = 1220,          /* passes every path: IPv6's least MTU */
	REFUSAL_BURST_MAX = 16,              /* segments on their way at once */
	REFUSAL_RESEND_FIRST_MS = 200,       /* doubling */
	REFUSAL_RESEND_MAX_MS = 8000,
	REFUSAL_RESENDS_MAX = 12,          /* without progress; then a RST */
	REFUSAL_RESETS_MAX = 4,            /* unasked, of a client in TLS */
	REFUSAL_LINGER_MS = 10 * 1000,     /* for a client that writes on before it reads the 421 */
	REFUSAL_LIFE_MS = 15 * 60 * 1000,  /* as long as a sender retransmits (tcp_retries2) */
	REFUSAL_DONE_LIFE_MS = 120 * 1000, /* after our FIN was acknowledged */
};

struct refusal;

struct refusal_start {
	struct endpoint client;
	struct endpoint server;
	bool is_tls;          /* RST to both instead of a 421 */
	uint32_t client_next; /* what the client would send next: we acknowledge up to it */
	/* The first octet of the server's that was not passed to the client. */
	uint32_t server_next;
	uint32_t client_acked; /* what the client has acknowledged of the server's octets */
	/* The server's octets from client_acked to server_next, copied; empty when not kept. */
	struct bytes undelivered;
	uint32_t server_acked; /* the server's last acknowledgement: where a RST to it must be */
	uint16_t window;       /* to advertise */
	bool has_timestamps;
	uint32_t server_timestamp; /* the last the client got */
	uint32_t client_timestamp; /* the last the client sent */
	uint16_t segment_max;      /* the client's MSS as announced; 536 or 1220 when it did not */
	const char *text;          /* reply line(s) with CR LF, REFUSAL_TEXT_MAX octets at most */
};

/* to_client: towards the client in the server's name; else towards the server in the client's. */
typedef void (*refusal_send_fn)(void *owner, bool to_client, const struct craft *craft);

/* Sends nothing yet. NULL: out of memory. */
struct refusal *refusal_new(const struct refusal_start *start, refusal_send_fn send, void *owner,
                            uint64_t now_ms);
void refusal_free(struct refusal *refusal);

/* Sends the 421 and FIN (or RST), and a RST to the server unless a rewritten packet carries it. */
void refusal_begin(struct refusal *refusal, bool resets_server, uint64_t now_ms);
/*
 * A segment of either side for a refused connection: it is to be dropped, this answers it. After a
 * SYN of the client's, which begins another connection, refusal_is_over at once.
 */
void refusal_answer(struct refusal *refusal, const struct segment *segment, bool is_from_client,
                    uint64_t now_ms);
/* Resends when due. The time of the next call, or UINT64_MAX. */
uint64_t refusal_tick(struct refusal *refusal, uint64_t now_ms);
/* The tombstone may go. */
bool refusal_is_over(const struct refusal *refusal, uint64_t now_ms);
/* Where a RST to the server must be, for rewriting the offending packet. */
uint32_t refusal_server_seq(const struct refusal *refusal);

#endif

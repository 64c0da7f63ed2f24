/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_REPLAY_CAPTURE_H
#define HOPGUARD_CLI_REPLAY_CAPTURE_H

/* The IP packets of capture files (pcap, pcapng), read by libpcap; several files as if they were one, in order of time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* All are open at a time; the usual limit of descriptors is 1024. */
enum { REPLAY_CAPTURES_MAX = 512 };

struct replay_packet {
	uint64_t time_ms; /* since 1970 */
	bool is_cut;      /* longer than what was captured of it */
	/* From the IP header on; empty: no IP. Valid until the next one is taken. */
	struct bytes packet;
};

struct replay_captures;

/* Reads nothing of them yet. NULL: one of them cannot be opened, or no memory; it was said on standard error. `paths` are borrowed. */
struct replay_captures *replay_captures_open(char *const *paths, size_t count);
/* Once, before the first is taken. False: one of them is no capture; it was said on standard error. */
bool replay_captures_begin(struct replay_captures *captures);
void replay_captures_close(struct replay_captures *captures);

/* The earliest next one. False: none is left. */
bool replay_captures_next(struct replay_captures *captures, struct replay_packet *packet);
/* Whether all files could be read to their end; which not was said on standard error. */
bool replay_captures_are_whole(const struct replay_captures *captures);

#endif

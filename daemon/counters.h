/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_COUNTERS_H
#define HOPGUARD_COUNTERS_H

/* What each process counts; the ledger sums it up, and names it for `hopguard status`. */

#include <stdint.h>

struct status;

/* Sums since the process started. */
struct counters {
	uint64_t packets;
	uint64_t octets;
	uint64_t flows_opened;
	uint64_t flows_now;
	uint64_t flows_standing;   /* of them, those in which each side has answered the other */
	uint64_t flows_driven_out; /* had to make room for others, or gave up their memory */
	uint64_t flows_midstream;
	uint64_t flows_offloaded;
	uint64_t verdicts[8];      /* by enum action */
	uint64_t reasons[32];      /* by enum reason, other than pass */
	uint64_t decisions;        /* something irrevocable was decided */
	uint64_t decisions_waited; /* of them, those that waited for an answer */
	uint64_t decisions_waited_ms;
	uint64_t key_checks; /* asked of the verifier */
	uint64_t probes;     /* asked of the scout */
	uint64_t held_packets;
	uint64_t held_now;
	uint64_t held_ms; /* sum over released packets */
	uint64_t hold_overflows;
	uint64_t hold_timeouts;
	uint64_t dropped_malformed;
	uint64_t dropped_early; /* behind a gap, no room */
	uint64_t queue_overruns;
	uint64_t passages;         /* of bodies in the kernel: how often one was handed to it */
	uint64_t passage_octets;   /* that passed there */
	uint64_t passage_failures; /* it did not take one */
	uint64_t
		passages_lost; /* it did not say where one stands: read on as one that began before us */
	uint64_t memory_now;
	uint64_t questions;
	uint64_t cache_entries;
	uint64_t heard_answers; /* DNS answers handed to the scout */
	uint64_t
		heard_dropped; /* beyond a bound, by guard or scout; of a TCP connection of which a part was missed */
	uint64_t heard_unasked;        /* DNS answers to no question that was seen */
	uint64_t heard_questions_lost; /* had to make room before their answer came */
	uint64_t candidates;           /* domains heard to have their mail at an address */
	uint64_t answers_forged;       /* DNS answers kept from the client */
	/* scout */
	uint64_t answers_kept;
	uint64_t lookups;
	uint64_t lookups_bogus;
	uint64_t lookups_failed;
	uint64_t lookups_in_flight;
	uint64_t questions_put_off; /* of guards, beyond a client's share: they ask again */
	uint64_t memory_hosts;      /* that offered STARTTLS */
	uint64_t memory_places;
	uint64_t memory_domains; /* whose promise was met */
	uint64_t memory_octets;
	uint64_t rows_waiting; /* for the ledger */
	uint64_t rows_lost;
	uint64_t prefetches; /* look-ups ahead of mail, for names that were heard */
	uint64_t probes_made;
	uint64_t probes_as_client; /* of them, those that came from a client's own address */
	uint64_t probes_ahead;     /* of them, those that nobody waited for */
	uint64_t probes_failed;    /* could not tell */
	uint64_t probes_cached;    /* questions that what was known already answered */
	uint64_t probes_now;       /* under way */
	uint64_t probes_known;     /* destinations of which something is known */
	/* verifier */
	uint64_t checks;
	uint64_t
		checks_cached; /* of them, those whose certificates were judged within the same minute */
	uint64_t
		checks_unproven; /* of them, those whose key exchange is not signed as it must be */
	/* any */
	uint64_t events_left_out; /* beyond those told in a second, or while the ledger was away */
	uint64_t messages_refused;
};

void counters_add(struct counters *sum, const struct counters *part);
/* Adds one figure for each counter. */
void counters_fill(struct status *status, const struct counters *sum);

#endif

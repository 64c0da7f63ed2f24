/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_GATE_OWNER_H
#define HOPGUARD_TESTS_BENCH_GATE_OWNER_H

/*
 * Who stands behind a gate in a benchmark: counts verdicts, and answers each question at once: the name exists and
 * promised nothing, or with has_promises a key, which every server has. Nothing is sent, told or probed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "gate.h"

struct gate_owner {
	struct gate *gate;
	struct config config;
	struct nfqueue *queue;       /* where verdicts go; NULL: they are only counted */
	char asked[DOMAIN_NAME_MAX]; /* the last question */
	enum question_kind asked_kind;
	bool is_asked;
	struct destination answer;
	/* By DANE at mx.example.org, where all connections go to. Set before gate_owner_renew. */
	bool has_promises;
	bool is_checked, is_probed; /* something waits for what comes of that */
	uint32_t check_request;
	uint64_t probe_key;
	uint64_t accepted, offloaded, questions;
};

/* In enforce, all else as by default. Out of memory: exits, and says so. */
void gate_owner_init(struct gate_owner *owner);
void gate_owner_free(struct gate_owner *owner);
/* A gate that knows nothing. */
void gate_owner_renew(struct gate_owner *owner);
/* As the scout would tell it. */
void gate_owner_answer(struct gate_owner *owner, enum question_kind kind, const char *name,
                       uint64_t now_ms);
/* One packet, and the answers to what it made the gate ask. */
void gate_owner_packet(struct gate_owner *owner, const struct nfqueue_packet *packet,
                       uint64_t now_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_PASSAGE_MODEL_H
#define HOPGUARD_TESTS_SUPPORT_PASSAGE_MODEL_H

/* The passage of message bodies in memory: what the kernel does with a packet in front of the queue, by kmod/smtpbody_scan.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "net/body_passage.h"

enum { PASSAGE_MODEL_FLOWS_MAX = 8 };

struct passage_model {
	struct passage_entry {
		struct passage_flow flow;
		uint64_t word;
		uint64_t acks;
		uint64_t server;
		uint32_t answers_by;
		bool is_used;
	} entries[PASSAGE_MODEL_FLOWS_MAX];
	uint16_t generation;
	bool is_full; /* arms nothing */
	uint64_t passed_packets;
	uint64_t passed_octets;
	uint64_t passed_acks;
	uint64_t arms;
	uint64_t looks;
	uint64_t take_backs;
	/* When set: at each arm, the place. */
	void (*on_arm)(void *owner, const struct passage_place *place);
	void *owner;
};

/* model is borrowed, zeroed at first. */
struct body_passage *passage_model_new(struct passage_model *model);
/* A whole packet that came in by `ingress`, IP header first. True: it passes, and no queue sees it. */
bool passage_model_passes(struct passage_model *model, uint32_t ingress, struct bytes packet);
/* Whether any segment could pass just now. */
bool passage_model_is_armed(const struct passage_model *model);
/* As a module that is unloaded: nothing is known any more. */
void passage_model_forget_all(struct passage_model *model);

#endif

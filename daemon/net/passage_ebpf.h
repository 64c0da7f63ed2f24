/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_PASSAGE_EBPF_H
#define HOPGUARD_NET_PASSAGE_EBPF_H

/*
 * The passage by the eBPF program (kmod/smtpbody_bpf.c), as a guard uses it: all guards share one table with the program, in memory
 * (kmod/smtpbody_table.h). No call below enters the kernel but that which adopts.
 */

#include "net/body_passage.h"

/*
 * ticket->descriptors[0] is the table's (net/passage_load.h), and is closed here. *adopted owns the rest. 0, or -errno: -EPROTO, not
 * a table of this version.
 */
int passage_ebpf_adopt(struct body_passage **adopted, const struct passage_ticket *ticket);

/* What the program reads at `flow`. */
struct smtpbody_key;
void passage_ebpf_key(struct smtpbody_key *key, const struct passage_flow *flow);

#endif

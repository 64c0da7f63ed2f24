/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_KMOD_FLOWS_H
#define HOPGUARD_KMOD_FLOWS_H

/*
 * The flows that were armed, a table for each network namespace. Packets read it under RCU and change of a flow only its
 * word, by compare-and-swap; requests take turns.
 */

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#define SMTPBODY_TIMEOUT_MAX (24 * 60 * 60) /* seconds */

/* From client to server. No padding up to ingress: all of that is hashed and compared, so all of it is set. */
struct smtpbody_key {
	union nf_inet_addr source;
	union nf_inet_addr destination;
	__be16 source_port;
	__be16 destination_port;
	u16 zone;
	u16 family;
	u32 ingress;
	bool is_answer; /* asked for: ingress is that of the server's segments */
};

struct smtpbody_flow {
	struct rhash_head node;
	struct smtpbody_key key;
	atomic64_t word; /* these three: see smtpbody_scan.h */
	atomic64_t acks;
	atomic64_t server;
	u32 answers_by;        /* ingress of the server's segments */
	unsigned long touched; /* jiffies: armed, or a segment passed */
	unsigned long timeout; /* jiffies */
	u32 owner;
	u32 portid; /* of the socket by which it was armed */
	struct rcu_head rcu;
};

struct smtpbody_counters {
	u64_stats_t segments;
	u64_stats_t octets;
	u64_stats_t frozen;
	struct u64_stats_sync syncp;
};

struct smtpbody_net {
	struct rhashtable table;
	struct mutex requests; /* all that puts flows in and takes them out */
	unsigned int count;
	struct delayed_work sweep;
	struct smtpbody_counters __percpu *counters;
};

struct smtpbody_net *smtpbody_net_of(const struct net *net);

/* For packets: under RCU, which protects what is returned. NULL: not known. */
struct smtpbody_flow *smtpbody_find(struct smtpbody_net *here, const struct smtpbody_key *key);
void smtpbody_count_passed(struct smtpbody_net *here, u32 octets);
void smtpbody_count_frozen(struct smtpbody_net *here);

/* Which flows are meant; what is not asked for matches all. */
struct smtpbody_choice {
	bool by_owner;
	bool by_portid;
	bool by_age;
	u32 owner;
	u32 portid;
};

struct smtpbody_arming {
	struct smtpbody_key key;
	u32 next_seq;
	u16 tail;
	bool has_answers; /* then the next five are said */
	u16 window;
	u32 answer_seq;
	u32 answers_by;
	u32 acked;
	u32 timestamp;
	u32 owner;
	u32 portid;
	u32 timeout; /* seconds */
};

/* Of one moment, but that more may have passed than is acknowledged. */
struct smtpbody_words {
	u64 word;
	u64 acks;
	u64 server;
};

struct smtpbody_totals {
	u64 segments;
	u64 octets;
	u64 frozen;
	u32 flows;
	u32 flows_max;
};

/* For requests. 0 or -errno; *words are those of the flow, written on success. */
int smtpbody_arm(struct smtpbody_net *here, const struct smtpbody_arming *arming);
int smtpbody_look(struct smtpbody_words *words, struct smtpbody_net *here,
		  const struct smtpbody_key *key);
int smtpbody_take_back(struct smtpbody_words *words, struct smtpbody_net *here,
		       const struct smtpbody_key *key);
void smtpbody_forget(struct smtpbody_net *here, const struct smtpbody_choice *choice);
void smtpbody_total(struct smtpbody_totals *totals, struct smtpbody_net *here);

int smtpbody_flows_init(void);
void smtpbody_flows_exit(void);

int smtpbody_control_init(void);
void smtpbody_control_exit(void);

#endif

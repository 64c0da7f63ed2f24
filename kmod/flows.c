// SPDX-License-Identifier: GPL-2.0-or-later
#include "flows.h"

#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "smtpbody_scan.h"

#define SWEEP_INTERVAL (10 * HZ)

static unsigned int flows_max __read_mostly = 262144;
module_param(flows_max, uint, 0644);
MODULE_PARM_DESC(flows_max, "most flows in a network namespace (262144)");

static unsigned int net_id __read_mostly;

/* 0: it is that flow. The interface is not hashed, as the client's segments come by one and the server's by another. */
static int compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct smtpbody_flow *flow = object;
	const struct smtpbody_key *key = arg->key;

	if (memcmp(&flow->key, key, offsetof(struct smtpbody_key, ingress)))
		return 1;
	return (key->is_answer ? READ_ONCE(flow->answers_by) : flow->key.ingress) != key->ingress;
}

static const struct rhashtable_params table_params = {
	.key_len = offsetof(struct smtpbody_key, ingress),
	.obj_cmpfn = compare,
	.key_offset = offsetof(struct smtpbody_flow, key),
	.head_offset = offsetof(struct smtpbody_flow, node),
	.automatic_shrinking = true,
};

struct smtpbody_net *smtpbody_net_of(const struct net *net)
{
	return net_generic(net, net_id);
}

struct smtpbody_flow *smtpbody_find(struct smtpbody_net *here, const struct smtpbody_key *key)
{
	return rhashtable_lookup(&here->table, key, table_params);
}

/* Output of a local process comes by here with bottom halves on. */
void smtpbody_count_passed(struct smtpbody_net *here, u32 octets)
{
	struct smtpbody_counters *counters;

	local_bh_disable();
	counters = this_cpu_ptr(here->counters);
	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&counters->segments);
	u64_stats_add(&counters->octets, octets);
	u64_stats_update_end(&counters->syncp);
	local_bh_enable();
}

void smtpbody_count_frozen(struct smtpbody_net *here)
{
	struct smtpbody_counters *counters;

	local_bh_disable();
	counters = this_cpu_ptr(here->counters);
	u64_stats_update_begin(&counters->syncp);
	u64_stats_inc(&counters->frozen);
	u64_stats_update_end(&counters->syncp);
	local_bh_enable();
}

static struct smtpbody_flow *find_for_request(struct smtpbody_net *here,
					      const struct smtpbody_key *key)
{
	struct smtpbody_flow *flow;

	lockdep_assert_held(&here->requests);
	rcu_read_lock();
	flow = smtpbody_find(here, key);
	rcu_read_unlock();
	return flow; /* stays: nobody else may take it out */
}

/*
 * What is armed is of another generation: a segment that is being read meanwhile compares with a word that never comes back.
 * acks goes out first and comes in last, so that whoever finds it armed has the rest of the same arming.
 */
static void set_words(struct smtpbody_flow *flow, const struct smtpbody_arming *arming)
{
	u16 generation = smtpbody_unpack(atomic64_read(&flow->word)).generation;
	u64 word = smtpbody_pack((struct smtpbody_state){
		.next_seq = arming->next_seq,
		.tail = arming->tail,
		.generation = generation + 1,
		.is_armed = true,
	});
	u64 acks = smtpbody_acks(word, arming->acked, arming->window);

	atomic64_fetch_andnot(SMTPBODY_ARMED, &flow->acks);
	WRITE_ONCE(flow->answers_by, arming->answers_by);
	atomic64_set(&flow->server, smtpbody_server(arming->answer_seq, arming->timestamp));
	atomic64_set_release(&flow->word, word);
	atomic64_set_release(&flow->acks, arming->has_answers ? acks : acks & ~SMTPBODY_ARMED);
}

static int add(struct smtpbody_net *here, const struct smtpbody_arming *arming)
{
	struct smtpbody_flow *flow;
	int err;

	if (here->count >= READ_ONCE(flows_max))
		return -ENOSPC;
	flow = kzalloc(sizeof(*flow), GFP_KERNEL_ACCOUNT);
	if (!flow)
		return -ENOMEM;
	flow->key = arming->key;
	flow->owner = arming->owner;
	flow->portid = arming->portid;
	flow->touched = jiffies;
	flow->timeout = (unsigned long)arming->timeout * HZ;
	set_words(flow, arming);
	err = rhashtable_insert_fast(&here->table, &flow->node, table_params);
	if (err) {
		kfree(flow);
		return err;
	}
	here->count++;
	queue_delayed_work(system_power_efficient_wq, &here->sweep, SWEEP_INTERVAL);
	return 0;
}

static void arm_again(struct smtpbody_flow *flow, const struct smtpbody_arming *arming)
{
	flow->owner = arming->owner;
	flow->portid = arming->portid;
	flow->timeout = (unsigned long)arming->timeout * HZ;
	WRITE_ONCE(flow->touched, jiffies);
	set_words(flow, arming);
}

int smtpbody_arm(struct smtpbody_net *here, const struct smtpbody_arming *arming)
{
	struct smtpbody_flow *flow;
	int err = 0;

	mutex_lock(&here->requests);
	flow = find_for_request(here, &arming->key);
	if (flow)
		arm_again(flow, arming);
	else
		err = add(here, arming);
	mutex_unlock(&here->requests);
	return err;
}

int smtpbody_look(struct smtpbody_words *words, struct smtpbody_net *here,
		  const struct smtpbody_key *key)
{
	struct smtpbody_flow *flow;

	mutex_lock(&here->requests);
	flow = find_for_request(here, key);
	if (flow) {
		words->acks = atomic64_read_acquire(&flow->acks);
		words->word = atomic64_read(&flow->word);
		words->server = atomic64_read(&flow->server);
	}
	mutex_unlock(&here->requests);
	return flow ? 0 : -ESRCH;
}

/* Has the last words: whoever found the flow before, and has yet to swap, finds others. */
static struct smtpbody_words take_out(struct smtpbody_net *here, struct smtpbody_flow *flow)
{
	struct smtpbody_words words;

	lockdep_assert_held(&here->requests);
	words.word = atomic64_xchg(&flow->word, 0);
	words.acks = atomic64_xchg(&flow->acks, 0);
	words.server = atomic64_read(&flow->server);
	rhashtable_remove_fast(&here->table, &flow->node, table_params);
	here->count--;
	kfree_rcu(flow, rcu);
	return words;
}

int smtpbody_take_back(struct smtpbody_words *words, struct smtpbody_net *here,
		       const struct smtpbody_key *key)
{
	struct smtpbody_flow *flow;

	mutex_lock(&here->requests);
	flow = find_for_request(here, key);
	if (flow)
		*words = take_out(here, flow);
	mutex_unlock(&here->requests);
	return flow ? 0 : -ESRCH;
}

static bool is_meant(const struct smtpbody_flow *flow, const struct smtpbody_choice *choice)
{
	if (choice->by_owner && flow->owner != choice->owner)
		return false;
	if (choice->by_portid && flow->portid != choice->portid)
		return false;
	return !choice->by_age || time_after(jiffies, READ_ONCE(flow->touched) + flow->timeout);
}

/* A table that is resized meanwhile is walked again from its beginning. */
void smtpbody_forget(struct smtpbody_net *here, const struct smtpbody_choice *choice)
{
	struct rhashtable_iter iter;
	struct smtpbody_flow *flow;

	if (!READ_ONCE(here->count))
		return;
	mutex_lock(&here->requests);
	rhashtable_walk_enter(&here->table, &iter);
	rhashtable_walk_start(&iter);
	while ((flow = rhashtable_walk_next(&iter))) {
		/* Not behind one that is taken out: of those beside it the walk would skip as many as it had seen there. */
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
		if (!IS_ERR(flow) && is_meant(flow, choice))
			take_out(here, flow);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	mutex_unlock(&here->requests);
}

static void sweep(struct work_struct *work)
{
	struct smtpbody_net *here = container_of(to_delayed_work(work), struct smtpbody_net, sweep);
	const struct smtpbody_choice old = { .by_age = true };

	smtpbody_forget(here, &old);
	if (READ_ONCE(here->count))
		queue_delayed_work(system_power_efficient_wq, &here->sweep, SWEEP_INTERVAL);
}

void smtpbody_total(struct smtpbody_totals *totals, struct smtpbody_net *here)
{
	int cpu;

	*totals = (struct smtpbody_totals){
		.flows = READ_ONCE(here->count),
		.flows_max = READ_ONCE(flows_max),
	};
	for_each_possible_cpu(cpu) {
		struct smtpbody_counters *counters = per_cpu_ptr(here->counters, cpu);
		u64 segments, octets, frozen;
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&counters->syncp);
			segments = u64_stats_read(&counters->segments);
			octets = u64_stats_read(&counters->octets);
			frozen = u64_stats_read(&counters->frozen);
		} while (u64_stats_fetch_retry(&counters->syncp, start));
		totals->segments += segments;
		totals->octets += octets;
		totals->frozen += frozen;
	}
}

static int __net_init flows_net_init(struct net *net)
{
	struct smtpbody_net *here = smtpbody_net_of(net);
	int err;

	mutex_init(&here->requests);
	INIT_DELAYED_WORK(&here->sweep, sweep);
	here->counters = netdev_alloc_pcpu_stats(struct smtpbody_counters);
	if (!here->counters)
		return -ENOMEM;
	err = rhashtable_init(&here->table, &table_params);
	if (err)
		free_percpu(here->counters);
	return err;
}

static void free_flow(void *flow, void *unused)
{
	kfree(flow);
}

/* No packet is in here any more: each table of rules is unhooked before, and its last packets were waited for. */
static void __net_exit flows_net_exit(struct net *net)
{
	struct smtpbody_net *here = smtpbody_net_of(net);

	cancel_delayed_work_sync(&here->sweep);
	rhashtable_free_and_destroy(&here->table, free_flow, NULL);
	free_percpu(here->counters);
}

static struct pernet_operations net_operations = {
	.init = flows_net_init,
	.exit = flows_net_exit,
	.id = &net_id,
	.size = sizeof(struct smtpbody_net),
};

int smtpbody_flows_init(void)
{
	BUILD_BUG_ON(offsetof(struct smtpbody_key, ingress) != 40);
	return register_pernet_subsys(&net_operations);
}

void smtpbody_flows_exit(void)
{
	unregister_pernet_subsys(&net_operations);
}

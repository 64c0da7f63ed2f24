// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The match `smtpbody`: which segments pass. What is not understood does not pass, and freezes the flow that it belongs
 * to: the receiver may well understand it.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_bridge.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/genetlink.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/tcp.h>

#include "flows.h"
#include "smtpbody_scan.h"
#include "xt_smtpbody.h"

#define XT_SMTPBODY_VERSION "0.1.0"

struct segment {
	struct smtpbody_key key;
	bool is_plain; /* the IP header: nothing but itself before TCP's, and its length is the packet's */
	unsigned int tcp_at;  /* in the packet */
	unsigned int tcp_len; /* with the header */
	u32 seq;
	u8 flags;
	unsigned int payload_at;
	u32 payload_len;
	struct smtpbody_ack ack;
	bool has_usual_options; /* as an ack of the server has them */
};

/* False: no first part of a packet in which TCP's header would be. */
static bool read_ipv4(struct segment *segment, const struct sk_buff *skb)
{
	unsigned int at = skb_network_offset(skb);
	struct iphdr header;
	const struct iphdr *ip = skb_header_pointer(skb, at, sizeof(header), &header);

	if (!ip || ip->protocol != IPPROTO_TCP || (ip->frag_off & htons(IP_OFFSET)))
		return false;
	segment->key.family = NFPROTO_IPV4;
	segment->key.source.ip = ip->saddr;
	segment->key.destination.ip = ip->daddr;
	segment->tcp_at = at + ip->ihl * 4;
	segment->is_plain = ip->version == 4 && ip->ihl == 5 && !(ip->frag_off & htons(IP_MF)) &&
			    ntohs(ip->tot_len) == skb->len - at;
	return true;
}

static bool read_ipv6(struct segment *segment, const struct sk_buff *skb)
{
	unsigned int at = skb_network_offset(skb);
	struct ipv6hdr header;
	const struct ipv6hdr *ip = skb_header_pointer(skb, at, sizeof(header), &header);
	__be16 fragment;
	int tcp_at;
	u8 next;

	if (!ip)
		return false;
	next = ip->nexthdr;
	tcp_at = ipv6_skip_exthdr(skb, at + sizeof(header), &next, &fragment);
	if (tcp_at < 0 || next != IPPROTO_TCP || (fragment & htons(IP6_OFFSET)))
		return false;
	segment->key.family = NFPROTO_IPV6;
	segment->key.source.in6 = ip->saddr;
	segment->key.destination.in6 = ip->daddr;
	segment->tcp_at = tcp_at;
	segment->is_plain = ip->version == 6 && ip->nexthdr == IPPROTO_TCP &&
			    ntohs(ip->payload_len) + sizeof(header) == skb->len - at;
	return true;
}

/* That of its direction's packets, or of those which it answers. */
static u16 zone_of(const struct sk_buff *skb, bool is_answer)
{
	enum ip_conntrack_info info;
	const struct nf_conn *connection = nf_ct_get(skb, &info);

	if (!connection)
		return NF_CT_DEFAULT_ZONE_ID;
	return nf_ct_zone_id(nf_ct_zone(connection),
			     is_answer ? !CTINFO2DIR(info) : CTINFO2DIR(info));
}

/* Where the queue's messages say that it came in by: the port of what crosses a bridge, as eBPF sees it. */
static u32 ingress_of(const struct sk_buff *skb, const struct xt_action_param *par)
{
	if (!xt_in(par))
		return 0;
	return nf_bridge_get_physoutif(skb) ? nf_bridge_get_physinif(skb) : xt_in(par)->ifindex;
}

/* The key, and where TCP's header is. False: no flow's. */
static bool read_key(struct segment *segment, const struct sk_buff *skb,
		     const struct xt_action_param *par)
{
	const __be16 *ports;
	__be16 storage[2];

	memset(segment, 0, sizeof(*segment));
	if (xt_family(par) == NFPROTO_IPV6 ? !read_ipv6(segment, skb) : !read_ipv4(segment, skb))
		return false;
	ports = skb_header_pointer(skb, segment->tcp_at, sizeof(storage), storage);
	if (!ports)
		return false;
	segment->key.source_port = ports[0];
	segment->key.destination_port = ports[1];
	segment->key.ingress = ingress_of(skb, par);
	segment->key.zone = zone_of(skb, false);
	return true;
}

/* Of the options only those that go with every segment of a connection once it stands. */
static bool options_are_plain(const u8 *options, unsigned int len)
{
	unsigned int at = 0;

	while (at < len) {
		switch (options[at]) {
		case TCPOPT_EOL:
			return true;
		case TCPOPT_NOP:
			at++;
			break;
		case TCPOPT_TIMESTAMP:
		case TCPOPT_SACK:
			if (at + 1 >= len || options[at + 1] < 2)
				return false;
			at += options[at + 1];
			break;
		default:
			return false;
		}
	}
	return at == len;
}

static void read_ack(struct segment *segment, const struct tcphdr *tcp, unsigned int options_len)
{
	const u8 *options = (const u8 *)(tcp + 1);
	__be32 read[SMTPBODY_OPTION_WORDS] = {};
	u32 words[SMTPBODY_OPTION_WORDS];
	unsigned int i;

	memcpy(read, options, min_t(unsigned int, options_len, sizeof(read)));
	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = ntohl(read[i]);
	segment->ack.seq = segment->seq;
	segment->ack.acked = ntohl(tcp->ack_seq);
	segment->ack.window = ntohs(tcp->window);
	segment->has_usual_options = smtpbody_read_options(&segment->ack, options_len, words);
}

/* The rest of the segment. False: not understood. */
static bool read_tcp(struct segment *segment, const struct sk_buff *skb)
{
	u8 storage[15 * 4];
	const struct tcphdr *tcp;
	unsigned int header_len;

	if (!segment->is_plain || (skb_is_gso(skb) && !skb_is_gso_tcp(skb)))
		return false;
	tcp = skb_header_pointer(skb, segment->tcp_at, sizeof(*tcp), storage);
	if (!tcp)
		return false;
	header_len = tcp->doff * 4;
	if (header_len < sizeof(*tcp))
		return false;
	tcp = skb_header_pointer(skb, segment->tcp_at, header_len, storage);
	if (!tcp || !options_are_plain((const u8 *)(tcp + 1), header_len - sizeof(*tcp)))
		return false;
	segment->seq = ntohl(tcp->seq);
	segment->flags = tcp_flag_byte(tcp);
	segment->payload_at = segment->tcp_at + header_len;
	segment->payload_len = skb->len - segment->payload_at;
	segment->tcp_len = skb->len - segment->tcp_at;
	read_ack(segment, tcp, header_len - sizeof(*tcp));
	return tcp->res1 == 0 && tcp->ack && !(segment->flags & SMTPBODY_TCP_NEVER);
}

/*
 * What the receiver throws away it did not get: what is sent in its place is another segment. What comes from this machine
 * or a neighbour in it has no sum yet, and the card has looked at others.
 */
static bool checksum_is_good(const struct segment *segment, const struct sk_buff *skb)
{
	__wsum sum;

	if (skb->ip_summed == CHECKSUM_PARTIAL || skb_csum_unnecessary(skb))
		return true;
	sum = skb_checksum(skb, segment->tcp_at, segment->tcp_len, 0);
	if (segment->key.family == NFPROTO_IPV6)
		return !csum_ipv6_magic(&segment->key.source.in6, &segment->key.destination.in6,
					segment->tcp_len, IPPROTO_TCP, sum);
	return !csum_tcpudp_magic(segment->key.source.ip, segment->key.destination.ip,
				  segment->tcp_len, IPPROTO_TCP, sum);
}

/* The carry behind the payload, wherever the packet has it: its head, its pages, packets that hang from it. */
static u32 scan(u32 carry, const struct segment *segment, const struct sk_buff *skb)
{
	struct skb_seq_state state;
	u32 done = 0;

	/* Reads only; the packet is not const for the sake of those who do not. */
	skb_prepare_seq_read((struct sk_buff *)skb, segment->payload_at,
			     segment->payload_at + segment->payload_len, &state);
	while (done < segment->payload_len) {
		const u8 *octets;
		u32 len = skb_seq_read(done, &octets, &state);

		if (!len) /* pages that may not be read */
			return carry | SMTPBODY_COMPLETES;
		len = min(len, segment->payload_len - done);
		carry = smtpbody_scan(carry, octets, len);
		done += len;
	}
	skb_abort_seq_read(&state);
	return carry;
}

static bool passes(struct smtpbody_flow *flow, const struct segment *segment,
		   const struct sk_buff *skb)
{
	u64 word = atomic64_read(&flow->word);
	u32 carry;

	if (!smtpbody_is_next(word, segment->seq, segment->payload_len) ||
	    !checksum_is_good(segment, skb))
		return false;
	carry = scan(smtpbody_carry(word), segment, skb);
	if (!smtpbody_passes(carry))
		return false;
	return atomic64_cmpxchg(&flow->word, word,
				smtpbody_moved(word, segment->payload_len, carry)) == word;
}

/* The flow that it answers. */
static struct smtpbody_flow *find_answered(struct smtpbody_net *here, const struct segment *segment,
					   const struct sk_buff *skb)
{
	struct smtpbody_key key;

	memset(&key, 0, sizeof(key));
	key.source = segment->key.destination;
	key.destination = segment->key.source;
	key.source_port = segment->key.destination_port;
	key.destination_port = segment->key.source_port;
	key.zone = zone_of(skb, true);
	key.family = segment->key.family;
	key.ingress = segment->key.ingress;
	key.is_answer = true;
	return smtpbody_find(here, &key);
}

/* Neither here nor in the queue does it freeze. */
static bool passes_ack(struct smtpbody_net *here, const struct segment *segment,
		       const struct sk_buff *skb)
{
	struct smtpbody_flow *flow = find_answered(here, segment, skb);
	const struct smtpbody_ack *ack = &segment->ack;
	u64 acks, word, server, moved;

	if (!flow || !segment->has_usual_options)
		return false;
	acks = atomic64_read_acquire(&flow->acks);
	word = atomic64_read(&flow->word);
	server = atomic64_read(&flow->server);
	/* It may have been armed anew since it was found. */
	if (READ_ONCE(flow->answers_by) != segment->key.ingress ||
	    !smtpbody_acks_move(acks, word, server, ack) || !checksum_is_good(segment, skb))
		return false;
	moved = smtpbody_server_moved(server, ack);
	if (moved != server && atomic64_cmpxchg(&flow->server, server, moved) != server)
		return false;
	moved = smtpbody_acks_moved(acks, ack);
	return atomic64_cmpxchg(&flow->acks, acks, moved) == acks && !smtpbody_is_told(acks, ack);
}

static bool smtpbody_match(const struct sk_buff *skb, struct xt_action_param *par)
{
	struct smtpbody_net *here = smtpbody_net_of(xt_net(par));
	struct smtpbody_flow *flow;
	struct segment segment;
	bool is_understood;

	if (!read_key(&segment, skb, par))
		return false;
	is_understood = read_tcp(&segment, skb);
	if (is_understood && smtpbody_is_bare(segment.flags, segment.payload_len))
		return passes_ack(here, &segment, skb);
	flow = smtpbody_find(here, &segment.key);
	if (!flow)
		return false;
	if (is_understood && segment.payload_len == 0)
		return false;
	if (is_understood && passes(flow, &segment, skb)) {
		WRITE_ONCE(flow->touched, jiffies);
		smtpbody_count_passed(here, segment.payload_len);
		return true;
	}
	if (atomic64_fetch_andnot(SMTPBODY_ARMED, &flow->word) & SMTPBODY_ARMED)
		smtpbody_count_frozen(here);
	return false;
}

static int smtpbody_check(const struct xt_mtchk_param *par)
{
	const struct xt_smtpbody_mtinfo *info = par->matchinfo;

	return info->flags ? -EINVAL : 0;
}

/* Where the queue's rules are. Before a packet is put together again, or its addresses are what they will be, is no place. */
#define HOOKS ((1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_LOCAL_OUT))

static struct xt_match matches[] __read_mostly = {
	{
		.name = "smtpbody",
		.family = NFPROTO_IPV4,
		.proto = IPPROTO_TCP,
		.hooks = HOOKS,
		.match = smtpbody_match,
		.checkentry = smtpbody_check,
		.matchsize = sizeof(struct xt_smtpbody_mtinfo),
		.me = THIS_MODULE,
	},
	{
		.name = "smtpbody",
		.family = NFPROTO_IPV6,
		.proto = IPPROTO_TCP,
		.hooks = HOOKS,
		.match = smtpbody_match,
		.checkentry = smtpbody_check,
		.matchsize = sizeof(struct xt_smtpbody_mtinfo),
		.me = THIS_MODULE,
	},
};

static int __init smtpbody_init(void)
{
	int err = smtpbody_flows_init();

	if (err)
		return err;
	err = smtpbody_control_init();
	if (err)
		goto exit_flows;
	err = xt_register_matches(matches, ARRAY_SIZE(matches));
	if (err)
		goto exit_control;
	return 0;

exit_control:
	smtpbody_control_exit();
exit_flows:
	smtpbody_flows_exit();
	return err;
}

static void __exit smtpbody_exit(void)
{
	xt_unregister_matches(matches, ARRAY_SIZE(matches));
	smtpbody_control_exit();
	smtpbody_flows_exit();
}

module_init(smtpbody_init);
module_exit(smtpbody_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("hopguard developers");
MODULE_DESCRIPTION("Xtables: passes message bodies of SMTP that a guard armed, up to their end");
MODULE_VERSION(XT_SMTPBODY_VERSION);
MODULE_ALIAS("ipt_smtpbody");
MODULE_ALIAS("ip6t_smtpbody");
MODULE_ALIAS_GENL_FAMILY(SMTPBODY_GENL_NAME);

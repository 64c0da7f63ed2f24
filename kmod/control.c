// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests by generic netlink, and what happens to the flows of a socket that is gone. */

#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "flows.h"
#include "smtpbody_scan.h"
#include "xt_smtpbody.h"

#define TIMEOUT_DEFAULT (60 * 60) /* far more than any mail server waits */

static const struct nla_policy policy[] = {
	[SMTPBODY_A_FAMILY] = { .type = NLA_U8 },
	[SMTPBODY_A_SOURCE] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[SMTPBODY_A_DESTINATION] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[SMTPBODY_A_SOURCE_PORT] = { .type = NLA_U16 },
	[SMTPBODY_A_DESTINATION_PORT] = { .type = NLA_U16 },
	[SMTPBODY_A_INGRESS] = { .type = NLA_U32 },
	[SMTPBODY_A_ZONE] = { .type = NLA_U16 },
	[SMTPBODY_A_NEXT_SEQ] = { .type = NLA_U32 },
	[SMTPBODY_A_TAIL] = NLA_POLICY_EXACT_LEN(2),
	[SMTPBODY_A_OWNER] = { .type = NLA_U32 },
	[SMTPBODY_A_TIMEOUT] = NLA_POLICY_MIN(NLA_U32, 1),
	[SMTPBODY_A_ANSWER_SEQ] = { .type = NLA_U32 },
	[SMTPBODY_A_ANSWER_INGRESS] = { .type = NLA_U32 },
	[SMTPBODY_A_ACKED] = { .type = NLA_U32 },
	[SMTPBODY_A_WINDOW] = { .type = NLA_U16 },
	[SMTPBODY_A_TIMESTAMP] = { .type = NLA_U32 },
};

static struct genl_family family;

static struct smtpbody_net *net_asked(struct genl_info *info)
{
	return smtpbody_net_of(genl_info_net(info));
}

static int read_address(union nf_inet_addr *address, struct genl_info *info, int attribute, int len)
{
	if (GENL_REQ_ATTR_CHECK(info, attribute))
		return -EINVAL;
	if (nla_len(info->attrs[attribute]) != len) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attribute],
				    "not of this family's length");
		return -EINVAL;
	}
	nla_memcpy(address, info->attrs[attribute], len);
	return 0;
}

static int read_flow(struct smtpbody_key *key, struct genl_info *info)
{
	int len, err;

	memset(key, 0, sizeof(*key));
	if (GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_FAMILY) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_SOURCE_PORT) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_DESTINATION_PORT))
		return -EINVAL;
	switch (nla_get_u8(info->attrs[SMTPBODY_A_FAMILY])) {
	case AF_INET:
		key->family = NFPROTO_IPV4;
		len = sizeof(key->source.in);
		break;
	case AF_INET6:
		key->family = NFPROTO_IPV6;
		len = sizeof(key->source.in6);
		break;
	default:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SMTPBODY_A_FAMILY],
				    "neither IPv4 nor IPv6");
		return -EAFNOSUPPORT;
	}
	err = read_address(&key->source, info, SMTPBODY_A_SOURCE, len);
	if (!err)
		err = read_address(&key->destination, info, SMTPBODY_A_DESTINATION, len);
	if (err)
		return err;
	key->source_port = nla_get_be16(info->attrs[SMTPBODY_A_SOURCE_PORT]);
	key->destination_port = nla_get_be16(info->attrs[SMTPBODY_A_DESTINATION_PORT]);
	if (info->attrs[SMTPBODY_A_INGRESS])
		key->ingress = nla_get_u32(info->attrs[SMTPBODY_A_INGRESS]);
	if (info->attrs[SMTPBODY_A_ZONE])
		key->zone = nla_get_u16(info->attrs[SMTPBODY_A_ZONE]);
	return 0;
}

/* All of them or none: an acknowledgment without a place to begin at would be anybody's. */
static int read_answers(struct smtpbody_arming *arming, struct genl_info *info)
{
	if (!info->attrs[SMTPBODY_A_ANSWER_SEQ])
		return 0;
	if (GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_ANSWER_INGRESS) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_ACKED) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_WINDOW) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_TIMESTAMP))
		return -EINVAL;
	arming->has_answers = true;
	arming->answer_seq = nla_get_u32(info->attrs[SMTPBODY_A_ANSWER_SEQ]);
	arming->answers_by = nla_get_u32(info->attrs[SMTPBODY_A_ANSWER_INGRESS]);
	arming->acked = nla_get_u32(info->attrs[SMTPBODY_A_ACKED]);
	arming->window = nla_get_u16(info->attrs[SMTPBODY_A_WINDOW]);
	arming->timestamp = nla_get_u32(info->attrs[SMTPBODY_A_TIMESTAMP]);
	return 0;
}

static int arm(struct sk_buff *skb, struct genl_info *info)
{
	struct smtpbody_arming arming = {
		.portid = info->snd_portid,
		.timeout = TIMEOUT_DEFAULT,
	};
	int err = read_flow(&arming.key, info);
	const u8 *tail;

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_NEXT_SEQ) ||
	    GENL_REQ_ATTR_CHECK(info, SMTPBODY_A_TAIL))
		return -EINVAL;
	arming.next_seq = nla_get_u32(info->attrs[SMTPBODY_A_NEXT_SEQ]);
	tail = nla_data(info->attrs[SMTPBODY_A_TAIL]);
	arming.tail = tail[0] | tail[1] << 8;
	err = read_answers(&arming, info);
	if (err)
		return err;
	if (info->attrs[SMTPBODY_A_OWNER])
		arming.owner = nla_get_u32(info->attrs[SMTPBODY_A_OWNER]);
	if (info->attrs[SMTPBODY_A_TIMEOUT])
		arming.timeout = nla_get_u32(info->attrs[SMTPBODY_A_TIMEOUT]);
	if (arming.timeout > SMTPBODY_TIMEOUT_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SMTPBODY_A_TIMEOUT],
				    "more than a day");
		return -ERANGE;
	}
	return smtpbody_arm(net_asked(info), &arming);
}

static int put_answers(struct sk_buff *answer, const struct smtpbody_words *words)
{
	if (!(words->acks & SMTPBODY_ARMED))
		return 0;
	return nla_put_u32(answer, SMTPBODY_A_ACKED, (u32)words->acks) ||
	       nla_put_u16(answer, SMTPBODY_A_WINDOW, (u16)(words->acks >> 32)) ||
	       nla_put_u32(answer, SMTPBODY_A_TIMESTAMP, (u32)(words->server >> 32));
}

static int put_place(struct sk_buff *answer, const struct smtpbody_words *words)
{
	struct smtpbody_state state = smtpbody_unpack(words->word);
	u8 tail[2] = { state.tail & 0xff, state.tail >> 8 };

	return nla_put_u32(answer, SMTPBODY_A_NEXT_SEQ, state.next_seq) ||
	       nla_put(answer, SMTPBODY_A_TAIL, sizeof(tail), tail) ||
	       nla_put_u8(answer, SMTPBODY_A_ARMED, state.is_armed) || put_answers(answer, words);
}

/* LOOK and TAKE_BACK. All that could fail comes before the flow is taken out, for nobody would learn its place. */
static int tell_place(struct sk_buff *skb, struct genl_info *info)
{
	struct smtpbody_key key;
	struct sk_buff *answer;
	struct smtpbody_words words;
	void *header;
	int err = read_flow(&key, info);

	if (err)
		return err;
	answer = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	header = genlmsg_put_reply(answer, info, &family, 0, info->genlhdr->cmd);
	if (!header) {
		err = -EMSGSIZE;
		goto free_answer;
	}
	if (info->genlhdr->cmd == SMTPBODY_CMD_TAKE_BACK)
		err = smtpbody_take_back(&words, net_asked(info), &key);
	else
		err = smtpbody_look(&words, net_asked(info), &key);
	if (!err && put_place(answer, &words))
		err = -EMSGSIZE;
	if (err)
		goto free_answer;
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);

free_answer:
	nlmsg_free(answer);
	return err;
}

static int forget(struct sk_buff *skb, struct genl_info *info)
{
	struct smtpbody_key key;
	int err = read_flow(&key, info);
	struct smtpbody_words words;

	return err ? err : smtpbody_take_back(&words, net_asked(info), &key);
}

static int forget_all(struct sk_buff *skb, struct genl_info *info)
{
	struct smtpbody_choice choice = {};

	if (info->attrs[SMTPBODY_A_OWNER]) {
		choice.by_owner = true;
		choice.owner = nla_get_u32(info->attrs[SMTPBODY_A_OWNER]);
	}
	smtpbody_forget(net_asked(info), &choice);
	return 0;
}

static int put_totals(struct sk_buff *answer, struct smtpbody_net *here)
{
	struct smtpbody_totals totals;

	smtpbody_total(&totals, here);
	return nla_put_u32(answer, SMTPBODY_A_INTERFACE, SMTPBODY_INTERFACE) ||
	       nla_put_u32(answer, SMTPBODY_A_FLOWS, totals.flows) ||
	       nla_put_u32(answer, SMTPBODY_A_FLOWS_MAX, totals.flows_max) ||
	       nla_put_u64_64bit(answer, SMTPBODY_A_SEGMENTS, totals.segments, SMTPBODY_A_PAD) ||
	       nla_put_u64_64bit(answer, SMTPBODY_A_OCTETS, totals.octets, SMTPBODY_A_PAD) ||
	       nla_put_u64_64bit(answer, SMTPBODY_A_FROZEN, totals.frozen, SMTPBODY_A_PAD);
}

static int tell_totals(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *answer = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!answer)
		return -ENOMEM;
	header = genlmsg_put_reply(answer, info, &family, 0, info->genlhdr->cmd);
	if (!header || put_totals(answer, net_asked(info))) {
		nlmsg_free(answer);
		return -EMSGSIZE;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

static const struct genl_small_ops operations[] = {
	{ .cmd = SMTPBODY_CMD_INFO, .doit = tell_totals, .flags = GENL_UNS_ADMIN_PERM },
	{ .cmd = SMTPBODY_CMD_ARM, .doit = arm, .flags = GENL_UNS_ADMIN_PERM },
	{ .cmd = SMTPBODY_CMD_LOOK, .doit = tell_place, .flags = GENL_UNS_ADMIN_PERM },
	{ .cmd = SMTPBODY_CMD_TAKE_BACK, .doit = tell_place, .flags = GENL_UNS_ADMIN_PERM },
	{ .cmd = SMTPBODY_CMD_FORGET, .doit = forget, .flags = GENL_UNS_ADMIN_PERM },
	{ .cmd = SMTPBODY_CMD_FORGET_ALL, .doit = forget_all, .flags = GENL_UNS_ADMIN_PERM },
};

static struct genl_family family __ro_after_init = {
	.name = SMTPBODY_GENL_NAME,
	.version = SMTPBODY_GENL_VERSION,
	.maxattr = ARRAY_SIZE(policy) - 1,
	.policy = policy,
	.netnsok = true,
	.parallel_ops = true,
	.small_ops = operations,
	.n_small_ops = ARRAY_SIZE(operations),
	.module = THIS_MODULE,
};

/*
 * Nobody is left who would read what those flows send next: it comes to the queue, or to whatever its rule does without
 * one. Every socket of generic netlink is such a one; most have armed nothing.
 */
static int on_release(struct notifier_block *block, unsigned long event, void *released)
{
	const struct netlink_notify *socket = released;
	const struct smtpbody_choice its_own = { .by_portid = true, .portid = socket->portid };

	if (event == NETLINK_URELEASE && socket->protocol == NETLINK_GENERIC)
		smtpbody_forget(smtpbody_net_of(socket->net), &its_own);
	return NOTIFY_DONE;
}

static struct notifier_block release_notifier = {
	.notifier_call = on_release,
};

int smtpbody_control_init(void)
{
	int err = netlink_register_notifier(&release_notifier);

	if (err)
		return err;
	err = genl_register_family(&family);
	if (err)
		netlink_unregister_notifier(&release_notifier);
	return err;
}

void smtpbody_control_exit(void)
{
	genl_unregister_family(&family);
	netlink_unregister_notifier(&release_notifier);
}

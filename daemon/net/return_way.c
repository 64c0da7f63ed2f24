/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/return_way.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	/* Zeroed before use: libmnl before 1.0.5 leaves the padding of attributes as it was. */
	REQUEST_MAX = 512,
	RECEIVED_MAX = 32 * 1024,
	RULES_MAX = 32, /* of ours: two, and whatever other marks were asked for before */
	ANSWER_SECONDS = 5,
};

struct rule {
	uint8_t family;
	uint32_t priority;
	uint32_t mark;
	uint32_t table;
};

struct found {
	size_t count;
	struct rule rules[RULES_MAX];
};

static struct mnl_socket *open_netlink(void)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!netlink)
		return NULL;
	(void)setsockopt(mnl_socket_get_fd(netlink), SOL_SOCKET, SO_RCVTIMEO, &patience,
	                 sizeof(patience));
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0)
		return netlink;
	mnl_socket_close(netlink);
	return NULL;
}

/* Sends a request and reads to the end of what is answered. 0 or -errno. */
static int ask(struct mnl_socket *netlink, struct nlmsghdr *header, mnl_cb_t fn, void *owner)
{
	char *received = malloc(RECEIVED_MAX);
	int result = MNL_CB_OK;
	int err = 0;

	if (!received)
		return -ENOMEM;
	header->nlmsg_seq = 1;
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		err = -errno;
	while (!err && result == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(netlink, received, RECEIVED_MAX);

		if (len >= 0)
			result = mnl_cb_run(received, (size_t)len, 1,
			                    mnl_socket_get_portid(netlink), fn, owner);
		if (len < 0 || result == MNL_CB_ERROR)
			err = -errno;
	}
	free(received);
	return err;
}

static struct nlmsghdr *begin_rule(char *buffer, uint16_t type, uint16_t flags,
                                   const struct rule *rule)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct fib_rule_hdr *body;

	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	body->family = rule->family;
	body->action = FR_ACT_TO_TBL;
	return header;
}

static int send_rule(struct mnl_socket *netlink, uint16_t type, uint16_t flags,
                     const struct rule *rule)
{
	char buffer[REQUEST_MAX] = { 0 };
	struct nlmsghdr *header = begin_rule(buffer, type, (uint16_t)(flags | NLM_F_ACK), rule);

	mnl_attr_put_u32(header, FRA_PRIORITY, rule->priority);
	mnl_attr_put_u32(header, FRA_FWMARK, rule->mark);
	mnl_attr_put_u32(header, FRA_FWMASK, rule->mark);
	mnl_attr_put_u32(header, FRA_TABLE, rule->table);
	mnl_attr_put_u8(header, FRA_PROTOCOL, RETURN_WAY_PROTOCOL);
	if (rule->priority == RETURN_WAY_SOURCE_PRIORITY)
		mnl_attr_put_strz(header, FRA_IIFNAME, "lo");
	return ask(netlink, header, NULL, NULL);
}

static int send_route(struct mnl_socket *netlink, uint16_t type, uint16_t flags, uint8_t family)
{
	char buffer[REQUEST_MAX] = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *body;

	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	body->rtm_family = family;
	body->rtm_table = RT_TABLE_UNSPEC;
	body->rtm_protocol = RETURN_WAY_PROTOCOL;
	body->rtm_scope = RT_SCOPE_HOST;
	body->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(header, RTA_TABLE, RETURN_WAY_TABLE);
	mnl_attr_put_u32(header, RTA_OIF, if_nametoindex("lo"));
	return ask(netlink, header, NULL, NULL);
}

static int keep_attribute(const struct nlattr *attribute, void *attributes)
{
	if (mnl_attr_type_valid(attribute, FRA_MAX) > 0)
		((const struct nlattr **)attributes)[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static uint32_t number_of(const struct nlattr *attribute)
{
	return attribute ? mnl_attr_get_u32(attribute) : 0;
}

static int read_rule(const struct nlmsghdr *header, void *owner)
{
	const struct nlattr *attributes[FRA_MAX + 1] = { NULL };
	const struct fib_rule_hdr *body = mnl_nlmsg_get_payload(header);
	struct found *found = owner;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*body) ||
	    mnl_attr_parse(header, sizeof(*body), keep_attribute, attributes) < 0)
		return MNL_CB_OK;
	if (!attributes[FRA_PROTOCOL] ||
	    mnl_attr_get_u8(attributes[FRA_PROTOCOL]) != RETURN_WAY_PROTOCOL ||
	    found->count == RULES_MAX)
		return MNL_CB_OK;
	found->rules[found->count++] = (struct rule){
		.family = body->family,
		.priority = number_of(attributes[FRA_PRIORITY]),
		.mark = number_of(attributes[FRA_FWMARK]),
		.table = number_of(attributes[FRA_TABLE]),
	};
	return MNL_CB_OK;
}

static int find_rules(struct found *found, struct mnl_socket *netlink, uint8_t family)
{
	const struct rule any = { .family = family };
	char buffer[REQUEST_MAX] = { 0 };

	found->count = 0;
	return ask(netlink, begin_rule(buffer, RTM_GETRULE, NLM_F_DUMP, &any), read_rule, found);
}

static void wanted_rules(struct rule wanted[2], uint8_t family, uint32_t mark)
{
	wanted[0] = (struct rule){ family, RETURN_WAY_SOURCE_PRIORITY, mark, RT_TABLE_MAIN };
	wanted[1] = (struct rule){ family, RETURN_WAY_PRIORITY, mark, RETURN_WAY_TABLE };
}

static bool holds(const struct found *found, const struct rule *rule)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct rule *other = &found->rules[i];

		if (other->priority == rule->priority && other->mark == rule->mark &&
		    other->table == rule->table)
			return true;
	}
	return false;
}

static int remove_rules(struct mnl_socket *netlink, const struct found *found,
                        const struct found *but)
{
	for (size_t i = 0; i < found->count; i++) {
		int err = holds(but, &found->rules[i])
		                  ? 0
		                  : send_rule(netlink, RTM_DELRULE, 0, &found->rules[i]);

		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/* The route first: a mark that leads nowhere would drop what it is on. */
static int open_family(struct mnl_socket *netlink, uint8_t family, uint32_t mark)
{
	struct found found, wanted = { .count = 2 };
	int err = find_rules(&found, netlink, family);

	wanted_rules(wanted.rules, family, mark);
	if (!err)
		err = remove_rules(netlink, &found, &wanted);
	if (!err)
		err = send_route(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family);
	for (size_t i = 0; i < wanted.count && !err; i++) {
		if (!holds(&found, &wanted.rules[i]))
			err = send_rule(netlink, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
			                &wanted.rules[i]);
	}
	return err;
}

static int close_family(struct mnl_socket *netlink, uint8_t family)
{
	static const struct found nothing;
	struct found found;
	int err = find_rules(&found, netlink, family);

	if (!err)
		err = remove_rules(netlink, &found, &nothing);
	if (!err)
		err = send_route(netlink, RTM_DELROUTE, 0, family);
	return err == -ESRCH || err == -ENOENT ? 0 : err;
}

/* A kernel without IPv6 has no such packets. */
static bool has_ipv6(void)
{
	return access("/proc/self/net/if_inet6", F_OK) == 0;
}

int return_way_open(uint32_t mark)
{
	struct mnl_socket *netlink = open_netlink();
	int err;

	if (!netlink)
		return -errno;
	err = open_family(netlink, AF_INET, mark);
	if (!err && has_ipv6())
		err = open_family(netlink, AF_INET6, mark);
	mnl_socket_close(netlink);
	return err;
}

int return_way_close(void)
{
	struct mnl_socket *netlink = open_netlink();
	int err, err6 = 0;

	if (!netlink)
		return -errno;
	err = close_family(netlink, AF_INET);
	if (has_ipv6())
		err6 = close_family(netlink, AF_INET6);
	mnl_socket_close(netlink);
	return err ? err : err6;
}

static int read_route(const struct nlmsghdr *header, void *is_there)
{
	const struct rtmsg *body = mnl_nlmsg_get_payload(header);

	if (mnl_nlmsg_get_payload_len(header) >= sizeof(*body) && body->rtm_type == RTN_LOCAL &&
	    body->rtm_protocol == RETURN_WAY_PROTOCOL && body->rtm_dst_len == 0)
		*(bool *)is_there = true;
	return MNL_CB_OK;
}

/* It goes with the loopback, when that is taken down. Of a kernel that would list all routes there are (before 4.20) it is not asked. */
static bool has_route(struct mnl_socket *netlink, uint8_t family)
{
	char buffer[REQUEST_MAX] = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *body;
	bool is_there = false;
	int on = 1, off = 0;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	body->rtm_family = family;
	mnl_attr_put_u32(header, RTA_TABLE, RETURN_WAY_TABLE);
	if (mnl_socket_setsockopt(netlink, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) != 0)
		return true;
	(void)ask(netlink, header, read_route, &is_there);
	(void)mnl_socket_setsockopt(netlink, NETLINK_GET_STRICT_CHK, &off, sizeof(off));
	return is_there;
}

static bool family_is_open(struct mnl_socket *netlink, uint8_t family, uint32_t mark)
{
	struct rule wanted[2];
	struct found found;

	wanted_rules(wanted, family, mark);
	return find_rules(&found, netlink, family) == 0 && holds(&found, &wanted[0]) &&
	       holds(&found, &wanted[1]) && has_route(netlink, family);
}

bool return_way_is_open(uint32_t mark)
{
	struct mnl_socket *netlink = open_netlink();
	bool is_open;

	if (!netlink)
		return false;
	is_open = family_is_open(netlink, AF_INET, mark) &&
	          (!has_ipv6() || family_is_open(netlink, AF_INET6, mark));
	mnl_socket_close(netlink);
	return is_open;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ruleset_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Its headers for IPv4 and IPv6 declare some things twice unless in this order, behind netinet/in.h. */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

enum { NOTICE_MAX = 64 * 1024 };

static const char *const tables[] = { "raw", "mangle" };

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

struct table_size {
	unsigned rules;
	unsigned octets;
};

struct ruleset_watch {
	struct mnl_socket *netlink;
	int inet, inet6; /* to ask for the sizes of legacy tables; -1: not asked */
	struct table_size sizes[TABLES], sizes6[TABLES];
	char notice[NOTICE_MAX];
};

/* Without such a table: nothing in it. The structures of both families are the same. */
static struct table_size size_of(int descriptor, int level, const char *table)
{
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);
	struct table_size size = { 0 };

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one for both");
	_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "one for both");
	strcpy(info.name, table);
	if (descriptor >= 0 && getsockopt(descriptor, level, IPT_SO_GET_INFO, &info, &len) == 0) {
		size.rules = info.num_entries;
		size.octets = info.size;
	}
	return size;
}

static bool take_size(struct table_size *known, int descriptor, int level, const char *table)
{
	struct table_size now = size_of(descriptor, level, table);
	bool differs = now.rules != known->rules || now.octets != known->octets;

	*known = now;
	return differs;
}

static bool take_sizes(struct ruleset_watch *watch)
{
	bool differs = false;

	for (int i = 0; i < TABLES; i++) {
		differs |= take_size(&watch->sizes[i], watch->inet, IPPROTO_IP, tables[i]);
		differs |= take_size(&watch->sizes6[i], watch->inet6, IPPROTO_IPV6, tables[i]);
	}
	return differs;
}

static int open_netlink(struct ruleset_watch *watch)
{
	int err = 0;

	watch->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->netlink)
		return -errno;
	if (mnl_socket_bind(watch->netlink, 1U << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	return err;
}

int ruleset_watch_open(struct ruleset_watch **opened, bool is_legacy)
{
	struct ruleset_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->inet = watch->inet6 = -1;
	err = open_netlink(watch);
	if (err) {
		ruleset_watch_close(watch);
		return err;
	}
	if (is_legacy) {
		watch->inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		watch->inet6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		(void)take_sizes(watch);
	}
	*opened = watch;
	return 0;
}

void ruleset_watch_close(struct ruleset_watch *watch)
{
	if (!watch)
		return;
	if (watch->netlink)
		mnl_socket_close(watch->netlink);
	if (watch->inet >= 0)
		close(watch->inet);
	if (watch->inet6 >= 0)
		close(watch->inet6);
	free(watch);
}

int ruleset_watch_descriptor(const struct ruleset_watch *watch)
{
	return mnl_socket_get_fd(watch->netlink);
}

bool ruleset_watch_changed(struct ruleset_watch *watch)
{
	bool changed = false;
	ssize_t len;

	/* What it says is not looked at: the rules are. Too many for the socket's room (ENOBUFS) says the same. */
	do {
		len = mnl_socket_recvfrom(watch->netlink, watch->notice, sizeof(watch->notice));
		changed |= len > 0 || errno == ENOBUFS || errno == ENOSPC;
	} while (len > 0 || (len < 0 && (errno == ENOBUFS || errno == ENOSPC || errno == EINTR)));
	return take_sizes(watch) || changed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/routes_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { NOTICE_MAX = 64 * 1024 };

struct routes_watch {
	struct mnl_socket *netlink;
	char notice[NOTICE_MAX];
};

static int open_netlink(struct routes_watch *watch)
{
	static const int groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	size_t i;

	watch->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->netlink || mnl_socket_bind(watch->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (mnl_socket_setsockopt(watch->netlink, NETLINK_ADD_MEMBERSHIP,
		                          (void *)&groups[i], sizeof(groups[i])) < 0)
			return -errno;
	}
	return 0;
}

int routes_watch_open(struct routes_watch **opened)
{
	struct routes_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	err = open_netlink(watch);
	if (err) {
		routes_watch_close(watch);
		return err;
	}
	*opened = watch;
	return 0;
}

void routes_watch_close(struct routes_watch *watch)
{
	if (!watch)
		return;
	if (watch->netlink)
		mnl_socket_close(watch->netlink);
	free(watch);
}

static int note_gateway(const struct nlattr *attribute, void *has_gateway)
{
	uint16_t type = mnl_attr_get_type(attribute);

	*(bool *)has_gateway |= type == RTA_GATEWAY || type == RTA_VIA;
	return MNL_CB_OK;
}

static int read_notice(const struct nlmsghdr *header, void *is_news)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	bool has_gateway = false;

	if ((header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE) ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*message) ||
	    message->rtm_type != RTN_UNICAST || message->rtm_table == RT_TABLE_LOCAL)
		return MNL_CB_OK;
	(void)mnl_attr_parse(header, sizeof(*message), note_gateway, &has_gateway);
	*(bool *)is_news |= message->rtm_dst_len == 0 || !has_gateway;
	return MNL_CB_OK;
}

bool routes_watch_changed(struct routes_watch *watch)
{
	bool is_news = false;
	ssize_t len;

	/* Too many for the socket's room (ENOBUFS): any may have been among them. */
	do {
		len = mnl_socket_recvfrom(watch->netlink, watch->notice, sizeof(watch->notice));
		if (len > 0)
			(void)mnl_cb_run(watch->notice, (size_t)len, 0, 0, read_notice, &is_news);
		else
			is_news |= len < 0 && (errno == ENOBUFS || errno == ENOSPC);
	} while (len > 0 || (len < 0 && (errno == ENOBUFS || errno == ENOSPC || errno == EINTR)));
	return is_news;
}

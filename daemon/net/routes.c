/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/routes.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	ROUTES_MAX = 1024,
	DEFAULTS_MAX = 64,
	RECEIVED_MAX = 64 * 1024,
	ANSWER_SECONDS = 5,
	WAY_MAX = 8 * 1024,
};

struct route {
	struct network network;
	uint32_t interface;
};

struct routes {
	size_t attached_count;
	struct route attached[ROUTES_MAX];
	size_t default_count;
	uint32_t default_interfaces[DEFAULTS_MAX];
};

static int keep_attribute(const struct nlattr *attribute, void *attributes)
{
	if (mnl_attr_type_valid(attribute, RTA_MAX) > 0)
		((const struct nlattr **)attributes)[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static void add_default(struct routes *routes, uint32_t interface)
{
	if (interface != 0 && routes->default_count < DEFAULTS_MAX)
		routes->default_interfaces[routes->default_count++] = interface;
}

/* A default route over several ways at once (RTA_MULTIPATH). */
static void add_default_ways(struct routes *routes, const struct nlattr *attribute)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attribute);
	int left = mnl_attr_get_payload_len(attribute);

	while (RTNH_OK(hop, left)) {
		add_default(routes, (uint32_t)hop->rtnh_ifindex);
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static void add_attached(struct routes *routes, const struct rtmsg *message,
                         const struct nlattr *const *attributes, uint32_t interface)
{
	uint8_t family = message->rtm_family == AF_INET ? 4 : 6;
	size_t address_octets = family == 4 ? 4 : 16;
	const struct nlattr *destination = attributes[RTA_DST];
	struct route *route;

	if (!destination || mnl_attr_get_payload_len(destination) < address_octets ||
	    attributes[RTA_GATEWAY] || attributes[RTA_VIA] || interface == 0 ||
	    routes->attached_count == ROUTES_MAX)
		return;
	route = &routes->attached[routes->attached_count++];
	route->interface = interface;
	route->network.address = address_of(family, mnl_attr_get_payload(destination));
	route->network.prefix_len = message->rtm_dst_len;
}

static int read_route(const struct nlmsghdr *header, void *owner)
{
	const struct nlattr *attributes[RTA_MAX + 1] = { NULL };
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct routes *routes = owner;
	uint32_t interface = 0;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message) ||
	    mnl_attr_parse(header, sizeof(*message), keep_attribute, attributes) < 0 ||
	    message->rtm_type != RTN_UNICAST || message->rtm_table == RT_TABLE_LOCAL)
		return MNL_CB_OK;
	if (attributes[RTA_OIF])
		interface = mnl_attr_get_u32(attributes[RTA_OIF]);
	if (message->rtm_dst_len > 0) {
		add_attached(routes, message, attributes, interface);
		return MNL_CB_OK;
	}
	add_default(routes, interface);
	if (attributes[RTA_MULTIPATH])
		add_default_ways(routes, attributes[RTA_MULTIPATH]);
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *netlink, struct routes *routes, uint8_t family)
{
	char *received = malloc(RECEIVED_MAX);
	struct nlmsghdr *header;
	struct rtmsg *message;
	int result = received ? MNL_CB_OK : MNL_CB_ERROR;

	if (!received)
		return -ENOMEM;
	header = mnl_nlmsg_put_header(received);
	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = family;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = family;

	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		result = MNL_CB_ERROR;
	while (result == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(netlink, received, RECEIVED_MAX);

		result = len < 0 ? MNL_CB_ERROR
		                 : mnl_cb_run(received, (size_t)len, family,
		                              mnl_socket_get_portid(netlink), read_route, routes);
	}
	free(received);
	return result == MNL_CB_STOP ? 0 : -EIO;
}

static bool leads_out(const struct routes *routes, uint32_t interface)
{
	size_t i;

	for (i = 0; i < routes->default_count; i++) {
		if (routes->default_interfaces[i] == interface)
			return true;
	}
	return false;
}

static size_t read_all(struct routes *routes, struct network *networks, size_t room)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	uint32_t loopback = if_nametoindex("lo");
	size_t count = 0;
	size_t i;

	if (!netlink)
		return 0;
	(void)setsockopt(mnl_socket_get_fd(netlink), SOL_SOCKET, SO_RCVTIMEO, &patience,
	                 sizeof(patience));
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0) {
		(void)ask(netlink, routes, AF_INET);
		(void)ask(netlink, routes, AF_INET6);
	}
	mnl_socket_close(netlink);

	for (i = 0; i < routes->attached_count && count < room; i++) {
		const struct route *route = &routes->attached[i];

		if (route->interface != loopback && !leads_out(routes, route->interface))
			networks[count++] = route->network;
	}
	return count;
}

size_t routes_attached(struct network *networks, size_t room)
{
	struct routes *routes = calloc(1, sizeof(*routes));
	size_t count = routes ? read_all(routes, networks, room) : 0;

	free(routes);
	return count;
}

static int read_way(const struct nlmsghdr *header, void *owner)
{
	const struct nlattr *attributes[RTA_MAX + 1] = { NULL };
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	int *interface = owner;

	if (header->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*message) ||
	    mnl_attr_parse(header, sizeof(*message), keep_attribute, attributes) < 0)
		return MNL_CB_OK;
	if (message->rtm_type == RTN_LOCAL)
		*interface = ROUTES_HERE;
	else if (message->rtm_type == RTN_UNICAST && attributes[RTA_OIF])
		*interface = (int)mnl_attr_get_u32(attributes[RTA_OIF]);
	return MNL_CB_OK;
}

static int ask_way(struct mnl_socket *netlink, const struct address *address)
{
	char buffer[WAY_MAX];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;
	int interface = -ENETUNREACH;
	ssize_t len;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = 1;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = address->family == 4 ? AF_INET : AF_INET6;
	message->rtm_dst_len = (unsigned char)(address_len(address) * 8);
	mnl_attr_put(header, RTA_DST, address_len(address), address->octets);
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
	if (len < 0 || mnl_cb_run(buffer, (size_t)len, 1, mnl_socket_get_portid(netlink), read_way,
	                          &interface) < 0)
		return -errno;
	return interface;
}

int routes_interface(const struct address *address)
{
	const struct timeval patience = { .tv_sec = 1 };
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int interface = -EIO;

	if (!netlink)
		return -errno;
	(void)setsockopt(mnl_socket_get_fd(netlink), SOL_SOCKET, SO_RCVTIMEO, &patience,
	                 sizeof(patience));
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0)
		interface = ask_way(netlink, address);
	mnl_socket_close(netlink);
	return interface;
}

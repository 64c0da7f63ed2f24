/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/rawsend.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* These sockets only send: the kernel throws away what would arrive on them (IP protocol 255). */
static int refuse_input(int socket)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog program = { .len = 1, .filter = &drop };

	if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int open_one(int *opened, int family, int protocol, uint32_t mark)
{
	int err;
	int descriptor = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (descriptor < 0)
		return -errno;
	err = refuse_input(descriptor);
	if (!err && setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		err = -errno;
	if (err) {
		close(descriptor);
		return err;
	}
	*opened = descriptor;
	return 0;
}

int rawsend_open(int sockets[RAWSEND_COUNT], uint32_t mark_to_client, uint32_t mark_to_server)
{
	/* IPPROTO_RAW: the caller writes the IP header, in both families. */
	const struct {
		int family;
		int protocol;
		uint32_t mark;
	} wanted[RAWSEND_COUNT] = {
		[RAWSEND_CLIENT4] = { AF_INET, IPPROTO_RAW, mark_to_client },
		[RAWSEND_CLIENT6] = { AF_INET6, IPPROTO_RAW, mark_to_client },
		[RAWSEND_SERVER4] = { AF_INET, IPPROTO_RAW, mark_to_server },
		[RAWSEND_SERVER6] = { AF_INET6, IPPROTO_RAW, mark_to_server },
		[RAWSEND_PACKET] = { AF_PACKET, 0, mark_to_client },
	};
	int opened[RAWSEND_COUNT] = { -1, -1, -1, -1, -1 };
	int i;

	for (i = 0; i < RAWSEND_COUNT; i++) {
		int err =
			open_one(&opened[i], wanted[i].family, wanted[i].protocol, wanted[i].mark);

		if (err == 0 || err == -EAFNOSUPPORT)
			continue;
		while (i-- > 0) {
			if (opened[i] >= 0)
				close(opened[i]);
		}
		return err;
	}
	memcpy(sockets, opened, sizeof(opened));
	return 0;
}

static int send_message(int socket, const struct msghdr *message, size_t len)
{
	ssize_t sent;

	if (socket < 0)
		return -EAFNOSUPPORT;
	do {
		sent = sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? 0 : -EMSGSIZE;
}

static int send_to(int socket, struct bytes packet, const struct address *destination)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct iovec piece = { .iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (destination->family == 4) {
		memcpy(&to4.sin_addr, destination->octets, sizeof(to4.sin_addr));
		message.msg_name = &to4;
		message.msg_namelen = sizeof(to4);
	} else {
		memcpy(&to6.sin6_addr, destination->octets, sizeof(to6.sin6_addr));
		message.msg_name = &to6;
		message.msg_namelen = sizeof(to6);
	}
	return send_message(socket, &message, packet.len);
}

int rawsend_routed(const int sockets[RAWSEND_COUNT], enum rawsend_socket which, struct bytes packet,
                   const struct address *destination)
{
	int err = send_to(sockets[which], packet, destination);

	/* An output firewall that lets only tracked connections out refuses what is untracked. */
	if (err == -EPERM && which == RAWSEND_CLIENT4)
		err = send_to(sockets[RAWSEND_SERVER4], packet, destination);
	else if (err == -EPERM && which == RAWSEND_CLIENT6)
		err = send_to(sockets[RAWSEND_SERVER6], packet, destination);
	return err;
}

int rawsend_framed(const int sockets[RAWSEND_COUNT], uint32_t interface_index,
                   const uint8_t source_hardware[6], const uint8_t destination_hardware[6],
                   struct bytes packet)
{
	struct ethhdr header;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)interface_index,
		.sll_halen = ETH_ALEN,
	};
	struct iovec pieces[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.len },
	};
	struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = pieces,
		.msg_iovlen = 2,
	};

	if (packet.len == 0)
		return -EINVAL;
	memcpy(header.h_dest, destination_hardware, ETH_ALEN);
	memcpy(header.h_source, source_hardware, ETH_ALEN);
	header.h_proto = htons(packet.data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	to.sll_protocol = header.h_proto;
	memcpy(to.sll_addr, destination_hardware, ETH_ALEN);
	return send_message(sockets[RAWSEND_PACKET], &message, sizeof(header) + packet.len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ATTEMPTS_ON_THE_NETWORK_H
#define HOPGUARD_TESTS_UNIT_ATTEMPTS_ON_THE_NETWORK_H

/* What he would try (attempts.h) to reach others, or to change the machine's network. */

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/attempts.h"

static int open_socket(int family, int type, int protocol)
{
	return said(socket(family, type | SOCK_CLOEXEC, protocol));
}

static int open_inet_socket(void)
{
	return open_socket(AF_INET, SOCK_STREAM, 0);
}

static int open_unix_socket(void)
{
	return open_socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int open_raw_socket(void)
{
	return open_socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

/* Landlock asks for ports where the protocol is TCP. */
static int open_multipath_socket(void)
{
	return open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static int lay_a_protocol_by(long option)
{
	int answer = said(
		syscall(SYS_setsockopt, around.netfilter, (long)IPPROTO_TCP, option, "smc", 3L));

	/* Of netlink there is none: the call was made. */
	return answer == ENOPROTOOPT || answer == EOPNOTSUPP ? 0 : answer;
}

static int lay_another_protocol_upon_tcp(void)
{
	return lay_a_protocol_by(TCP_ULP);
}

/* The kernel takes the lower half of the register. */
static int lay_another_protocol_by_a_wide_number(void)
{
	return lay_a_protocol_by(TCP_ULP | WIDE);
}

/* Whoever is sent such a socket, and has no use for it, would wait for its far end when it closes. */
static int let_a_socket_linger(void)
{
	static const struct linger for_ever = { 1, INT32_MAX };

	return said(
		setsockopt(around.netfilter, SOL_SOCKET, SO_LINGER, &for_ever, sizeof(for_ever)));
}

static int let_a_socket_linger_by_a_wide_number(void)
{
	static const struct linger for_ever = { 1, INT32_MAX };

	return said(syscall(SYS_setsockopt, around.netfilter, (long)SOL_SOCKET, SO_LINGER | WIDE,
	                    &for_ever, sizeof(for_ever)));
}

static int open_lite_socket(void)
{
	return open_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
}

static int open_diagnosis_socket(void)
{
	return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

/* Each end of which could speak to whoever has a local socket. */
static int open_pair_of_datagrams(void)
{
	int ends[2];

	return said(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

static int open_packet_socket(void)
{
	return open_socket(AF_PACKET, SOCK_RAW, 0);
}

static int open_crypto_socket(void)
{
	return open_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

/* By connect(2), or without it. */
static int reach(uint16_t port, bool connects)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0)
		return errno;
	/* Nobody listens there, which is for the other side to say. */
	if (connects ? connect(made, (struct sockaddr *)&at, sizeof(at)) == 0
	             : sendto(made, "", 1, MSG_FASTOPEN, (struct sockaddr *)&at, sizeof(at)) == 1)
		return 0;
	return errno == ECONNREFUSED ? 0 : errno;
}

static int connect_to_a_mail_server(void)
{
	return reach(25, true);
}

static int connect_to_another_port(void)
{
	return reach(8080, true);
}

static int connect_to_another_port_by_its_first_octets(void)
{
	return reach(8080, false);
}

static int send_a_datagram(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(53),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return made < 0 ? errno : said(sendto(made, "", 1, 0, (struct sockaddr *)&at, sizeof(at)));
}

static int be_a_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(2525) };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0 || bind(made, (struct sockaddr *)&at, sizeof(at)) != 0)
		return errno;
	return said(listen(made, 1));
}

/* Where the kernel chooses the port, Landlock is not asked; and a socket that is bound may have been handed on. */
static int be_a_server_at_any_port(void)
{
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return made < 0 ? errno : said(listen(made, 1));
}

/* A table of nftables, in one batch. */
static int write_a_rule_by(int netfilter)
{
	struct {
		struct nlmsghdr begin;
		struct nfgenmsg begin_body;
		struct nlmsghdr table;
		struct nfgenmsg table_body;
		struct nlattr name;
		char text[8];
		struct nlmsghdr end;
		struct nfgenmsg end_body;
	} batch = {
		.begin = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), NFNL_MSG_BATCH_BEGIN,
		           NLM_F_REQUEST, 1, 0 },
		.begin_body = { AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES) },
		.table = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) +
		                   sizeof(struct nlattr) + 8,
		           NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
		           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 2, 0 },
		.table_body = { AF_INET, NFNETLINK_V0, 0 },
		.name = { sizeof(struct nlattr) + 8, NFTA_TABLE_NAME },
		.text = "attempt",
		.end = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), NFNL_MSG_BATCH_END,
		         NLM_F_REQUEST, 3, 0 },
		.end_body = { AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES) },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;

	if (netfilter < 0)
		return errno;
	if (send(netfilter, &batch, sizeof(batch), 0) < 0 ||
	    recv(netfilter, &answer, sizeof(answer), 0) < 0)
		return errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EIO;
}

static int write_a_rule(void)
{
	return write_a_rule_by(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
}

static int write_a_rule_by_the_queues_socket(void)
{
	return write_a_rule_by(around.netfilter);
}

/* As ip(8) takes an interface down, by a socket that is there. */
static int configure_an_interface(void)
{
	return said(syscall(SYS_ioctl, around.netfilter, 0x8914UL, NULL));
}

#endif

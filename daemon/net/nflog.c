/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/netfilter_socket.h"

enum {
	BATCH_MESSAGES = 16,
	/* What a 16-bit attribute length leaves for a packet, and room for the other attributes. */
	PACKET_MAX = 0xffff - 4,
	MESSAGE_MAX = 72 * 1024,
	/* Zeroed before use: libmnl before 1.0.5 leaves the padding of attributes as it was. */
	CONFIG_MAX = 128,
	/* A second's burst of answers while the guard is held up. */
	SOCKET_BUFFER = 4 * 1024 * 1024,
};

struct nflog {
	int descriptor;
	struct nflog_counters counters;
	struct mmsghdr messages[BATCH_MESSAGES];
	struct iovec pieces[BATCH_MESSAGES];
	_Alignas(8) char received[BATCH_MESSAGES][MESSAGE_MAX];
};

struct nflog *nflog_adopt(int descriptor)
{
	struct nflog *log = calloc(1, sizeof(*log));
	size_t i;

	if (!log)
		return NULL;
	log->descriptor = descriptor;
	for (i = 0; i < BATCH_MESSAGES; i++) {
		log->pieces[i].iov_base = log->received[i];
		log->pieces[i].iov_len = MESSAGE_MAX;
		log->messages[i].msg_hdr.msg_iov = &log->pieces[i];
		log->messages[i].msg_hdr.msg_iovlen = 1;
	}
	return log;
}

void nflog_free(struct nflog *log)
{
	if (!log)
		return;
	close(log->descriptor);
	free(log);
}

int nflog_descriptor(const struct nflog *log)
{
	return log->descriptor;
}

const struct nflog_counters *nflog_counters(const struct nflog *log)
{
	return &log->counters;
}

static int note_attribute(const struct nlattr *attribute, void *data)
{
	const struct nlattr **payload = data;

	if (mnl_attr_get_type(attribute) == NFULA_PAYLOAD)
		*payload = attribute;
	return MNL_CB_OK;
}

static void handle_datagram(struct nflog *log, const char *datagram, size_t datagram_len,
                            nflog_packet_fn on_packet, void *owner)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)datagram;
	int left = (int)datagram_len;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		const struct nlattr *payload = NULL;

		if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			continue;
		log->counters.received++;
		if (mnl_attr_parse(message, sizeof(struct nfgenmsg), note_attribute, &payload) <
		            0 ||
		    !payload) {
			log->counters.truncated++;
			continue;
		}
		on_packet(owner, bytes_of(mnl_attr_get_payload(payload),
		                          mnl_attr_get_payload_len(payload)));
	}
}

int nflog_receive(struct nflog *log, nflog_packet_fn on_packet, void *owner)
{
	int count, i;

	do {
		count = recvmmsg(log->descriptor, log->messages, BATCH_MESSAGES, MSG_DONTWAIT,
		                 NULL);
		if (count < 0 && errno == ENOBUFS)
			log->counters.overruns++;
	} while (count < 0 && (errno == EINTR || errno == ENOBUFS));
	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		if (log->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			log->counters.truncated++;
		else
			handle_datagram(log, log->received[i], log->messages[i].msg_len, on_packet,
			                owner);
	}
	return 0;
}

/* Copies that come before the answer, where rules already stand, are let go. */
static int read_answer(int descriptor)
{
	struct nlmsghdr *message = malloc(MESSAGE_MAX);
	int err = message ? -EAGAIN : -ENOMEM;

	while (err == -EAGAIN) {
		ssize_t len = recv(descriptor, message, MESSAGE_MAX, 0);

		if (len < 0)
			err = errno == EINTR ? -EAGAIN : -errno;
		else if (!mnl_nlmsg_ok(message, (int)len))
			err = -EBADMSG;
		else if (message->nlmsg_type == NLMSG_ERROR)
			err = ((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
		if (len < 0 && err == -EAGAIN && errno != EINTR)
			err = -ETIMEDOUT;
	}
	free(message);
	return err;
}

static struct nlmsghdr *begin_setting(char buffer[CONFIG_MAX], uint16_t group)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	header->res_id = htons(group);
	return message;
}

static int send_setting(int descriptor, const struct nlmsghdr *message)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(descriptor, message, message->nlmsg_len, 0, (const struct sockaddr *)&kernel,
	           sizeof(kernel)) < 0)
		return -errno;
	return read_answer(descriptor);
}

static int bind_group(int descriptor, uint16_t group)
{
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	char buffer[CONFIG_MAX] = { 0 };
	struct nlmsghdr *message = begin_setting(buffer, group);

	mnl_attr_put(message, NFULA_CFG_CMD, sizeof(bind), &bind);
	return send_setting(descriptor, message);
}

/* Each copy is told at once: the kernel would gather a hundred, or wait a second. */
static int set_up_group(int descriptor, uint16_t group)
{
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(PACKET_MAX),
		                                     .copy_mode = NFULNL_COPY_PACKET };
	char buffer[CONFIG_MAX] = { 0 };
	struct nlmsghdr *message = begin_setting(buffer, group);

	mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1));
	mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
	return send_setting(descriptor, message);
}

static int settle(int descriptor, uint16_t group)
{
	const int size = SOCKET_BUFFER;
	int err = bind_group(descriptor, group);

	if (err == -EPERM && netfilter_may_administer())
		err = -EBUSY;
	if (!err)
		err = set_up_group(descriptor, group);
	if (!err && fcntl(descriptor, F_SETFL, O_NONBLOCK) < 0)
		err = -errno;
	if (!err && setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return err;
}

int nflog_open(int *opened, uint16_t group)
{
	int descriptor = -1;
	int err = netfilter_socket_open(&descriptor);

	if (err)
		return err;
	err = settle(descriptor, group);
	if (err) {
		close(descriptor);
		return err;
	}
	*opened = descriptor;
	return 0;
}

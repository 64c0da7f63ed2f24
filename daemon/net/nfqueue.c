/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/netfilter_socket.h"

enum {
	BATCH_PACKETS = 16,
	/* The kernel copies 0xffff octets at most; the rest is for the other attributes. */
	MESSAGE_MAX = 72 * 1024,
	/* A send may not be larger than the socket's buffer, 208 KiB by default. */
	VERDICTS_MAX = 128 * 1024,
	/*
	 * Header, verdict and mark; a packet comes on top. Zeroed where attributes are padded, as libmnl
	 * before 1.0.5 leaves the padding as it was.
	 */
	VERDICT_MAX = 64,
	/* What the 16-bit length of a netlink attribute leaves for its content. */
	PACKET_MAX = 0xffff - 4,
	/*
	 * Of the socket's buffer for each packet that may wait. The kernel counts twice that (socket(7)), and takes about half of
	 * that for one without data, 1,400 octets at most.
	 */
	SOCKET_BUFFER_EACH = 1024,
};

struct nfqueue {
	int descriptor;
	uint16_t number;
	struct nfqueue_counters counters;
	size_t verdicts_len;
	struct mmsghdr messages[BATCH_PACKETS];
	struct iovec pieces[BATCH_PACKETS];
	_Alignas(8) char verdicts[VERDICTS_MAX];
	_Alignas(8) char received[BATCH_PACKETS][MESSAGE_MAX];
};

struct nfqueue *nfqueue_adopt(int descriptor, uint16_t number)
{
	struct nfqueue *queue = calloc(1, sizeof(*queue));
	size_t i;

	if (!queue)
		return NULL;
	queue->descriptor = descriptor;
	queue->number = number;
	for (i = 0; i < BATCH_PACKETS; i++) {
		queue->pieces[i].iov_base = queue->received[i];
		queue->pieces[i].iov_len = MESSAGE_MAX;
		queue->messages[i].msg_hdr.msg_iov = &queue->pieces[i];
		queue->messages[i].msg_hdr.msg_iovlen = 1;
	}
	return queue;
}

void nfqueue_free(struct nfqueue *queue)
{
	if (!queue)
		return;
	close(queue->descriptor);
	free(queue);
}

int nfqueue_descriptor(const struct nfqueue *queue)
{
	return queue->descriptor;
}

const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue)
{
	return &queue->counters;
}

static uint32_t attribute_u32(const struct nlattr *attribute)
{
	return attribute ? ntohl(mnl_attr_get_u32(attribute)) : 0;
}

static void read_hardware_address(struct nfqueue_packet *packet, const struct nlattr *attribute)
{
	const struct nfqnl_msg_packet_hw *hardware;
	size_t len;

	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(*hardware))
		return;
	hardware = mnl_attr_get_payload(attribute);
	len = ntohs(hardware->hw_addrlen);
	if (len > sizeof(packet->hardware_address))
		return;
	memcpy(packet->hardware_address, hardware->hw_addr, len);
	packet->hardware_address_len = (uint8_t)len;
}

/* False when the message is none that a verdict could answer. */
static bool read_packet(struct nfqueue_packet *packet, bool *is_whole,
                        const struct nlmsghdr *message)
{
	struct nlattr *attributes[NFQA_MAX + 1] = { NULL };
	const struct nfqnl_msg_packet_hdr *header;
	uint32_t skb_info;

	if (nfq_nlmsg_parse(message, attributes) < 0 || !attributes[NFQA_PACKET_HDR] ||
	    mnl_attr_get_payload_len(attributes[NFQA_PACKET_HDR]) < sizeof(*header))
		return false;
	header = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	skb_info = attribute_u32(attributes[NFQA_SKB_INFO]);

	*packet = (struct nfqueue_packet){
		.id = ntohl(header->packet_id),
		.netfilter_hook = header->hook,
		.mark = attribute_u32(attributes[NFQA_MARK]),
		.ethertype = ntohs(header->hw_protocol),
		.checksum_ready = !(skb_info & NFQA_SKB_CSUMNOTREADY),
		.is_gso = skb_info & NFQA_SKB_GSO,
	};
	packet->is_bridged =
		attributes[NFQA_IFINDEX_PHYSINDEV] && attributes[NFQA_IFINDEX_PHYSOUTDEV];
	packet->ingress = attribute_u32(
		attributes[packet->is_bridged ? NFQA_IFINDEX_PHYSINDEV : NFQA_IFINDEX_INDEV]);
	read_hardware_address(packet, attributes[NFQA_HWADDR]);
	if (attributes[NFQA_PAYLOAD])
		packet->packet = bytes_of(mnl_attr_get_payload(attributes[NFQA_PAYLOAD]),
		                          mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]));
	*is_whole = attribute_u32(attributes[NFQA_CAP_LEN]) <= packet->packet.len;
	return true;
}

static void handle_packet(struct nfqueue *queue, const struct nlmsghdr *message,
                          nfqueue_packet_fn on_packet, void *owner)
{
	struct nfqueue_packet packet;
	bool is_whole;

	if (!read_packet(&packet, &is_whole, message))
		return;
	queue->counters.received++;
	if (is_whole) {
		on_packet(owner, &packet);
		return;
	}
	/*
	 * Its end is unseen, so it does not pass. TCP sends it again, in smaller pieces after a
	 * loss.
	 */
	queue->counters.truncated++;
	if (nfqueue_verdict(queue, &(struct nfqueue_verdict){ .id = packet.id }) < 0)
		queue->counters.verdict_errors++;
}

static void handle_datagram(struct nfqueue *queue, const char *datagram, size_t datagram_len,
                            nfqueue_packet_fn on_packet, void *owner)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)datagram;
	int left = (int)datagram_len;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_type == NLMSG_ERROR)
			queue->counters.verdict_errors++;
		else if (message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
			handle_packet(queue, message, on_packet, owner);
	}
}

int nfqueue_receive(struct nfqueue *queue, nfqueue_packet_fn on_packet, void *owner)
{
	int count, i;

	do {
		count = recvmmsg(queue->descriptor, queue->messages, BATCH_PACKETS, MSG_DONTWAIT,
		                 NULL);
		if (count < 0 && errno == ENOBUFS)
			queue->counters.overruns++;
	} while (count < 0 && (errno == EINTR || errno == ENOBUFS));
	if (count < 0)
		return -errno;

	for (i = 0; i < count; i++) {
		if (queue->messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
			queue->counters.truncated++;
			continue;
		}
		handle_datagram(queue, queue->received[i], queue->messages[i].msg_len, on_packet,
		                owner);
	}
	return 0;
}

int nfqueue_flush(struct nfqueue *queue)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	if (queue->verdicts_len == 0)
		return 0;
	do {
		sent = sendto(queue->descriptor, queue->verdicts, queue->verdicts_len, 0,
		              (const struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	queue->verdicts_len = 0;
	return sent < 0 ? -errno : 0;
}

/* Space for a message of `len` octets at most, behind those that wait. */
static int make_room(struct nfqueue *queue, size_t len)
{
	return queue->verdicts_len + len > VERDICTS_MAX ? nfqueue_flush(queue) : 0;
}

int nfqueue_verdict(struct nfqueue *queue, const struct nfqueue_verdict *verdict)
{
	struct nlmsghdr *message;
	int code = !verdict->is_accepted ? NF_DROP : verdict->repeats ? NF_REPEAT : NF_ACCEPT;
	int err;

	if (verdict->packet.len > PACKET_MAX)
		return -EMSGSIZE;
	err = make_room(queue, VERDICT_MAX + verdict->packet.len);

	message = nfq_nlmsg_put(queue->verdicts + queue->verdicts_len, NFQNL_MSG_VERDICT,
	                        queue->number);
	nfq_nlmsg_verdict_put(message, (int)verdict->id, code);
	if (verdict->has_mark)
		nfq_nlmsg_verdict_put_mark(message, verdict->mark);
	if (verdict->is_accepted && verdict->packet.len > 0)
		nfq_nlmsg_verdict_put_pkt(message, verdict->packet.data,
		                          (uint32_t)verdict->packet.len);
	queue->verdicts_len += NLMSG_ALIGN(message->nlmsg_len);
	return err;
}

int nfqueue_drop_up_to(struct nfqueue *queue, uint32_t id)
{
	int err = make_room(queue, VERDICT_MAX);
	struct nlmsghdr *message = nfq_nlmsg_put(queue->verdicts + queue->verdicts_len,
	                                         NFQNL_MSG_VERDICT_BATCH, queue->number);

	nfq_nlmsg_verdict_put(message, (int)id, NF_DROP);
	queue->verdicts_len += NLMSG_ALIGN(message->nlmsg_len);
	return err ? err : nfqueue_flush(queue);
}

/*
 * A packet that came before the answer, when rules already stand: it is dropped, and TCP sends it
 * again, since a guard that adopts the queue later would never learn of it.
 */
static int drop_early_packet(int descriptor, uint16_t number, const struct nlmsghdr *message)
{
	char buffer[VERDICT_MAX];
	struct nfqueue_packet packet;
	struct nlmsghdr *verdict;
	bool is_whole;

	if (!read_packet(&packet, &is_whole, message))
		return -EBADMSG;
	verdict = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, number);
	nfq_nlmsg_verdict_put(verdict, (int)packet.id, NF_DROP);
	return send(descriptor, verdict, verdict->nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The kernel's answer to a configuration message. */
static int read_answer(int descriptor, uint16_t number)
{
	struct nlmsghdr *message = malloc(MESSAGE_MAX);
	bool is_answered = false;
	int err = message ? 0 : -ENOMEM;

	while (!err && !is_answered) {
		ssize_t len = recv(descriptor, message, MESSAGE_MAX, 0);

		if (len < 0) {
			err = errno == EINTR ? 0 : -errno;
		} else if (!mnl_nlmsg_ok(message, (int)len)) {
			err = -EBADMSG;
		} else if (message->nlmsg_type == NLMSG_ERROR) {
			err = ((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
			is_answered = true;
		} else {
			err = drop_early_packet(descriptor, number, message);
		}
	}
	free(message);
	return err;
}

/* One message, one setting: an unsupported flag takes the whole message with it. */
static int configure(int descriptor, uint16_t number, struct nlmsghdr *message)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	message->nlmsg_flags |= NLM_F_ACK;
	if (sendto(descriptor, message, message->nlmsg_len, 0, (const struct sockaddr *)&kernel,
	           sizeof(kernel)) < 0)
		return -errno;
	return read_answer(descriptor, number);
}

static int bind_queue(int descriptor, uint16_t number)
{
	char buffer[VERDICT_MAX] = { 0 };
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);

	nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	return configure(descriptor, number, message);
}

/* Packets start to come with the copy mode, so it is set last. */
static int set_flag(int descriptor, uint16_t number, uint32_t flag)
{
	char buffer[VERDICT_MAX] = { 0 };
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);

	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(flag));
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(flag));
	return configure(descriptor, number, message);
}

static int set_up_queue(int descriptor, uint16_t number, uint32_t queue_len)
{
	char buffer[VERDICT_MAX] = { 0 };
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
	int err;

	nfq_nlmsg_cfg_put_qmaxlen(message, queue_len);
	err = configure(descriptor, number, message);
	if (err)
		return err;

	/* Without it the kernel cuts large segments before queueing: slower, not wrong. */
	err = set_flag(descriptor, number, NFQA_CFG_F_GSO);
	if (err && err != -EOPNOTSUPP && err != -EINVAL)
		return err;

	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, number);
	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, PACKET_MAX);
	return configure(descriptor, number, message);
}

int nfqueue_pass_when_full(int descriptor, uint16_t number)
{
	return set_flag(descriptor, number, NFQA_CFG_F_FAIL_OPEN);
}

static void size_socket(int descriptor, uint32_t queue_len)
{
	const int size = (int)queue_len * SOCKET_BUFFER_EACH;
	const int on = 1;

	if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* An error about a verdict need not bring the verdict's packet back. */
	(void)setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

/* The port id that has the queue, 0 when none is seen. */
static uint32_t find_owner(uint16_t number)
{
	FILE *list = fopen("/proc/self/net/netfilter/nfnetlink_queue", "re");
	unsigned queue, portid, owner = 0;

	if (!list)
		return 0;
	while (owner == 0 && fscanf(list, "%u %u%*[^\n]", &queue, &portid) == 2) {
		if (queue == number)
			owner = portid;
	}
	(void)fclose(list);
	return owner;
}

/* The kernel says EPERM both to those without the capability and when another has the queue. */
static int explain_refusal(int err, uint32_t *owner_portid, uint16_t number)
{
	if (err != -EPERM && err != -EBUSY)
		return err;
	*owner_portid = find_owner(number);
	return *owner_portid != 0 || netfilter_may_administer() ? -EBUSY : -EPERM;
}

int nfqueue_open(int *opened, uint32_t *owner_portid, uint16_t number, uint32_t queue_len)
{
	int descriptor = -1;
	int err = netfilter_socket_open(&descriptor);

	if (err)
		return err;
	size_socket(descriptor, queue_len);
	err = bind_queue(descriptor, number);
	if (err) {
		err = explain_refusal(err, owner_portid, number);
		goto close_descriptor;
	}
	err = set_up_queue(descriptor, number, queue_len);
	if (err)
		goto close_descriptor;
	if (fcntl(descriptor, F_SETFL, O_NONBLOCK) < 0) {
		err = -errno;
		goto close_descriptor;
	}
	*opened = descriptor;
	return 0;

close_descriptor:
	close(descriptor);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Several of the largest messages may be under way before a send says -EAGAIN. */
enum { SEND_BUFFER_LEN = 4 * CHANNEL_MESSAGE_MAX };

/* Aligned as the kernel and CMSG_DATA want it. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(CHANNEL_DESCRIPTORS_MAX * sizeof(int))];
};

/* Beyond net.core.wmem_max only where CAP_NET_ADMIN allows; what counts is that one message fits. */
static int raise_send_buffer(int end)
{
	int wanted = SEND_BUFFER_LEN;
	int got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) != 0)
		(void)setsockopt(end, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
	if (getsockopt(end, SOL_SOCKET, SO_SNDBUF, &got, &len) != 0)
		return -errno;
	return got > CHANNEL_MESSAGE_MAX ? 0 : -ENOBUFS;
}

int channel_pair(int ends[2])
{
	int opened[2];
	int err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, opened) != 0)
		return -errno;
	err = raise_send_buffer(opened[0]);
	if (!err)
		err = raise_send_buffer(opened[1]);
	if (err) {
		close(opened[0]);
		close(opened[1]);
		return err;
	}
	ends[0] = opened[0];
	ends[1] = opened[1];
	return 0;
}

int channel_send(int end, const void *message, size_t len)
{
	return channel_send_descriptors(end, message, len, NULL, 0);
}

int channel_send_descriptors(int end, const void *message, size_t len, const int *descriptors,
                             size_t count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = len };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t sent;

	/* An empty message would read like the end of the channel. */
	assert(len > 0 && count <= CHANNEL_DESCRIPTORS_MAX);
	if (len > CHANNEL_MESSAGE_MAX)
		return -EMSGSIZE;
	if (count > 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
		header.msg_control = control.room;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	do {
		sent = sendmsg(end, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Moves the descriptors that came along into `descriptors`; those beyond the bound are closed. */
static size_t take_descriptors(int descriptors[CHANNEL_DESCRIPTORS_MAX], struct msghdr *header)
{
	struct cmsghdr *part;
	size_t count = 0;

	for (part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		size_t i, in_part;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		in_part = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < in_part; i++) {
			int descriptor;

			memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (count < CHANNEL_DESCRIPTORS_MAX)
				descriptors[count++] = descriptor;
			else
				close(descriptor);
		}
	}
	return count;
}

static void close_all(const int *descriptors, size_t count)
{
	while (count > 0)
		close(descriptors[--count]);
}

ssize_t channel_receive(int end, void *message, size_t room,
                        int descriptors[CHANNEL_DESCRIPTORS_MAX], size_t *count)
{
	struct iovec part = { .iov_base = message, .iov_len = room };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	int taken[CHANNEL_DESCRIPTORS_MAX];
	union control control;
	size_t taken_count;
	ssize_t received;

	/* Without room for them the kernel closes descriptors that nobody asked for. */
	if (descriptors) {
		header.msg_control = control.room;
		header.msg_controllen = sizeof(control.room);
	}
	/* ECONNRESET is told once, when the other end left unread messages behind; its own come after. */
	do {
		received = recvmsg(end, &header, MSG_CMSG_CLOEXEC);
	} while (received < 0 && (errno == EINTR || errno == ECONNRESET));
	if (received < 0)
		return -errno;

	taken_count = descriptors ? take_descriptors(taken, &header) : 0;
	if (header.msg_flags & MSG_TRUNC || (descriptors && header.msg_flags & MSG_CTRUNC)) {
		close_all(taken, taken_count);
		return -EMSGSIZE;
	}
	if (descriptors) {
		memcpy(descriptors, taken, taken_count * sizeof(int));
		*count = taken_count;
	}
	return received;
}

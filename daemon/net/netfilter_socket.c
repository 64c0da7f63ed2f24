/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netfilter_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 5 };

int netfilter_socket_open(int *opened)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct mnl_socket *netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int descriptor, err = 0;

	if (!netlink)
		return -errno;
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	/* The descriptor outlives the wrapper: it is handed on to another process. */
	descriptor = fcntl(mnl_socket_get_fd(netlink), F_DUPFD_CLOEXEC, 0);
	if (descriptor < 0 && !err)
		err = -errno;
	mnl_socket_close(netlink);
	if (!err &&
	    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		err = -errno;
	if (err) {
		if (descriptor >= 0)
			close(descriptor);
		return err;
	}
	*opened = descriptor;
	return 0;
}

bool netfilter_may_administer(void)
{
	cap_t own = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (own)
		(void)cap_get_flag(own, CAP_NET_ADMIN, CAP_EFFECTIVE, &value);
	(void)cap_free(own);
	return value == CAP_SET;
}

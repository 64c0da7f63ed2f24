/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_NETFILTER_SOCKET_H
#define HOPGUARD_NET_NETFILTER_SOCKET_H

#include <stdbool.h>

/* A netlink socket to netfilter, bound, blocking; a receive that waits for longer than five seconds fails. 0 or -errno. */
int netfilter_socket_open(int *opened);

/* The kernel says EPERM both to those who may not ask and where another has what is asked for: this tells them apart. */
bool netfilter_may_administer(void);

#endif

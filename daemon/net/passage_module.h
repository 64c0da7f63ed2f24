/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_PASSAGE_MODULE_H
#define HOPGUARD_NET_PASSAGE_MODULE_H

/*
 * The passage of message bodies by the kernel module xt_smtpbody, over generic netlink (kmod/xt_smtpbody.h). The module answers while
 * it is asked, so nothing here waits.
 *
 * What was armed is the socket's, too: it is forgotten when nobody has the socket open any more. The supervisor, who opened it, keeps it.
 */

#include "net/body_passage.h"

/*
 * For the guard of queue `owner`, before rights are dropped; needs CAP_NET_ADMIN, as does whoever uses it. 0 or -errno: -ENOENT
 * where no such module is loaded, nor can be; -EPROTO for one of another interface. The caller closes ticket->descriptors.
 */
int passage_module_open(struct passage_ticket *ticket, uint16_t owner);

/* Takes over the ticket's descriptor, also on failure. NULL: out of memory. */
struct body_passage *passage_module_adopt(const struct passage_ticket *ticket);

#endif

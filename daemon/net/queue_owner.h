/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_QUEUE_OWNER_H
#define HOPGUARD_NET_QUEUE_OWNER_H

/* Who has a netfilter queue that we wanted: for the one line that says so. */

#include <stddef.h>
#include <stdint.h>

/* "hopguard (pid 4711)", or less when /proc does not tell. Returns text. */
const char *queue_owner_name(char *text, size_t room, uint32_t portid);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_CHANNEL_H
#define HOPGUARD_BASE_CHANNEL_H

/* Messages between processes over a pair of sequenced-packet sockets; non-blocking, close-on-exec. */

#include <stddef.h>
#include <sys/types.h>

/* Descriptors that one message may carry. */
enum { CHANNEL_DESCRIPTORS_MAX = 8, CHANNEL_MESSAGE_MAX = 160 * 1024 };

/* 0 or -errno. */
int channel_pair(int ends[2]);

/* 0 or -errno; -EAGAIN when the other side is slow: the message is not sent. Descriptors stay ours. */
int channel_send(int end, const void *message, size_t len);
int channel_send_descriptors(int end, const void *message, size_t len, const int *descriptors,
                             size_t count);

/*
 * Octets received; 0 when the other end is gone; -EAGAIN when there is nothing; -EMSGSIZE for a message
 * larger than room, or with more descriptors than we can take, which is lost. Received descriptors become the caller's, close-on-exec;
 * `descriptors` may be NULL: then any that arrive are closed.
 */
ssize_t channel_receive(int end, void *message, size_t room,
                        int descriptors[CHANNEL_DESCRIPTORS_MAX], size_t *count);

#endif

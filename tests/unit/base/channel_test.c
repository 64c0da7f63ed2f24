/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int open_pair(void **state)
{
	int *ends = calloc(2, sizeof(int));

	if (!ends || channel_pair(ends) != 0)
		return -1;
	*state = ends;
	return 0;
}

static int close_pair(void **state)
{
	int *ends = *state;

	close(ends[0]);
	close(ends[1]);
	free(ends);
	return 0;
}

/* Descriptors open in this process: what leaks shows here. */
static int open_descriptors(void)
{
	int descriptor, count = 0;

	for (descriptor = 0; descriptor < 256; descriptor++)
		count += fcntl(descriptor, F_GETFD) >= 0;
	return count;
}

static void a_message_arrives_whole_and_in_order(void **state)
{
	const int *ends = *state;
	char message[16];

	assert_int_equal(channel_send(ends[0], "first", 5), 0);
	assert_int_equal(channel_send(ends[0], "second", 6), 0);
	assert_int_equal(channel_receive(ends[1], message, sizeof(message), NULL, NULL), 5);
	assert_memory_equal(message, "first", 5);
	assert_int_equal(channel_receive(ends[1], message, sizeof(message), NULL, NULL), 6);
	assert_memory_equal(message, "second", 6);
	assert_int_equal(channel_receive(ends[1], message, sizeof(message), NULL, NULL), -EAGAIN);
}

static void the_largest_message_fits_and_one_octet_more_is_refused(void **state)
{
	const int *ends = *state;
	char *sent = calloc(1, CHANNEL_MESSAGE_MAX + 1);
	char *received = calloc(1, CHANNEL_MESSAGE_MAX);

	assert_non_null(sent);
	assert_non_null(received);
	memset(sent, 'x', CHANNEL_MESSAGE_MAX);
	assert_int_equal(channel_send(ends[0], sent, CHANNEL_MESSAGE_MAX + 1), -EMSGSIZE);
	assert_int_equal(channel_send(ends[0], sent, CHANNEL_MESSAGE_MAX), 0);
	assert_int_equal(channel_receive(ends[1], received, CHANNEL_MESSAGE_MAX, NULL, NULL),
	                 CHANNEL_MESSAGE_MAX);
	assert_memory_equal(sent, received, CHANNEL_MESSAGE_MAX);
	free(sent);
	free(received);
}

static void two_of_the_largest_messages_may_be_under_way(void **state)
{
	const int *ends = *state;
	socklen_t len = sizeof(int);
	int end, room;

	for (end = 0; end < 2; end++) {
		assert_int_equal(getsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &room, &len), 0);
		assert_true(room >= 2 * CHANNEL_MESSAGE_MAX);
	}
}

static void a_slow_reader_never_blocks_the_writer(void **state)
{
	const int *ends = *state;
	char *message = calloc(1, CHANNEL_MESSAGE_MAX);
	int err = 0;
	int sent;

	assert_non_null(message);
	for (sent = 0; sent < 1000 && !err; sent++)
		err = channel_send(ends[0], message, CHANNEL_MESSAGE_MAX);
	assert_int_equal(err, -EAGAIN);
	while (channel_receive(ends[1], message, CHANNEL_MESSAGE_MAX, NULL, NULL) > 0)
		sent--;
	/* The one that was refused was not sent in part. */
	assert_int_equal(sent, 1);
	assert_int_equal(channel_send(ends[0], message, 1), 0);
	free(message);
}

static void a_message_larger_than_room_is_lost_with_its_descriptors(void **state)
{
	const int *ends = *state;
	int descriptors[CHANNEL_DESCRIPTORS_MAX];
	size_t count = 77;
	char message[4];
	int before = open_descriptors();

	assert_int_equal(channel_send_descriptors(ends[0], "too large", 9, &ends[0], 1), 0);
	assert_int_equal(channel_send(ends[0], "next", 4), 0);
	assert_int_equal(channel_receive(ends[1], message, 4, descriptors, &count), -EMSGSIZE);
	assert_int_equal(count, 77);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(channel_receive(ends[1], message, 4, descriptors, &count), 4);
	assert_int_equal(count, 0);
}

static void descriptors_become_the_readers_and_close_on_exec(void **state)
{
	const int *ends = *state;
	int descriptors[CHANNEL_DESCRIPTORS_MAX];
	int pipe_ends[2];
	size_t count = 0;
	char octet;

	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(channel_send_descriptors(ends[0], "m", 1, pipe_ends, 2), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	assert_int_equal(channel_receive(ends[1], &octet, 1, descriptors, &count), 1);
	assert_int_equal(count, 2);
	assert_int_equal(fcntl(descriptors[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(write(descriptors[1], "z", 1), 1);
	assert_int_equal(read(descriptors[0], &octet, 1), 1);
	assert_int_equal(octet, 'z');
	close(descriptors[0]);
	close(descriptors[1]);
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	const int *ends = *state;
	int before = open_descriptors();
	char octet;

	assert_int_equal(channel_send_descriptors(ends[0], "m", 1, ends, 2), 0);
	assert_int_equal(channel_receive(ends[1], &octet, 1, NULL, NULL), 1);
	assert_int_equal(open_descriptors(), before);
}

/* A process that was taken over need not keep to channel_send's bound. */
static void more_descriptors_than_the_bound_are_closed(void **state)
{
	enum { MANY = CHANNEL_DESCRIPTORS_MAX + 4 };
	const int *ends = *state;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(MANY * sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (char[]){ 'm' }, .iov_len = 1 };
	struct msghdr header = { .msg_iov = &part,
		                 .msg_iovlen = 1,
		                 .msg_control = control.room,
		                 .msg_controllen = sizeof(control.room) };
	int descriptors[CHANNEL_DESCRIPTORS_MAX];
	int before = open_descriptors();
	size_t count = 0;
	char octet;
	size_t i;

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(MANY * sizeof(int));
	for (i = 0; i < MANY; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &ends[0], sizeof(int));
	assert_int_equal(sendmsg(ends[0], &header, 0), 1);
	assert_int_equal(channel_receive(ends[1], &octet, 1, descriptors, &count), -EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(open_descriptors(), before);
}

static void what_was_sent_before_the_other_end_died_is_still_read(void **state)
{
	int *ends = *state;
	char message[8];

	/* Unread messages at the dead end turn its end into ECONNRESET here. */
	assert_int_equal(channel_send(ends[1], "unread", 6), 0);
	assert_int_equal(channel_send(ends[0], "last", 4), 0);
	close(ends[0]);
	assert_int_equal(channel_receive(ends[1], message, sizeof(message), NULL, NULL), 4);
	assert_int_equal(channel_receive(ends[1], message, sizeof(message), NULL, NULL), 0);
	assert_int_equal(channel_send(ends[1], "late", 4), -EPIPE);
	ends[0] = dup(ends[1]);
}

static void both_ends_close_on_exec(void **state)
{
	const int *ends = *state;

	assert_int_equal(fcntl(ends[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(ends[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

#define with_pair(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_pair(a_message_arrives_whole_and_in_order),
		with_pair(the_largest_message_fits_and_one_octet_more_is_refused),
		with_pair(two_of_the_largest_messages_may_be_under_way),
		with_pair(a_slow_reader_never_blocks_the_writer),
		with_pair(a_message_larger_than_room_is_lost_with_its_descriptors),
		with_pair(descriptors_become_the_readers_and_close_on_exec),
		with_pair(descriptors_that_nobody_asked_for_are_closed),
		with_pair(more_descriptors_than_the_bound_are_closed),
		with_pair(what_was_sent_before_the_other_end_died_is_still_read),
		with_pair(both_ends_close_on_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

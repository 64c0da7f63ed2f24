/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/descriptors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"

enum { SHARED = 65534, A_MESSAGE = 250, LITTLE = 512, SOME = 1024, MUCH = 4096 };

/* As many descriptors as one message holds, that nobody reads. */
static bool send_to_itself(int end)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(A_MESSAGE * sizeof(int))];
	} control = { .header = { CMSG_LEN(A_MESSAGE * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char octet = 0;
	struct iovec part = { &octet, 1 };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control.room,
		                  .msg_controllen = sizeof(control.room) };
	int numbers[A_MESSAGE] = { STDIN_FILENO };

	memcpy(CMSG_DATA(&control.header), numbers, sizeof(numbers));
	return sendmsg(end, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static void be_taken_over(int ready, int done, unsigned most)
{
	int ends[2];
	char octet = 0;

	if (descriptors_bound(most) != 0)
		_exit(2);
	while (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && send_to_itself(ends[0]))
		continue;
	(void)!write(ready, &octet, 1);
	(void)!read(done, &octet, 1);
	_exit(0);
}

/* As the user of both, which the kernel counts for. 0: a descriptor was handed on in spite of the other. */
static int hand_on(rlim_t soft, rlim_t hard, unsigned most)
{
	const struct rlimit limit = { soft, hard };
	int ready[2], done[2], ends[2], number = STDIN_FILENO, err;
	char octet = 0;
	pid_t other;

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || pipe(ready) != 0 || pipe(done) != 0 ||
	    channel_pair(ends) != 0)
		return 1;
	descriptors_raise(SOME);
	if (setresuid(SHARED, SHARED, SHARED) != 0)
		return 1;
	other = fork();
	if (other == 0)
		be_taken_over(ready[1], done[0], most);
	if (other < 0 || read(ready[0], &octet, 1) != 1)
		return 1;
	err = channel_send_descriptors(ends[0], &octet, 1, &number, 1);
	(void)!write(done[1], &octet, 1);
	(void)waitpid(other, NULL, 0);
	return err == 0 ? 0 : err == -ETOOMANYREFS ? 3 : 4;
}

static int in_a_process(int (*does)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(does());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int where_it_can_be_raised(void)
{
	return hand_on(SOME, MUCH, UINT32_MAX);
}

static int where_it_cannot(void)
{
	return hand_on(SOME, SOME, UINT32_MAX);
}

static int where_there_is_much(void)
{
	return hand_on(MUCH, MUCH, UINT32_MAX);
}

static int where_few_are_enough(void)
{
	return hand_on(SOME, SOME, LITTLE / 2);
}

static void who_fills_the_bound_of_its_user_keeps_nobody_from_handing_on(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_a_process(where_it_can_be_raised), 0);
	assert_int_equal(in_a_process(where_it_cannot), 0);
	assert_int_equal(in_a_process(where_there_is_much), 0);
	assert_int_equal(in_a_process(where_few_are_enough), 0);
}

static int have_as_many_as_before(void)
{
	const struct rlimit limit = { SOME, MUCH };
	struct rlimit now;

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	descriptors_raise(SOME);
	if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur < 2 * SOME ||
	    descriptors_bound(UINT32_MAX) != 0 || getrlimit(RLIMIT_NOFILE, &now) != 0)
		return 1;
	return now.rlim_cur == SOME && now.rlim_max == SOME ? 0 : 3;
}

static int have_fewer(void)
{
	struct rlimit now;

	if (descriptors_bound(LITTLE) != 0 || getrlimit(RLIMIT_NOFILE, &now) != 0)
		return 1;
	return now.rlim_cur == LITTLE && now.rlim_max == LITTLE ? 0 : 3;
}

static void others_have_what_they_had_or_what_they_need(void **state)
{
	(void)state;
	assert_int_equal(in_a_process(have_as_many_as_before), 0);
	assert_int_equal(in_a_process(have_fewer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_fills_the_bound_of_its_user_keeps_nobody_from_handing_on),
		cmocka_unit_test(others_have_what_they_had_or_what_they_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

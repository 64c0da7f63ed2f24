/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loopback.h"

enum { MARK = 0x0a000000 };

static int set_up(void **state)
{
	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		exit(EXIT_SUCCESS);
	return 0;
}

static void a_socket_carries_its_mark_and_a_transparent_one_any_address(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		                   .sin6_addr.s6_addr = { 0x20, 1, 0xd, 0xb8 } };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000202) };
	int ours = dial_socket(4, MARK, false), theirs = dial_socket(4, MARK, true);
	int theirs6 = dial_socket(6, MARK, true);
	uint32_t mark = 0;
	socklen_t len = sizeof(mark);

	(void)state;
	assert_true(ours >= 0 && theirs >= 0 && theirs6 >= 0);
	assert_int_equal(bind(ours, (struct sockaddr *)&v4, sizeof(v4)), -1);
	assert_int_equal(bind(theirs, (struct sockaddr *)&v4, sizeof(v4)), 0);
	assert_int_equal(bind(theirs6, (struct sockaddr *)&v6, sizeof(v6)), 0);
	assert_int_equal(getsockopt(ours, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	assert_int_equal(mark, MARK);
	close(ours);
	close(theirs);
	close(theirs6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_carries_its_mark_and_a_transparent_one_any_address),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

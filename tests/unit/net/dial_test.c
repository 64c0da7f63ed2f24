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

static uint32_t mark_of(int descriptor)
{
	uint32_t mark = 0;
	socklen_t len = sizeof(mark);

	assert_int_equal(getsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	return mark;
}

static void a_socket_carries_its_mark(void **state)
{
	int descriptor = dial_socket(4, MARK, NULL);

	(void)state;
	assert_true(descriptor >= 0);
	assert_int_equal(mark_of(descriptor), MARK);
	close(descriptor);
}

static void it_has_the_address_of_somebody_else_and_no_other(void **state)
{
	static const char *const sources[] = { "192.0.2.2", "2001:db8::2" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage at = { 0 }, other = { 0 };
		socklen_t len = sizeof(at);
		struct address source;
		int descriptor;

		assert_true(address_parse(&source, sources[i]));
		descriptor = dial_socket(source.family, MARK, &source);
		assert_true(descriptor >= 0);
		assert_int_equal(mark_of(descriptor), MARK);
		assert_int_equal(getsockname(descriptor, (struct sockaddr *)&at, &len), 0);
		if (source.family == 4)
			assert_memory_equal(&((struct sockaddr_in *)&at)->sin_addr, source.octets,
			                    4);
		else
			assert_memory_equal(&((struct sockaddr_in6 *)&at)->sin6_addr, source.octets,
			                    16);
		/* Whoever gets it cannot take yet another. */
		other.ss_family = AF_UNSPEC;
		(void)connect(descriptor, (struct sockaddr *)&other, sizeof(other));
		assert_int_equal(getsockname(descriptor, (struct sockaddr *)&other, &len), 0);
		assert_memory_equal(&other, &at, len);
		close(descriptor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_carries_its_mark),
		cmocka_unit_test(it_has_the_address_of_somebody_else_and_no_other),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

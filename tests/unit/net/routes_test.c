/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loopback.h"

static int set_up(void **state)
{
	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		exit(EXIT_SUCCESS);
	return 0;
}

static void shell(const char *commands)
{
	assert_int_equal(system(commands), 0);
}

static int interface_to(const char *text)
{
	struct address address;

	assert_true(address_parse(&address, text));
	return routes_interface(&address);
}

static void the_way_to_an_address_is_known(void **state)
{
	int near, far;

	(void)state;
	shell("ip link add near type veth peer name near1; ip link set near up; ip link set near1 "
	      "up;"
	      "ip link add far type veth peer name far1; ip link set far up; ip link set far1 up;"
	      "ip addr add 192.0.2.1/24 dev near; ip addr add 203.0.113.1/24 dev far;"
	      "ip route add default via 203.0.113.2; ip addr add 2001:db8::1/64 dev near nodad");
	near = interface_to("192.0.2.2");
	far = interface_to("198.51.100.25");
	assert_int_equal(near, (int)if_nametoindex("near"));
	assert_int_equal(far, (int)if_nametoindex("far"));
	assert_int_equal(interface_to("192.0.2.1"), ROUTES_HERE);
	assert_int_equal(interface_to("127.0.0.1"), ROUTES_HERE);
	assert_int_equal(interface_to("2001:db8::2"), near);
	assert_true(interface_to("2001:db9::2") < 0);
	shell("ip route add unreachable 198.51.100.0/24");
	assert_true(interface_to("198.51.100.25") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_way_to_an_address_is_known),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

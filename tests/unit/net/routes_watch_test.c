/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/routes_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loopback.h"

static void shell(const char *commands)
{
	assert_int_equal(system(commands), 0);
}

static int set_up(void **state)
{
	static struct routes_watch *watch;

	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		exit(EXIT_SUCCESS);
	shell("ip link add near type veth peer name near1; ip link set near up;"
	      "ip link set near1 up");
	assert_int_equal(routes_watch_open(&watch), 0);
	*state = watch;
	return 0;
}

static int tear_down(void **state)
{
	routes_watch_close(*state);
	return 0;
}

/* The kernel makes some routes of a link by itself, a while after it is up. */
static void wait_for_rest(struct routes_watch *watch)
{
	do
		usleep(100 * 1000);
	while (routes_watch_changed(watch));
}

static void attached_networks_and_default_routes_are_news(void **state)
{
	static const char *const news[] = {
		"ip addr add 192.0.2.1/24 dev near",    "ip addr add 2001:db8::1/64 dev near nodad",
		"ip route add 203.0.113.0/24 dev near", "ip route add default via 192.0.2.2",
		"ip route del default via 192.0.2.2",   "ip -6 route add default via 2001:db8::2",
	};
	size_t i;

	for (i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
		wait_for_rest(*state);
		shell(news[i]);
		assert_true(routes_watch_changed(*state));
	}
}

static void routes_by_a_gateway_and_to_this_machine_itself_are_none(void **state)
{
	wait_for_rest(*state);
	shell("ip route add 198.51.100.0/24 via 192.0.2.2; ip route del 198.51.100.0/24 via "
	      "192.0.2.2; ip -6 route add 2001:db8:1::/64 via 2001:db8::2;"
	      "ip route add local default dev lo table 2525; ip route add blackhole "
	      "203.0.114.0/24");
	assert_false(routes_watch_changed(*state));
}

static void more_than_there_is_room_for_are_news(void **state)
{
	wait_for_rest(*state);
	shell("for i in $(seq 0 199); do for j in $(seq 0 9); do "
	      "echo route add 198.18.$i.$j via 192.0.2.2; done; done | ip -batch -");
	assert_true(routes_watch_changed(*state));
	assert_false(routes_watch_changed(*state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attached_networks_and_default_routes_are_news),
		cmocka_unit_test(routes_by_a_gateway_and_to_this_machine_itself_are_none),
		cmocka_unit_test(more_than_there_is_room_for_are_news),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

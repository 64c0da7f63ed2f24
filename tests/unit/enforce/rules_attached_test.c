/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_attached.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../net/loopback.h"

static struct rules rules;

static int without_networks(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof(rules));
	return 0;
}

static struct network network(const char *text)
{
	struct network parsed;

	assert_true(network_parse(&parsed, text));
	return parsed;
}

static void assert_networks_are(const struct network *networks, size_t count, const char *first,
                                const char *second)
{
	const char *const wanted[] = { first, second };
	char text[NETWORK_TEXT_MAX];
	size_t i;

	assert_int_equal(count, second ? 2 : 1);
	for (i = 0; i < count; i++)
		assert_string_equal(network_format(text, &networks[i]), wanted[i]);
}

static void what_is_new_comes_behind_what_is_there(void **state)
{
	struct network found[] = { network("192.0.2.0/24"), network("203.0.113.0/24") };
	struct rules_growth growth;

	(void)state;
	rules.clients[rules.client_count++] = found[0];
	growth = rules_grow(&rules, false, found, 2);
	assert_networks_are(growth.networks, growth.count, "203.0.113.0/24", NULL);
	assert_networks_are(rules.clients, rules.client_count, "192.0.2.0/24", "203.0.113.0/24");
	growth = rules_grow(&rules, false, found, 2);
	assert_int_equal(growth.count, 0);
	assert_int_equal(growth.left_out, 0);
	assert_int_equal(rules.client_count, 2);
}

static void what_is_gone_stays(void **state)
{
	struct network found = network("203.0.113.0/24");
	struct rules_growth growth;

	(void)state;
	rules.clients[rules.client_count++] = network("192.0.2.0/24");
	growth = rules_grow(&rules, false, &found, 1);
	assert_int_equal(growth.count, 1);
	growth = rules_grow(&rules, false, NULL, 0);
	assert_int_equal(growth.count, 0);
	assert_networks_are(rules.clients, rules.client_count, "192.0.2.0/24", "203.0.113.0/24");
}

static void what_lies_in_one_that_is_there_is_not_new(void **state)
{
	struct network found[] = {
		network("10.1.0.0/16"),
		network("fe80::/64"),
		network("fe80::/64"),
		network("10.0.0.0/7"),
	};
	struct rules_growth growth;

	(void)state;
	rules.clients[rules.client_count++] = network("10.0.0.0/8");
	growth = rules_grow(&rules, false, found, 4);
	assert_networks_are(growth.networks, growth.count, "fe80::/64", "10.0.0.0/7");
}

static void beside_named_clients_it_is_a_place_of_name_servers(void **state)
{
	struct network found[] = { network("192.0.2.0/25"), network("203.0.113.0/24") };
	struct rules_growth growth;

	(void)state;
	rules.clients[rules.client_count++] = network("192.0.2.0/24");
	growth = rules_grow(&rules, true, found, 2);
	assert_networks_are(growth.networks, growth.count, "203.0.113.0/24", NULL);
	assert_networks_are(rules.locals, rules.local_count, "203.0.113.0/24", NULL);
	assert_int_equal(rules.client_count, 1);
	rules_shrink(&rules, true, &growth);
	assert_int_equal(rules.local_count, 0);
	assert_int_equal(rules.client_count, 1);
}

static void what_has_no_room_is_counted(void **state)
{
	static struct network found[RULES_ATTACHED_MAX];
	struct rules_growth growth;
	size_t i;

	(void)state;
	for (i = 0; i < RULES_ATTACHED_MAX; i++)
		found[i] = (struct network){
			.address = address_of(
				4, (uint8_t[]){ 198, 18 + (uint8_t)(i / 256), (uint8_t)i, 0 }),
			.prefix_len = 24,
		};
	rules.clients[rules.client_count++] = network("192.0.2.0/24");
	growth = rules_grow(&rules, false, found, RULES_ATTACHED_MAX);
	assert_int_equal(growth.count, RULES_NETWORKS_MAX - 1);
	assert_int_equal(growth.left_out, RULES_ATTACHED_MAX - (RULES_NETWORKS_MAX - 1));
	assert_int_equal(rules.client_count, RULES_NETWORKS_MAX);
	assert_int_equal(rules.local_count, 0);
	rules_shrink(&rules, false, &growth);
	assert_networks_are(rules.clients, rules.client_count, "192.0.2.0/24", NULL);
}

/* Every link has the same network of link-local addresses. */
static void links_and_private_networks_take_no_room_by_default(void **state)
{
	struct network clients[RULES_NETWORKS_MAX];
	size_t before, after;

	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		skip();
	before = rules_default_clients(clients);
	assert_int_equal(system("for i in 1 2 3; do ip link add a$i type veth peer name b$i; "
	                        "ip link set a$i up; ip link set b$i up; "
	                        "ip addr add 10.0.$i.1/24 dev a$i; done;"
	                        "ip addr add 203.0.113.1/24 dev a1; sleep 0.2"),
	                 0);
	after = rules_default_clients(clients);
	assert_networks_are(clients + before, after - before, "203.0.113.0/24", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_new_comes_behind_what_is_there, without_networks),
		cmocka_unit_test_setup(what_is_gone_stays, without_networks),
		cmocka_unit_test_setup(what_lies_in_one_that_is_there_is_not_new, without_networks),
		cmocka_unit_test_setup(beside_named_clients_it_is_a_place_of_name_servers,
		                       without_networks),
		cmocka_unit_test_setup(what_has_no_room_is_counted, without_networks),
		cmocka_unit_test(links_and_private_networks_take_no_room_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

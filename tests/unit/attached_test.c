/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attached.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/loopback.h"

static struct world {
	struct attached attached;
	struct config config;
	uint64_t now_ms;
	int answer; /* of putting rules in */
	unsigned puts, telling_count;
	enum event_kind kind;
	char subject[EVENT_SUBJECT_MAX];
	char text[EVENT_TEXT_MAX];
} world;

static int put_in(void *owner)
{
	struct world *one = owner;

	one->puts++;
	return one->answer;
}

static void tell(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct world *one = owner;

	one->telling_count++;
	one->kind = kind;
	text_copy(one->subject, sizeof(one->subject), subject);
	text_copy(one->text, sizeof(one->text), text);
}

static void shell(const char *commands)
{
	assert_int_equal(system(commands), 0);
}

static bool look_after(uint64_t ms)
{
	world.now_ms += ms;
	return attached_look(&world.attached, &world.config, world.now_ms);
}

/* A network of the test's own, with one cable that has no address; the look at the start is done. */
static int set_up(void **state)
{
	static const struct attached_hooks hooks = { .put_in = put_in, .tell = tell };

	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (!enter_network())
		exit(EXIT_SUCCESS);
	memset(&world, 0, sizeof(world));
	world.config.rules.has_forward = true;
	assert_true(network_parse(&world.config.rules.clients[world.config.rules.client_count++],
	                          "fe80::/10"));
	world.now_ms = 1000 * 1000;
	shell("ip link add near type veth peer name near1; ip link set near up;"
	      "ip link set near1 up; sleep 0.1");
	attached_open(&world.attached, &hooks, &world, world.now_ms);
	assert_false(look_after(ATTACHED_PATIENCE_MS));
	assert_int_equal(world.telling_count, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	attached_close(&world.attached);
	return 0;
}

/* What the last look took is more on a machine that has much to do. */
static const uint64_t long_ms = ATTACHED_PATIENCE_MS + 60 * 1000;

static void what_changed_before_the_start_is_seen_at_the_first_look(void **state)
{
	static const struct attached_hooks hooks = { .put_in = put_in, .tell = tell };

	(void)state;
	shell("ip addr add 203.0.113.1/24 dev near");
	attached_close(&world.attached);
	attached_open(&world.attached, &hooks, &world, world.now_ms);
	assert_false(look_after(ATTACHED_QUIET_MS - 1));
	assert_true(look_after(1));
	assert_int_equal(world.config.rules.client_count, 2);
}

static void a_new_network_is_put_in_once_and_told_once(void **state)
{
	(void)state;
	assert_false(look_after(long_ms));
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(ATTACHED_QUIET_MS - 1));
	assert_int_equal(world.puts, 0);
	assert_true(look_after(1));
	assert_int_equal(world.puts, 1);
	assert_int_equal(world.telling_count, 1);
	assert_int_equal(world.kind, EVENT_RELOADED);
	assert_non_null(strstr(world.text, "guarded from now on: 203.0.113.0/24"));
	shell("ip link del near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	shell("ip link add near type veth peer name near1; ip link set near up;"
	      "ip link set near1 up; ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 1);
	assert_int_equal(world.telling_count, 1);
	assert_int_equal(world.config.rules.client_count, 2);
}

static void changes_without_end_are_looked_at_all_the_same(void **state)
{
	uint64_t waited_ms = 0;

	(void)state;
	assert_false(look_after(long_ms));
	do {
		shell("ip addr add 203.0.113.1/24 dev near");
		waited_ms += 1000;
		assert_in_range(waited_ms, 0, ATTACHED_PATIENCE_MS + 1000);
		if (look_after(1000))
			break;
		shell("ip addr del 203.0.113.1/24 dev near");
	} while (true);
	assert_int_equal(world.puts, 1);
}

static void where_a_default_route_leads_is_no_client(void **state)
{
	(void)state;
	assert_false(look_after(long_ms));
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	shell("ip route add default via 203.0.113.2");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 0);
}

static void what_fails_is_told_once_and_tried_again(void **state)
{
	(void)state;
	world.answer = -EIO;
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 1);
	assert_int_equal(world.kind, EVENT_DEGRADED);
	assert_string_equal(world.subject, "clients");
	assert_int_equal(world.config.rules.client_count, 1);
	assert_false(look_after(ATTACHED_RETRY_MS - 1));
	assert_int_equal(world.puts, 1);
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 2);
	assert_int_equal(world.telling_count, 1);
	world.answer = 0;
	assert_true(look_after(long_ms));
	assert_int_equal(world.telling_count, 3);
	assert_int_equal(world.kind, EVENT_RECOVERED);
	assert_string_equal(world.subject, "clients");
	assert_int_equal(world.config.rules.client_count, 2);
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 3);
}

static void a_trouble_ends_with_the_network_that_made_it(void **state)
{
	(void)state;
	world.answer = -EIO;
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	shell("ip link del near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 1);
	assert_int_equal(world.kind, EVENT_RECOVERED);
}

static void more_than_there_is_room_for_is_told(void **state)
{
	(void)state;
	while (world.config.rules.client_count < RULES_NETWORKS_MAX) {
		struct network *network =
			&world.config.rules.clients[world.config.rules.client_count];
		uint8_t octets[] = { 198, 18, (uint8_t)world.config.rules.client_count++, 0 };

		network->address = address_of(4, octets);
		network->prefix_len = 24;
	}
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 0);
	assert_int_equal(world.kind, EVENT_DEGRADED);
	world.config.rules.client_count = 1;
	attached_note(&world.attached, world.now_ms);
	assert_true(look_after(long_ms));
	assert_int_equal(world.kind, EVENT_RECOVERED);
}

static void without_forwarding_nothing_is_looked_at(void **state)
{
	(void)state;
	world.config.rules.has_forward = false;
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(1000));
	assert_false(look_after(long_ms));
	assert_int_equal(world.puts, 0);
}

static void without_notices_it_looks_now_and_then(void **state)
{
	(void)state;
	assert_false(look_after(long_ms));
	attached_close(&world.attached);
	world.attached.looked_ms = world.now_ms;
	shell("ip addr add 203.0.113.1/24 dev near");
	assert_false(look_after(ATTACHED_UNWATCHED_MS - 1));
	assert_false(look_after(1));
	assert_true(look_after(long_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_changed_before_the_start_is_seen_at_the_first_look, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_network_is_put_in_once_and_told_once, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(changes_without_end_are_looked_at_all_the_same,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_a_default_route_leads_is_no_client, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(what_fails_is_told_once_and_tried_again, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_trouble_ends_with_the_network_that_made_it,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for_is_told, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(without_forwarding_nothing_is_looked_at, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(without_notices_it_looks_now_and_then, set_up,
		                                tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

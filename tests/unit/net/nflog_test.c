/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/nflog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loopback.h"

/* Each test has a network of its own, where datagrams over the loopback are copied to group 7. */
enum { GROUP = 7, LARGE = 60000 };

struct world {
	int descriptor;
	struct nflog *log;
	int receiver;
	int sender;
};

struct seen {
	size_t count;
	size_t last_len;
	uint8_t octets[70000];
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	if (!world || !enter_network())
		return 0;
	assert_int_equal(system("iptables-legacy -w -t mangle -A OUTPUT -p udp --dport 9000 "
	                        "-j NFLOG --nflog-group 7"),
	                 0);
	assert_int_equal(nflog_open(&world->descriptor, GROUP), 0);
	world->log = nflog_adopt(dup(world->descriptor));
	world->receiver = udp_socket(true);
	world->sender = udp_socket(false);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (world->log) {
		nflog_free(world->log);
		close(world->descriptor);
		close(world->receiver);
		close(world->sender);
	}
	free(world);
	return 0;
}

/* No right to make a network: nothing can be tested. */
static struct world *world_of(void **state)
{
	struct world *world = *state;

	if (!world->log)
		skip();
	return world;
}

static void on_packet(void *owner, struct bytes packet)
{
	struct seen *seen = owner;

	seen->count++;
	seen->last_len = packet.len;
	assert_in_range(packet.len, UDP_HEADERS, sizeof(seen->octets));
	memcpy(seen->octets, packet.data, packet.len);
}

static void take(const struct world *world, struct seen *seen, size_t count)
{
	seen->count = 0;
	while (seen->count < count) {
		assert_true(is_readable(nflog_descriptor(world->log), WAIT_MS));
		assert_int_equal(nflog_receive(world->log, on_packet, seen), 0);
	}
}

static void a_copy_comes_at_once_and_whole_while_the_packet_goes_its_way(void **state)
{
	static struct seen seen;
	static uint8_t large[LARGE];
	struct world *world = world_of(state);

	assert_int_equal(send(world->sender, "first", 5, 0), 5);
	assert_true(is_readable(nflog_descriptor(world->log), 300));
	take(world, &seen, 1);
	assert_int_equal(seen.last_len, UDP_HEADERS + 5);
	assert_memory_equal(seen.octets + UDP_HEADERS, "first", 5);
	assert_true(is_readable(world->receiver, WAIT_MS));

	large[LARGE - 1] = 'z';
	assert_int_equal(send(world->sender, large, LARGE, 0), LARGE);
	take(world, &seen, 1);
	assert_int_equal(seen.last_len, UDP_HEADERS + LARGE);
	assert_int_equal(seen.octets[UDP_HEADERS + LARGE - 1], 'z');
	assert_int_equal(nflog_receive(world->log, on_packet, &seen), -EAGAIN);
	assert_int_equal(nflog_counters(world->log)->received, 2);
}

static void copies_beyond_the_room_are_counted_and_no_packet_is_lost(void **state)
{
	static struct seen seen;
	static uint8_t large[LARGE];
	static char got[LARGE];
	struct world *world = world_of(state);
	size_t sent = 0, arrived = 0;
	int i;

	for (i = 0; i < 500; i++) {
		sent += send(world->sender, large, LARGE, 0) == LARGE;
		while (recv(world->receiver, got, sizeof(got), 0) > 0)
			arrived++;
	}
	assert_int_equal(arrived, sent);
	while (nflog_receive(world->log, on_packet, &seen) == 0)
		;
	assert_true(seen.count > 0 && seen.count < sent);
	assert_true(nflog_counters(world->log)->overruns > 0);
	/* It goes on. */
	assert_int_equal(send(world->sender, "more", 4, 0), 4);
	take(world, &seen, 1);
	assert_int_equal(seen.last_len, UDP_HEADERS + 4);
}

static void a_group_that_another_has_is_busy(void **state)
{
	struct world *world = world_of(state);
	int second = -1;

	assert_int_equal(nflog_open(&second, GROUP), -EBUSY);
	assert_int_equal(second, -1);
	assert_int_equal(nflog_open(&second, GROUP + 1), 0);
	close(second);
	(void)world;
}

static void whoever_inherits_the_socket_reads_on(void **state)
{
	static struct seen seen;
	struct world *world = world_of(state);
	pid_t child;

	nflog_free(world->log);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(send(world->sender, "while nobody reads", 18, 0), 18);
	world->log = nflog_adopt(dup(world->descriptor));
	take(world, &seen, 1);
	assert_int_equal(seen.last_len, UDP_HEADERS + 18);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_copy_comes_at_once_and_whole_while_the_packet_goes_its_way),
		TEST(copies_beyond_the_room_are_counted_and_no_packet_is_lost),
		TEST(a_group_that_another_has_is_busy),
		TEST(whoever_inherits_the_socket_reads_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

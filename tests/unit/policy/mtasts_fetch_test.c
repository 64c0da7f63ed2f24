/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LISTENERS = 12, PATIENCE_MS = 5000 };

/* Hosts of 127.0.0.0/8 that take connections, and never say a word: what is begun stays begun. */
struct world {
	struct event_base *base;
	struct mtasts_fetcher *fetcher;
	uint16_t port;
	int listeners[LISTENERS];
	struct address addresses[LISTENERS];
	size_t told;
	char why[FETCH_WHY_MAX];
};

static struct address loopback(unsigned last)
{
	uint8_t octets[4] = { 127, 0, 3, (uint8_t)last };

	return address_of(4, octets);
}

static int listen_at(const struct address *address, uint16_t *port)
{
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(place);
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&place.sin_addr, address->octets, 4);
	assert_true(listener >= 0);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(listen(listener, 256), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&place, &len), 0);
	*port = ntohs(place.sin_port);
	return listener;
}

static void open_world(struct world *world)
{
	struct mtasts_fetch_options options = { .port = 0 };

	memset(world, 0, sizeof(*world));
	(void)signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < LISTENERS; i++) {
		world->addresses[i] = loopback(i + 1);
		world->listeners[i] = listen_at(&world->addresses[i], &world->port);
	}
	options.port = world->port;
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(mtasts_fetcher_new(&world->fetcher, world->base, &options), 0);
}

static void close_world(struct world *world)
{
	mtasts_fetcher_free(world->fetcher);
	event_base_free(world->base);
	for (size_t i = 0; i < LISTENERS; i++)
		close(world->listeners[i]);
}

static void on_fetched(void *owner, const struct mtasts_fetched *fetched)
{
	struct world *world = owner;

	world->told++;
	assert_false(fetched->is_good);
	snprintf(world->why, sizeof(world->why), "%s", fetched->why);
}

static struct mtasts_fetch *start(struct world *world, const struct address *address,
                                  bool is_urgent)
{
	return mtasts_fetch_start(world->fetcher, "a.example", address, 1, is_urgent, on_fetched,
	                          world);
}

static void run(struct world *world)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static size_t connections_at(int listener)
{
	struct pollfd poll_of = { .fd = listener, .events = POLLIN };
	size_t count = 0;
	int connection;

	while (poll(&poll_of, 1, 50) == 1 && (connection = accept(listener, NULL, NULL)) >= 0) {
		close(connection);
		count++;
	}
	return count;
}

static void nothing_is_told_from_within_start(void **state)
{
	struct address nobody = loopback(200);
	struct world world;

	(void)state;
	open_world(&world);
	assert_non_null(start(&world, &nobody, true));
	assert_int_equal(world.told, 0);
	for (int i = 0; i < PATIENCE_MS / 10 && world.told == 0; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(world.told, 1);
	assert_non_null(strstr(world.why, "no connection to 127.0.3.200:"));
	assert_non_null(strstr(world.why, "Connection refused"));
	assert_non_null(strstr(world.why, "https://mta-sts.a.example:"));
	assert_int_equal(mtasts_fetcher_running(world.fetcher), 0);
	close_world(&world);
}

static void one_address_has_its_share_and_no_more(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	for (int i = 0; i < FETCHES_PER_ADDRESS_MAX + 10; i++)
		assert_non_null(start(&world, &world.addresses[0], true));
	assert_non_null(start(&world, &world.addresses[1], false));
	run(&world);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_PER_ADDRESS_MAX + 1);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 10);
	assert_int_equal(connections_at(world.listeners[0]), FETCHES_PER_ADDRESS_MAX);
	assert_int_equal(connections_at(world.listeners[1]), 1);
	close_world(&world);
}

static void all_together_are_bounded(void **state)
{
	struct world world;
	size_t made = 0;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < FETCHES_MAX + FETCHES_WAITING_MAX; i++) {
		made += start(&world, &world.addresses[i % LISTENERS], true) != NULL;
		run(&world);
	}
	assert_int_equal(made, FETCHES_MAX + FETCHES_WAITING_MAX);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_MAX);
	assert_null(start(&world, &world.addresses[0], true));
	assert_int_equal(world.told, 0);
	close_world(&world);
}

static void the_urgent_ones_begin_first(void **state)
{
	struct mtasts_fetch *running[FETCHES_PER_ADDRESS_MAX];
	struct mtasts_fetch *patient, *urgent;
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		running[i] = start(&world, &world.addresses[0], true);
	run(&world);
	patient = start(&world, &world.addresses[0], false);
	urgent = start(&world, &world.addresses[0], true);
	mtasts_fetch_cancel(running[0]);
	run(&world);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 1);
	/* The one that still waits is the patient one: without it none does. */
	mtasts_fetch_cancel(patient);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 0);
	mtasts_fetch_cancel(urgent);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_PER_ADDRESS_MAX - 1);
	close_world(&world);
}

static void what_is_cancelled_makes_room_and_is_not_told(void **state)
{
	struct mtasts_fetch *first[FETCHES_PER_ADDRESS_MAX];
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		first[i] = start(&world, &world.addresses[0], true);
	assert_non_null(start(&world, &world.addresses[0], true));
	run(&world);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 1);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		mtasts_fetch_cancel(first[i]);
	run(&world);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), 1);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 0);
	assert_int_equal(world.told, 0);
	close_world(&world);
}

static void a_second_address_is_tried_where_the_first_refuses(void **state)
{
	struct address addresses[2] = { loopback(200) };
	struct world world;

	(void)state;
	open_world(&world);
	addresses[1] = world.addresses[2];
	assert_non_null(mtasts_fetch_start(world.fetcher, "a.example", addresses, 2, true,
	                                   on_fetched, &world));
	for (int i = 0; i < 50; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(connections_at(world.listeners[2]), 1);
	close_world(&world);
}

/* HelloRequests without an end (RFC 5246 section 7.4.1.1: a client ignores them in a handshake), in a process of its own. */
static pid_t play_endless_requests(int listener)
{
	enum { RECORD_LEN = 16384, HEAD_LEN = 5 };
	static const uint8_t head[HEAD_LEN] = { 22, 3, 3, RECORD_LEN >> 8, RECORD_LEN & 0xff };
	static uint8_t records[8 * (HEAD_LEN + RECORD_LEN)], hello[2048];
	pid_t child = fork();
	int connection;

	assert_true(child >= 0);
	if (child > 0)
		return child;
	alarm(10);
	for (size_t at = 0; at < sizeof(records); at += HEAD_LEN + RECORD_LEN)
		memcpy(records + at, head, HEAD_LEN);
	connection = accept(listener, NULL, NULL);
	if (recv(connection, hello, sizeof(hello), 0) <= 0)
		_exit(1);
	while (send(connection, records, sizeof(records), MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

static void requests_without_an_end_are_not_heard_out(void **state)
{
	struct world world;
	pid_t child;
	int status = 1;

	(void)state;
	open_world(&world);
	child = play_endless_requests(world.listeners[0]);
	assert_non_null(start(&world, &world.addresses[0], true));
	for (int i = 0; i < PATIENCE_MS / 10 && world.told == 0; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(world.told, 1);
	/* We hung up; else it ends by its alarm. */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told_from_within_start),
		cmocka_unit_test(one_address_has_its_share_and_no_more),
		cmocka_unit_test(all_together_are_bounded),
		cmocka_unit_test(the_urgent_ones_begin_first),
		cmocka_unit_test(what_is_cancelled_makes_room_and_is_not_told),
		cmocka_unit_test(a_second_address_is_tried_where_the_first_refuses),
		cmocka_unit_test(requests_without_an_end_are_not_heard_out),
	};

	return cmocka_run_group_tests_name("policy/mtasts_fetch", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct address loopback(uint8_t last)
{
	const uint8_t octets[4] = { 127, 0, 0, last };

	return address_of(4, octets);
}

/* Somebody listens there. */
static int listen_at(struct endpoint *place)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	*place = (struct endpoint){ .address = loopback(1), .port = ntohs(at.sin_port) };
	return listener;
}

/* As the server sees it. */
static struct sockaddr_in peer_of(int listener)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int connection = accept(listener, (struct sockaddr *)&peer, &len);

	assert_true(connection >= 0);
	close(connection);
	return peer;
}

static void a_connection_of_its_own_waits_for_nothing_and_sends_at_once(void **state)
{
	const struct address none = { 0 };
	struct endpoint server;
	int listener = listen_at(&server);
	int descriptor = -1, no_delay = 0;
	socklen_t len = sizeof(no_delay);

	(void)state;
	assert_int_equal(starttls_connect(&descriptor, &server, &none), 0);
	assert_true(descriptor >= 0);
	assert_true(fcntl(descriptor, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len), 0);
	assert_int_not_equal(no_delay, 0);
	assert_int_equal(peer_of(listener).sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	close(descriptor);
	close(listener);
}

static void it_comes_from_the_source_that_is_wanted(void **state)
{
	const struct address source = loopback(77);
	struct endpoint server;
	int listener = listen_at(&server);
	int descriptor = -1;

	(void)state;
	assert_int_equal(starttls_connect(&descriptor, &server, &source), 0);
	assert_int_equal(peer_of(listener).sin_addr.s_addr, htonl(INADDR_LOOPBACK + 76));
	close(descriptor);
	close(listener);
}

static void a_source_that_is_nobody_here_is_told_and_leaves_a_descriptor_to_close(void **state)
{
	const uint8_t octets[4] = { 192, 0, 2, 1 };
	const struct address source = address_of(4, octets);
	struct endpoint server;
	int listener = listen_at(&server);
	int descriptor = -1;

	(void)state;
	assert_int_equal(starttls_connect(&descriptor, &server, &source), EADDRNOTAVAIL);
	assert_true(descriptor >= 0);
	assert_int_equal(close(descriptor), 0);
	close(listener);
}

static void a_descriptor_that_was_made_for_it_keeps_its_place_and_no_source_counts(void **state)
{
	const struct sockaddr_in place = { .sin_family = AF_INET,
		                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 87) };
	const struct address source = loopback(77);
	struct endpoint server;
	int listener = listen_at(&server);
	int given = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int descriptor = given;

	(void)state;
	assert_int_equal(bind(given, (const struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(starttls_connect(&descriptor, &server, &source), 0);
	assert_int_equal(descriptor, given);
	assert_true(fcntl(given, F_GETFL) & O_NONBLOCK);
	assert_int_equal(peer_of(listener).sin_addr.s_addr, place.sin_addr.s_addr);
	close(given);
	close(listener);
}

static void what_is_no_socket_is_told(void **state)
{
	const struct address none = { 0 };
	const struct endpoint server = { .address = loopback(1), .port = 9 };
	int descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(starttls_connect(&descriptor, &server, &none), ENOTSOCK);
	close(descriptor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_of_its_own_waits_for_nothing_and_sends_at_once),
		cmocka_unit_test(it_comes_from_the_source_that_is_wanted),
		cmocka_unit_test(
			a_source_that_is_nobody_here_is_told_and_leaves_a_descriptor_to_close),
		cmocka_unit_test(
			a_descriptor_that_was_made_for_it_keeps_its_place_and_no_source_counts),
		cmocka_unit_test(what_is_no_socket_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

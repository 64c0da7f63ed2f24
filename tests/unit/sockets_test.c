/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sockets.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "enforce/mark.h"

enum { NOW_MS = 5000 };

static struct rules rules;

static int set_up(void **state)
{
	(void)state;
	/* Without the right to make a network there is nothing to try. */
	if (unshare(CLONE_NEWNET) != 0)
		exit(EXIT_SUCCESS);
	assert_true(marks_of(&rules.marks, 0x0f000000));
	rules.returns_probes = true;
	assert_true(network_parse(&rules.clients[0], "192.0.2.0/24"));
	assert_true(network_parse(&rules.clients[1], "2001:db8::/64"));
	rules.client_count = 2;
	return 0;
}

static int make(struct sockets *sockets, const char *client, uint64_t now_ms)
{
	struct message_sockets request = { .type = MESSAGE_SOCKETS, .family = 4 };

	if (client) {
		assert_true(address_parse(&request.client, client));
		request.family = request.client.family;
	}
	return sockets_make(sockets, &request, &rules, now_ms);
}

static uint32_t mark_and_close(int descriptor)
{
	uint32_t mark = 0;
	socklen_t len = sizeof(mark);

	assert_int_equal(getsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	close(descriptor);
	return mark;
}

static void only_guarded_clients_lend_their_name(void **state)
{
	struct sockets sockets = { 0 };

	(void)state;
	assert_int_equal(mark_and_close(make(&sockets, "192.0.2.9", NOW_MS)), rules.marks.own);
	assert_int_equal(mark_and_close(make(&sockets, "2001:db8::9", NOW_MS)), rules.marks.own);
	assert_int_equal(make(&sockets, "192.0.3.9", NOW_MS), -EPERM);
	assert_int_equal(make(&sockets, "2001:db8:0:1::9", NOW_MS), -EPERM);
}

static void nobody_lends_his_name_where_no_answer_would_come(void **state)
{
	struct sockets sockets = { 0 };

	(void)state;
	rules.returns_probes = false;
	assert_int_equal(make(&sockets, "192.0.2.9", NOW_MS), -EPERM);
	rules.returns_probes = true;
}

static void a_connection_of_our_own_is_never_watched(void **state)
{
	struct sockets sockets = { 0 };

	(void)state;
	assert_int_equal(mark_and_close(make(&sockets, NULL, NOW_MS)),
	                 rules.marks.offload | rules.marks.to_server);
}

static void a_second_has_room_for_so_many(void **state)
{
	struct sockets sockets = { 0 };

	(void)state;
	for (int i = 0; i < SOCKETS_PER_SECOND; i++)
		(void)mark_and_close(make(&sockets, NULL, NOW_MS));
	assert_int_equal(make(&sockets, NULL, NOW_MS + 999), -EAGAIN);
	(void)mark_and_close(make(&sockets, NULL, NOW_MS + 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_guarded_clients_lend_their_name),
		cmocka_unit_test(nobody_lends_his_name_where_no_answer_would_come),
		cmocka_unit_test(a_connection_of_our_own_is_never_watched),
		cmocka_unit_test(a_second_has_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

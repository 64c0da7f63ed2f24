/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flow/table.h"

static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };

/* What on_leave saw. */
struct departures {
	size_t count;
	uint16_t last_client_port;
	uint64_t last_started_ms;
};

static void note_departure(void *owner, struct flow *flow)
{
	struct departures *departures = owner;

	departures->count++;
	departures->last_client_port = flow->client.port;
	departures->last_started_ms = flow->started_ms;
}

static struct endpoint endpoint(const char *address, uint16_t port)
{
	struct endpoint made = { .port = port };

	assert_true(address_parse(&made.address, address));
	return made;
}

static struct flow *find(struct flow_table *table, bool *is_from_client, struct endpoint source,
                         struct endpoint destination)
{
	struct segment segment = { .source = source, .destination = destination };

	return flow_table_find(table, is_from_client, &segment);
}

static void a_flow_is_found_from_either_side(void **state)
{
	static const struct {
		const char *client;
		const char *server;
	} pairs[] = {
		{ "192.0.2.2", "198.51.100.25" },
		{ "198.51.100.25", "192.0.2.2" },
		{ "2001:db8::2", "2001:db8::1" },
		{ "192.0.2.2", "192.0.2.2" },
	};
	struct flow_table *table = flow_table_new(8, secret, NULL, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct endpoint client = endpoint(pairs[i].client, 40112);
		struct endpoint server = endpoint(pairs[i].server, 25);
		struct endpoint stranger = endpoint(pairs[i].client, 40113);
		bool is_from_client = false;
		struct flow *flow;

		assert_null(find(table, &is_from_client, client, server));
		flow = flow_table_add(table, &client, &server);
		assert_non_null(flow);
		assert_int_equal(flow->client.port, 40112);
		assert_true(address_equal(&flow->server.address, &server.address));
		assert_ptr_equal(find(table, &is_from_client, client, server), flow);
		assert_true(is_from_client);
		assert_ptr_equal(find(table, &is_from_client, server, client), flow);
		assert_false(is_from_client);
		assert_null(find(table, &is_from_client, stranger, server));
		assert_null(find(table, &is_from_client, server, stranger));
	}
	assert_int_equal(flow_table_count(table), 4);
	flow_table_free(table);
}

static void crossed_ports_are_another_flow(void **state)
{
	struct flow_table *table = flow_table_new(8, secret, NULL, NULL);
	struct endpoint client = endpoint("192.0.2.2", 40112);
	struct endpoint server = endpoint("198.51.100.25", 25);
	struct endpoint crossed_client = endpoint("192.0.2.2", 25);
	struct endpoint crossed_server = endpoint("198.51.100.25", 40112);
	bool is_from_client;

	(void)state;
	assert_non_null(flow_table_add(table, &client, &server));
	assert_null(find(table, &is_from_client, crossed_client, crossed_server));
	assert_null(find(table, &is_from_client, crossed_server, crossed_client));
	flow_table_free(table);
}

static void the_same_endpoints_again_replace_the_old_flow(void **state)
{
	struct departures departures = { 0 };
	struct flow_table *table = flow_table_new(8, secret, note_departure, &departures);
	struct endpoint client = endpoint("192.0.2.2", 40112);
	struct endpoint server = endpoint("198.51.100.25", 25);
	struct flow *flow = flow_table_add(table, &client, &server);

	(void)state;
	flow->started_ms = 77;
	flow = flow_table_add(table, &client, &server);
	assert_int_equal(flow->started_ms, 0);
	assert_int_equal(departures.count, 1);
	assert_int_equal(departures.last_started_ms, 77);
	/* Port 25 on both sides: who began is the newest word. */
	flow = flow_table_add(table, &server, &client);
	assert_int_equal(flow->client.port, 25);
	assert_int_equal(departures.count, 2);
	assert_int_equal(flow_table_count(table), 1);
	flow_table_free(table);
	assert_int_equal(departures.count, 3);
}

static void the_one_silent_for_longest_leaves_a_full_table(void **state)
{
	struct departures departures = { 0 };
	struct flow_table *table = flow_table_new(3, secret, note_departure, &departures);
	struct endpoint server = endpoint("198.51.100.25", 25);
	bool is_from_client;
	struct flow *flow;
	uint16_t port;

	(void)state;
	for (port = 1; port <= 3; port++) {
		struct endpoint client = endpoint("192.0.2.2", port);

		flow_table_add(table, &client, &server);
	}
	assert_non_null(find(table, &is_from_client, server, endpoint("192.0.2.2", 1)));
	assert_non_null(flow_table_add(table, &(struct endpoint){ .port = 4 }, &server));
	assert_int_equal(departures.count, 1);
	assert_int_equal(departures.last_client_port, 2);

	flow = flow_table_oldest(table, FLOW_RANK_GUEST);
	assert_int_equal(flow->client.port, 3);
	flow = flow_table_younger(flow);
	assert_int_equal(flow->client.port, 1);
	flow = flow_table_younger(flow);
	assert_int_equal(flow->client.port, 4);
	assert_null(flow_table_younger(flow));
	flow_table_free(table);
	assert_int_equal(departures.count, 4);
}

static void a_removed_flow_is_told_and_no_longer_found(void **state)
{
	struct departures departures = { 0 };
	struct flow_table *table = flow_table_new(8, secret, note_departure, &departures);
	struct endpoint client = endpoint("192.0.2.2", 40112);
	struct endpoint server = endpoint("198.51.100.25", 25);
	struct flow *flow = flow_table_add(table, &client, &server);
	bool is_from_client;

	(void)state;
	flow->started_ms = 5;
	flow_table_remove(table, flow);
	assert_int_equal(departures.count, 1);
	assert_int_equal(departures.last_started_ms, 5);
	assert_null(find(table, &is_from_client, client, server));
	assert_null(flow_table_oldest(table, FLOW_RANK_GUEST));
	flow_table_free(table);
	assert_int_equal(departures.count, 1);
}

static void a_flow_stays_where_it_is_while_the_table_grows(void **state)
{
	struct flow_table *table = flow_table_new(5000, secret, NULL, NULL);
	struct endpoint server = endpoint("2001:db8::25", 25);
	struct endpoint client = endpoint("2001:db8::1", 0);
	struct flow *first = flow_table_add(table, &client, &server);
	bool is_from_client;
	uint16_t port;

	(void)state;
	for (port = 1; port < 5000; port++) {
		client.port = port;
		assert_non_null(flow_table_add(table, &client, &server));
	}
	client.port = 0;
	assert_ptr_equal(find(table, &is_from_client, client, server), first);
	assert_int_equal(flow_table_count(table), 5000);
	flow_table_free(table);
}

/* A connection of that client to that server, at a port. */
static struct flow *add(struct flow_table *table, const char *client, const char *server,
                        uint16_t port)
{
	struct endpoint from = endpoint(client, port), to = endpoint(server, 25);
	struct flow *flow = flow_table_add(table, &from, &to);

	assert_non_null(flow);
	flow->from_client.has_ingress = true;
	flow_table_settle(table, flow);
	return flow;
}

static struct flow *add_standing(struct flow_table *table, const char *client, const char *server,
                                 uint16_t port)
{
	struct flow *flow = add(table, client, server, port);

	flow->from_server.has_ingress = true;
	flow->is_established = true;
	flow->phase = FLOW_OPEN;
	flow_table_settle(table, flow);
	return flow;
}

static bool is_there(struct flow_table *table, const char *client, const char *server,
                     uint16_t port)
{
	bool is_from_client;

	return find(table, &is_from_client, endpoint(client, port), endpoint(server, 25)) != NULL;
}

static void what_stands_outlives_any_number_that_do_not(void **state)
{
	struct flow_table *table = flow_table_new(64, secret, NULL, NULL);
	struct address last;

	(void)state;
	add_standing(table, "192.0.2.2", "198.51.100.25", 1);
	for (uint16_t port = 0; port < 1000; port++) {
		struct endpoint far = endpoint("203.0.113.9", 25);
		struct endpoint near = endpoint("192.0.2.2", (uint16_t)(2000 + port));
		struct flow *flow;

		add(table, "192.0.2.3", "198.51.100.25", port);
		/* Unasked: of which only the far end spoke; ended; refused. */
		flow = flow_table_add(table, &near, &far);
		assert_non_null(flow);
		flow_table_settle(table, flow);
		flow = add_standing(table, "192.0.2.4", "198.51.100.26", port);
		flow->phase = FLOW_OFFLOADED;
		flow_table_settle(table, flow);
		flow = add_standing(table, "192.0.2.5", "198.51.100.26", port);
		flow->phase = FLOW_REFUSED;
		flow_table_settle(table, flow);
	}
	assert_int_equal(flow_table_count(table), 64);
	assert_int_equal(flow_table_count_rank(table, FLOW_RANK_STANDING), 1);
	assert_true(is_there(table, "192.0.2.2", "198.51.100.25", 1));
	/* None of the others has taken all that is left. */
	for (enum flow_rank rank = FLOW_RANK_GUEST; rank < FLOW_RANK_STANDING; rank++)
		assert_in_range(flow_table_count_rank(table, rank), 10, 20);
	assert_int_equal(flow_table_driven_out(table, &last), 4000 + 1 - 64);
	flow_table_free(table);
}

static void a_client_that_opens_many_leaves_others_half_open_ones(void **state)
{
	struct flow_table *table = flow_table_new(64, secret, NULL, NULL);

	(void)state;
	for (uint16_t port = 0; port < 20; port++)
		add(table, "192.0.2.2", "198.51.100.25", port);
	for (uint16_t port = 0; port < 5000; port++)
		add(table, "192.0.2.3", "203.0.113.9", port);
	for (uint16_t port = 0; port < 20; port++)
		assert_true(is_there(table, "192.0.2.2", "198.51.100.25", port));
	flow_table_free(table);
}

static void put_number(char text[ADDRESS_TEXT_MAX], const char *before, const char *behind,
                       unsigned number)
{
	if (behind)
		snprintf(text, ADDRESS_TEXT_MAX, "%.30s%u%.10s", before, number, behind);
	else
		snprintf(text, ADDRESS_TEXT_MAX, "%.30s", before);
}

static void neither_a_client_nor_a_destination_has_more_than_its_share_stand(void **state)
{
	/* Before and behind a number; without what is behind, there is none. */
	static const struct {
		const char *client, *behind_client;
		const char *server, *behind_server;
	} cases[] = {
		{ "192.0.2.9", NULL, "198.51.100.", "" },
		{ "192.0.2.", "", "198.51.100.9", NULL },
		{ "2001:db8:1::", "", "2001:db8:2:1::9", NULL },
		{ "2001:db8:1:", "::1", "2001:db8:2:1::", "" }, /* a /64 is one destination */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow_table *table = flow_table_new(128, secret, NULL, NULL);
		size_t standing;

		for (unsigned n = 1; n <= 200; n++) {
			char client[ADDRESS_TEXT_MAX], server[ADDRESS_TEXT_MAX];

			put_number(client, cases[i].client, cases[i].behind_client, n);
			put_number(server, cases[i].server, cases[i].behind_server, n);
			add_standing(table, client, server, (uint16_t)n);
		}
		standing = flow_table_count_rank(table, FLOW_RANK_STANDING);
		assert_int_equal(standing, 128 / 4 * 3 / 2);
		/* Another's stand beside them. */
		add_standing(table, "203.0.113.2", "203.0.113.25", 1);
		assert_int_equal(flow_table_count_rank(table, FLOW_RANK_STANDING), standing + 1);
		flow_table_free(table);
	}
}

static void what_leaves_gives_its_share_back(void **state)
{
	struct flow_table *table = flow_table_new(128, secret, NULL, NULL);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint16_t port = 0; port < 128; port++)
			add_standing(table, "192.0.2.2", "198.51.100.25", port);
		assert_int_equal(flow_table_count_rank(table, FLOW_RANK_STANDING), 48);
		while (flow_table_oldest(table, FLOW_RANK_STANDING))
			flow_table_remove(table, flow_table_oldest(table, FLOW_RANK_STANDING));
	}
	flow_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_found_from_either_side),
		cmocka_unit_test(crossed_ports_are_another_flow),
		cmocka_unit_test(the_same_endpoints_again_replace_the_old_flow),
		cmocka_unit_test(the_one_silent_for_longest_leaves_a_full_table),
		cmocka_unit_test(a_removed_flow_is_told_and_no_longer_found),
		cmocka_unit_test(a_flow_stays_where_it_is_while_the_table_grows),
		cmocka_unit_test(what_stands_outlives_any_number_that_do_not),
		cmocka_unit_test(a_client_that_opens_many_leaves_others_half_open_ones),
		cmocka_unit_test(neither_a_client_nor_a_destination_has_more_than_its_share_stand),
		cmocka_unit_test(what_leaves_gives_its_share_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

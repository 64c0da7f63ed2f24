/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include "passage_scene.h"

/* The kernel takes no body, or loses one; connections of which nothing is seen. */

static void a_kernel_without_room_is_asked_once_and_all_is_read(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	simulation->kernel.is_full = true;
	greet(simulation);
	begin_message(simulation);
	say_lines(simulation, 5);
	assert_int_equal(gate_counters(simulation->gate)->passage_failures, 1);
	assert_true(simulation_client(simulation, ".\r\n"));
	assert_true(simulation_server(simulation, "250 taken\r\n"));
	assert_next_is_refused(simulation);
	simulation_free(simulation);
}

static void a_body_whose_place_is_lost_is_read_as_one_that_began_before_us(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	say_lines(simulation, 3);
	passage_model_forget_all(&simulation->kernel);
	(void)simulation_client(simulation, line);
	assert_int_equal(gate_counters(simulation->gate)->passages_lost, 1);
	assert_int_equal(gate_counters(simulation->gate)->flows_midstream, 1);
	assert_false(simulation_client(simulation, ".\r\nMAIL FROM:<alice@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
	assert_false(simulation_got(&simulation->server, "bob"));
	assert_int_equal(simulation->kernel.arms, 1);
	simulation_free(simulation);
}

static void what_a_guard_before_this_one_armed_is_forgotten(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);
	const struct passage_flow flow = {
		.client = simulation->client_endpoint,
		.server = simulation->server_endpoint,
		.ingress = SIMULATION_INSIDE,
	};
	const struct passage_place place = { .next_seq = 1, .tail = "xy" };

	(void)state;
	assert_int_equal(body_passage_arm(simulation->passage, &flow, &place), 0);
	assert_true(passage_model_is_armed(&simulation->kernel));
	gate_use_passage(simulation->gate, simulation->passage);
	assert_false(passage_model_is_armed(&simulation->kernel));
	simulation_free(simulation);
}

static void a_silent_connection_leaves_and_one_that_passes_in_the_kernel_does_not(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	for (int i = 0; i < 4; i++) {
		simulation_pass_time(simulation, 10 * 60 * 1000);
		/* Nobody acknowledges, so the guard sees none of this. */
		assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	}
	assert_int_equal(gate_counters(simulation->gate)->flows_now, 1);
	assert_int_equal(simulation->kernel.passed_packets, 4);
	simulation_pass_time(simulation, 40 * 60 * 1000);
	assert_int_equal(gate_counters(simulation->gate)->flows_now, 0);
	assert_false(passage_model_is_armed(&simulation->kernel));
	simulation_free(simulation);
}

static void a_client_that_is_never_where_the_kernel_waits_is_given_up(void **state)
{
	struct simulation *simulation = in_body();
	struct bytes dots = bytes_of_string("ab\r\n.");

	(void)state;
	/* The kernel passes no segment that ends there. */
	for (int i = 0; i < 100; i++)
		assert_true(simulation_say(simulation, true, dots));
	assert_int_equal(simulation->kernel.passed_packets, 0);
	assert_int_equal(simulation->kernel.arms, 63);
	assert_server_has_all(simulation);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_guard_before_this_one_armed_is_forgotten),
		cmocka_unit_test(a_kernel_without_room_is_asked_once_and_all_is_read),
		cmocka_unit_test(a_body_whose_place_is_lost_is_read_as_one_that_began_before_us),
		cmocka_unit_test(
			a_silent_connection_leaves_and_one_that_passes_in_the_kernel_does_not),
		cmocka_unit_test(a_client_that_is_never_where_the_kernel_waits_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

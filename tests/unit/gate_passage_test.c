/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <string.h>

#include "passage_scene.h"

/* Message bodies that pass in the kernel (a model of it): the guard stays where the body is, and refuses what it would have refused. */

static bool client_forges(struct simulation *simulation, uint8_t flags, int64_t from,
                          const char *text)
{
	return simulation_forge(simulation, &(struct simulation_forgery){
						    .is_client = true,
						    .is_inside = true,
						    .flags = flags,
						    .from = from,
						    .ack = (int64_t)simulation->client.got_len,
						    .text = text,
					    });
}

static bool server_forges(struct simulation *simulation, uint8_t flags, int64_t ack,
                          const char *text)
{
	return simulation_forge(simulation, &(struct simulation_forgery){
						    .flags = flags,
						    .from = (int64_t)simulation->server.sent_len,
						    .ack = ack,
						    .text = text,
					    });
}

static void a_body_passes_in_the_kernel_and_the_next_recipient_does_not(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	assert_true(passage_model_is_armed(&simulation->kernel));
	say_lines(simulation, 50);
	assert_int_equal(simulation->kernel.passed_packets, 50);
	assert_true(simulation_client(simulation, "end\r\n.\r\n"));
	assert_false(passage_model_is_armed(&simulation->kernel));
	assert_server_has_all(simulation);
	assert_true(simulation_server(simulation, "250 taken\r\n"));
	assert_int_equal(gate_counters(simulation->gate)->passage_octets, 50 * LINE_LEN);
	assert_next_is_refused(simulation);
	simulation_free(simulation);
}

static void what_is_pipelined_behind_the_end_of_data_is_read(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	say_lines(simulation, 3);
	assert_false(simulation_client(simulation, "end\r\n.\r\nMAIL FROM:<a@b.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\nDATA\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	assert_false(simulation_got(&simulation->server, "bob"));
	assert_true(simulation->server.got_reset);
	simulation_free(simulation);
}

static void the_end_of_data_is_seen_wherever_it_is_cut(void **state)
{
	static const char end[] =
		"text\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\n";

	(void)state;
	for (size_t first = 1; first < 12; first++) {
		for (size_t second = first + 1; second < 14; second++) {
			struct simulation *simulation = in_body();
			struct bytes all = bytes_of_string(end);

			say_lines(simulation, 2);
			(void)simulation_say(simulation, true, bytes_slice(all, 0, first));
			(void)simulation_say(simulation, true,
			                     bytes_slice(all, first, second - first));
			assert_false(simulation_say(simulation, true, bytes_after(all, second)));
			assert_int_equal(simulation_finding(simulation)->reason,
			                 REASON_STARTTLS_STRIPPED);
			assert_false(simulation_got(&simulation->server, "bob"));
			simulation_free(simulation);
		}
	}
}

static void each_message_of_a_connection_passes_and_the_last_is_refused(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	for (int i = 0; i < 4; i++) {
		say_lines(simulation, 10);
		assert_true(simulation_client(simulation, ".\r\n"));
		assert_true(simulation_server(simulation, "250 taken\r\n"));
		assert_int_equal(simulation->kernel.passed_packets, 10 * (i + 1));
		if (i == 3)
			break;
		begin_message(simulation);
		assert_true(simulation_client(simulation, "Subject: b\r\n"));
	}
	assert_null(simulation_finding(simulation));
	assert_next_is_refused(simulation);
	simulation_free(simulation);
}

static void a_body_that_begins_with_a_command_never_passes_in_the_kernel(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	greet(simulation);
	begin_message(simulation);
	assert_false(passage_model_is_armed(&simulation->kernel));
	assert_false(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation->kernel.arms, 0);
	assert_false(simulation_got(&simulation->server, "bob"));
	simulation_free(simulation);
}

static void a_body_whose_first_line_is_open_is_read_on(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	greet(simulation);
	begin_message(simulation);
	assert_true(simulation_client(simulation, "MAI"));
	assert_int_equal(simulation->kernel.arms, 0);
	assert_true(simulation_client(simulation, "n: no header, but no command\r\n"));
	assert_int_equal(simulation->kernel.arms, 1);
	simulation_free(simulation);
}

static void a_server_that_answers_within_a_body_ends_the_passage(void **state)
{
	static const char *const answers[] = { "250 taken\r\n", "421 closing\r\n", "2" };

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct simulation *simulation = in_body();

		say_lines(simulation, 2);
		assert_true(simulation_server(simulation, answers[i]));
		assert_false(passage_model_is_armed(&simulation->kernel));
		(void)simulation_client(simulation, line);
		(void)simulation_client(simulation, line);
		assert_int_equal(simulation->kernel.passed_packets, 2);
		assert_int_equal(simulation->kernel.arms, 1);
		simulation_free(simulation);
	}
}

static void an_answer_that_comes_again_ends_nothing(void **state)
{
	struct simulation *simulation = in_body();
	const char *again = "go ahead\r\n";

	(void)state;
	assert_true(simulation_forge(
		simulation, &(struct simulation_forgery){
				    .flags = TCP_ACK,
				    .from = (int64_t)(simulation->server.sent_len - strlen(again)),
				    .ack = (int64_t)simulation->server.got_len,
				    .text = again }));
	say_lines(simulation, 3);
	assert_int_equal(simulation->kernel.passed_packets, 2);
	simulation_free(simulation);
}

static void a_body_that_holds_what_some_take_for_its_end_is_read_on(void **state)
{
	static const char *const marks[] = { "a\n.\nb", "a\r.\rb", "a\n.\r\nb", "a\r\n.\rb" };

	(void)state;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct simulation *simulation = in_body();

		say_lines(simulation, 2);
		assert_true(simulation_client(simulation, marks[i]));
		say_lines(simulation, 2);
		assert_int_equal(simulation->kernel.passed_packets, 2);
		assert_int_equal(simulation->kernel.arms, 1);
		simulation_free(simulation);
	}
}

static void octets_that_passed_unseen_come_again_and_pass(void **state)
{
	struct simulation *simulation = in_body();
	int64_t from = (int64_t)simulation->client.sent_len;
	size_t arrived_before;

	(void)state;
	/* Three lines that the server did not acknowledge. */
	for (int i = 0; i < 3; i++)
		assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	arrived_before = simulation->arrived_count;
	assert_true(client_forges(simulation, TCP_ACK | TCP_PSH, from + LINE_LEN, line));
	assert_int_equal(simulation->arrived_count, arrived_before + 1);
	assert_true(passage_model_is_armed(&simulation->kernel));
	say_lines(simulation, 2);
	assert_int_equal(simulation->kernel.passed_packets, 5);
	assert_server_has_all(simulation);
	assert_null(simulation_finding(simulation));
	simulation_free(simulation);
}

static void no_copy_of_what_passed_unseen_ends_the_data(void **state)
{
	struct simulation *simulation = in_body();
	int64_t from = (int64_t)simulation->client.sent_len;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	assert_false(client_forges(simulation, TCP_ACK | TCP_PSH, from + 5, "x\r\n.\r\n"));
	say_lines(simulation, 2);
	/* Whose client sends two different things is read to the end. */
	assert_int_equal(simulation->kernel.passed_packets, 3);
	assert_int_equal(simulation->kernel.arms, 1);
	simulation_free(simulation);
}

static void a_segment_behind_a_gap_waits_and_the_passage_goes_on_behind_it(void **state)
{
	struct simulation *simulation = in_body();
	int64_t from = (int64_t)simulation->client.sent_len;

	(void)state;
	assert_false(client_forges(simulation, TCP_ACK | TCP_PSH, from + LINE_LEN, line));
	assert_false(passage_model_is_armed(&simulation->kernel));
	(void)simulation_send(simulation, true, bytes_of_string(line));
	assert_int_equal(simulation->server.got_len, from + 2 * LINE_LEN);
	assert_int_equal(simulation->kernel.passed_packets, 0);
	assert_true(passage_model_is_armed(&simulation->kernel));
	/* It was sent already. */
	(void)simulation_send(simulation, true, bytes_of_string(line));
	say_lines(simulation, 3);
	assert_int_equal(simulation->kernel.passed_packets, 3);
	assert_server_has_all(simulation);
	simulation_free(simulation);
}

static void what_the_server_has_of_unseen_octets_it_may_acknowledge(void **state)
{
	struct simulation *simulation = in_body();
	int64_t end;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	end = (int64_t)simulation->client.sent_len;
	assert_true(server_forges(simulation, TCP_ACK, end - 20, NULL));
	assert_true(server_forges(simulation, TCP_ACK, end, NULL));
	assert_false(server_forges(simulation, TCP_ACK, end + 1, NULL));
	/* To look does not stop it. */
	assert_true(passage_model_is_armed(&simulation->kernel));
	assert_int_equal(simulation->kernel.take_backs, 0);
	say_lines(simulation, 1);
	assert_int_equal(simulation->kernel.passed_packets, 4);
	simulation_free(simulation);
}

static void a_keep_alive_with_an_octet_of_garbage_changes_nothing(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	say_lines(simulation, 2);
	assert_true(
		client_forges(simulation, TCP_ACK, (int64_t)simulation->client.sent_len - 1, "?"));
	assert_true(
		client_forges(simulation, TCP_ACK, (int64_t)simulation->client.sent_len - 1, NULL));
	say_lines(simulation, 2);
	assert_int_equal(simulation->kernel.passed_packets, 4);
	assert_server_has_all(simulation);
	simulation_free(simulation);
}

static void nobody_else_moves_a_body_on_in_its_clients_name(void **state)
{
	struct simulation *simulation = in_body();

	(void)state;
	say_lines(simulation, 2);
	assert_false(simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_client = true,
	                                      .flags = TCP_ACK,
	                                      .from = (int64_t)simulation->client.sent_len,
	                                      .ack = (int64_t)simulation->client.got_len,
	                                      .text = "not the client's\r\n" }));
	assert_int_equal(simulation->kernel.passed_packets, 2);
	say_lines(simulation, 2);
	assert_server_has_all(simulation);
	simulation_free(simulation);
}

static void where_both_ends_come_by_one_way_no_body_passes_in_the_kernel(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	greet(simulation);
	begin_message(simulation);
	assert_true(simulation_forge(
		simulation,
		&(struct simulation_forgery){ .is_inside = true,
	                                      .flags = TCP_ACK,
	                                      .from = (int64_t)simulation->server.sent_len,
	                                      .ack = (int64_t)simulation->server.got_len }));
	assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	assert_int_equal(simulation->kernel.arms, 0);
	simulation_free(simulation);
}

static void a_reset_or_the_end_of_the_client_reaches_the_server_where_it_is(void **state)
{
	(void)state;
	for (int is_reset = 0; is_reset < 2; is_reset++) {
		struct simulation *simulation = in_body();

		say_lines(simulation, 3);
		assert_true(simulation_end(simulation, true, is_reset));
		assert_false(passage_model_is_armed(&simulation->kernel));
		assert_server_has_all(simulation);
		simulation_free(simulation);
	}
}

static void chunks_and_what_begins_midstream_never_pass_in_the_kernel(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	greet(simulation);
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<ann@example.net>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "BDAT 1000\r\nSubject: a\r\n"));
	say_lines(simulation, 3);
	assert_int_equal(simulation->kernel.arms, 0);
	simulation_free(simulation);
}

static void who_only_watches_has_bodies_pass_in_the_kernel_as_well(void **state)
{
	struct simulation *simulation = made(4, CUT_NONE, 1, true);

	(void)state;
	simulation->config.stance.mode = MODE_MONITOR;
	greet(simulation);
	begin_message(simulation);
	say_lines(simulation, 5);
	assert_int_equal(simulation->kernel.passed_packets, 4);
	assert_true(simulation_client(simulation, ".\r\n"));
	assert_true(simulation_server(simulation, "250 taken\r\n"));
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	assert_true(simulation_client(simulation, "RCPT TO:<bob@example.org>\r\n"));
	assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
	simulation_free(simulation);
}

static void note_row(void *owner, const struct message_flow *flow)
{
	memcpy(owner, flow->state, sizeof(flow->state));
}

static void a_body_in_the_kernel_is_shown_as_such(void **state)
{
	struct simulation *simulation = in_body();
	char name[24];

	(void)state;
	gate_flows(simulation->gate, simulation->now_ms, 10, note_row, name);
	assert_string_equal(name, "body-in-kernel");
	assert_true(simulation_client(simulation, ".\r\n"));
	gate_flows(simulation->gate, simulation->now_ms, 10, note_row, name);
	assert_string_equal(name, "command");
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_passes_in_the_kernel_and_the_next_recipient_does_not),
		cmocka_unit_test(what_is_pipelined_behind_the_end_of_data_is_read),
		cmocka_unit_test(the_end_of_data_is_seen_wherever_it_is_cut),
		cmocka_unit_test(each_message_of_a_connection_passes_and_the_last_is_refused),
		cmocka_unit_test(a_body_that_begins_with_a_command_never_passes_in_the_kernel),
		cmocka_unit_test(a_body_whose_first_line_is_open_is_read_on),
		cmocka_unit_test(a_server_that_answers_within_a_body_ends_the_passage),
		cmocka_unit_test(an_answer_that_comes_again_ends_nothing),
		cmocka_unit_test(a_body_that_holds_what_some_take_for_its_end_is_read_on),
		cmocka_unit_test(octets_that_passed_unseen_come_again_and_pass),
		cmocka_unit_test(no_copy_of_what_passed_unseen_ends_the_data),
		cmocka_unit_test(a_segment_behind_a_gap_waits_and_the_passage_goes_on_behind_it),
		cmocka_unit_test(what_the_server_has_of_unseen_octets_it_may_acknowledge),
		cmocka_unit_test(a_keep_alive_with_an_octet_of_garbage_changes_nothing),
		cmocka_unit_test(nobody_else_moves_a_body_on_in_its_clients_name),
		cmocka_unit_test(where_both_ends_come_by_one_way_no_body_passes_in_the_kernel),
		cmocka_unit_test(a_reset_or_the_end_of_the_client_reaches_the_server_where_it_is),
		cmocka_unit_test(chunks_and_what_begins_midstream_never_pass_in_the_kernel),
		cmocka_unit_test(who_only_watches_has_bodies_pass_in_the_kernel_as_well),
		cmocka_unit_test(a_body_in_the_kernel_is_shown_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <string.h>

#include "passage_scene.h"

/* What a server acknowledges while a body passes in the kernel (a model of it), and what the guard knows of it afterwards. */

enum { TIMESTAMP = 5000, SMALL_WINDOW = 7 };

static struct craft from_server(const struct simulation *simulation, int64_t acked)
{
	return (struct craft){
		.source = simulation->server_endpoint,
		.destination = simulation->client_endpoint,
		.seq = simulation->server.first_seq + (uint32_t)simulation->server.sent_len,
		.ack = simulation->client.first_seq + (uint32_t)acked,
		.window = 64240,
		.flags = TCP_ACK,
	};
}

/* Lines that pass in the kernel and are not acknowledged yet; where they end. */
static int64_t send_lines(struct simulation *simulation, int count)
{
	while (count-- > 0)
		assert_true(simulation_send(simulation, true, bytes_of_string(line)));
	return (int64_t)simulation->client.sent_len;
}

/* In the kernel, where the guard sees nothing of it. */
static void assert_passes_unseen(struct simulation *simulation, const struct craft *craft)
{
	uint64_t packets = gate_counters(simulation->gate)->packets;
	uint64_t passed = simulation->kernel.passed_acks;

	assert_true(simulation_put(simulation, false, craft));
	assert_int_equal(simulation->kernel.passed_acks, passed + 1);
	assert_int_equal(gate_counters(simulation->gate)->packets, packets);
}

/* By the guard; whether it passed. */
static bool comes_by(struct simulation *simulation, bool is_client, const struct craft *craft)
{
	uint64_t packets = gate_counters(simulation->gate)->packets;
	bool passed = simulation_put(simulation, is_client, craft);

	assert_int_equal(gate_counters(simulation->gate)->packets, packets + 1);
	return passed;
}

static void what_acknowledges_a_body_passes_with_it(void **state)
{
	struct simulation *simulation = in_body();
	uint64_t packets = gate_counters(simulation->gate)->packets;
	uint64_t passed = simulation->kernel.passed_acks;

	(void)state;
	say_lines(simulation, 50);
	assert_int_equal(simulation->kernel.passed_packets, 50);
	assert_int_equal(simulation->kernel.passed_acks, passed + 50);
	assert_int_equal(gate_counters(simulation->gate)->packets, packets);
	assert_true(simulation_client(simulation, ".\r\n"));
	assert_true(simulation_server(simulation, "250 taken\r\n"));
	assert_next_is_refused(simulation);
	simulation_free(simulation);
}

static void nothing_that_has_not_passed_is_acknowledged(void **state)
{
	struct simulation *simulation = in_body();
	int64_t end = send_lines(simulation, 3);
	struct craft ack = from_server(simulation, end + 1);

	(void)state;
	assert_false(comes_by(simulation, false, &ack));
	ack = from_server(simulation, end);
	assert_passes_unseen(simulation, &ack);
	/* An older one is no harm. */
	ack = from_server(simulation, end - 1);
	assert_true(comes_by(simulation, false, &ack));
	assert_true(passage_model_is_armed(&simulation->kernel));
	simulation_free(simulation);
}

static void all_else_of_the_servers_comes_by_the_guard(void **state)
{
	static const uint8_t flags[] = { TCP_ACK | TCP_PSH, TCP_ACK | TCP_URG, TCP_ACK | TCP_FIN,
		                         TCP_ACK | TCP_RST, TCP_ACK | TCP_SYN };

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct simulation *simulation = in_body();
		struct craft craft = from_server(simulation, send_lines(simulation, 2));

		craft.flags = flags[i];
		(void)comes_by(simulation, false, &craft);
		simulation_free(simulation);
	}
}

static void behind_words_of_the_servers_its_acknowledgements_come_by_the_guard(void **state)
{
	struct simulation *simulation = in_body();
	int64_t end = send_lines(simulation, 2);
	struct craft ack = from_server(simulation, end);
	uint64_t passed = simulation->kernel.passed_acks;

	(void)state;
	assert_true(simulation_server(simulation, "4"));
	assert_false(passage_model_is_armed(&simulation->kernel));
	ack.seq++;
	assert_true(comes_by(simulation, false, &ack));
	assert_int_equal(simulation->kernel.passed_acks, passed);
	simulation_free(simulation);
}

static void nobody_at_the_clients_side_acknowledges_in_the_servers_name(void **state)
{
	struct simulation *simulation = in_body();
	int64_t end = send_lines(simulation, 2);
	uint64_t passed = simulation->kernel.passed_acks;

	(void)state;
	(void)simulation_forge(simulation, &(struct simulation_forgery){
						   .is_inside = true,
						   .flags = TCP_ACK,
						   .from = (int64_t)simulation->server.sent_len,
						   .ack = end });
	assert_int_equal(simulation->kernel.passed_acks, passed);
	simulation_free(simulation);
}

/* What is acknowledged does not come again: of its copies none reaches the server, and none is taken for the client's second word. */
static void what_was_acknowledged_unseen_is_not_read_again(void **state)
{
	struct simulation *simulation = in_body();
	int64_t from = (int64_t)simulation->client.sent_len;
	struct craft ack = from_server(simulation, send_lines(simulation, 3));

	(void)state;
	assert_passes_unseen(simulation, &ack);
	(void)simulation_forge(simulation, &(struct simulation_forgery){
						   .is_client = true,
						   .is_inside = true,
						   .flags = TCP_ACK,
						   .from = from + 5,
						   .ack = (int64_t)simulation->client.got_len,
						   .text = "x\r\n.\r\n" });
	send_lines(simulation, 2);
	assert_int_equal(simulation->kernel.arms, 2);
	assert_int_equal(simulation->kernel.passed_packets, 5);
	assert_server_has_all(simulation);
	simulation_free(simulation);
}

struct heard {
	struct endpoint server;
	uint32_t timestamp;
	uint16_t window;
	bool is_refused;
	size_t count;
};

static void hear(void *owner, uint64_t now_ms, struct bytes packet)
{
	struct heard *heard = owner;
	struct segment segment;

	(void)now_ms;
	if (packet_parse(&segment, packet, true) != PACKET_OK ||
	    !endpoint_equal(&segment.source, &heard->server))
		return;
	heard->count++;
	heard->window = segment.window;
	heard->timestamp = segment.timestamp_value;
	heard->is_refused |= segment.payload.len > 3 && memcmp(segment.payload.data, "421", 3) == 0;
}

static struct heard listen_to(struct simulation *simulation)
{
	return (struct heard){ .server = simulation->server_endpoint };
}

/* The client takes nothing with an older one (RFC 7323 section 5.3). */
static void a_refusal_has_no_older_timestamp_than_what_passed_unseen(void **state)
{
	struct simulation *simulation = in_body();
	struct craft ack = from_server(simulation, (int64_t)simulation->client.sent_len);
	struct craft client = { .source = simulation->client_endpoint,
		                .destination = simulation->server_endpoint,
		                .seq = ack.ack,
		                .ack = ack.seq,
		                .window = 64240,
		                .flags = TCP_ACK,
		                .has_timestamps = true,
		                .timestamp_value = 1,
		                .timestamp_echo = TIMESTAMP };
	struct heard heard = listen_to(simulation);

	(void)state;
	/* Both have them; at the first line behind which it is armed again. */
	ack.has_timestamps = true;
	ack.timestamp_value = TIMESTAMP;
	assert_passes_unseen(simulation, &ack);
	assert_true(comes_by(simulation, true, &client));
	ack.flags = TCP_ACK | TCP_PSH;
	assert_true(comes_by(simulation, false, &ack));
	assert_true(simulation_client(simulation, "one\r\n.x\r\n"));
	assert_true(passage_model_is_armed(&simulation->kernel));
	ack = from_server(simulation, send_lines(simulation, 1));
	ack.has_timestamps = true;
	ack.timestamp_value = TIMESTAMP + 300;
	assert_passes_unseen(simulation, &ack);
	ack.timestamp_value = TIMESTAMP + 200;
	assert_passes_unseen(simulation, &ack);
	simulation->tap = hear;
	simulation->tap_owner = &heard;
	assert_false(simulation_client(simulation, ".\r\nMAIL FROM:<a@b.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\nDATA\r\n"));
	assert_true(heard.is_refused);
	assert_int_equal(heard.timestamp, TIMESTAMP + 300);
	assert_true(simulation->server.got_reset);
	simulation_free(simulation);
}

/* A far end that says so unseen does not have a line come octet by octet, which we hold. */
static void a_window_that_became_small_unseen_is_opened_for_a_line(void **state)
{
	struct simulation *simulation = in_body();
	struct craft ack = from_server(simulation, send_lines(simulation, 1));
	struct heard heard = listen_to(simulation);

	(void)state;
	assert_passes_unseen(simulation, &ack);
	/* Whether it came before or behind one of the same place that the guard saw is not known. */
	ack.flags = TCP_ACK | TCP_PSH;
	assert_true(comes_by(simulation, false, &ack));
	ack.flags = TCP_ACK;
	ack.window = SMALL_WINDOW;
	assert_passes_unseen(simulation, &ack);
	simulation->tap = hear;
	simulation->tap_owner = &heard;
	(void)simulation_send(simulation, true,
	                      bytes_of_string(".\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bo"));
	assert_true(heard.count > 0);
	assert_true(heard.window > SMALL_WINDOW);
	simulation_free(simulation);
}

static void a_window_of_which_nothing_was_said_stays(void **state)
{
	struct simulation *simulation = in_body();
	struct heard heard = listen_to(simulation);

	(void)state;
	/* Frozen, and armed again. */
	assert_true(simulation_send(simulation, true, bytes_of_string("one\r\n.")));
	assert_true(simulation_send(simulation, true, bytes_of_string(".two\r\n")));
	assert_true(passage_model_is_armed(&simulation->kernel));
	simulation->tap = hear;
	simulation->tap_owner = &heard;
	(void)simulation_send(simulation, true,
	                      bytes_of_string(".\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bo"));
	assert_int_equal(heard.count, 0);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_acknowledges_a_body_passes_with_it),
		cmocka_unit_test(nothing_that_has_not_passed_is_acknowledged),
		cmocka_unit_test(all_else_of_the_servers_comes_by_the_guard),
		cmocka_unit_test(
			behind_words_of_the_servers_its_acknowledgements_come_by_the_guard),
		cmocka_unit_test(nobody_at_the_clients_side_acknowledges_in_the_servers_name),
		cmocka_unit_test(what_was_acknowledged_unseen_is_not_read_again),
		cmocka_unit_test(a_refusal_has_no_older_timestamp_than_what_passed_unseen),
		cmocka_unit_test(a_window_that_became_small_unseen_is_opened_for_a_line),
		cmocka_unit_test(a_window_of_which_nothing_was_said_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

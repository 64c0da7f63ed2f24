/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include "passage_scene.h"

/*
 * A client that believes what it gets, says what mail servers say, and ends at any time; somebody beside the gateway who forges in both
 * names, and lets some of it die behind. What the kernel passes then, bodies and all that follows an end, is passed here as well.
 */

enum { SEEDS = 4000, FORGERIES_MAX = 4 };

static const struct {
	const char *text, *reply;
} dialogue[] = {
	{ "EHLO client.example\r\n", "250 nobody.example\r\n" },
	{ "MAIL FROM:<alice@client.example>\r\n", "250 ok\r\n" },
	{ "RCPT TO:<ann@example.net>\r\n", "250 ok\r\n" },
	{ "DATA\r\n", "354 go ahead\r\n" },
	{ "Subject: a\r\n", "" },
	{ line, "" },
	{ line, "" },
	{ "end\r\n.\r\n", "250 taken\r\n" },
	{ "MAIL FROM:<alice@client.example>\r\n", "250 ok\r\n" },
	{ "RCPT TO:<bob@example.org>\r\n", "250 ok\r\n" },
	{ "DATA\r\n", "354 go ahead\r\n" },
	{ "secret\r\n.\r\n", "250 taken\r\n" },
};

enum { STEPS = sizeof(dialogue) / sizeof(dialogue[0]), SECOND_MESSAGE = 8 };

static uint32_t roll(uint64_t *random, uint32_t below)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

/* soon: how many octets the client is about to say. */
static void forge(struct simulation *simulation, uint64_t *random, size_t soon)
{
	static const char *const texts[] = { NULL,          NULL,      "250 ok\r\n", "354 go\r\n",
		                             "421 bye\r\n", "2",       "\r\n.\r\n",  "x\r\n.\r\n",
		                             line,          "DATA\r\n" };
	static const uint8_t flags[] = { TCP_ACK,           TCP_ACK, TCP_ACK, TCP_ACK | TCP_FIN,
		                         TCP_ACK | TCP_RST, TCP_RST, TCP_SYN, TCP_SYN | TCP_ACK };
	const int64_t shifts[] = {
		0, 0, 0, 1, 8, (int64_t)soon, (int64_t)soon, 62, -1, -20, 70000
	};
	bool is_client = roll(random, 3) == 0;
	const struct simulation_peer *self = is_client ? &simulation->client : &simulation->server;
	const struct simulation_peer *other = is_client ? &simulation->server : &simulation->client;

	(void)simulation_forge(simulation,
	                       &(struct simulation_forgery){
				       .is_client = is_client,
				       .is_lost = roll(random, 4) != 0,
				       .flags = flags[roll(random, 8)],
				       .from = (int64_t)self->sent_len + shifts[roll(random, 11)],
				       .ack = (int64_t)other->sent_len + shifts[roll(random, 11)],
				       .text = texts[roll(random, 10)] });
}

/* Whether the client got a reply of that kind, whoever said it. */
static bool has_reply(const struct simulation *simulation, size_t before, const char *reply)
{
	const struct simulation_peer *client = &simulation->client;

	if (reply[0] == '\0')
		return true;
	return client->got_len > before && client->got[before] == (uint8_t)reply[0] &&
	       client->got[client->got_len - 1] == '\n' && !client->got_reset;
}

/* What was not acknowledged comes again, for as long as a kernel tries. */
static void send_again(struct simulation *simulation)
{
	static char text[SIMULATION_STREAM_MAX + 1];
	const struct simulation_peer *client = &simulation->client;

	if (simulation->server.got_len >= client->sent_len)
		return;
	for (size_t at = simulation->server.got_len; at < client->sent_len; at++)
		text[at - simulation->server.got_len] = (char)client->sent[at];
	text[client->sent_len - simulation->server.got_len] = '\0';
	(void)simulation_forge(simulation, &(struct simulation_forgery){
						   .is_client = true,
						   .is_inside = true,
						   .flags = TCP_ACK,
						   .from = (int64_t)simulation->server.got_len,
						   .ack = (int64_t)client->got_len,
						   .text = text });
}

static void follow_kernel(struct simulation *simulation)
{
	if (simulation->offloaded_count > 0)
		simulation->is_bypassed = true;
}

/* With the first message, or with the second alone. Which line was the last. */
static size_t converse(struct simulation *simulation, uint64_t *random, bool is_short)
{
	size_t last = roll(random, STEPS);

	for (size_t i = 0; i < STEPS; i = i == 0 && is_short ? SECOND_MESSAGE : i + 1) {
		size_t got_before = simulation->client.got_len;

		for (uint32_t left = roll(random, 2) ? 0 : roll(random, FORGERIES_MAX); left > 0;
		     left--)
			forge(simulation, random, strlen(dialogue[i].text));
		if (i < last)
			(void)simulation_client(simulation, dialogue[i].text);
		else
			(void)simulation_send(simulation, true, bytes_of_string(dialogue[i].text));
		follow_kernel(simulation);
		if (dialogue[i].reply[0])
			(void)simulation_server(simulation, dialogue[i].reply);
		if (i >= last || !has_reply(simulation, got_before, dialogue[i].reply))
			return i;
	}
	return STEPS;
}

static void nobodys_forgery_brings_a_recipient_out_in_clear(void **state)
{
	size_t ended = 0, left = 0, passed = 0, went_far = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct simulation *simulation =
			made(seed % 4 ? 4 : 6, seed % 7 ? CUT_NONE : CUT_RANDOM, seed, true);
		uint64_t random = seed * 0x9e3779b97f4a7c15u;

		/* Without its beginning the connection is one that began before us. */
		if (seed % 3 != 0) {
			assert_true(simulation_open(simulation));
			assert_true(simulation_server(simulation, "220 nobody.example ESMTP\r\n"));
		}
		went_far += converse(simulation, &random, roll(&random, 2)) > SECOND_MESSAGE;
		if (roll(&random, 2) == 0)
			forge(simulation, &random, 0);
		ended += simulation_end(simulation, true, false);
		left += simulation->offloaded_count > 0;
		follow_kernel(simulation);
		send_again(simulation);
		passed += simulation->kernel.passed_packets;
		if (simulation_got(&simulation->server, "bob"))
			fail_msg("seed %u", (unsigned)seed);
		simulation_free(simulation);
	}
	assert_true(ended > SEEDS / 10 && left > SEEDS / 20 && passed > 100 && went_far > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobodys_forgery_brings_a_recipient_out_in_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "unit/hellos.h"
#include "wire/craft.h"
#include "wire/packet.h"

enum { FIRST_PORT = 1024, PORTS = 60000 };

static void add_packet(struct connection *connection, bool is_client, uint8_t flags,
                       struct bytes payload)
{
	struct talker *self = is_client ? &connection->client : &connection->server;
	const struct talker *other = is_client ? &connection->server : &connection->client;
	const struct craft craft = talker_says(self, other, flags, payload);
	uint8_t *packet;

	if (connection->count == CONNECTION_PACKETS_MAX)
		abort();
	packet = malloc(payload.len + CRAFT_HEADERS_MAX);
	if (!packet)
		abort();
	connection->packets[connection->count] = packet;
	connection->lens[connection->count] =
		craft_segment(packet, payload.len + CRAFT_HEADERS_MAX, &craft);
	connection->octets += connection->lens[connection->count++];
}

static void say(struct connection *connection, bool is_client, struct bytes octets)
{
	size_t at, part;

	for (at = 0; at < octets.len; at += part) {
		part = octets.len - at;
		if (part > connection->segment_len)
			part = connection->segment_len;
		add_packet(connection, is_client, TCP_ACK | TCP_PSH, bytes_slice(octets, at, part));
		if (connection->acknowledges)
			add_packet(connection, !is_client, TCP_ACK, (struct bytes){ 0 });
	}
}

static void say_line(struct connection *connection, bool is_client, const char *line)
{
	say(connection, is_client, bytes_of_string(line));
}

void connection_begin(struct connection *connection, const struct connection_kind *kind,
                      uint32_t number, const char *domain)
{
	char client[ADDRESS_TEXT_MAX];

	memset(connection, 0, sizeof(*connection));
	snprintf(client, sizeof(client), "192.0.2.%u", 2 + number / PORTS);
	if (!address_parse(&connection->client.endpoint.address, client) ||
	    !address_parse(&connection->server.endpoint.address, "198.51.100.25"))
		abort();
	connection->client.endpoint.port = (uint16_t)(FIRST_PORT + number % PORTS);
	connection->server.endpoint.port = 25;
	connection->segment_len = kind->segment_len;
	connection->acknowledges = kind->acknowledges;
	connection->domain = domain;
	add_packet(connection, true, TCP_SYN, (struct bytes){ 0 });
	add_packet(connection, false, TCP_SYN | TCP_ACK, (struct bytes){ 0 });
	add_packet(connection, true, TCP_ACK, (struct bytes){ 0 });
	say_line(connection, false, "220 mx.example.org ESMTP\r\n");
	say_line(connection, true, "EHLO mail.example.net\r\n");
}

static void end(struct connection *connection)
{
	add_packet(connection, true, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	add_packet(connection, false, TCP_ACK | TCP_FIN, (struct bytes){ 0 });
	add_packet(connection, true, TCP_ACK, (struct bytes){ 0 });
}

static void say_body(struct connection *connection, size_t body_len)
{
	static const char line[] = "All happy families are alike; each unhappy family is not.\r\n";
	size_t room = body_len + sizeof(line) + 8, len = 0;
	char *body = malloc(room);

	if (!body)
		abort();
	while (len < body_len) {
		memcpy(body + len, line, sizeof(line) - 1);
		len += sizeof(line) - 1;
	}
	memcpy(body + len, ".\r\n", 3);
	say(connection, true, bytes_of(body, len + 3));
	free(body);
}

static void write_letter(struct connection *connection, size_t body_len)
{
	char recipient[ADDRESS_TEXT_MAX + 256];

	snprintf(recipient, sizeof(recipient), "RCPT TO:<b@%s>\r\n", connection->domain);
	say_line(connection, false, "250-mx.example.org\r\n250 PIPELINING\r\n");
	say_line(connection, true, "MAIL FROM:<a@example.net>\r\n");
	say_line(connection, false, "250 ok\r\n");
	say_line(connection, true, recipient);
	say_line(connection, false, "250 ok\r\n");
	say_line(connection, true, "DATA\r\n");
	say_line(connection, false, "354 go on\r\n");
	say_body(connection, body_len);
	say_line(connection, false, "250 queued\r\n");
	say_line(connection, true, "QUIT\r\n");
	say_line(connection, false, "221 bye\r\n");
	end(connection);
}

static void write_tls(struct connection *connection, const struct flights *flights)
{
	static const uint8_t hello[] = SMALL_CLIENT_HELLO, answer[] = SMALL_SERVER_HELLO;
	static const uint8_t data[] = "\x17\x03\x03\x00\x04\x00\x00\x00\x00";
	static const struct flight smallest[] = {
		{ true, { hello, SMALL_CLIENT_HELLO_LEN } },
		{ false, { answer, SMALL_SERVER_HELLO_LEN } },
		{ true, { data, sizeof(data) - 1 } },
	};
	struct flights said = { smallest, sizeof(smallest) / sizeof(smallest[0]) };

	if (flights)
		said = *flights;
	say_line(connection, false, "250-mx.example.org\r\n250 STARTTLS\r\n");
	say_line(connection, true, "STARTTLS\r\n");
	say_line(connection, false, "220 go on\r\n");
	for (size_t i = 0; i < said.count; i++)
		say(connection, said.each[i].is_client, said.each[i].octets);
}

void connection_write(struct connection *connection, const struct connection_kind *kind)
{
	if (kind->body_len > 0)
		write_letter(connection, kind->body_len);
	else
		write_tls(connection, kind->flights);
}

void connection_free(struct connection *connection)
{
	for (size_t i = 0; i < connection->count; i++)
		free(connection->packets[i]);
	connection->count = 0;
}

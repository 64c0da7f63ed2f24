/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_zones.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "unit/wire/dns_message.h"
#include "wire/dns_message.h"

enum { PATIENCE_MS = 10000, ANSWERED = 0x8580, NOT_THERE = 0x8583 };

/* What the world's only name server knows; none of it is signed. */
static const struct known {
	const char *name;
	enum dns_type type;
	const char *text; /* a name, an address, or the number of iterations */
} world[] = {
	{ "example.org", DNS_TYPE_NS, "ns1.example.org" },
	{ "example.org", DNS_TYPE_NS, "ns2.example.net" },
	{ "example.org", DNS_TYPE_NSEC3PARAM, "10" },
	{ "example.org", DNS_TYPE_NSEC3PARAM, "100" },
	{ "ns1.example.org", DNS_TYPE_A, "192.0.2.1" },
	{ "ns1.example.org", DNS_TYPE_AAAA, "2001:db8::1" },
	{ "mx.example.org", DNS_TYPE_A, "192.0.2.25" },
	{ "example.net", DNS_TYPE_NS, "ns2.example.net" },
	{ "ns2.example.net", DNS_TYPE_A, "192.0.2.2" },
	{ "com", DNS_TYPE_NS, "ns1.example.org" },
};

enum { WORLD_COUNT = sizeof(world) / sizeof(world[0]) };

struct fixture {
	pid_t server;
	char anchor[RESOLVER_PATH_MAX]; /* read at the first question */
	struct event_base *base;
	struct resolver *resolver;
	struct check_facts facts;
	struct check_zones zones;
	int told;
};

static void add_data(struct message *message, const struct known *known)
{
	size_t data_at = begin_record(message, known->name, known->type, 300);
	struct address address;

	if (known->type == DNS_TYPE_NS) {
		add_name(message, known->text);
	} else if (known->type == DNS_TYPE_NSEC3PARAM) {
		add_u16(message, 0x0100);
		add_u16(message, (unsigned)atoi(known->text));
		add_u8(message, 0);
	} else if (address_parse(&address, known->text)) {
		for (size_t i = 0; i < (address.family == 4 ? 4U : 16U); i++)
			add_u8(message, address.octets[i]);
	}
	end_record(message, data_at);
}

static void answer(struct message *message, const struct dns_message *asked)
{
	unsigned count = 0;
	bool has_name = false;

	for (size_t i = 0; i < WORLD_COUNT; i++) {
		bool is_name = strcmp(world[i].name, asked->name) == 0;

		has_name |= is_name;
		count += is_name && world[i].type == asked->type;
	}
	begin(message, has_name ? ANSWERED : NOT_THERE, asked->name, asked->type, count, 0);
	put_u16(message->octets, asked->id);
	for (size_t i = 0; i < WORLD_COUNT; i++) {
		if (strcmp(world[i].name, asked->name) == 0 && world[i].type == asked->type)
			add_data(message, &world[i]);
	}
}

static void serve(int server)
{
	struct sockaddr_in client;
	struct dns_message asked;
	struct message reply;
	uint8_t octets[1024];

	for (;;) {
		socklen_t len = sizeof(client);
		ssize_t got = recvfrom(server, octets, sizeof(octets), 0,
		                       (struct sockaddr *)&client, &len);

		if (got <= 0 ||
		    dns_message_parse(&asked, bytes_of(octets, (size_t)got)) != PARSE_OK)
			continue;
		answer(&reply, &asked);
		(void)sendto(server, reply.octets, reply.len, 0, (struct sockaddr *)&client, len);
	}
}

static struct endpoint start_server(struct fixture *fixture)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct endpoint endpoint = { 0 };

	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&at, &len), 0);
	assert_true(address_parse(&endpoint.address, "127.0.0.1"));
	endpoint.port = ntohs(at.sin_port);
	fixture->server = fork();
	assert_true(fixture->server >= 0);
	if (fixture->server == 0) {
		alarm(60);
		serve(server);
	}
	close(server);
	return endpoint;
}

/* An anchor for a zone that nobody asks for: all others are insecure, and not bogus. */
static void write_anchor(char path[RESOLVER_PATH_MAX])
{
	static const char anchor[] =
		"elsewhere. DS 1 8 2 "
		"e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d\n";
	int file;

	strcpy(path, "/tmp/check_zones_test.XXXXXX");
	file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, anchor, sizeof(anchor) - 1), sizeof(anchor) - 1);
	close(file);
}

static int set_up(void **state)
{
	struct resolver_options options = { .forwarder_count = 1, .timeout_ms = PATIENCE_MS };
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->base = event_base_new();
	options.forwarders[0] = start_server(fixture);
	write_anchor(options.trust_anchor);
	assert_int_equal(resolver_new(&fixture->resolver, fixture->base, &options), 0);
	strcpy(fixture->anchor, options.trust_anchor);
	strcpy(fixture->facts.destination.name, "example.org");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	resolver_free(fixture->resolver);
	unlink(fixture->anchor);
	event_base_free(fixture->base);
	kill(fixture->server, SIGKILL);
	waitpid(fixture->server, NULL, 0);
	free(fixture);
	return 0;
}

static void on_zones(void *owner)
{
	struct fixture *fixture = owner;

	fixture->told++;
	event_base_loopbreak(fixture->base);
}

static void find(struct fixture *fixture)
{
	assert_true(check_zones_find(&fixture->zones, fixture->resolver, &fixture->facts, on_zones,
	                             fixture));
	assert_int_equal(fixture->told, 0);
	event_base_dispatch(fixture->base);
	assert_int_equal(fixture->told, 1);
}

static void add_host(struct fixture *fixture, const char *name)
{
	size_t index = fixture->facts.destination.host_count++;

	strcpy(fixture->facts.hosts[index].tlsa.base, name);
}

static bool has_server(const struct fixture *fixture, uint8_t zone, const char *name,
                       const char *address)
{
	struct address wanted;

	assert_true(address_parse(&wanted, address));
	for (size_t i = 0; i < fixture->facts.server_count; i++) {
		const struct check_server *server = &fixture->facts.servers[i];

		if (server->zone == zone && strcmp(server->name, name) == 0 &&
		    address_equal(&server->address, &wanted))
			return true;
	}
	return false;
}

static void each_zone_is_found_once_with_all_its_servers(void **state)
{
	struct fixture *fixture = *state;

	add_host(fixture, "mx.example.org");
	add_host(fixture, "deep.mx.example.net");
	find(fixture);
	assert_true(fixture->zones.has_domain);
	assert_int_equal(fixture->zones.of[0], 0);
	assert_int_equal(fixture->zones.of[1], 1);
	assert_int_equal(fixture->facts.zone_count, 2);
	assert_string_equal(fixture->facts.zones[0].name, "example.org");
	assert_string_equal(fixture->facts.zones[1].name, "example.net");
	assert_int_equal(fixture->facts.server_count, 4);
	assert_true(has_server(fixture, 0, "ns1.example.org", "192.0.2.1"));
	assert_true(has_server(fixture, 0, "ns1.example.org", "2001:db8::1"));
	assert_true(has_server(fixture, 0, "ns2.example.net", "192.0.2.2"));
	assert_true(has_server(fixture, 1, "ns2.example.net", "192.0.2.2"));
}

static void of_several_iterations_the_most_count(void **state)
{
	struct fixture *fixture = *state;

	find(fixture);
	assert_int_equal(fixture->facts.zones[0].iterations, 100);
}

static void nobody_asks_the_servers_of_a_top_level_domain(void **state)
{
	struct fixture *fixture = *state;

	add_host(fixture, "nobody.com");
	find(fixture);
	assert_int_equal(fixture->zones.of[0], CHECK_ASKED_MAX);
	assert_int_equal(fixture->facts.zone_count, 1);
}

static void a_name_whose_zone_cannot_be_looked_up_has_none(void **state)
{
	struct fixture *fixture = *state;

	strcpy(fixture->facts.destination.name, "nobody.elsewhere");
	find(fixture);
	assert_false(fixture->zones.has_domain);
	assert_int_equal(fixture->facts.zone_count, 0);
	assert_int_equal(fixture->facts.server_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_zone_is_found_once_with_all_its_servers),
		TEST(of_several_iterations_the_most_count),
		TEST(nobody_asks_the_servers_of_a_top_level_domain),
		TEST(a_name_whose_zone_cannot_be_looked_up_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

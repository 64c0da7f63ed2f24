/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_CLI_EXCHANGE_SCENE_H
#define HOPGUARD_TESTS_UNIT_CLI_EXCHANGE_SCENE_H

/* A question to a name server on 127.0.0.1, in a network of the test's own, and what is made of the answer. For the one file of a program. */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "unit/net/loopback.h"
#include "unit/wire/dns_message.h"
#include "wire/dns_message.h"

#define NAME "example.org"

enum {
	DNS_PORT = 53,
	AUTHORITY = 0x8400, /* flags: a response, with authority */
	CUT = 0x8600,
	ROUNDS_MAX = 2000,
};

struct scene {
	struct event_base *base;
	int udp, listener, tcp;
	struct message question; /* the last that came */
	struct sockaddr_in asker;
	size_t told;
	enum check_reply_outcome outcome;
	bool is_truncated, is_empty;
	char why[CHECK_EXCHANGE_WHY_MAX];
	uint8_t octets[4096];
	size_t len;
};

static int open_server(int type)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		                        .sin_port = htons(DNS_PORT),
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int descriptor = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

	setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_return_code(bind(descriptor, (const struct sockaddr *)&at, sizeof(at)), errno);
	if (type == SOCK_STREAM)
		assert_return_code(listen(descriptor, 4), errno);
	return descriptor;
}

static int open_scene(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	scene.base = event_base_new();
	scene.udp = open_server(SOCK_DGRAM);
	scene.listener = open_server(SOCK_STREAM);
	scene.tcp = -1;
	*state = &scene;
	return scene.base ? 0 : -1;
}

static void shut(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static int close_scene(void **state)
{
	struct scene *scene = *state;

	shut(&scene->udp);
	shut(&scene->listener);
	shut(&scene->tcp);
	event_base_free(scene->base);
	return 0;
}

static void on_reply(void *owner, const struct check_reply *reply)
{
	struct scene *scene = owner;

	scene->told++;
	scene->outcome = reply->outcome;
	scene->is_truncated = reply->is_truncated;
	scene->is_empty = reply->is_empty;
	text_copy(scene->why, sizeof(scene->why), reply->why);
	scene->len = reply->octets.len;
	if (scene->len > sizeof(scene->octets))
		scene->len = sizeof(scene->octets);
	if (scene->len > 0)
		memcpy(scene->octets, reply->octets.data, scene->len);
}

static bool begin_asking(struct scene *scene, const char *server, enum dns_type type,
                         const char *name)
{
	struct check_question question = { .type = type };
	struct address address;

	assert_true(address_parse(&address, server));
	text_copy(question.name, sizeof(question.name), name);
	return check_exchange_start(scene->base, &address, &question, on_reply, scene) != NULL;
}

/* What is ready, until that descriptor is. */
static void run_until(struct scene *scene, int descriptor)
{
	for (int i = 0; i < ROUNDS_MAX && !is_readable(descriptor, 5); i++)
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_true(is_readable(descriptor, 0));
}

static void receive(struct scene *scene)
{
	socklen_t room = sizeof(scene->asker);
	ssize_t len;

	run_until(scene, scene->udp);
	len = recvfrom(scene->udp, scene->question.octets, sizeof(scene->question.octets), 0,
	               (struct sockaddr *)&scene->asker, &room);
	assert_true(len > DNS_HEADER_LEN);
	scene->question.len = (size_t)len;
}

static void ask(struct scene *scene, enum dns_type type)
{
	assert_true(begin_asking(scene, "127.0.0.1", type, NAME));
	receive(scene);
	assert_int_equal(scene->told, 0);
}

static void send_back(struct scene *scene, const struct message *message)
{
	assert_int_equal(sendto(scene->udp, message->octets, message->len, 0,
	                        (struct sockaddr *)&scene->asker, sizeof(scene->asker)),
	                 message->len);
}

static void run_until_told(struct scene *scene)
{
	for (int i = 0; i < ROUNDS_MAX && scene->told == 0; i++) {
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
		(void)is_readable(scene->listener, 5);
	}
	assert_int_equal(scene->told, 1);
}

/* With the question's number; of MX with one record, unless it is an error. */
static struct message reply_to(const struct scene *scene, unsigned flags, unsigned type)
{
	bool has_record = type == DNS_TYPE_MX && (flags & 0xf) == 0;
	struct message message;

	begin(&message, flags, NAME, type, has_record, 0);
	memcpy(message.octets, scene->question.octets, 2);
	if (has_record)
		add_mx(&message, NAME, 10, "mx." NAME);
	return message;
}

static void reply(struct scene *scene, unsigned flags, enum dns_type type)
{
	struct message message = reply_to(scene, flags, type);

	send_back(scene, &message);
	run_until_told(scene);
}

static void assert_wrong(const struct scene *scene, const char *why)
{
	assert_string_equal(scene->why, why);
	assert_int_equal(scene->outcome, CHECK_REPLY_WRONG);
}

#endif

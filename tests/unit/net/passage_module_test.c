/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kmod/xt_smtpbody.h"

/* The kernel's end of the socket is ours: what it will have answered lies there before it is asked. */

enum { FAMILY = 0x1f, OWNER = 2501 };

struct world {
	int kernel;
	struct body_passage *passage;
	uint32_t serial; /* of the last request, as far as answers were prepared */
	_Alignas(8) char request[512];
};

struct message {
	_Alignas(8) char octets[512];
	struct nlmsghdr *header;
};

static void begin(struct message *message, uint16_t type, uint32_t serial, uint8_t command)
{
	struct genlmsghdr *body;

	memset(message, 0, sizeof(*message));
	message->header = mnl_nlmsg_put_header(message->octets);
	message->header->nlmsg_type = type;
	message->header->nlmsg_seq = serial;
	body = mnl_nlmsg_put_extra_header(message->header, sizeof(*body));
	body->cmd = command;
}

static void prepare(struct world *world, const struct message *message)
{
	ssize_t len = message->header->nlmsg_len;

	assert_int_equal(send(world->kernel, message->octets, (size_t)len, 0), len);
}

/* The answer to the next request is this error. */
static void prepare_error(struct world *world, int error)
{
	struct message message = { .header = NULL };
	struct nlmsgerr *body;

	message.header = mnl_nlmsg_put_header(message.octets);
	message.header->nlmsg_type = NLMSG_ERROR;
	message.header->nlmsg_seq = ++world->serial;
	body = mnl_nlmsg_put_extra_header(message.header, sizeof(*body));
	body->error = error;
	prepare(world, &message);
}

static void begin_place(struct message *message, uint32_t serial, uint32_t next_seq,
                        const char *tail, uint8_t armed)
{
	begin(message, FAMILY, serial, SMTPBODY_CMD_TAKE_BACK);
	mnl_attr_put_u32(message->header, SMTPBODY_A_NEXT_SEQ, next_seq);
	mnl_attr_put(message->header, SMTPBODY_A_TAIL, 2, tail);
	mnl_attr_put_u8(message->header, SMTPBODY_A_ARMED, armed);
}

static void prepare_place(struct world *world, uint32_t next_seq, const char *tail, uint8_t armed)
{
	struct message message;

	begin_place(&message, ++world->serial, next_seq, tail, armed);
	prepare(world, &message);
}

/* The oldest request that was not read yet. */
static const struct nlmsghdr *read_request(struct world *world)
{
	ssize_t len = recv(world->kernel, world->request, sizeof(world->request), MSG_DONTWAIT);
	const struct nlmsghdr *header = (const struct nlmsghdr *)world->request;

	assert_true(len > 0 && mnl_nlmsg_ok(header, (int)len));
	assert_int_equal(header->nlmsg_len, len);
	return header;
}

static bool was_asked(struct world *world)
{
	char octet;

	return recv(world->kernel, &octet, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
}

static void prepare_family(struct world *world)
{
	struct message message;

	begin(&message, GENL_ID_CTRL, ++world->serial, CTRL_CMD_NEWFAMILY);
	mnl_attr_put_strz(message.header, CTRL_ATTR_FAMILY_NAME, SMTPBODY_GENL_NAME);
	mnl_attr_put_u16(message.header, CTRL_ATTR_FAMILY_ID, FAMILY);
	mnl_attr_put_u32(message.header, CTRL_ATTR_MAXATTR, SMTPBODY_A_MAX);
	prepare(world, &message);
}

/* interface: of the module that is loaded; 0: none is. */
static void adopt(struct world *world, uint32_t interface)
{
	struct passage_ticket ticket = { PASSAGE_MODULE, OWNER, { -1, -1, -1, -1 } };
	struct message message;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	world->kernel = ends[1];
	world->serial = (uint32_t)getpid() << 16;
	if (interface) {
		prepare_family(world);
		begin(&message, FAMILY, ++world->serial, SMTPBODY_CMD_INFO);
		mnl_attr_put_u32(message.header, SMTPBODY_A_INTERFACE, interface);
		prepare(world, &message);
	} else {
		prepare_error(world, -ENOENT);
	}
	ticket.descriptors[0] = ends[0];
	world->passage = passage_module_adopt(&ticket);
	assert_non_null(world->passage);
	(void)read_request(world);
	if (interface)
		(void)read_request(world);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	adopt(world, SMTPBODY_INTERFACE);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	body_passage_free(world->passage);
	close(world->kernel);
	free(world);
	return 0;
}

static struct passage_flow flow_of(const char *client, const char *server)
{
	struct passage_flow flow = { .ingress = 7 };

	assert_true(address_parse(&flow.client.address, client));
	assert_true(address_parse(&flow.server.address, server));
	flow.client.port = 40112;
	flow.server.port = 25;
	return flow;
}

static const struct passage_place beginning = { .next_seq = 0xfffffff0, .tail = "\r\n" };

static int keep(const struct nlattr *attribute, void *kept)
{
	((const struct nlattr **)kept)[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

/* That the request is this command of the family's, and what it has. */
static void assert_request(const struct nlattr *kept[SMTPBODY_A_MAX + 1], struct world *world,
                           uint8_t command, uint16_t flags)
{
	const struct nlmsghdr *header = read_request(world);
	const struct genlmsghdr *body = mnl_nlmsg_get_payload(header);

	assert_int_equal(header->nlmsg_type, FAMILY);
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST | flags);
	assert_int_equal(body->cmd, command);
	assert_int_equal(body->version, SMTPBODY_GENL_VERSION);
	assert_int_equal(body->reserved, 0);
	memset(kept, 0, (SMTPBODY_A_MAX + 1) * sizeof(*kept));
	assert_true(mnl_attr_parse(header, sizeof(*body), keep, kept) >= 0);
}

static void assert_octets(const struct nlattr *attribute, const void *octets, size_t len)
{
	assert_non_null(attribute);
	assert_int_equal(mnl_attr_get_payload_len(attribute), len);
	assert_memory_equal(mnl_attr_get_payload(attribute), octets, len);
}

static void assert_flow(const struct nlattr *const *kept, const struct passage_flow *flow)
{
	const uint16_t client_port = htons(flow->client.port);
	const uint16_t server_port = htons(flow->server.port);
	bool is_ipv4 = flow->client.address.family == 4;
	const uint8_t family = is_ipv4 ? AF_INET : AF_INET6;
	size_t len = is_ipv4 ? 4 : 16;

	assert_octets(kept[SMTPBODY_A_FAMILY], &family, 1);
	assert_octets(kept[SMTPBODY_A_SOURCE], flow->client.address.octets, len);
	assert_octets(kept[SMTPBODY_A_DESTINATION], flow->server.address.octets, len);
	assert_octets(kept[SMTPBODY_A_SOURCE_PORT], &client_port, 2);
	assert_octets(kept[SMTPBODY_A_DESTINATION_PORT], &server_port, 2);
	assert_octets(kept[SMTPBODY_A_INGRESS], &flow->ingress, 4);
}

static void a_flow_is_armed_where_it_stands(void **state)
{
	const struct passage_flow flows[] = {
		flow_of("192.0.2.2", "198.51.100.25"),
		flow_of("2001:db8::2", "2001:db8:25::25"),
	};
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];
	const uint32_t owner = OWNER;

	for (size_t i = 0; i < 2; i++) {
		prepare_error(*state, 0);
		assert_int_equal(
			body_passage_arm(((struct world *)*state)->passage, &flows[i], &beginning),
			0);
		assert_request(kept, *state, SMTPBODY_CMD_ARM, NLM_F_ACK);
		assert_flow(kept, &flows[i]);
		assert_octets(kept[SMTPBODY_A_NEXT_SEQ], &beginning.next_seq, 4);
		assert_octets(kept[SMTPBODY_A_TAIL], "\r\n", 2);
		assert_octets(kept[SMTPBODY_A_OWNER], &owner, 4);
		assert_null(kept[SMTPBODY_A_ZONE]);
	}
}

static void the_servers_side_is_said_where_its_acknowledgements_may_pass(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];
	struct passage_place place = {
		.next_seq = 5,
		.tail = "\r\n",
		.answers = { true, 0x1234, 0x89abcdef, 9, 0xfffffff0, 0x01020304 },
	};

	prepare_error(world, 0);
	assert_int_equal(body_passage_arm(world->passage, &flow, &place), 0);
	assert_request(kept, world, SMTPBODY_CMD_ARM, NLM_F_ACK);
	assert_octets(kept[SMTPBODY_A_ANSWER_SEQ], &place.answers.seq, 4);
	assert_octets(kept[SMTPBODY_A_ANSWER_INGRESS], &place.answers.ingress, 4);
	assert_octets(kept[SMTPBODY_A_ACKED], &place.answers.acked, 4);
	assert_octets(kept[SMTPBODY_A_WINDOW], &place.answers.window, 2);
	assert_octets(kept[SMTPBODY_A_TIMESTAMP], &place.answers.timestamp, 4);
	place.answers.may_pass = false;
	prepare_error(world, 0);
	assert_int_equal(body_passage_arm(world->passage, &flow, &place), 0);
	assert_request(kept, world, SMTPBODY_CMD_ARM, NLM_F_ACK);
	for (int type = SMTPBODY_A_ANSWER_SEQ; type <= SMTPBODY_A_TIMESTAMP; type++)
		assert_null(kept[type]);
}

/* And half of what it says of the server is nothing of it. */
static void what_the_server_acknowledged_comes_with_the_place(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached;
	struct message message;

	for (unsigned said = 0; said < 8; said++) {
		begin_place(&message, ++world->serial, 0x30, "x.", 1);
		if (said & 1)
			mnl_attr_put_u32(message.header, SMTPBODY_A_ACKED, 0x20);
		if (said & 2)
			mnl_attr_put_u16(message.header, SMTPBODY_A_WINDOW, 0x10);
		if (said & 4)
			mnl_attr_put_u32(message.header, SMTPBODY_A_TIMESTAMP, 0x1234);
		prepare(world, &message);
		assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), 0);
		assert_int_equal(reached.next_seq, 0x30);
		assert_int_equal(reached.answers.may_pass, said == 7);
	}
	assert_int_equal(reached.answers.acked, 0x20);
	assert_int_equal(reached.answers.window, 0x10);
	assert_int_equal(reached.answers.timestamp, 0x1234);
}

static void a_place_that_is_taken_back_is_the_kernels(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];
	struct passage_place reached;

	prepare_place(world, 0x30, "x.", 1);
	assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), 0);
	assert_int_equal(reached.next_seq, 0x30);
	assert_memory_equal(reached.tail, "x.", 2);
	assert_request(kept, world, SMTPBODY_CMD_TAKE_BACK, 0);
	assert_flow(kept, &flow);
}

static void who_looks_learns_whether_it_is_frozen(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];
	struct passage_look seen;

	for (uint8_t armed = 0; armed < 2; armed++) {
		prepare_place(world, 5, "\r\n", armed);
		assert_int_equal(body_passage_look(world->passage, &seen, &flow), 0);
		assert_int_equal(seen.is_armed, armed);
		assert_int_equal(seen.place.next_seq, 5);
		assert_request(kept, world, SMTPBODY_CMD_LOOK, 0);
		assert_flow(kept, &flow);
	}
}

static void what_is_not_known_has_no_place_and_is_forgotten_already(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached = beginning;
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];

	prepare_error(world, -ESRCH);
	assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), -ENOENT);
	assert_memory_equal(&reached, &beginning, sizeof(reached));
	(void)read_request(world);
	prepare_error(world, -ESRCH);
	body_passage_forget(world->passage, &flow);
	assert_request(kept, world, SMTPBODY_CMD_FORGET, NLM_F_ACK);
	assert_flow(kept, &flow);
}

static void the_kernels_refusal_is_passed_on(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");

	prepare_error(world, -ENOSPC);
	assert_int_equal(body_passage_arm(world->passage, &flow, &beginning), -ENOSPC);
	prepare_error(world, -EPERM);
	assert_int_equal(body_passage_forget_all(world->passage), -EPERM);
	assert_int_equal(body_passage_counters(world->passage)->not_armed, 1);
}

static void to_forget_all_is_to_forget_this_guards_alone(void **state)
{
	const uint32_t owner = OWNER;
	const struct nlattr *kept[SMTPBODY_A_MAX + 1];

	prepare_error(*state, 0);
	assert_int_equal(body_passage_forget_all(((struct world *)*state)->passage), 0);
	assert_request(kept, *state, SMTPBODY_CMD_FORGET_ALL, NLM_F_ACK);
	assert_octets(kept[SMTPBODY_A_OWNER], &owner, 4);
}

static void what_answers_others_is_skipped(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached;
	struct message message;

	begin_place(&message, 1, 99, "no", 1);
	prepare(world, &message);
	assert_int_equal(send(world->kernel, "short", 5, 0), 5);
	prepare_place(world, 0x30, "ab", 1);
	assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), 0);
	assert_int_equal(reached.next_seq, 0x30);
}

static void without_an_answer_nobody_waits(void **state)
{
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached;

	world->serial++;
	assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), -EAGAIN);
}

/* Each attribute away in turn, and each of them shorter. */
static void half_an_answer_is_none(void **state)
{
	static const uint16_t types[] = { SMTPBODY_A_NEXT_SEQ, SMTPBODY_A_TAIL, SMTPBODY_A_ARMED };
	struct world *world = *state;
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached;
	struct message message;

	for (size_t wrong = 0; wrong < 3; wrong++) {
		for (size_t len = 0; len < 2; len++) {
			begin(&message, FAMILY, ++world->serial, SMTPBODY_CMD_TAKE_BACK);
			for (size_t i = 0; i < 3; i++) {
				static const size_t lengths[] = { 4, 2, 1 };

				if (i != wrong)
					mnl_attr_put(message.header, types[i], lengths[i],
					             "\1\0\0\0");
				else if (len)
					mnl_attr_put(message.header, types[i], lengths[i] - 1,
					             "\1\0\0\0");
			}
			prepare(world, &message);
			assert_int_equal(body_passage_take_back(world->passage, &reached, &flow),
			                 -EBADMSG);
		}
	}
}

static void assert_nobody_is_asked(struct world *world)
{
	const struct passage_flow flow = flow_of("192.0.2.2", "198.51.100.25");
	struct passage_place reached;

	assert_int_equal(body_passage_arm(world->passage, &flow, &beginning), -ENOENT);
	assert_int_equal(body_passage_take_back(world->passage, &reached, &flow), -ENOENT);
	assert_int_equal(body_passage_forget_all(world->passage), -ENOENT);
	assert_false(was_asked(world));
}

static void without_the_module_nothing_is_armed_and_nobody_is_asked(void **state)
{
	/* Loaded since the supervisor asked, in the place of the one that it found. */
	static const uint32_t interfaces[] = { 0, SMTPBODY_INTERFACE - 1, SMTPBODY_INTERFACE + 1 };
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++) {
		adopt(&world, interfaces[i]);
		assert_nobody_is_asked(&world);
		body_passage_free(world.passage);
		close(world.kernel);
	}
}

static void a_kernel_without_the_module_says_so(void **state)
{
	struct passage_ticket ticket;

	(void)state;
	if (access("/sys/module/xt_smtpbody", F_OK) == 0)
		skip();
	assert_int_equal(passage_module_open(&ticket, OWNER), -ENOENT);
}

static void what_was_adopted_is_closed(void **state)
{
	struct world world;
	char octet;

	(void)state;
	adopt(&world, SMTPBODY_INTERFACE);
	body_passage_free(world.passage);
	assert_int_equal(recv(world.kernel, &octet, 1, MSG_DONTWAIT), 0);
	close(world.kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_flow_is_armed_where_it_stands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_servers_side_is_said_where_its_acknowledgements_may_pass, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(what_the_server_acknowledged_comes_with_the_place,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_place_that_is_taken_back_is_the_kernels, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(who_looks_learns_whether_it_is_frozen, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_not_known_has_no_place_and_is_forgotten_already, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_kernels_refusal_is_passed_on, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(to_forget_all_is_to_forget_this_guards_alone,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_answers_others_is_skipped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_an_answer_nobody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_an_answer_is_none, set_up, tear_down),
		cmocka_unit_test(without_the_module_nothing_is_armed_and_nobody_is_asked),
		cmocka_unit_test(a_kernel_without_the_module_says_so),
		cmocka_unit_test(what_was_adopted_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

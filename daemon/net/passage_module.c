/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmod/xt_smtpbody.h"

enum {
	/* Zeroed before use: libmnl before 1.0.5 leaves the padding of attributes as it was. */
	REQUEST_MAX = 256,
	/* The description of a family is the largest. */
	ANSWER_MAX = 8192,
	/* The guard forgets what is over; this is for what it lost sight of. */
	TIMEOUT_S = 2 * 60 * 60,
};

struct module {
	int descriptor;
	uint16_t owner;
	uint16_t family; /* the kernel's number of it; 0: there is none */
	uint32_t serial; /* of the last request */
};

/* What the kernel said to one request. */
struct answer {
	_Alignas(8) char octets[ANSWER_MAX];
	const struct nlmsghdr *message; /* NULL: no more than that it succeeded */
};

struct request {
	_Alignas(8) char octets[REQUEST_MAX];
	struct nlmsghdr *message;
};

static void begin(struct request *request, struct module *module, uint16_t family, uint8_t command,
                  uint16_t flags)
{
	struct genlmsghdr *body;

	memset(request, 0, sizeof(*request));
	request->message = mnl_nlmsg_put_header(request->octets);
	request->message->nlmsg_type = family;
	request->message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request->message->nlmsg_seq = ++module->serial;
	body = mnl_nlmsg_put_extra_header(request->message, sizeof(*body));
	body->cmd = command;
	body->version = SMTPBODY_GENL_VERSION;
}

static void put_address(struct request *request, uint16_t attribute, const struct address *address)
{
	mnl_attr_put(request->message, attribute, address_len(address), address->octets);
}

static void put_flow(struct request *request, const struct passage_flow *flow)
{
	struct nlmsghdr *message = request->message;

	mnl_attr_put_u8(message, SMTPBODY_A_FAMILY,
	                flow->client.address.family == 6 ? AF_INET6 : AF_INET);
	put_address(request, SMTPBODY_A_SOURCE, &flow->client.address);
	put_address(request, SMTPBODY_A_DESTINATION, &flow->server.address);
	mnl_attr_put_u16(message, SMTPBODY_A_SOURCE_PORT, htons(flow->client.port));
	mnl_attr_put_u16(message, SMTPBODY_A_DESTINATION_PORT, htons(flow->server.port));
	mnl_attr_put_u32(message, SMTPBODY_A_INGRESS, flow->ingress);
}

/* 1: the answer to this request is there; 0: something else was; or -errno. */
static int receive(struct answer *answer, const struct module *module, uint32_t serial)
{
	struct sockaddr_nl sender = { .nl_pid = 0 };
	socklen_t sender_len = sizeof(sender);
	const struct nlmsghdr *message = (const struct nlmsghdr *)answer->octets;
	ssize_t len = recvfrom(module->descriptor, answer->octets, sizeof(answer->octets),
	                       MSG_DONTWAIT, (struct sockaddr *)&sender, &sender_len);

	if (len < 0)
		return errno == EINTR ? 0 : -errno;
	if (sender.nl_pid != 0 || !mnl_nlmsg_ok(message, (int)len) || message->nlmsg_seq != serial)
		return 0;
	answer->message = message;
	return 1;
}

static int read_error(struct answer *answer)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(answer->message);

	if (mnl_nlmsg_get_payload_len(answer->message) < sizeof(*error))
		return -EBADMSG;
	answer->message = NULL;
	return error->error;
}

/* 0 or -errno, which may be the kernel's own. */
static int ask(struct answer *answer, const struct module *module, const struct request *request)
{
	int received = 0;

	answer->message = NULL;
	/* What goes to no family the kernel takes for one of its own messages, and would say that it was done. */
	if (request->message->nlmsg_type < NLMSG_MIN_TYPE)
		return -ENOENT;
	if (send(module->descriptor, request->message, request->message->nlmsg_len, MSG_DONTWAIT) <
	    0)
		return -errno;
	while (received == 0)
		received = receive(answer, module, request->message->nlmsg_seq);
	if (received < 0)
		return received;
	return answer->message->nlmsg_type == NLMSG_ERROR ? read_error(answer) : 0;
}

struct attributes {
	const struct nlattr *by_type[SMTPBODY_A_MAX + 1];
};

static int keep_attribute(const struct nlattr *attribute, void *attributes)
{
	if (mnl_attr_type_valid(attribute, SMTPBODY_A_MAX) > 0)
		((struct attributes *)attributes)->by_type[mnl_attr_get_type(attribute)] =
			attribute;
	return MNL_CB_OK;
}

static struct attributes attributes_of(const struct answer *answer)
{
	struct attributes attributes = { .by_type = { NULL } };

	if (answer->message)
		(void)mnl_attr_parse(answer->message, sizeof(struct genlmsghdr), keep_attribute,
		                     &attributes);
	return attributes;
}

static bool has(const struct attributes *attributes, uint16_t type, size_t len)
{
	return attributes->by_type[type] &&
	       mnl_attr_get_payload_len(attributes->by_type[type]) == len;
}

/* Asked once: the kernel may start a program to look for a module, and no module goes while a rule of ours has it. */
static int find_family(struct module *module, struct answer *answer)
{
	struct request request;
	struct attributes attributes;
	int err;

	begin(&request, module, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(request.message, CTRL_ATTR_FAMILY_NAME, SMTPBODY_GENL_NAME);
	err = ask(answer, module, &request);
	if (err)
		return err;
	attributes = attributes_of(answer);
	if (!has(&attributes, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t)))
		return -EBADMSG;
	module->family = mnl_attr_get_u16(attributes.by_type[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

static int check_interface(struct module *module)
{
	struct answer answer;
	struct attributes attributes;
	struct request request;
	int err = find_family(module, &answer);

	if (err)
		return err;
	begin(&request, module, module->family, SMTPBODY_CMD_INFO, 0);
	err = ask(&answer, module, &request);
	if (err)
		return err;
	attributes = attributes_of(&answer);
	return has(&attributes, SMTPBODY_A_INTERFACE, sizeof(uint32_t)) &&
	                       mnl_attr_get_u32(attributes.by_type[SMTPBODY_A_INTERFACE]) ==
	                               SMTPBODY_INTERFACE
	               ? 0
	               : -EPROTO;
}

static void put_answers(struct request *request, const struct passage_answers *answers)
{
	if (!answers->may_pass)
		return;
	mnl_attr_put_u32(request->message, SMTPBODY_A_ANSWER_SEQ, answers->seq);
	mnl_attr_put_u32(request->message, SMTPBODY_A_ANSWER_INGRESS, answers->ingress);
	mnl_attr_put_u32(request->message, SMTPBODY_A_ACKED, answers->acked);
	mnl_attr_put_u16(request->message, SMTPBODY_A_WINDOW, answers->window);
	mnl_attr_put_u32(request->message, SMTPBODY_A_TIMESTAMP, answers->timestamp);
}

static int arm(void *state, const struct passage_flow *flow, const struct passage_place *place)
{
	struct module *module = state;
	struct request request;
	struct answer answer;

	begin(&request, module, module->family, SMTPBODY_CMD_ARM, NLM_F_ACK);
	put_flow(&request, flow);
	mnl_attr_put_u32(request.message, SMTPBODY_A_NEXT_SEQ, place->next_seq);
	mnl_attr_put(request.message, SMTPBODY_A_TAIL, sizeof(place->tail), place->tail);
	put_answers(&request, &place->answers);
	mnl_attr_put_u32(request.message, SMTPBODY_A_OWNER, module->owner);
	mnl_attr_put_u32(request.message, SMTPBODY_A_TIMEOUT, TIMEOUT_S);
	return ask(&answer, module, &request);
}

/* Where acknowledgements pass it says of all three. */
static void read_answers(struct passage_answers *answers, const struct attributes *attributes)
{
	*answers = (struct passage_answers){ .may_pass = false };
	if (!has(attributes, SMTPBODY_A_ACKED, sizeof(uint32_t)) ||
	    !has(attributes, SMTPBODY_A_WINDOW, sizeof(uint16_t)) ||
	    !has(attributes, SMTPBODY_A_TIMESTAMP, sizeof(uint32_t)))
		return;
	answers->may_pass = true;
	answers->acked = mnl_attr_get_u32(attributes->by_type[SMTPBODY_A_ACKED]);
	answers->window = mnl_attr_get_u16(attributes->by_type[SMTPBODY_A_WINDOW]);
	answers->timestamp = mnl_attr_get_u32(attributes->by_type[SMTPBODY_A_TIMESTAMP]);
}

/* LOOK or TAKE_BACK. */
static int ask_place(struct passage_look *seen, struct module *module, uint8_t command,
                     const struct passage_flow *flow)
{
	struct attributes attributes;
	struct request request;
	struct answer answer;
	int err;

	begin(&request, module, module->family, command, 0);
	put_flow(&request, flow);
	err = ask(&answer, module, &request);
	if (err)
		return err == -ESRCH ? -ENOENT : err;
	attributes = attributes_of(&answer);
	if (!has(&attributes, SMTPBODY_A_NEXT_SEQ, sizeof(uint32_t)) ||
	    !has(&attributes, SMTPBODY_A_TAIL, sizeof(seen->place.tail)) ||
	    !has(&attributes, SMTPBODY_A_ARMED, sizeof(uint8_t)))
		return -EBADMSG;
	seen->place.next_seq = mnl_attr_get_u32(attributes.by_type[SMTPBODY_A_NEXT_SEQ]);
	memcpy(seen->place.tail, mnl_attr_get_payload(attributes.by_type[SMTPBODY_A_TAIL]),
	       sizeof(seen->place.tail));
	read_answers(&seen->place.answers, &attributes);
	seen->is_armed = mnl_attr_get_u8(attributes.by_type[SMTPBODY_A_ARMED]) != 0;
	return 0;
}

static int look(void *state, struct passage_look *seen, const struct passage_flow *flow)
{
	return ask_place(seen, state, SMTPBODY_CMD_LOOK, flow);
}

static int take_back(void *state, struct passage_place *reached, const struct passage_flow *flow)
{
	struct passage_look seen;
	int err = ask_place(&seen, state, SMTPBODY_CMD_TAKE_BACK, flow);

	if (!err)
		*reached = seen.place;
	return err;
}

static int forget(void *state, const struct passage_flow *flow)
{
	struct module *module = state;
	struct request request;
	struct answer answer;
	int err;

	begin(&request, module, module->family, SMTPBODY_CMD_FORGET, NLM_F_ACK);
	put_flow(&request, flow);
	err = ask(&answer, module, &request);
	return err == -ESRCH ? 0 : err;
}

static int forget_all(void *state)
{
	struct module *module = state;
	struct request request;
	struct answer answer;

	begin(&request, module, module->family, SMTPBODY_CMD_FORGET_ALL, NLM_F_ACK);
	mnl_attr_put_u32(request.message, SMTPBODY_A_OWNER, module->owner);
	return ask(&answer, module, &request);
}

static void close_module(void *state)
{
	struct module *module = state;

	close(module->descriptor);
	free(module);
}

static const struct passage_calls calls = {
	.arm = arm,
	.look = look,
	.take_back = take_back,
	.forget = forget,
	.forget_all = forget_all,
	.close = close_module,
};

/* Its own bound address, and so its name among sockets, is what the kernel chose. */
static int open_socket(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int err;

	if (descriptor < 0)
		return -errno;
	if (bind(descriptor, (const struct sockaddr *)&any, sizeof(any)) == 0)
		return descriptor;
	err = -errno;
	close(descriptor);
	return err;
}

int passage_module_open(struct passage_ticket *ticket, uint16_t owner)
{
	struct module module = { .descriptor = open_socket() };
	int err;

	if (module.descriptor < 0)
		return module.descriptor;
	err = check_interface(&module);
	if (err) {
		close(module.descriptor);
		return err;
	}
	*ticket = (struct passage_ticket){
		.kind = PASSAGE_MODULE,
		.owner = owner,
		.descriptors = { module.descriptor, -1, -1, -1 },
	};
	return 0;
}

/* What a predecessor did not read is told by its number, which counts on from the process id. */
struct body_passage *passage_module_adopt(const struct passage_ticket *ticket)
{
	struct module *module = calloc(1, sizeof(*module));

	if (!module) {
		close(ticket->descriptors[0]);
		return NULL;
	}
	module->descriptor = ticket->descriptors[0];
	module->owner = ticket->owner;
	module->serial = (uint32_t)getpid() << 16;
	/* Without it each request fails. It may be another than the supervisor asked: rules were flushed, and a new one loaded. */
	if (check_interface(module) != 0)
		module->family = 0;
	return body_passage_new(PASSAGE_MODULE, &calls, module);
}

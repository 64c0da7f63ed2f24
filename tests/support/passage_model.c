/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/passage_model.h"

#include <errno.h>
#include <string.h>

#include "../../kmod/smtpbody_scan.h"

/* Headers as the kernel reads them, apart from what the guard has for that. */
enum {
	PROTOCOL_TCP = 6,
	IP4_HEADER_LEN = 20,
	IP6_HEADER_LEN = 40,
	TCP_HEADER_LEN = 20,
};

static bool flow_equal(const struct passage_flow *a, const struct passage_flow *b)
{
	return endpoint_equal(&a->client, &b->client) && endpoint_equal(&a->server, &b->server) &&
	       a->ingress == b->ingress;
}

static struct passage_entry *find(struct passage_model *model, const struct passage_flow *flow)
{
	for (size_t i = 0; i < PASSAGE_MODEL_FLOWS_MAX; i++) {
		if (model->entries[i].is_used && flow_equal(&model->entries[i].flow, flow))
			return &model->entries[i];
	}
	return NULL;
}

static struct passage_entry *add(struct passage_model *model, const struct passage_flow *flow)
{
	for (size_t i = 0; i < PASSAGE_MODEL_FLOWS_MAX; i++) {
		struct passage_entry *entry = &model->entries[i];

		if (entry->is_used)
			continue;
		*entry = (struct passage_entry){ .flow = *flow, .is_used = true };
		return entry;
	}
	return NULL;
}

static int model_arm(void *state, const struct passage_flow *flow,
                     const struct passage_place *place)
{
	struct passage_model *model = state;
	struct passage_entry *entry = find(model, flow);

	if (model->is_full)
		return -ENOSPC;
	if (!entry)
		entry = add(model, flow);
	if (!entry)
		return -ENOSPC;
	entry->word = smtpbody_pack((struct smtpbody_state){
		.next_seq = place->next_seq,
		.tail = (uint16_t)(place->tail[0] | place->tail[1] << 8),
		.generation = ++model->generation,
		.is_armed = true,
	});
	entry->acks = smtpbody_acks(entry->word, place->answers.acked, place->answers.window);
	if (!place->answers.may_pass)
		entry->acks &= ~SMTPBODY_ARMED;
	entry->server = smtpbody_server(place->answers.seq, place->answers.timestamp);
	entry->answers_by = place->answers.ingress;
	model->arms++;
	if (model->on_arm)
		model->on_arm(model->owner, place);
	return 0;
}

static struct passage_place place_of(const struct passage_entry *entry)
{
	struct smtpbody_state at = smtpbody_unpack(entry->word);

	return (struct passage_place){
		.next_seq = at.next_seq,
		.tail = { (uint8_t)at.tail, (uint8_t)(at.tail >> 8) },
		.answers = { .may_pass = entry->acks & SMTPBODY_ARMED,
		             .window = (uint16_t)(entry->acks >> 32),
		             .acked = (uint32_t)entry->acks,
		             .timestamp = (uint32_t)(entry->server >> 32) },
	};
}

static int model_look(void *state, struct passage_look *seen, const struct passage_flow *flow)
{
	struct passage_model *model = state;
	const struct passage_entry *entry = find(model, flow);

	model->looks++;
	if (!entry)
		return -ENOENT;
	seen->place = place_of(entry);
	seen->is_armed = entry->word & SMTPBODY_ARMED;
	return 0;
}

static int model_take_back(void *state, struct passage_place *reached,
                           const struct passage_flow *flow)
{
	struct passage_model *model = state;
	struct passage_entry *entry = find(model, flow);

	model->take_backs++;
	if (!entry)
		return -ENOENT;
	*reached = place_of(entry);
	entry->is_used = false;
	return 0;
}

static int model_forget(void *state, const struct passage_flow *flow)
{
	struct passage_entry *entry = find(state, flow);

	if (entry)
		entry->is_used = false;
	return 0;
}

static int model_forget_all(void *state)
{
	passage_model_forget_all(state);
	return 0;
}

static void model_close(void *state)
{
	(void)state;
}

struct body_passage *passage_model_new(struct passage_model *model)
{
	static const struct passage_calls calls = {
		.arm = model_arm,
		.look = model_look,
		.take_back = model_take_back,
		.forget = model_forget,
		.forget_all = model_forget_all,
		.close = model_close,
	};

	return body_passage_new(PASSAGE_MODULE, &calls, model);
}

void passage_model_forget_all(struct passage_model *model)
{
	memset(model->entries, 0, sizeof(model->entries));
}

bool passage_model_is_armed(const struct passage_model *model)
{
	for (size_t i = 0; i < PASSAGE_MODEL_FLOWS_MAX; i++) {
		if (model->entries[i].is_used && model->entries[i].word & SMTPBODY_ARMED)
			return true;
	}
	return false;
}

static uint16_t get16(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

static uint32_t get32(const uint8_t *octets)
{
	return (uint32_t)get16(octets) << 16 | get16(octets + 2);
}

/* The TCP segment; empty: not understood. */
static struct bytes read_ip(struct passage_flow *flow, struct bytes packet)
{
	const uint8_t *ip = packet.data;

	if (packet.len >= IP4_HEADER_LEN && ip[0] == 0x45 && get16(ip + 2) == packet.len &&
	    (get16(ip + 6) & 0x3fff) == 0 && ip[9] == PROTOCOL_TCP) {
		flow->client.address = address_of(4, ip + 12);
		flow->server.address = address_of(4, ip + 16);
		return bytes_after(packet, IP4_HEADER_LEN);
	}
	if (packet.len >= IP6_HEADER_LEN && ip[0] >> 4 == 6 && ip[6] == PROTOCOL_TCP &&
	    get16(ip + 4) + (size_t)IP6_HEADER_LEN == packet.len) {
		flow->client.address = address_of(6, ip + 8);
		flow->server.address = address_of(6, ip + 24);
		return bytes_after(packet, IP6_HEADER_LEN);
	}
	return (struct bytes){ 0 };
}

static bool passes(struct passage_model *model, struct passage_entry *entry, const uint8_t *tcp,
                   struct bytes payload)
{
	uint32_t seq = get32(tcp + 4);
	uint32_t len = (uint32_t)payload.len;
	uint32_t carry;

	if (tcp[13] & SMTPBODY_TCP_NEVER || !smtpbody_is_next(entry->word, seq, len))
		return false;
	carry = smtpbody_scan(smtpbody_carry(entry->word), payload.data, len);
	if (!smtpbody_passes(carry))
		return false;
	entry->word = smtpbody_moved(entry->word, len, carry);
	model->passed_packets++;
	model->passed_octets += len;
	return true;
}

static struct passage_entry *find_answered(struct passage_model *model,
                                           const struct passage_flow *flow)
{
	for (size_t i = 0; i < PASSAGE_MODEL_FLOWS_MAX; i++) {
		struct passage_entry *entry = &model->entries[i];

		if (entry->is_used && entry->answers_by == flow->ingress &&
		    endpoint_equal(&entry->flow.client, &flow->server) &&
		    endpoint_equal(&entry->flow.server, &flow->client))
			return entry;
	}
	return NULL;
}

/* flow: as the segment has it, from the server. */
static bool passes_ack(struct passage_model *model, const struct passage_flow *flow,
                       const uint8_t *tcp, size_t header_len)
{
	struct passage_entry *entry = find_answered(model, flow);
	struct smtpbody_ack ack = {
		.seq = get32(tcp + 4),
		.acked = get32(tcp + 8),
		.window = get16(tcp + 14),
	};
	uint32_t words[SMTPBODY_OPTION_WORDS] = { 0 };
	bool is_told;

	for (size_t i = 0; i < SMTPBODY_OPTION_WORDS && TCP_HEADER_LEN + 4 * i < header_len; i++)
		words[i] = get32(tcp + TCP_HEADER_LEN + 4 * i);
	if (!entry || !smtpbody_read_options(&ack, (uint32_t)header_len - TCP_HEADER_LEN, words) ||
	    !smtpbody_acks_move(entry->acks, entry->word, entry->server, &ack))
		return false;
	is_told = smtpbody_is_told(entry->acks, &ack);
	entry->server = smtpbody_server_moved(entry->server, &ack);
	entry->acks = smtpbody_acks_moved(entry->acks, &ack);
	model->passed_acks += !is_told;
	return !is_told;
}

bool passage_model_passes(struct passage_model *model, uint32_t ingress, struct bytes packet)
{
	struct passage_flow flow = { .ingress = ingress };
	struct bytes tcp = read_ip(&flow, packet);
	struct passage_entry *entry;
	size_t header_len;

	if (tcp.len < TCP_HEADER_LEN)
		return false;
	flow.client.port = get16(tcp.data);
	flow.server.port = get16(tcp.data + 2);
	header_len = (size_t)(tcp.data[12] >> 4) * 4;
	if (header_len < TCP_HEADER_LEN || header_len > tcp.len)
		return false;
	if (smtpbody_is_bare(tcp.data[13], (uint32_t)(tcp.len - header_len)))
		return passes_ack(model, &flow, tcp.data, header_len);
	entry = find(model, &flow);
	if (!entry)
		return false;
	if (passes(model, entry, tcp.data, bytes_after(tcp, header_len)))
		return true;
	if (tcp.len > header_len || tcp.data[13] & SMTPBODY_TCP_NEVER)
		entry->word &= ~SMTPBODY_ARMED;
	return false;
}

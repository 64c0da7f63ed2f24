/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_ebpf.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmod/smtpbody_scan.h"
#include "kmod/smtpbody_table.h"

enum { TABLE_LEN = (SMTPBODY_ENTRIES + 1) * sizeof(struct smtpbody_entry) };

/* What other guards and the program change is only ever touched by an atomic operation. */
struct passage_ebpf {
	struct smtpbody_entry *entries;
	uint32_t owner;
	uint64_t seed;
	size_t held; /* entries that are ours */
};

void passage_ebpf_key(struct smtpbody_key *key, const struct passage_flow *flow)
{
	const struct address *client = &flow->client.address;
	const struct address *server = &flow->server.address;

	memset(key, 0, sizeof(*key));
	key->words[0] = smtpbody_key_head(client->family, flow->client.port, flow->server.port);
	key->words[1] = flow->ingress;
	memcpy(&key->words[2], client->octets, sizeof(client->octets));
	memcpy(&key->words[4], server->octets, sizeof(server->octets));
}

static uint32_t owner_of(const struct smtpbody_entry *entry)
{
	return __atomic_load_n(&entry->owner, __ATOMIC_ACQUIRE);
}

static bool has_key(const struct smtpbody_entry *entry, const struct smtpbody_key *key)
{
	size_t i;

	for (i = 0; i < SMTPBODY_KEY_WORDS; i++) {
		if (__atomic_load_n(&entry->key.words[i], __ATOMIC_RELAXED) != key->words[i])
			return false;
	}
	return true;
}

static struct smtpbody_entry *set_of(const struct passage_ebpf *ebpf,
                                     const struct smtpbody_key *key)
{
	return ebpf->entries + (size_t)smtpbody_set(key, ebpf->seed) * SMTPBODY_WAYS;
}

/* The flow's entry, if it is ours. */
static struct smtpbody_entry *find(const struct passage_ebpf *ebpf, const struct passage_flow *flow)
{
	struct smtpbody_key key;
	struct smtpbody_entry *set;
	size_t way;

	passage_ebpf_key(&key, flow);
	set = set_of(ebpf, &key);
	for (way = 0; way < SMTPBODY_WAYS; way++) {
		if (owner_of(&set[way]) == ebpf->owner && has_key(&set[way], &key))
			return &set[way];
	}
	return NULL;
}

/* What the words of an entry say of its flow. */
static struct passage_place place_of(const struct smtpbody_entry *entry, uint64_t word,
                                     uint64_t acks)
{
	struct smtpbody_state state = smtpbody_unpack(word);
	struct passage_place place = {
		.next_seq = state.next_seq,
		.tail = { (uint8_t)state.tail, (uint8_t)(state.tail >> 8) },
	};

	if (acks & SMTPBODY_ARMED)
		place.answers = (struct passage_answers){
			.may_pass = true,
			.window = (uint16_t)(acks >> 32),
			.acked = (uint32_t)acks,
			.timestamp =
				(uint32_t)(__atomic_load_n(&entry->server, __ATOMIC_ACQUIRE) >> 32),
		};
	return place;
}

/* Whatever the words become meanwhile, from here on no segment moves them. As they were last. */
static struct passage_place disarm(struct smtpbody_entry *entry)
{
	uint64_t word = __atomic_fetch_and(&entry->word, ~SMTPBODY_ARMED, __ATOMIC_ACQ_REL);
	uint64_t acks = __atomic_fetch_and(&entry->acks, ~SMTPBODY_ARMED, __ATOMIC_ACQ_REL);
	struct passage_place place = place_of(entry, word, acks);

	__atomic_store_n(&entry->answers_by, SMTPBODY_NOWHERE, __ATOMIC_RELEASE);
	return place;
}

static void release(struct passage_ebpf *ebpf, struct smtpbody_entry *entry)
{
	__atomic_store_n(&entry->owner, 0, __ATOMIC_RELEASE);
	ebpf->held--;
}

static bool claim(struct passage_ebpf *ebpf, struct smtpbody_entry *entry, uint32_t from)
{
	if (!__atomic_compare_exchange_n(&entry->owner, &from, ebpf->owner, false, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE))
		return false;
	ebpf->held++;
	return true;
}

/*
 * An entry for the key, ours and not armed. One that has the key already is taken, whose ever it was: of two with the same
 * key the program would see but the first.
 */
static struct smtpbody_entry *take(struct passage_ebpf *ebpf, const struct smtpbody_key *key)
{
	struct smtpbody_entry *set = set_of(ebpf, key);
	size_t way;
	size_t i;

	for (way = 0; way < SMTPBODY_WAYS; way++) {
		uint32_t owner = owner_of(&set[way]);

		if (!has_key(&set[way], key))
			continue;
		if (owner == ebpf->owner)
			return &set[way];
		if (!claim(ebpf, &set[way], owner))
			return NULL;
		(void)disarm(&set[way]);
		return &set[way];
	}
	for (way = 0; way < SMTPBODY_WAYS; way++) {
		if (owner_of(&set[way]) == 0 && claim(ebpf, &set[way], 0)) {
			for (i = 0; i < SMTPBODY_KEY_WORDS; i++)
				__atomic_store_n(&set[way].key.words[i], key->words[i],
				                 __ATOMIC_RELAXED);
			return &set[way];
		}
	}
	return NULL;
}

/* acks goes out first and comes in last: whoever finds it armed has the rest of the same arming. */
static void set_words(struct smtpbody_entry *entry, uint64_t word,
                      const struct passage_answers *answers)
{
	uint64_t acks = smtpbody_acks(word, answers->acked, answers->window);

	(void)__atomic_fetch_and(&entry->acks, ~SMTPBODY_ARMED, __ATOMIC_ACQ_REL);
	__atomic_store_n(&entry->answers_by,
	                 answers->may_pass ? answers->ingress : SMTPBODY_NOWHERE, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->server, smtpbody_server(answers->seq, answers->timestamp),
	                 __ATOMIC_RELEASE);
	__atomic_store_n(&entry->word, word, __ATOMIC_SEQ_CST);
	__atomic_store_n(&entry->acks, answers->may_pass ? acks : acks & ~SMTPBODY_ARMED,
	                 __ATOMIC_SEQ_CST);
}

static int arm(void *state, const struct passage_flow *flow, const struct passage_place *place)
{
	struct passage_ebpf *ebpf = state;
	struct smtpbody_entry *entry;
	struct smtpbody_state armed = {
		.next_seq = place->next_seq,
		.tail = (uint16_t)(place->tail[0] | place->tail[1] << 8),
		.is_armed = true,
	};
	struct smtpbody_key key;
	uint64_t word;

	if (ebpf->held >= PASSAGE_FLOWS_MAX && !find(ebpf, flow))
		return -ENOSPC;
	passage_ebpf_key(&key, flow);
	entry = take(ebpf, &key);
	if (!entry)
		return -ENOSPC;
	word = __atomic_load_n(&entry->word, __ATOMIC_RELAXED);
	armed.generation = (uint16_t)(smtpbody_unpack(word).generation + 1);
	set_words(entry, smtpbody_pack(armed), &place->answers);
	return 0;
}

static int look(void *state, struct passage_look *seen, const struct passage_flow *flow)
{
	const struct smtpbody_entry *entry = find(state, flow);
	uint64_t acks, word;

	if (!entry)
		return -ENOENT;
	/* In this order nothing is acknowledged that has not passed. */
	acks = __atomic_load_n(&entry->acks, __ATOMIC_SEQ_CST);
	word = __atomic_load_n(&entry->word, __ATOMIC_SEQ_CST);
	*seen = (struct passage_look){ .place = place_of(entry, word, acks),
		                       .is_armed = (word & SMTPBODY_ARMED) != 0 };
	return 0;
}

static int take_back(void *state, struct passage_place *reached, const struct passage_flow *flow)
{
	struct smtpbody_entry *entry = find(state, flow);

	if (!entry)
		return -ENOENT;
	*reached = disarm(entry);
	release(state, entry);
	return 0;
}

static int forget(void *state, const struct passage_flow *flow)
{
	struct passage_place ignored;
	int err = take_back(state, &ignored, flow);

	return err == -ENOENT ? 0 : err;
}

static int forget_all(void *state)
{
	struct passage_ebpf *ebpf = state;
	size_t i;

	for (i = 0; i < SMTPBODY_ENTRIES; i++) {
		struct smtpbody_entry *entry = &ebpf->entries[i];

		if (owner_of(entry) != ebpf->owner)
			continue;
		(void)disarm(entry);
		__atomic_store_n(&entry->owner, 0, __ATOMIC_RELEASE);
	}
	ebpf->held = 0;
	return 0;
}

static void passage_ebpf_close(void *state)
{
	struct passage_ebpf *ebpf = state;

	(void)munmap(ebpf->entries, TABLE_LEN);
	free(ebpf);
}

static const struct passage_calls calls = {
	.arm = arm,
	.look = look,
	.take_back = take_back,
	.forget = forget,
	.forget_all = forget_all,
	.close = passage_ebpf_close,
};

int passage_ebpf_adopt(struct body_passage **adopted, const struct passage_ticket *ticket)
{
	struct passage_ebpf *ebpf = calloc(1, sizeof(*ebpf));
	int table = ticket->descriptors[0];
	struct smtpbody_entry *entries;
	int err = -ENOMEM;

	if (!ebpf)
		goto close_table;
	entries = mmap(NULL, TABLE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, table, 0);
	if (entries == MAP_FAILED) {
		err = -errno;
		goto free_state;
	}
	ebpf->entries = entries;
	ebpf->owner = ticket->owner + 1U;
	ebpf->seed = entries[SMTPBODY_SEED_ENTRY].word;
	err = -EPROTO;
	if (entries[SMTPBODY_SEED_ENTRY].version != SMTPBODY_TABLE_VERSION)
		goto unmap;
	close(table);
	*adopted = body_passage_new(PASSAGE_EBPF, &calls, ebpf);
	return *adopted ? 0 : -ENOMEM;

unmap:
	(void)munmap(entries, TABLE_LEN);
free_state:
	free(ebpf);
close_table:
	close(table);
	return err;
}

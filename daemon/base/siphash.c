/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotated(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

/* A whole word in one load: tables hash with every step, and most keys are a word long. */
static uint64_t word_at(const uint8_t *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	return le64toh(word);
}

/* What is left behind the whole words, from one load where octets stand before it, and the length. */
static uint64_t last_word(const uint8_t *octets, size_t len)
{
	uint64_t word = (uint64_t)(len & 0xff) << 56;
	size_t left = len % 8;

	if (left > 0 && len > 8)
		return word | word_at(octets + len - 8) >> (64 - 8 * left);
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)octets[len - left + i] << (8 * i);
	return word;
}

static inline void mix(struct state *state)
{
	state->v0 += state->v1;
	state->v2 += state->v3;
	state->v1 = rotated(state->v1, 13) ^ state->v0;
	state->v3 = rotated(state->v3, 16) ^ state->v2;
	state->v0 = rotated(state->v0, 32);
	state->v2 += state->v1;
	state->v0 += state->v3;
	state->v1 = rotated(state->v1, 17) ^ state->v2;
	state->v3 = rotated(state->v3, 21) ^ state->v0;
	state->v2 = rotated(state->v2, 32);
}

static inline void absorb(struct state *state, uint64_t word)
{
	state->v3 ^= word;
	mix(state);
	mix(state);
	state->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len)
{
	const uint8_t *octets = data;
	uint64_t k0 = word_at(key);
	uint64_t k1 = word_at(key + 8);
	/* "somepseudorandomlygeneratedbytes" */
	struct state state = {
		.v0 = k0 ^ 0x736f6d6570736575,
		.v1 = k1 ^ 0x646f72616e646f6d,
		.v2 = k0 ^ 0x6c7967656e657261,
		.v3 = k1 ^ 0x7465646279746573,
	};
	size_t at;

	for (at = 0; len - at >= 8; at += 8)
		absorb(&state, word_at(octets + at));
	absorb(&state, last_word(octets, len));
	state.v2 ^= 0xff;
	mix(&state);
	mix(&state);
	mix(&state);
	mix(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

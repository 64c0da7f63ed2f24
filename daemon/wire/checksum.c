/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/checksum.h"

enum { PROTOCOL_TCP = 6, PSEUDO_HEADER_MAX = 16 + 16 + 8, BLOCK_LEN = 64 };

/*
 * Adds 32-bit words in the machine's own order: a one's complement sum does not care (RFC 1071
 * section 2). The sum of a packet's words never leaves 64 bits. Blocks of fixed length let the
 * compiler add several at once.
 */
static uint64_t add_octets(uint64_t sum, struct bytes octets)
{
	while (octets.len >= BLOCK_LEN) {
		uint32_t words[BLOCK_LEN / 4];
		uint64_t block = 0;

		memcpy(words, octets.data, BLOCK_LEN);
		for (size_t i = 0; i < BLOCK_LEN / 4; i++)
			block += words[i];
		sum += block;
		octets = bytes_after(octets, BLOCK_LEN);
	}
	if (octets.len > 0) {
		uint32_t words[BLOCK_LEN / 4] = { 0 };

		memcpy(words, octets.data, octets.len);
		for (size_t i = 0; i < BLOCK_LEN / 4; i++)
			sum += words[i];
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	uint16_t word;
	uint8_t octets[2];

	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	word = (uint16_t)~sum;
	memcpy(octets, &word, sizeof(octets));
	return (uint16_t)((unsigned)octets[0] << 8 | octets[1]);
}

uint16_t checksum_of(struct bytes octets)
{
	return fold(add_octets(0, octets));
}

uint16_t checksum_of_tcp(const struct address *source, const struct address *destination,
                         struct bytes tcp)
{
	uint8_t pseudo[PSEUDO_HEADER_MAX] = { 0 };
	size_t address = address_len(source);

	memcpy(pseudo, source->octets, address);
	memcpy(pseudo + address, destination->octets, address);
	/*
	 * IPv4 has a length of 16 bits behind the protocol, IPv6 32 before it: to a sum that is the
	 * same.
	 */
	put_u32(pseudo + 2 * address, (uint32_t)tcp.len);
	pseudo[2 * address + 7] = PROTOCOL_TCP;
	return fold(add_octets(add_octets(0, bytes_of(pseudo, sizeof(pseudo))), tcp));
}

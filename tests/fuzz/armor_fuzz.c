/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text as ASCII armor: what comes out is no longer than what went in, and comes out again of armor made of it. */

#include "require.h"

#include "base/armor.h"

static const char head[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n";
static const char tail[] = "\n-----END PGP PUBLIC KEY BLOCK-----\n";

/* In lines of 64; the caller frees. */
static char *encode(struct bytes octets)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc(sizeof(head) + sizeof(tail) + (octets.len + 2) / 3 * 5);
	size_t at = sizeof(head) - 1;

	REQUIRE(text);
	memcpy(text, head, at);
	for (size_t i = 0; i < octets.len; i += 3) {
		struct cursor group = cursor_over(bytes_slice(octets, i, 3));
		size_t len = cursor_left(&group);
		uint32_t bits = (uint32_t)cursor_u8(&group) << 16;

		bits |= len > 1 ? (uint32_t)cursor_u8(&group) << 8 : 0;
		bits |= len > 2 ? cursor_u8(&group) : 0;
		for (size_t letter = 0; letter < 4; letter++)
			text[at++] = letter <= len ? letters[bits >> (18 - 6 * letter) & 63] : '=';
		if (i % 48 == 45)
			text[at++] = '\n';
	}
	memcpy(text + at, tail, sizeof(tail));
	return text;
}

static void check_again(struct bytes octets)
{
	char *text = encode(octets);
	struct bytes copy = exact_copy(bytes_of_string(text));
	uint8_t *again = malloc(copy.len);
	size_t len = 0;

	REQUIRE(again && armor_has_public_key(copy));
	REQUIRE(armor_decode(again, &len, copy));
	REQUIRE(bytes_equal(bytes_of(again, len), octets));
	free(again);
	exact_free(copy);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes text = exact_copy(bytes_of(data, len));
	uint8_t *octets = malloc(len + 1);
	size_t octets_len = 0;

	REQUIRE(octets);
	if (armor_decode(octets, &octets_len, text)) {
		REQUIRE(octets_len <= len && armor_has_public_key(text));
		if (octets_len > 0)
			check_again(bytes_of(octets, octets_len));
	}
	free(octets);
	exact_free(text);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The designers' vectors: the key is 00 01 … 0f, the input 00 01 … up to its length. */
static const struct {
	size_t len;
	uint64_t want;
} vectors[] = {
	{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 2, 0x0d6c8009d9a94f5a },
	{ 7, 0xab0200f58b01d137 }, { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 },
};

static void it_gives_the_designers_values(void **state)
{
	uint8_t key[SIPHASH_KEY_LEN];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		/* Exactly as long as the input, for the sanitizer's sake. */
		uint8_t *input = malloc(vectors[i].len ? vectors[i].len : 1);

		assert_non_null(input);
		for (j = 0; j < vectors[i].len; j++)
			input[j] = (uint8_t)j;
		assert_true(siphash(key, input, vectors[i].len) == vectors[i].want);
		free(input);
	}
}

static void another_key_gives_another_value(void **state)
{
	uint8_t key[SIPHASH_KEY_LEN] = { 0 };
	uint64_t first = siphash(key, "mx1.example.org", 15);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(key); i++) {
		memset(key, 0, sizeof(key));
		key[i] = 0x80;
		assert_true(siphash(key, "mx1.example.org", 15) != first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_the_designers_values),
		cmocka_unit_test(another_key_gives_another_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/armor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../guarded.h"

#define BEGINS "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define ENDS   "-----END PGP PUBLIC KEY BLOCK-----\n"

/* "" where it is refused. */
static const char *decoded(const char *text)
{
	static uint8_t octets[1024];
	struct guarded page = guarded_new();
	size_t len = 0;
	bool is_good =
		armor_decode(octets, &len, guarded_bytes(&page, bytes_of(text, strlen(text))));

	guarded_free(&page);
	octets[is_good ? len : 0] = '\0';
	return (const char *)octets;
}

static void a_key_is_what_its_armor_holds(void **state)
{
	(void)state;
	assert_string_equal(decoded(BEGINS "\nSGVsbG8=\n=abcd\n" ENDS), "Hello");
	assert_string_equal(decoded(BEGINS "Comment: SGVs\nVersion: 1\n\nSGVs\nbG8h\n" ENDS),
	                    "Hello!");
	assert_string_equal(decoded(BEGINS "\nSGVsbA==\n" ENDS), "Hell");
	/* A group over two lines, and lines as Windows writes them. */
	assert_string_equal(decoded("-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nSG\r\nVsbG8h\r\n"
	                            "-----END PGP PUBLIC KEY BLOCK-----\r\n"),
	                    "Hello!");
}

static void keys_stand_one_behind_the_other_whatever_is_between_them(void **state)
{
	(void)state;
	assert_string_equal(decoded("of 2024\n" BEGINS "\nSGVs\n" ENDS "\nof 2026:\n" BEGINS
	                            "\nbG8h\n" ENDS "end"),
	                    "Hello!");
}

static void damaged_armor_is_refused(void **state)
{
	static const char secret[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nSGVs\n"
				     "-----END PGP PRIVATE KEY BLOCK-----\n";
	static const char *const texts[] = {
		"",
		"SGVsbG8=\n",
		BEGINS,
		BEGINS "\n",
		BEGINS ENDS,
		BEGINS "\n" ENDS,
		BEGINS "\nSGVsbG8=\n",
		BEGINS "\nSGVsbG8\n" ENDS,
		BEGINS "\nSGVs!G8h\n" ENDS,
		BEGINS "\nSGVs bG8h\n" ENDS,
		BEGINS "\nS===\n" ENDS,
		BEGINS "\nSG=s\n" ENDS,
		BEGINS "\nSGVsbG8=bG8h\n" ENDS,
		BEGINS "\nSGVs\n" BEGINS,
		secret,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (decoded(texts[i])[0] != '\0')
			fail_msg("taken: %s", texts[i]);
	}
}

static void a_key_cut_anywhere_is_refused(void **state)
{
	static const char text[] = BEGINS "Comment: x\n\nSGVsbG8h\n=abcd\n"
					  "-----END PGP PUBLIC KEY BLOCK-----";
	char cut[sizeof(text)];

	(void)state;
	assert_string_equal(decoded(text), "Hello!");
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		memcpy(cut, text, len);
		cut[len] = '\0';
		if (decoded(cut)[0] != '\0')
			fail_msg("taken, of %zu octets", len);
	}
}

static void armor_is_told_from_binary_keys(void **state)
{
	static const uint8_t binary[] = { 0x98, 0x33, 0x04, '\n', '-', '-' };

	(void)state;
	assert_true(armor_has_public_key(bytes_of_string("my key:\n" BEGINS)));
	assert_false(armor_has_public_key(bytes_of(binary, sizeof(binary))));
	assert_false(armor_has_public_key(bytes_of_string("> " BEGINS)));
	assert_false(armor_has_public_key((struct bytes){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_what_its_armor_holds),
		cmocka_unit_test(keys_stand_one_behind_the_other_whatever_is_between_them),
		cmocka_unit_test(damaged_armor_is_refused),
		cmocka_unit_test(a_key_cut_anywhere_is_refused),
		cmocka_unit_test(armor_is_told_from_binary_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

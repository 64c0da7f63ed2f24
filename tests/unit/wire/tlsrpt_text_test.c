/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tlsrpt_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { RDATA_ROOM = 4096, STRING_MAX = 255 };

/* Strings of 255 octets at most, as a name server sends them. */
static size_t make_rdata(uint8_t rdata[RDATA_ROOM], const char *text)
{
	size_t len = strlen(text), at = 0;

	do {
		size_t part = len < STRING_MAX ? len : STRING_MAX;

		rdata[at++] = (uint8_t)part;
		memcpy(rdata + at, text, part);
		at += part;
		text += part;
		len -= part;
	} while (len > 0);
	return at;
}

static void add(struct tlsrpt *tlsrpt, const char *text)
{
	uint8_t rdata[RDATA_ROOM];

	tlsrpt_add(tlsrpt, bytes_of(rdata, make_rdata(rdata, text)));
}

static void records_are_what_the_table_says(void **state)
{
	static const struct {
		const char *text;
		enum tlsrpt_state state;
		const char *why;
	} cases[] = {
		{ "v=TLSRPTv1; rua=mailto:a@b.example", TLSRPT_FOUND, "" },
		{ "v=TLSRPTv1;rua=mailto:a@b.example;", TLSRPT_FOUND, "" },
		{ "v=TLSRPTv1; rua=https://b.example/v1, mailto:a@b.example ; ext=1", TLSRPT_FOUND,
		  "" },
		{ "v=TLSRPTv1 ; ext=1; rua=mailto:a@b.example", TLSRPT_FOUND, "" },
		{ "v=spf1 -all", TLSRPT_NONE, "" },
		{ "V=tlsrptv1; rua=mailto:a@b.example", TLSRPT_NONE, "" },
		{ "v=TLSRPTv1", TLSRPT_INVALID, "no ';' stands behind v=TLSRPTv1" },
		{ "v=TLSRPTv12; rua=mailto:a@b.example", TLSRPT_INVALID,
		  "no ';' stands behind v=TLSRPTv1" },
		{ "v=TLSRPTv1;", TLSRPT_INVALID, "rua is missing" },
		{ "v=TLSRPTv1; rua=", TLSRPT_INVALID, "rua is empty" },
		{ "v=TLSRPTv1; rua", TLSRPT_INVALID, "a field has no '='" },
		{ "v=TLSRPTv1; rua=a@b.example", TLSRPT_INVALID,
		  "rua has an address that is neither mailto: nor https:" },
		{ "v=TLSRPTv1; rua=mailto:", TLSRPT_INVALID,
		  "rua has a mailto: without an address" },
		{ "v=TLSRPTv1; rua=mailto:a@", TLSRPT_INVALID,
		  "rua has a mailto: without an address" },
		{ "v=TLSRPTv1; rua=https://", TLSRPT_INVALID, "rua has an https: without a host" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example,", TLSRPT_INVALID, "rua ends in a comma" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example!10m", TLSRPT_INVALID,
		  "rua has an address with octets that must be encoded" },
		{ "v=TLSRPTv1; rua=mailto:a b@b.example", TLSRPT_INVALID,
		  "rua has an address with octets that must be encoded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlsrpt tlsrpt = { 0 };

		add(&tlsrpt, cases[i].text);
		assert_string_equal(tlsrpt_why(&tlsrpt), cases[i].why);
		assert_int_equal(tlsrpt_state(&tlsrpt), cases[i].state);
	}
}

static void a_second_record_spoils_the_first_and_others_do_not(void **state)
{
	struct tlsrpt tlsrpt = { 0 };

	(void)state;
	add(&tlsrpt, "v=TLSRPTv1; rua=mailto:a@b.example");
	add(&tlsrpt, "v=spf1 -all");
	assert_int_equal(tlsrpt_state(&tlsrpt), TLSRPT_FOUND);
	assert_string_equal(tlsrpt.rua, "mailto:a@b.example");
	add(&tlsrpt, "v=TLSRPTv1; rua=mailto:a@b.example");
	assert_int_equal(tlsrpt_state(&tlsrpt), TLSRPT_INVALID);
	assert_string_equal(tlsrpt_why(&tlsrpt), "more than one record starts with v=TLSRPTv1");
}

static void what_is_kept_of_an_address_steers_no_terminal(void **state)
{
	struct tlsrpt tlsrpt = { 0 };

	(void)state;
	add(&tlsrpt, "v=TLSRPTv1; rua=mailto:\x1b[2J\xff");
	assert_string_equal(tlsrpt.rua, "mailto:?[2J?");
}

static void a_record_longer_than_the_bound_is_invalid(void **state)
{
	struct tlsrpt tlsrpt = { 0 };
	char text[TLSRPT_TXT_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "v=TLSRPTv1; rua=mailto:a@b", 26);
	text[TLSRPT_TXT_MAX + 1] = '\0';
	add(&tlsrpt, text);
	assert_int_equal(tlsrpt_state(&tlsrpt), TLSRPT_INVALID);
	assert_string_equal(tlsrpt_why(&tlsrpt), "it is longer than 1024 octets");
	text[TLSRPT_TXT_MAX] = '\0';
	memset(&tlsrpt, 0, sizeof(tlsrpt));
	add(&tlsrpt, text);
	assert_int_equal(tlsrpt_state(&tlsrpt), TLSRPT_FOUND);
	assert_int_equal(strlen(tlsrpt.rua), TLSRPT_RUA_MAX - 1);
}

/* Its end lies against a page that cannot be read. */
static void a_record_cut_at_any_length_is_read_no_further(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t rdata[RDATA_ROOM];
	size_t len = make_rdata(rdata, "v=TLSRPTv1; rua=mailto:a@b.example,https://b.example/;");

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	for (size_t cut = 0; cut <= len; cut++) {
		struct tlsrpt tlsrpt = { 0 };

		memcpy(pages + page - cut, rdata, cut);
		tlsrpt_add(&tlsrpt, bytes_of(pages + page - cut, cut));
		assert_int_equal(tlsrpt_state(&tlsrpt), cut == len ? TLSRPT_FOUND : TLSRPT_NONE);
	}
	munmap(pages, 2 * page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_what_the_table_says),
		cmocka_unit_test(a_second_record_spoils_the_first_and_others_do_not),
		cmocka_unit_test(what_is_kept_of_an_address_steers_no_terminal),
		cmocka_unit_test(a_record_longer_than_the_bound_is_invalid),
		cmocka_unit_test(a_record_cut_at_any_length_is_read_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

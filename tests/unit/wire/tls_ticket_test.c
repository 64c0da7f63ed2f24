/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

static const uint8_t body[] = { 0, 0, 0x1c, 0x20, 0, 6, 't', 'i', 'c', 'k', 'e', 't' };

static void a_ticket_tells_its_lifetime_and_is_all_that_is_left(void **state)
{
	struct tls_ticket ticket;

	(void)state;
	assert_int_equal(tls_ticket_parse(&ticket, bytes_of(body, sizeof(body))), PARSE_OK);
	assert_int_equal(ticket.lifetime_s, 7200);
	assert_true(bytes_equal(ticket.ticket, bytes_of_string("ticket")));
	assert_int_equal(tls_ticket_parse(&ticket, bytes_of("\0\0\0\0\0\0", 6)), PARSE_OK);
	assert_int_equal(ticket.ticket.len, 0);
}

static void one_of_another_length_is_malformed(void **state)
{
	struct guarded page = guarded_new();
	struct tls_ticket ticket = { .lifetime_s = 1 };
	uint8_t longer[sizeof(body) + 1] = { 0 };

	(void)state;
	for (size_t cut = 0; cut < sizeof(body); cut++)
		assert_int_equal(
			tls_ticket_parse(&ticket, guarded_bytes(&page, bytes_of(body, cut))),
			PARSE_MALFORMED);
	memcpy(longer, body, sizeof(body));
	assert_int_equal(tls_ticket_parse(&ticket, bytes_of(longer, sizeof(longer))),
	                 PARSE_MALFORMED);
	assert_int_equal(ticket.lifetime_s, 1);
	guarded_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_tells_its_lifetime_and_is_all_that_is_left),
		cmocka_unit_test(one_of_another_length_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

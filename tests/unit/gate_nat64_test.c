/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hop_scene.h"
#include "policy/merge.h"

/* Whose hop it is: what a guard makes of names that the DNS, the operator and the server brought up. */

/* The client has no IPv4: its resolver made an address for it that no look-up of ours finds. */
static void strip_behind_nat64(struct simulation *simulation, const char *address)
{
	struct destination *answer =
		promise(simulation, "example.org", "mx1.example.org", PROMISE_KEY);

	assert_true(address_parse(&answer[0].places[0].address, "198.51.100.25"));
	answer[1].places[0] = answer[0].places[0];
	assert_true(address_parse(&simulation->server_endpoint.address, address));
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 nobody ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example\r\n"));
	assert_true(simulation_server(simulation, "250 nobody\r\n"));
	assert_false(simulation_client(simulation, "MAIL FROM:<a@client.example>\r\n"
	                                           "RCPT TO:<bob@example.org>\r\n"));
}

static void behind_nat64_the_hop_is_found_by_its_own_address(void **state)
{
	static const char *const addresses[] = { "64:ff9b::198.51.100.25",
		                                 "2001:db8:122:c633:64:1900::" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct simulation *simulation = simulation_new(6, CUT_NONE, 1);

		simulation->config.nat64.prefix_count = 1;
		assert_true(
			network_parse(&simulation->config.nat64.prefixes[0], "2001:db8:122::/48"));
		strip_behind_nat64(simulation, addresses[i]);
		/* Not mx-mismatch: it is the right place. */
		assert_int_equal(simulation_finding(simulation)->reason, REASON_STARTTLS_STRIPPED);
		assert_string_equal(simulation_finding(simulation)->mx, "mx1.example.org");
		simulation_free(simulation);
	}
}

static void a_translator_that_nobody_named_is_another_place(void **state)
{
	struct simulation *simulation = simulation_new(6, CUT_NONE, 1);

	(void)state;
	strip_behind_nat64(simulation, "2001:db8:122:c633:64:1900::");
	assert_int_equal(simulation_finding(simulation)->reason, REASON_MX_MISMATCH);
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_nat64_the_hop_is_found_by_its_own_address),
		cmocka_unit_test(a_translator_that_nobody_named_is_another_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "process.h"
#include "support/simulation.h"

static uint64_t now_ms;
static unsigned rows, ends;

uint64_t process_now_ms(void)
{
	return now_ms;
}

int process_send(struct process *process, enum role to, unsigned index, const void *message,
                 size_t len)
{
	const struct message_flow *flow = message;

	(void)process;
	(void)index;
	assert_int_equal(to, ROLE_LEDGER);
	assert_int_equal(len, sizeof(*flow));
	assert_int_equal(flow->type, MESSAGE_FLOW);
	assert_int_equal(flow->request, 7);
	rows += !flow->is_end;
	ends += flow->is_end;
	return 0;
}

/* Packets wait while it tells, and a ledger that was taken over would ask all the time. */
static void so_often_a_second_rows_are_told_and_no_more(void **state)
{
	const struct message_flows request = { .type = MESSAGE_FLOWS, .request = 7 };
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	struct guard_flows flows = { { 0 } };

	(void)state;
	assert_true(simulation_open(simulation));
	for (now_ms = 1000; now_ms <= 2000; now_ms += 1000) {
		rows = ends = 0;
		for (int i = 0; i < 20; i++)
			assert_int_equal(guard_flows_tell(&flows, NULL, simulation->gate, &request),
			                 i < FLOWS_ASKED_MAX);
		assert_int_equal(rows, FLOWS_ASKED_MAX);
		assert_int_equal(ends, FLOWS_ASKED_MAX);
	}
	simulation_free(simulation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_often_a_second_rows_are_told_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the linker puts around each target's function, by --wrap.
 *
 * One input may take UNIT_TIME_MAX_MS of a processor, sanitizers included; more is a failure. libFuzzer's own bound goes by the clock on the
 * wall, and that says nothing of an input where others want the processor, too.
 *
 * libFuzzer is told of comparisons in one of TOLD_ONE_IN executions: it takes words from them for later inputs, and to be told of all of them
 * took half of the time. What was reached it sees each time.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { UNIT_TIME_MAX_MS = 2000, TICK_MS = 100, NO_UNIT = -1, TOLD_ONE_IN = 16 };

int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile sig_atomic_t ticks = NO_UNIT;
static bool is_told;

static void on_tick(int number)
{
	static const char complaint[] = "each_input.c: not so: it takes two seconds at most\n";

	(void)number;
	if (ticks == NO_UNIT || ++ticks < UNIT_TIME_MAX_MS / TICK_MS)
		return;
	(void)!write(STDERR_FILENO, complaint, sizeof(complaint) - 1);
	abort();
}

__attribute__((constructor)) static void begin_to_tick(void)
{
	const struct itimerval tick = { { 0, TICK_MS * 1000 }, { 0, TICK_MS * 1000 } };
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };

	/* The processor's time of this process, not the wall's. */
	if (sigaction(SIGPROF, &action, NULL) != 0 || setitimer(ITIMER_PROF, &tick, NULL) != 0)
		abort();
}

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned count;
	int result;

	is_told = count++ % TOLD_ONE_IN == 0;
	ticks = 0;
	result = __real_LLVMFuzzerTestOneInput(data, len);
	ticks = NO_UNIT;
	return result;
}

#define TELL_SOMETIMES(name, parameters, arguments)                                                \
	void __real_##name parameters;                                                             \
	void __wrap_##name parameters;                                                             \
	void __wrap_##name parameters                                                              \
	{                                                                                          \
		if (is_told)                                                                       \
			__real_##name arguments;                                                   \
	}

TELL_SOMETIMES(__sanitizer_cov_trace_cmp1, (uint8_t a, uint8_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_cmp2, (uint16_t a, uint16_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_cmp4, (uint32_t a, uint32_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_cmp8, (uint64_t a, uint64_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_const_cmp1, (uint8_t a, uint8_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_const_cmp2, (uint16_t a, uint16_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_const_cmp4, (uint32_t a, uint32_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_const_cmp8, (uint64_t a, uint64_t b), (a, b))
TELL_SOMETIMES(__sanitizer_cov_trace_switch, (uint64_t value, uint64_t *cases), (value, cases))

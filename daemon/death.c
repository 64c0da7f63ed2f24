/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "death.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const char *death_describe(char *text, size_t room, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(text, room,
		         "was killed for a system call that it may not make (which one, "
		         "its last line in the log says)");
	else if (WIFSIGNALED(status))
		snprintf(text, room, "was killed by signal %d (%s)%s", WTERMSIG(status),
		         strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, room, "ended with status %d", WEXITSTATUS(status));
	return text;
}

uint64_t death_delay_ms(unsigned deaths)
{
	uint64_t delay_ms = DEATH_DELAY_FIRST_MS;
	unsigned i;

	if (deaths <= 1)
		return 0;
	for (i = 2; i < deaths && delay_ms < DEATH_DELAY_MAX_MS; i++)
		delay_ms *= 2;
	return delay_ms < DEATH_DELAY_MAX_MS ? delay_ms : DEATH_DELAY_MAX_MS;
}
